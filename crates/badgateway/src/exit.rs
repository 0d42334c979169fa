//! How the program ends.

use std::process::ExitCode;

use report::ReadError;
use report::explain::ExplainError;
use report::sweep::SweepError;
use trace::RunDirError;

/// The program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Well = 0,
    /// The run failed.
    Failed = 1,
    /// The scenario or the call of the program is wrong.
    Wrong = 2,
    /// A threshold was missed.
    Missed = 99,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked for: an exit code, and a text for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) text: String,
    /// The text begins with a heading, and needs no other.
    pub(crate) has_heading: bool,
}

impl Failure {
    /// The user asked for something that cannot be.
    pub(crate) fn wrong(text: impl Into<String>) -> Self {
        Self { exit: Exit::Wrong, text: text.into(), has_heading: false }
    }

    /// It could be, but it did not work out.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into(), has_heading: false }
    }

    /// The scenario is wrong; the text is a list of its problems.
    pub(crate) fn problems(text: String) -> Self {
        Self { exit: Exit::Wrong, text, has_heading: true }
    }
}

impl From<RunDirError> for Failure {
    fn from(error: RunDirError) -> Self {
        match error {
            RunDirError::Occupied(_) | RunDirError::NotARun(_) | RunDirError::Format { .. } => {
                Self::wrong(error.to_string())
            }
            RunDirError::Io { .. } | RunDirError::Malformed { .. } => Self::failed(error.to_string()),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Files(error) => error.into(),
            ReadError::Unfinished(_) => Self::failed(error.to_string()),
        }
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Io { .. } | SweepError::Malformed { .. } | SweepError::Busy(_) => {
                Self::failed(error.to_string())
            }
            SweepError::Occupied(_)
            | SweepError::NotASweep(_)
            | SweepError::Other { .. }
            | SweepError::Shards(_) => Self::wrong(error.to_string()),
        }
    }
}

impl From<ExplainError> for Failure {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Files(error) => error.into(),
            ExplainError::NoSuchCall(_)
            | ExplainError::NotKept(_)
            | ExplainError::NoneKept
            | ExplainError::NoSuchStrategy(..) => Self::wrong(error.to_string()),
        }
    }
}
