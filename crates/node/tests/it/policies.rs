//! What the policies of an edge do, case by case.

use std::time::Duration;

use node::{Action, AttemptReport, Input, Timer};
use proptest::prelude::*;
use topology::Failure;
use trace::{Outcome, Record, Time};

use crate::bench::{Bench, failed, sent, sleep, status};

/// A client in front of two replicas, with a policy.
fn client(policy: &str) -> Bench {
    let text = format!(
        "nodes: {{ client: {{ kind: client }}, app: {{ kind: server, replicas: 2 }}, spare: {{ kind: server }} }}\n\
         edges:\n  - client -> app: {policy}\n  - client -> spare: {{ timeout: 1s }}\n"
    );
    // Who has no fallback calls both in turn.
    let text = if policy.contains("fallback") {
        text
    } else {
        text.replace("client }", "client, calls: [app, spare] }")
    };
    Bench::new("client", &text)
}

fn abandoned(actions: &[Action]) -> usize {
    actions.iter().filter(|a| matches!(a, Action::Abandon { .. })).count()
}

fn hedge_timer(actions: &[Action]) -> Option<Timer> {
    actions.iter().find_map(|a| match a {
        Action::Sleep { timer: timer @ Timer::Hedge(_), .. } => Some(*timer),
        _ => None,
    })
}

#[test]
fn a_hedge_goes_elsewhere_and_the_first_good_answer_wins() {
    let mut bench = client("{ hedge: 20ms }");
    let (call, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["app#1"]);
    let first = bench.newest(call, 0);
    assert_eq!(sleep(&actions), Some(Time(20_000_000)));
    bench.pass(20);
    let actions = bench.wake(call, hedge_timer(&actions).unwrap());
    assert_eq!(sent(&bench, &actions), ["app#2"]);
    assert_eq!(hedge_timer(&actions), None, "two copies in all");
    let actions = bench.give(call, Input::Head { id: first, status: 200, retry_after: None });
    assert_eq!(abandoned(&actions), 1);
    let report = AttemptReport::of(Outcome::Answered(200));
    let actions = bench.give(call, Input::Ended { id: first, report });
    assert_eq!(sent(&bench, &actions), ["spare"], "the next stage");
    let cancelled =
        |r: &&Record| matches!(r, Record::Attempt(a) if a.outcome.failure() == Some(Failure::Cancelled));
    assert_eq!(bench.records.iter().filter(cancelled).count(), 1);
}

#[test]
fn a_copy_that_fails_leaves_the_other_one_its_chance() {
    let mut bench = client("{ hedge: 20ms, retry: { max_attempts: 3, when: [any] } }");
    let (call, actions) = bench.begin();
    bench.pass(20);
    let first = bench.newest(call, 0);
    bench.wake(call, hedge_timer(&actions).unwrap());
    let actions = bench.answer(call, 0, 503);
    assert!(sent(&bench, &actions).is_empty(), "the first is still under way");
    let actions = bench.give(call, Input::Ended { id: first, report: failed(Failure::HeadTimeout) });
    assert_eq!(sent(&bench, &actions), ["app#1"], "now it is tried again");
}

#[test]
fn nothing_is_hedged_that_is_over() {
    let mut bench = client("{ hedge: 20ms }");
    let (call, actions) = bench.begin();
    bench.answer(call, 0, 200);
    let late = bench.wake(call, hedge_timer(&actions).unwrap());
    assert!(late.is_empty());
}

#[test]
fn a_hedge_by_percentile_waits_until_it_knows_enough() {
    let mut bench = client("{ hedge: p90 }");
    for n in 0..30 {
        let (call, actions) = bench.begin();
        assert_eq!(hedge_timer(&actions).is_some(), n >= 20, "{n}");
        if n >= 20 {
            let waited = sleep(&actions).unwrap() - bench.now;
            assert_eq!(waited, Duration::from_millis(10));
        }
        bench.pass(10);
        bench.answer(call, 0, 200);
        bench.answer(call, 1, 200);
    }
}

#[test]
fn an_open_breaker_takes_a_replica_out_and_then_lets_one_probe_in() {
    let mut bench = client("{ breaker: { consecutive: 2, open_for: 1s } }");
    let mut first_two = Vec::new();
    for _ in 0..4 {
        let (call, actions) = bench.begin();
        let to = sent(&bench, &actions)[0].clone();
        bench.answer(call, 0, if to == "app#1" { 500 } else { 200 });
        first_two.push(to);
    }
    assert_eq!(first_two, ["app#1", "app#2", "app#1", "app#2"]);
    for _ in 0..3 {
        let (call, actions) = bench.begin();
        assert_eq!(sent(&bench, &actions), ["app#2"]);
        bench.answer(call, 0, 200);
    }
    bench.pass(1000);
    let probes: Vec<_> = (0..4).map(|_| bench.begin()).map(|(_, actions)| actions).collect();
    let to_the_first = probes.iter().filter(|actions| sent(&bench, actions) == ["app#1"]).count();
    assert_eq!(to_the_first, 1, "one probe, until it is answered");
}

#[test]
fn where_nobody_is_left_the_call_fails_at_once() {
    let mut bench = client("{ breaker: 1 }");
    for _ in 0..2 {
        let (call, _) = bench.begin();
        bench.end(call, 0, failed(Failure::ConnectionRefused));
    }
    let (_, actions) = bench.begin();
    assert!(sent(&bench, &actions).is_empty());
    assert_eq!(bench.calls()[2].failure, Some(Failure::DestinationUnavailable));
}

#[test]
fn only_a_share_of_the_replicas_may_be_left_alone() {
    let mut bench = client("{ breaker: { consecutive: 1, max_ejected: 10% } }");
    for _ in 0..20 {
        let (call, actions) = bench.begin();
        assert_eq!(sent(&bench, &actions).len(), 1);
        bench.end(call, 0, failed(Failure::ConnectionRefused));
    }
}

#[test]
fn a_fallback_is_asked_when_all_attempts_have_failed() {
    let mut bench = client("{ retry: { max_attempts: 2 }, fallback: spare }");
    let (call, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["app#1"]);
    let actions = bench.answer(call, 0, 502);
    assert_eq!(sent(&bench, &actions), ["app#2"]);
    let actions = bench.answer(call, 0, 502);
    assert_eq!(sent(&bench, &actions), ["spare"]);
    bench.answer(call, 1 << 15, 200);
    let end = bench.calls()[0];
    assert!(end.is_ok());
    assert_eq!(end.attempts, 3);
}

#[test]
fn a_gateway_passes_the_fallbacks_answer_on() {
    let text = "nodes: { client: { kind: client }, gw: { kind: gateway }, app: { kind: server }, spare: { kind: server } }\n\
                edges: [client -> gw, { gw -> app: { fallback: spare } }, gw -> spare]\n";
    for (answer, relayed_by_spare) in [(200, false), (503, true)] {
        let mut bench = Bench::new("gw", text);
        let (visit, _) = bench.begin();
        let actions = bench.answer(visit, 0, answer);
        assert_eq!(sent(&bench, &actions).len(), usize::from(relayed_by_spare));
        if relayed_by_spare {
            let actions = bench.answer(visit, 1 << 15, 504);
            assert!(matches!(actions[0], Action::Relay { .. }));
        }
        assert_eq!(bench.served()[0].status, Some(if relayed_by_spare { 504 } else { 200 }));
    }
}

#[test]
fn a_deadline_travels_and_shrinks() {
    let text = "nodes: { client: { kind: client }, gw: { kind: gateway, service_time: 40ms }, app: { kind: server } }\n\
                edges: [client -> gw, { gw -> app: { timeout: 1s, propagate_deadline: true } }]\n";
    for (told, passed_on) in [(None, 1000), (Some(100), 60), (Some(5000), 1000)] {
        let mut bench = Bench::new("gw", text);
        let (visit, _) = bench.begin_with(5, told.map(Duration::from_millis));
        bench.pass(40);
        let actions = bench.wake(visit, Timer::Work);
        let left = actions.iter().find_map(|a| match a {
            Action::Send { outgoing, .. } => outgoing.time_left,
            _ => None,
        });
        assert_eq!(left, Some(Duration::from_millis(passed_on)));
    }
    let mut bench = Bench::new("gw", text);
    let (visit, _) = bench.begin_with(5, Some(Duration::from_millis(30)));
    bench.pass(30);
    let actions = bench.wake(visit, Timer::Deadline);
    assert_eq!(status(&actions), Some(504), "nobody waits for it any more");
}

#[test]
fn no_retry_begins_after_the_deadline() {
    let mut bench = client("{ deadline: 100ms, retry: { max_attempts: 9, backoff: 40ms } }");
    let (call, _) = bench.begin();
    for wakes in [true, true, false] {
        let actions = bench.answer(call, 0, 503);
        assert_eq!(sleep(&actions).is_some(), wakes);
        bench.pass(40);
        bench.wake(call, Timer::Backoff(0));
    }
    let attempts =
        bench.records.iter().filter_map(|r| if let Record::Attempt(a) = r { Some(a) } else { None });
    assert!(attempts.map(|a| a.start).all(|start| start < Time(100_000_000)));
}

#[test]
fn a_retry_after_is_obeyed_up_to_its_limit() {
    let mut bench = client("{ retry: { max_attempts: 4, when: [429], backoff: 50ms, retry_after: 2s } }");
    let (call, _) = bench.begin();
    let told = |seconds| Some(Duration::from_secs(seconds));
    let actions = bench.answer_with(call, 0, 429, told(2));
    assert_eq!(sleep(&actions), Some(Time(2_000_000_000)));
    bench.wake(call, Timer::Backoff(0));
    let actions = bench.answer_with(call, 0, 429, told(3));
    assert_eq!(sleep(&actions), Some(Time(50_000_000)), "too long: the back-off");
}

/// The naive loop sleeps once more before it gives up.
#[test]
fn a_loop_may_wait_for_nothing_at_its_end() {
    let mut bench = client("{ preset: python-requests-loop }");
    let (call, _) = bench.begin();
    for _ in 0..2 {
        let actions = bench.answer(call, 0, 502);
        assert!(sleep(&actions).is_some());
        bench.pass(2000);
        bench.wake(call, Timer::Backoff(0));
    }
    let actions = bench.answer(call, 0, 502);
    assert_eq!(sleep(&actions), Some(bench.now + Duration::from_secs(2)));
    assert!(bench.calls().is_empty());
    bench.pass(2000);
    bench.wake(call, Timer::Backoff(0));
    let end = bench.calls()[0];
    assert_eq!((end.latency(), end.attempts, end.status), (Duration::from_secs(6), 3, Some(502)));
}

#[test]
fn throttling_drops_what_would_be_refused() {
    let mut bench = client("{ throttle: 1.1 }");
    let mut dropped = 0;
    for _ in 0..1000 {
        let (call, actions) = bench.begin();
        if sent(&bench, &actions).is_empty() {
            dropped += 1;
        } else {
            bench.answer(call, 0, 503);
        }
    }
    // With nothing accepted all but about ln(1000) of them are dropped, and that many by chance.
    assert!((970..=999).contains(&dropped), "{dropped}");
}

#[test]
fn who_matters_less_loses_its_place() {
    let text = "nodes: { client: { kind: client }, app: { kind: server, workers: 1, queue: 1 } }\nedges: [client -> app]\n";
    let mut bench = Bench::new("app", text);
    bench.begin_with(5, None);
    let (low, actions) = bench.begin_with(1, None);
    assert!(matches!(actions[..], [Action::Queued(_)]));
    let (_, actions) = bench.begin_with(1, None);
    assert_eq!(status(&actions), Some(503), "not for one that matters as much");
    let (_, actions) = bench.begin_with(9, None);
    assert!(matches!(actions[..], [Action::Shed(_), Action::Queued(_)]));
    let actions = bench.give(low, Input::Shed);
    assert_eq!(status(&actions), Some(503));
    assert_eq!(bench.state.queued(), 1);
}

#[test]
fn the_last_come_may_be_first_served() {
    let text = "nodes: { client: { kind: client }, app: { kind: server, workers: 1, queue: { places: 9, order: lifo } } }\n\
                edges: [client -> app]\n";
    let mut bench = Bench::new("app", text);
    let (first, _) = bench.begin();
    let tickets: Vec<_> = (0..3)
        .map(|_| match bench.begin().1[..] {
            [Action::Queued(ticket)] => ticket,
            _ => panic!("it must wait"),
        })
        .collect();
    bench.pass(5);
    let actions = bench.wake(first, Timer::Work);
    assert!(actions.iter().any(|a| matches!(a, Action::Wake(ticket) if *ticket == tickets[2])));
}

proptest! {
    /// Whatever the waits, hints and copies: no attempt begins at or after the deadline, none may go
    /// on beyond it, and nothing is waited for so long.
    #[test]
    fn a_deadline_is_never_overrun(
        deadline_ms in 1_u64..400,
        timeout_ms in 1_u64..400,
        attempts in 1_u32..9,
        backoff_ms in 0_u64..150,
        hedge_ms in 1_u64..100,
        steps in proptest::collection::vec((0_u64..60, 0_u8..4), 1..40),
    ) {
        let mut bench = client(&format!(
            "{{ deadline: {deadline_ms}ms, timeout: {timeout_ms}ms, hedge: {hedge_ms}ms, \
             retry: {{ max_attempts: {attempts}, when: [any], backoff: {backoff_ms}ms, retry_after: unlimited, sleep_after_last: true }} }}"
        ));
        let (call, first) = bench.begin();
        let deadline = Time(0) + Duration::from_millis(deadline_ms);
        let mut all = vec![first];
        let mut timers: Vec<Timer> = Vec::new();
        for (pass, step) in steps {
            let last = all.last().expect("there is the first");
            timers.extend(last.iter().filter_map(|a| match a {
                Action::Sleep { timer, .. } => Some(*timer),
                _ => None,
            }));
            bench.pass(pass);
            let told = Some(Duration::from_millis(5 * pass));
            let actions = match (step, timers.pop()) {
                (0 | 1, Some(timer)) => {
                    let actions = bench.wake(call, timer);
                    let hedged = matches!(timer, Timer::Hedge(_)) && !sent(&bench, &actions).is_empty();
                    prop_assert!(!hedged || bench.now < deadline, "no copy after the deadline");
                    actions
                }
                (2, timer) => {
                    timers.extend(timer);
                    bench.answer_with(call, 0, 503, told)
                }
                (_, timer) => {
                    timers.extend(timer);
                    bench.end(call, 0, failed(Failure::ConnectionTerminated))
                }
            };
            all.push(actions);
        }
        for action in all.iter().flatten() {
            match action {
                Action::Send { id, outgoing } if id.slot == 0 => {
                    prop_assert!(outgoing.give_up_at.is_some_and(|at| at <= deadline));
                }
                Action::Sleep { timer: Timer::Backoff(0), until } => prop_assert!(*until <= deadline),
                _ => {}
            }
        }
    }
}
