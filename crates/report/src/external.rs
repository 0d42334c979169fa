//! What an external program did, which keeps no records: it is told by its neighbours' records. Its
//! caller saw what it answered, its callees saw what it asked for; between the two, an answer that is
//! like its last callee's was passed on, one that follows a failure was made of it, and any other is
//! the program's own.

use std::collections::BTreeSet;

use topology::{EdgeId, Failure, NodeKind, Scenario};
use trace::{Attempt, CallTrace, HopId, Outcome, Served, Source};

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
            let source = source(&trace.attempts, served);
            trace.served[place].source = source;
        }
    }
    trace
}

fn source(attempts: &[Attempt], served: &Served) -> Source {
    let began = attempts.iter().filter(|a| a.parent == served.hop && a.start <= served.finished);
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
    // The last word counts: after one that went well it is the program's own doing.
    match made.last() {
        Some(last) if !last.outcome.is_ok() => Source::Translated(last.hop, failure(last)),
        _ if served.status.is_some() => Source::Own,
        _ => Source::Nobody,
    }
}

/// What a program made something else of: a status of its callee's is a response that it did not like.
fn failure(attempt: &Attempt) -> Failure {
    attempt.outcome.failure().unwrap_or(Failure::ProtocolError)
}

/// The hops that a program made for one request.
pub(crate) fn made_by(trace: &CallTrace, hop: HopId) -> impl Iterator<Item = &Attempt> {
    trace.attempts.iter().filter(move |a| a.parent == hop)
}
