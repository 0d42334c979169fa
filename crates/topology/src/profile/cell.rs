//! One cell of a profile's table: what the product does, how that is known, how it shows.

use super::Reaction;

/// What a product does about one failure or refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<T> {
    /// What it does.
    pub does: T,
    /// How that is known.
    pub evidence: Evidence,
    /// The log line, log field or header by which its operator would recognise it; empty if it has
    /// none, or none is known.
    pub sign: &'static str,
}

/// How a cell is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// The real program was run, and did so.
    Measured,
    /// Its source says so.
    Source,
    /// Its vendor says so.
    Documented,
    /// Nobody has said so: it follows from what it is built on, or from its other cells.
    Inferred,
}

impl Evidence {
    /// As tables print it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Source => "source",
            Self::Documented => "documented",
            Self::Inferred => "inferred",
        }
    }
}

/// A reaction or a status that the real program was seen to have.
pub(super) const fn measured<T: Copy>(does: T, sign: &'static str) -> Cell<T> {
    Cell { does, evidence: Evidence::Measured, sign }
}

/// One that was read in the product's source.
pub(super) const fn source<T: Copy>(does: T, sign: &'static str) -> Cell<T> {
    Cell { does, evidence: Evidence::Source, sign }
}

/// One that its vendor documents.
pub(super) const fn documented<T: Copy>(does: T, sign: &'static str) -> Cell<T> {
    Cell { does, evidence: Evidence::Documented, sign }
}

/// One that is not known but follows.
pub(super) const fn inferred<T: Copy>(does: T, sign: &'static str) -> Cell<T> {
    Cell { does, evidence: Evidence::Inferred, sign }
}

impl Reaction {
    /// As tables print it.
    pub fn text(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::StatusThenSilence(status) => format!("{status}, or nothing"),
            Self::PassOn => "whatever bytes came".to_owned(),
        }
    }
}
