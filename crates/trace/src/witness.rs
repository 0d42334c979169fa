//! A node that keeps no records: its side of a hop, as those around it saw it.

use std::time::Duration;

use topology::{Failure, FaultSet};

use crate::record::{Attempt, Outcome, Sent, Served, ServedEnd, Source, Usage};

/// What a callee must have sent and how it must have ended, as its caller saw it; none if it never can
/// have seen the request.
pub fn seen(outcome: Outcome) -> Option<(Sent, ServedEnd)> {
    Some(match outcome.failure() {
        None => (Sent::Whole, ServedEnd::Answered),
        Some(failure) if failure.surely_unprocessed() => return None,
        Some(Failure::StreamError) => (Sent::Error, ServedEnd::Answered),
        Some(Failure::ContentIncomplete) => (Sent::Incomplete, ServedEnd::Answered),
        Some(Failure::HeadIncomplete | Failure::BodyIncomplete) => (Sent::Cut, ServedEnd::Answered),
        Some(Failure::ProtocolError) => (Sent::Malformed, ServedEnd::Answered),
        Some(Failure::HeadTimeout | Failure::BodyTimeout | Failure::Cancelled) => {
            (Sent::Nothing, ServedEnd::CallerGone)
        }
        Some(_) => (Sent::Nothing, ServedEnd::Answered),
    })
}

/// The callee's side of an attempt, as its caller saw it.
pub fn served(attempt: &Attempt) -> Option<Served> {
    let (sent, end) = seen(attempt.outcome)?;
    Some(Served {
        call: attempt.call,
        hop: attempt.hop,
        edge: attempt.edge,
        arrived: attempt.start,
        started: Some(attempt.start),
        worked: Duration::ZERO,
        finished: attempt.end,
        status: attempt.outcome.status(),
        source: Source::Nobody,
        sent,
        end,
        in_flight: 0,
        queued: 0,
        usage: Usage::default(),
        held_up: None,
        ruled: None,
        faults: FaultSet::EMPTY,
    })
}

/// What a node that does not say so must have made its answer of: an answer that is like its last
/// callee's was passed on, one that follows a failure was made of it, and any other is its own. Of the
/// attempts only those count that were made for the request.
pub fn source<'a>(attempts: impl IntoIterator<Item = &'a Attempt>, served: &Served) -> Source {
    let began = attempts.into_iter().filter(|a| a.parent == served.hop && a.start <= served.finished);
    let mut made: Vec<&Attempt> = began.collect();
    made.sort_by_key(|a| (a.end, a.attempt));
    let passed_on = |a: &&&Attempt| match a.outcome {
        Outcome::Answered(status) => served.status == Some(status),
        // The head had gone through.
        Outcome::Failed { status, .. } => status.is_some() && served.status == status,
    };
    if let Some(attempt) = made.iter().rev().find(passed_on) {
        return Source::Relayed(attempt.hop);
    }
    // The last word counts: after one that went well it is the node's own doing.
    match made.last() {
        Some(last) if !last.outcome.is_ok() => Source::Translated(last.hop, failure(last)),
        _ if served.status.is_some() => Source::Own,
        _ => Source::Nobody,
    }
}

/// What a node made something else of: a status of its callee's is a response that it did not like.
fn failure(attempt: &Attempt) -> Failure {
    attempt.outcome.failure().unwrap_or(Failure::ProtocolError)
}
