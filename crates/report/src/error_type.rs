//! What OpenTelemetry calls `error.type`, the same for spans and metrics.

use std::fmt;

use trace::{CallEnd, Outcome, Sent, Served, ServedEnd};

/// Why something was no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ErrorType {
    /// By this status.
    Status(u16),
    /// A word of RFC 9209, or one of ours.
    Word(&'static str),
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl ErrorType {
    /// As a caller sees it: by the conventions a status of 400 is an error to it.
    pub(crate) fn of_outcome(outcome: Outcome) -> Option<Self> {
        match outcome {
            _ if outcome.is_ok() => None,
            Outcome::Answered(status) => Some(Self::Status(status)),
            Outcome::Failed { failure, .. } => Some(Self::Word(failure.name())),
        }
    }

    /// As a client sees a call.
    pub(crate) fn of_call(end: &CallEnd) -> Option<Self> {
        match (end.failure, end.status) {
            (Some(failure), _) => Some(Self::Word(failure.name())),
            (None, status) => status.map(Outcome::Answered).and_then(Self::of_outcome),
        }
    }

    /// As a callee sees it: by the conventions a status below 500 is its caller's error.
    pub(crate) fn of_served(served: &Served) -> Option<Self> {
        match (served.end, served.sent, served.status) {
            (ServedEnd::Answered, Sent::Whole, Some(status @ 500..)) => Some(Self::Status(status)),
            (ServedEnd::Answered, Sent::Whole, _) => None,
            (ServedEnd::Answered, sent, _) => Some(Self::Word(sent.name())),
            (end, ..) => Some(Self::Word(end.name())),
        }
    }
}
