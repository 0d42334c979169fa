//! Capacity: less than the offered load needs.

pub(super) mod in_flight;
pub(super) mod pool;
pub(super) mod queue;
pub(super) mod rate_limit;
pub(super) mod tokens;
pub(super) mod utilisation;

use super::Severity;

/// How bad it is if so many places are needed, and so many there.
fn severity(needed: f64, places: f64) -> Option<Severity> {
    if places < needed {
        Some(Severity::Error)
    } else if places < 1.5 * needed {
        Some(Severity::Warning)
    } else {
        None
    }
}
