//! A request found no room at a node: too many requests, or works that take too long?

use std::time::Duration;

use topology::{Cause, NodeId, Scenario, Target};
use trace::{AtWork, Attempt, Served, Time, UnderWay};

use super::{Birth, Case, Finding, ask, timeouts};
use crate::Verdict;
use crate::verdict::place_name;

/// Why a node had no room for a request, which this evidence shows.
pub(super) fn no_room(case: &Case<'_>, node: NodeId, served: &Served, at: Time, evidence: String) -> Finding {
    let AtWork { work: UnderWay { count: workers, mean_age }, stuck } = at_work(served);
    let age = ms(mean_age);
    let is_long = is_held_up(case.scenario, served);
    // With half of them stuck, the others cannot keep up.
    if is_long && stuck > 0 && stuck >= workers - stuck {
        return Birth::at_node(node, Cause::Crash, "hang").because(
            format!("{evidence}; {stuck} of its {workers} workers were stuck (with one request for {age:.0} ms on average)"),
            "a stack dump of the process; look for locks and calls without a time-out",
        );
    }
    if is_long {
        if let Some(up) = case.lifecycle.starting_for(node, at) {
            return timeouts::starting(node, &evidence, up);
        }
        let usual = ms(case.scenario.topology.node(node).mean_work(case.ask()));
        return Birth::at_node(node, Cause::Overload, "slow").because(
            format!("{evidence}; its {workers} workers had been with one request for {age:.1} ms on average, where {usual:.1} ms is usual"),
            "CPU, garbage collection, the database behind it: what made the work longer? The queue is the consequence",
        );
    }
    if let Some(holder) = case.lifecycle.answered(served.hop) {
        return held_by(case, &evidence, holder);
    }
    let birth = Birth::at_node(node, Cause::Overload, "queue_full");
    let elsewhere = served.in_flight.saturating_sub(served.queued + workers + 1);
    // Of a node that does not tell of its workers nobody knows where the others were.
    if served.held_up.is_some() && elsewhere > workers + served.queued {
        return birth.because(
            format!("{evidence}, {elsewhere} gone on to those it calls"),
            "look at those it calls: they keep it full. A shorter time-out or a pool of its own for each keeps one from filling it",
        );
    }
    birth.because(evidence, "add workers or replicas, shed earlier, or cut the load; check who retries")
}

/// What the workers were at that a request lacked.
fn at_work(served: &Served) -> AtWork {
    served.held_up.as_ref().map(|held| held.at_work).unwrap_or_default()
}

/// Why a caller had no connection left for an attempt.
pub(super) fn no_connection(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let Some(UnderWay { count, mean_age }) = attempt.crowd.as_ref().map(|crowd| crowd.attempts) else {
        let words = attempt.exchange.as_ref().and_then(|exchange| exchange.error.as_deref());
        return Birth::at_edge(attempt.edge, Cause::Overload, "").because(
            match words {
                Some(words) => format!("the caller had no connection left ({words}): nothing was sent"),
                None => "the caller had no connection left: nothing was sent".to_owned(),
            },
            "compare its pool's or circuit breaker's limit with rate x time in flight (Little's law); else look for a limit on open files or local ports",
        );
    };
    let (caller, callee) = (case.name(case.caller(attempt.edge)), case.name(case.callee(attempt.edge)));
    let evidence =
        format!("all {count} connections that {caller} may have to {callee} were in use: nothing was sent");
    if let Some(holder) = case.lifecycle.answered(attempt.hop) {
        return held_by(case, &evidence, holder);
    }
    let usual = timeouts::usual_time(case, case.callee(attempt.edge), 0);
    Birth::at_edge(attempt.edge, Cause::Overload, "").because(
        format!(
            "{evidence}; they had been for {:.1} ms on average, where {:.1} ms is usual in all",
            ms(mean_age),
            ms(usual)
        ),
        "compare the pool's size with rate x time in flight (Little's law)",
    )
}

/// There was no room because of what held others.
fn held_by(case: &Case<'_>, evidence: &str, holder: &Verdict) -> Finding {
    let Verdict { origin, cause, mechanism, .. } = *holder;
    let place = place_name(&case.scenario.topology, origin);
    let birth = match origin {
        Target::Node(node) => Birth::at_node(node, cause, mechanism),
        Target::Edge(edge) => Birth::at_edge(edge, cause, mechanism),
    };
    birth.because(
        format!("{evidence}. A call among them was held up at {place}: {}", holder.evidence),
        holder.next_step,
    )
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Whether the workers of the node that had no room for this request were at their requests for longer
/// than usual. If all is well they are seldom so on average for longer than one in a hundred works
/// takes in all, and half as much again.
pub(crate) fn is_held_up(scenario: &Scenario, served: &Served) -> bool {
    let UnderWay { count, mean_age } = at_work(served).work;
    let declared = scenario.topology.node(scenario.topology.ends(served.edge).1);
    let crowding = declared.llm.as_ref().map_or(1.0, |model| model.crowding(count));
    let longest = declared.p99_work(ask(scenario, served.call)).mul_f64(crowding);
    let seldom = (longest + declared.contention * count).mul_f64(1.5);
    mean_age > seldom + timeouts::PER_HOP
}

#[cfg(test)]
mod tests {
    use topology::distribution::Distribution;
    use topology::units::DurationText;
    use topology::{EdgeId, Refusal, Target};
    use trace::{HeldUp, NodeEvent, NodeEventKind, Outcome, Source};

    use super::super::{Lifecycle, attribute};
    use super::*;
    use crate::Verdict;
    use crate::testing::{Call, chain};

    /// What is said of a 503 by a server of 2 ms a request, at 1 s, with this many inside.
    fn verdict(inside: (u32, u32), at_work: AtWork, restarted: bool) -> Verdict {
        let mut scenario = chain(&["client", "app"]);
        let app = NodeId(1);
        scenario.topology.node_mut(app).service_time =
            Distribution::Constant(DurationText(Duration::from_millis(2)));
        let mut call = Call::new(0, 0, 1000);
        call.attempt(call.root(), 0, 1, Outcome::Answered(503));
        let served = call.served(Source::Refused(Refusal::QueueFull));
        served.started = None;
        served.worked = Duration::ZERO;
        (served.in_flight, served.queued) = inside;
        served.held_up = Some(Box::new(HeldUp { at_work, ..HeldUp::default() }));
        let mut lifecycle = Lifecycle::default();
        if restarted {
            for (at, kind) in [(0, NodeEventKind::Down), (500, NodeEventKind::Up)] {
                lifecycle.observe(NodeEvent { node: app, at: Time(at * 1_000_000), kind });
            }
        }
        let verdict = attribute(&scenario, &lifecycle, &call.end());
        assert_eq!((verdict.origin, scenario.topology.ends(EdgeId(0)).1), (Target::Node(app), app));
        verdict
    }

    fn at_work(workers: u32, stuck: u32, ms: u64) -> AtWork {
        AtWork { work: UnderWay { count: workers, mean_age: Duration::from_millis(ms) }, stuck }
    }

    #[test]
    fn works_as_long_as_usual_are_no_reason() {
        let verdict = verdict((9, 4), at_work(4, 0, 2), true);
        assert_eq!((verdict.cause, verdict.mechanism), (Cause::Overload, "queue_full"));
    }

    #[test]
    fn works_that_take_too_long_are() {
        let slow = verdict((9, 4), at_work(4, 0, 70), false);
        assert_eq!((slow.cause, slow.mechanism), (Cause::Overload, "slow"));
        assert!(slow.evidence.contains("70.0 ms on average, where 2.0 ms is usual"), "{}", slow.evidence);
        let cold = verdict((9, 4), at_work(4, 0, 70), true);
        assert_eq!((cold.cause, cold.mechanism), (Cause::Crash, "slow_start"));
    }

    #[test]
    fn stuck_workers_hang() {
        let verdict = |stuck| verdict((9, 4), at_work(4, stuck, 70), false);
        assert_eq!((verdict(2).cause, verdict(2).mechanism), (Cause::Crash, "hang"));
        assert_eq!((verdict(1).cause, verdict(1).mechanism), (Cause::Overload, "slow"));
    }

    #[test]
    fn those_that_wait_for_others_are_named() {
        let verdict = verdict((101, 0), at_work(4, 0, 2), false);
        assert_eq!(verdict.mechanism, "queue_full");
        assert!(verdict.evidence.ends_with("96 gone on to those it calls"), "{}", verdict.evidence);
    }
}
