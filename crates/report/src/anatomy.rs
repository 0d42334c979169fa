//! Questions about the hops of one call.

use topology::{Failure, NodeId};
use trace::{Attempt, CallTrace, HopId, Source};

/// Whether an attempt failed of itself. One that was cancelled is the consequence of something
/// else: its caller had gone, or another attempt was faster.
pub(crate) fn failed(attempt: &Attempt) -> bool {
    !attempt.outcome.is_ok() && attempt.outcome.failure() != Some(Failure::Cancelled)
}

/// The failed attempts that are not the mere translation of a deeper one.
pub(crate) fn deepest_failures(trace: &CallTrace) -> impl Iterator<Item = &Attempt> {
    trace.attempts.iter().filter(|attempt| {
        let below = || trace.served(attempt.hop)?.source.hop().and_then(|hop| trace.attempt(hop));
        failed(attempt) && !below().is_some_and(failed)
    })
}

/// Whether one of the attempts made while serving a hop (or as the call itself) failed.
pub(crate) fn had_failed_attempt(trace: &CallTrace, parent: HopId) -> bool {
    trace.attempts.iter().any(|a| a.parent == parent && failed(a))
}

/// Whether the client has used what a hop answered: it went well, and so did all above it.
pub(crate) fn is_used(trace: &CallTrace, hop: HopId) -> bool {
    let root = HopId::root(trace.end.call);
    let mut at = hop;
    // A hop's ancestors are fewer than the call's attempts.
    for _ in 0..=trace.attempts.len() {
        if at == root {
            return trace.end.is_ok();
        }
        match trace.attempt(at) {
            Some(attempt) if attempt.outcome.is_ok() => at = attempt.parent,
            _ => return false,
        }
    }
    false
}

/// The node that made the status which a hop's callee answered; `None` if there is none.
pub(crate) fn maker(
    trace: &CallTrace,
    hop: HopId,
    callee_of: impl Fn(topology::EdgeId) -> NodeId,
) -> Option<NodeId> {
    let mut at = hop;
    for _ in 0..=trace.served.len() {
        let served = trace.served(at)?;
        match served.source {
            Source::Relayed(below) => at = below,
            Source::Own | Source::Refused(_) | Source::Translated(..) => {
                return served.status.map(|_| callee_of(served.edge));
            }
            Source::Nobody => return None,
        }
    }
    None
}
