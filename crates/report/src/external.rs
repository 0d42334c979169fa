//! What an external program did, which keeps no records: it is told by its neighbours' records. Its
//! caller saw what it answered, its callees saw what it asked for; between the two, an answer that is
//! like its last callee's was passed on, one that follows a failure was made of it, and any other is
//! the program's own.

use std::collections::BTreeSet;

use topology::{EdgeId, NodeKind, Scenario};
use trace::{Attempt, CallTrace, HopId, Served, Source, witness};

/// The edges to external programs.
pub(crate) fn edges_into(scenario: &Scenario) -> BTreeSet<EdgeId> {
    let topology = &scenario.topology;
    let is_external = |edge: EdgeId| topology.node(topology.ends(edge).1).kind == NodeKind::External;
    topology.edges().map(|(edge, _)| edge).filter(|edge| is_external(*edge)).collect()
}

/// The call with what its external programs must have made of each of their answers.
pub(crate) fn completed(scenario: &Scenario, mut trace: CallTrace) -> CallTrace {
    let topology = &scenario.topology;
    let is_external =
        |served: &Served| topology.node(topology.ends(served.edge).1).kind == NodeKind::External;
    for place in 0..trace.served.len() {
        let served = &trace.served[place];
        if served.source == Source::Nobody && is_external(served) {
            let source = witness::source(&trace.attempts, served);
            trace.served[place].source = source;
        }
    }
    trace
}

/// The hops that a program made for one request.
pub(crate) fn made_by(trace: &CallTrace, hop: HopId) -> impl Iterator<Item = &Attempt> {
    trace.attempts.iter().filter(move |a| a.parent == hop)
}
