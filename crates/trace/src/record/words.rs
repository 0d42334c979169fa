//! The words by which logs, spans and metrics call what records tell.

use topology::{Failure, Refusal};

use super::{BreakerState, LinkEventKind, NodeEventKind, Sent, ServedEnd, Source};

impl Sent {
    /// Each of them, in the order of the declaration.
    pub const ALL: [Self; 7] = [
        Self::Whole,
        Self::Nothing,
        Self::Cut,
        Self::Malformed,
        Self::Error,
        Self::Incomplete,
        Self::CutContent,
    ];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Nothing => "nothing",
            Self::Cut => "cut",
            Self::Malformed => "malformed",
            Self::Error => "error",
            Self::Incomplete => "incomplete",
            Self::CutContent => "cut_content",
        }
    }

    /// The one of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

impl ServedEnd {
    /// Each of them, in the order of the declaration.
    pub const ALL: [Self; 5] =
        [Self::Answered, Self::Panicked, Self::ProcessDown, Self::CallerGone, Self::StillRunning];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Panicked => "panicked",
            Self::ProcessDown => "process_down",
            Self::CallerGone => "caller_gone",
            Self::StillRunning => "still_running",
        }
    }

    /// The one of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

impl NodeEventKind {
    /// Each of them, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Down, Self::Up, Self::Ready];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Ready => "ready",
        }
    }

    /// The one of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

impl LinkEventKind {
    /// Each of them, in the order of the declaration.
    pub const ALL: [Self; 4] = [Self::Refusing, Self::Silent, Self::Open, Self::Unrelated];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refusing => "refusing",
            Self::Silent => "silent",
            Self::Open => "open",
            Self::Unrelated => "unrelated",
        }
    }

    /// The one of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == word)
    }
}

impl BreakerState {
    /// Each of them, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

impl Source {
    /// In one word, without of what.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Refused(_) => "refused",
            Self::Relayed(_) => "relayed",
            Self::Translated(..) => "translated",
            Self::Nobody => "nobody",
        }
    }

    /// Why the node refused, if it did.
    pub fn refusal(self) -> Option<Refusal> {
        if let Self::Refused(refusal) = self { Some(refusal) } else { None }
    }

    /// What the node made a status of, if it did.
    pub fn failure(self) -> Option<Failure> {
        if let Self::Translated(_, failure) = self { Some(failure) } else { None }
    }
}
