//! External programs: what cannot be read in their records is told by those around them.

use topology::{Cause, EdgeId, NodeId, NodeKind};
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
    if had_unrelated(case, node, served.arrived, until) {
        return unknown.because(
            format!("{name}, or something behind it: it made requests that could not be related to a call"),
            "have it pass traceparent or x-request-id on, or give it one request at a time",
        );
    }
    unknown.because(
        what,
        "read its log (external/ in the run's folder): limits, routes, time-outs and health checks of its own",
    )
}

/// Whether the program made requests in a span of which nobody can tell which call they belong to.
fn had_unrelated(case: &Case<'_>, node: NodeId, from: Time, to: Time) -> bool {
    let callees = case.scenario.topology.outgoing(node);
    callees.into_iter().any(|edge| case.lifecycle.had_unrelated(edge, from, to))
}

/// A timer fired while a program had the request by itself, and none of its requests explains it.
pub(super) fn held(case: &Case<'_>, attempt: &Attempt, served: &Served, at: Time) -> Finding {
    let node = case.callee(attempt.edge);
    match own(case, attempt, served, at) {
        // Where it was alone it may be stuck as well; where it had others too, it was slow.
        Finding::Here(birth)
            if birth.cause == Cause::Unknown
                && served.in_flight > 1
                && !had_unrelated(case, node, served.arrived, at) =>
        {
            Birth::at_node(node, Cause::Overload, "slow").because(
                format!(
                    "{} had the request for {:.1} ms and asked nobody behind it in that time; {} were inside as it came",
                    case.name(node),
                    at.since(served.arrived).as_secs_f64() * 1e3,
                    served.in_flight
                ),
                "how many requests a second can it do? more of its processes, or less load",
            )
        }
        other => other,
    }
}

/// The same where it had asked somebody behind it at last, but most of the time had gone by then.
pub(super) fn held_before(case: &Case<'_>, attempt: &Attempt, at: Time) -> Option<Finding> {
    let mut attempt = attempt;
    loop {
        let caller = case.attempt(attempt.parent)?;
        if is_program(case, caller)
            && let Some(served) = case.served(caller.hop)
            && attempt.start.since(served.arrived) >= at.since(caller.start) / 2
        {
            return Some(held(case, caller, served, attempt.start));
        }
        attempt = caller;
    }
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
