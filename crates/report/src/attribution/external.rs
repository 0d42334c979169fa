//! External programs: what cannot be read in their records is told by those around them.

use topology::{Cause, EdgeId, NodeKind};
use trace::{Attempt, Served, Time};

use super::lifecycle::LinkState;
use super::{Birth, Case, Finding, rules, undecided};

/// Whether a hop's callee is an external program.
pub(super) fn is_program(case: &Case<'_>, attempt: &Attempt) -> bool {
    case.scenario.topology.node(case.callee(attempt.edge)).kind == NodeKind::External
}

/// A program failed, or did not answer until then, and none of its requests explains it: what kept it
/// from reaching its callees, or itself.
pub(super) fn own(case: &Case<'_>, attempt: &Attempt, served: &Served, until: Time) -> Finding {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    if let Some(finding) = unreachable(case, attempt, served.arrived, until) {
        return finding;
    }
    if let Some(status) = served.status.filter(|_| undecided::is_silent(case, attempt)) {
        return undecided::answered(case, attempt, status);
    }
    let answer = match served.status {
        Some(status) => format!("{name} made this {status} itself"),
        None => format!("{name} gave no answer"),
    };
    let callees = case.scenario.topology.outgoing(node);
    let seen = crate::external::made_by(case.trace, attempt.hop).next().is_some();
    let what = match (callees.is_empty(), seen) {
        (true, _) => answer,
        (false, true) => format!("{answer}, although its callee had answered well"),
        (false, false) => format!("{answer}: none of its callees saw the request"),
    };
    let unknown = Birth::at_node(node, Cause::Unknown, "");
    if callees.iter().any(|&edge| case.lifecycle.had_unrelated(edge, served.arrived, until)) {
        return unknown.because(
            format!("{name}, or something behind it: it made requests that could not be related to a call"),
            "have it pass the traceparent header on, or give it one request at a time",
        );
    }
    unknown.because(
        what,
        "read its log (external/ in the run's folder): limits, routes, time-outs and health checks of its own",
    )
}

/// Why a program could not reach a callee that did not see this request.
pub(super) fn unreachable(case: &Case<'_>, attempt: &Attempt, from: Time, to: Time) -> Option<Finding> {
    let node = case.callee(attempt.edge);
    let name = case.name(node);
    // What it still reached afterwards it had not reached by then.
    let made = || crate::external::made_by(case.trace, attempt.hop).filter(|made| made.start <= to);
    let untouched = |edge: &EdgeId| made().all(|made| made.edge != *edge);
    for edge in case.scenario.topology.outgoing(node).into_iter().filter(untouched) {
        let callee = case.callee(edge);
        let callee_name = case.name(callee);
        if case.lifecycle.was_down(callee, from, to) {
            let seen = format!("{callee_name} never saw the request of {name}");
            return Some(rules::dead(case, callee, from, &seen));
        }
        let (mechanism, what, next) = match case.lifecycle.link_state(edge, from, to) {
            Some(LinkState::Refusing) => (
                "down",
                format!(
                    "connections to {callee_name} were refused at that moment, although its process was up"
                ),
                "a firewall that rejects, a proxy in between, or a listener bound elsewhere",
            ),
            Some(LinkState::Silent) => (
                "blackhole",
                format!("no SYN to {callee_name} was answered at that moment, and it never saw the request"),
                "firewall rules that drop, routes, a full accept queue (`ss -ltn`: Recv-Q)",
            ),
            None => continue,
        };
        return Some(Birth::at_edge(edge, Cause::Network, mechanism).because(what, next));
    }
    None
}

/// The edge over which the wrong thing was asked for, and by whom: a program passes on what it got.
pub(super) fn asked_over<'a>(
    case: &Case<'a>,
    attempt: &Attempt,
    is_wrong: impl Fn(&Attempt) -> bool,
) -> (EdgeId, &'a str) {
    let mut edge = attempt.edge;
    let mut next = case.attempt(attempt.parent);
    while let Some(before) = next.filter(|before| is_program(case, before)) {
        if is_wrong(before) {
            edge = before.edge;
        }
        next = case.attempt(before.parent);
    }
    (edge, case.name(case.caller(edge)))
}
