//! Circuit breakers and outlier ejection, as declared.

use std::time::Duration;

use super::Outcomes;
use crate::units::Share;

/// Leaves a callee alone for a while when it fails. Each replica has a breaker of its own: an open
/// one takes it out of the choice (outlier ejection); where nobody else is left to choose, attempts
/// fail at once with
/// [`Failure::DestinationUnavailable`](crate::Failure::DestinationUnavailable).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breaker {
    /// What counts as a failure.
    pub counts: Outcomes,
    /// So many failures in a row open it.
    pub consecutive: Option<u32>,
    /// So large a share of failures opens it.
    pub rate: Option<Rate>,
    /// How long it stays open.
    pub open_for: Growth,
    /// Half-open, so many attempts at once may find out whether the callee is well again.
    pub probes: u32,
    /// So many of them must succeed to close it; the first that fails opens it again.
    pub close_after: u32,
    /// At most this share of the replicas may be left alone at once.
    pub max_ejected: Share,
}

/// A share of failures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// At least this share fails.
    pub share: Share,
    /// Of these attempts.
    pub window: Window,
    /// If there are so many.
    pub min_calls: u32,
}

/// Which attempts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The last so many.
    Calls(u32),
    /// Those of the last so long.
    Time(Duration),
}

/// A time that grows each time it is used again: `base * factor^n`, at most `max`. It begins anew
/// once the callee is well again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// The first.
    pub base: Duration,
    /// What each next one is multiplied by.
    pub factor: f64,
    /// The longest.
    pub max: Duration,
}
