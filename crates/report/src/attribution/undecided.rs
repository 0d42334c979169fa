//! What logs leave open: a node without a log, or a moment of which no log tells. The place is named, what
//! was seen there stands for the mechanism, and the next step is what to log.

use topology::{Cause, Failure, NodeKind};
use trace::{Attempt, Served};

use super::{Birth, Case, Finding, external};

/// Whether a hop's callee is a node of which no log was read. A program of a run is watched by its
/// neighbours instead.
pub(super) fn is_silent(case: &Case<'_>, attempt: &Attempt) -> bool {
    let node = case.scenario.topology.node(case.callee(attempt.edge));
    node.kind == NodeKind::External && node.external.is_none()
}

fn at_edge(attempt: &Attempt, evidence: String, next_step: &'static str) -> Finding {
    let seen = attempt.outcome.failure().map_or("", Failure::name);
    Birth::at_edge(attempt.edge, Cause::Unknown, seen).because(evidence, next_step)
}

/// A connection was refused, and nobody knows whether the process was there.
pub(super) fn refused(case: &Case<'_>, attempt: &Attempt) -> Option<Finding> {
    let callee = case.callee(attempt.edge);
    if case.lifecycle.is_supervised(callee) {
        return None;
    }
    let name = case.name(callee);
    Some(at_edge(
        attempt,
        format!(
            "the connection was refused: the process of {name} was down, or listens elsewhere, or something between rejects"
        ),
        "say when its process was down (docs/diagnose.md: process lines); compare the address with `ss -ltn` there",
    ))
}

/// The connection broke without a whole answer, and the callee has no line of the request, or no log.
pub(super) fn broken(case: &Case<'_>, attempt: &Attempt, served: Option<&Served>) -> Option<Finding> {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    let how = if attempt.reset { "reset" } else { "closed" };
    if let Some(served) = served.filter(|_| is_silent(case, attempt)) {
        if let Some(finding) = external::unreachable(case, attempt, served.arrived, served.finished) {
            return Some(finding);
        }
        return Some(at_edge(
            attempt,
            format!(
                "the connection to {name} was {how} before its answer was whole, and {name} has no log here"
            ),
            "add its log, with the id of the request: whether it saw the request, and what it answered, decides",
        ));
    }
    if served.is_none() && !case.lifecycle.is_supervised(node) {
        return Some(at_edge(
            attempt,
            format!(
                "the connection to {name} was {how}, and {name} has no line of the request: it was cut on the way, or the process died before it could write one"
            ),
            "say when its process was down (docs/diagnose.md: process lines)",
        ));
    }
    None
}

/// A timer fired, and the callee has no log, or no line of the request.
pub(super) fn timed_out(case: &Case<'_>, attempt: &Attempt) -> Option<Finding> {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    let waited = attempt.end.since(attempt.start).as_secs_f64() * 1e3;
    let usual = case.scenario.topology.node(node).service_time.mean().as_secs_f64() * 1e3;
    if crate::external::made_by(case.trace, attempt.hop).next().is_some() {
        return None;
    }
    let served = case.served(attempt.hop);
    if served.is_some() && is_silent(case, attempt) {
        let usual = if usual > 0.0 { format!(", where {usual:.1} ms is usual") } else { String::new() };
        return Some(at_edge(
            attempt,
            format!(
                "{name} had not answered in {waited:.0} ms{usual}, and has no log here: it was slow, or stuck, or the link was"
            ),
            "add its log, with the id of the request and how long it took",
        ));
    }
    if served.is_none() && !case.lifecycle.tells_unended(node) {
        return Some(at_edge(
            attempt,
            format!(
                "{name} had not answered in {waited:.0} ms and has no line of the request: it never came, or its work never ended"
            ),
            "have it log requests as they arrive too",
        ));
    }
    None
}

/// The callee has no log, and answered so.
pub(super) fn answered(case: &Case<'_>, attempt: &Attempt, status: u16) -> Finding {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    Birth::at_node(node, Cause::Unknown, "").because(
        format!("{name} answered {status}, and has no log here: whether it made that itself is not known"),
        "add its log, with the id of the request, the status it got from its own upstream, and its own",
    )
}
