//! What a node decides, case by case.

use node::{Action, AttemptReport, Input, Timer};
use topology::Failure;
use trace::{Outcome, Record, Sent, ServedEnd, Source, Time};

use crate::bench::{Bench, failed, sent, sleep, status};

const CHAIN: &str = "
nodes:
  client: { kind: client }
  gw: { kind: gateway }
  app: { kind: server, service_time: 5ms, workers: 1, queue: 1 }
edges:
  - client -> gw: { retry: { max_attempts: 3, backoff: 10ms } }
  - gw -> app
";

fn is_over(actions: &[Action]) -> bool {
    matches!(actions.last(), Some(Action::Finish))
}

#[test]
fn a_gateway_passes_on_what_it_gets() {
    let mut bench = Bench::new("gw", CHAIN);
    let (visit, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["app"]);
    let actions = bench.answer(visit, 0, 503);
    assert!(matches!(actions[0], Action::Relay { .. }));
    assert!(is_over(&actions));
    let served = bench.served()[0];
    assert_eq!((served.status, served.sent), (Some(503), Sent::Whole));
    assert!(matches!(served.source, Source::Relayed(_)));
}

#[test]
fn a_gateway_turns_each_failure_into_its_profiles_status() {
    for (failure, expected) in [
        (Failure::ConnectionRefused, 502),
        (Failure::ConnectionTimeout, 504),
        (Failure::HeadTimeout, 504),
        (Failure::ProtocolError, 502),
        (Failure::ConnectionLimitReached, 503),
    ] {
        let mut bench = Bench::new("gw", CHAIN);
        let (visit, _) = bench.begin();
        let actions = bench.end(visit, 0, failed(failure));
        assert_eq!(status(&actions), Some(expected), "{failure:?}");
        assert!(matches!(bench.served()[0].source, Source::Translated(_, f) if f == failure));
    }
}

#[test]
fn nginx_passes_bytes_on_that_are_no_http() {
    let text = CHAIN.replace("{ kind: gateway }", "{ kind: gateway, profile: nginx }");
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    let actions = bench.end(visit, 0, failed(Failure::ProtocolError));
    assert!(matches!(actions[0], Action::Fail(topology::wire::ProcessEnd::Malformed)));
    assert_eq!(bench.served()[0].sent, Sent::Malformed);
}

#[test]
fn a_response_that_breaks_off_is_cut_and_not_retried() {
    let text = CHAIN.replace("- gw -> app", "- gw -> app: { retry: { max_attempts: 3, when: [any] } }");
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    let id = bench.newest(visit, 0);
    bench.give(visit, Input::Head { id, status: 200, retry_after: None });
    let broken = Outcome::Failed { failure: Failure::BodyIncomplete, status: Some(200) };
    let actions = bench.end(visit, 0, AttemptReport::of(broken));
    assert!(is_over(&actions));
    assert_eq!((bench.served()[0].sent, bench.served()[0].status), (Sent::Cut, Some(200)));
}

#[test]
fn a_client_tries_again_after_each_wait_and_then_gives_up() {
    let mut bench = Bench::new("client", CHAIN);
    let (call, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["gw"]);
    for attempt in 1..=2 {
        bench.pass(1);
        let actions = bench.answer(call, 0, 502);
        assert_eq!(sleep(&actions), Some(Time(bench.now.0 + 10_000_000)), "after attempt {attempt}");
        bench.pass(10);
        let actions = bench.wake(call, Timer::Backoff(0));
        assert_eq!(sent(&bench, &actions), ["gw"]);
    }
    let actions = bench.answer(call, 0, 502);
    assert!(is_over(&actions));
    let end = bench.calls()[0];
    assert_eq!((end.status, end.attempts), (Some(502), 3));
    let hops: Vec<_> = bench
        .records
        .iter()
        .filter_map(|r| if let Record::Attempt(a) = r { Some(a.hop) } else { None })
        .collect();
    assert_eq!(end.decisive, Some(hops[2]), "the last attempt decided it");
}

#[test]
fn a_success_ends_the_tries() {
    let mut bench = Bench::new("client", CHAIN);
    let (call, _) = bench.begin();
    bench.end(call, 0, failed(Failure::ConnectionRefused));
    bench.wake(call, Timer::Backoff(0));
    bench.answer(call, 0, 200);
    assert_eq!((bench.calls()[0].status, bench.calls()[0].attempts), (Some(200), 2));
}

#[test]
fn what_is_not_listed_is_not_tried_again() {
    let mut bench = Bench::new("client", CHAIN);
    let (call, _) = bench.begin();
    assert!(is_over(&bench.answer(call, 0, 404)));
}

#[test]
fn a_retry_budget_stops_a_storm() {
    let text = CHAIN.replace("backoff: 10ms", "backoff: none, budget: 10%");
    let mut bench = Bench::new("client", &text);
    let mut attempts = 0;
    for _ in 0..200 {
        let (call, mut actions) = bench.begin();
        while !is_over(&actions) {
            attempts += sent(&bench, &actions).len();
            actions = bench.answer(call, 0, 503);
        }
    }
    // 200 first tries, the 10 saved up, and a tenth of the calls.
    assert!((210..=231).contains(&attempts), "{attempts}");
}

#[test]
fn a_deadline_leaves_no_time_for_a_wait() {
    let text = CHAIN.replace("retry:", "deadline: 15ms, retry:");
    let mut bench = Bench::new("client", &text);
    let (call, _) = bench.begin();
    bench.pass(10);
    assert!(is_over(&bench.answer(call, 0, 502)), "10 ms gone and 10 ms to wait are over 15 ms");
}

#[test]
fn workers_queue_and_then_refuse() {
    let mut bench = Bench::new("app", CHAIN);
    let (first, actions) = bench.begin();
    assert_eq!(sleep(&actions), Some(Time(5_000_000)));
    let (second, actions) = bench.begin();
    assert!(matches!(actions[..], [Action::Queued(_)]));
    let (_, actions) = bench.begin();
    assert_eq!(status(&actions), Some(503));
    bench.pass(5);
    let actions = bench.wake(first, Timer::Work);
    assert!(actions.iter().any(|a| matches!(a, Action::Wake(_))), "the worker goes to who waits");
    assert_eq!(status(&actions), Some(200));
    let actions = bench.give(second, Input::Granted);
    assert_eq!(sleep(&actions), Some(Time(10_000_000)));
}

#[test]
fn who_leaves_the_queue_does_not_keep_a_worker() {
    let text = CHAIN.replace("queue: 1", "queue: 1, on_disconnect: cancel");
    let mut bench = Bench::new("app", &text);
    let (first, _) = bench.begin();
    let (second, _) = bench.begin();
    bench.give(second, Input::CallerGone);
    bench.wake(first, Timer::Work);
    let (_, actions) = bench.begin();
    assert!(sleep(&actions).is_some(), "a worker is free");
    // Also when it left just after the worker had been given to it.
    let (third, _) = bench.begin();
    bench.wake(2, Timer::Work);
    bench.give(third, Input::CallerGone);
    let (_, actions) = bench.begin();
    assert!(sleep(&actions).is_some(), "a worker is free");
}

#[test]
fn work_goes_on_or_not_when_the_caller_is_gone() {
    for (word, goes_on) in [("continue", true), ("cancel", false)] {
        let text = CHAIN.replace("queue: 1", &format!("queue: 1, on_disconnect: {word}"));
        let mut bench = Bench::new("app", &text);
        let (visit, _) = bench.begin();
        bench.pass(2);
        let actions = bench.give(visit, Input::CallerGone);
        assert_eq!(is_over(&actions), !goes_on, "{word}");
        if goes_on {
            bench.pass(3);
            bench.wake(visit, Timer::Work);
        }
        let served = bench.served()[0];
        let expected = if goes_on { (ServedEnd::Answered, 5) } else { (ServedEnd::CallerGone, 2) };
        assert_eq!((served.end, served.worked.as_millis()), expected, "{word}");
    }
}

const FAN: &str = "
nodes:
  client: { kind: client }
  gw: { kind: gateway, calls: parallel }
  a: { kind: server }
  b: { kind: server, replicas: 2 }
edges: [client -> gw, gw -> a, { gw -> b: { retry: { max_attempts: 2, when: [503] } } }]
";

#[test]
fn parallel_calls_go_out_at_once_and_the_first_failure_ends_the_rest() {
    let mut bench = Bench::new("gw", FAN);
    let (visit, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["a", "b#1"]);
    let actions = bench.answer(visit, 0, 500);
    assert!(actions.iter().any(|a| matches!(a, Action::PassOn { slot: 0, .. })));
    assert_eq!(bench.served()[0].status, Some(500));
    assert!(actions.iter().any(|a| matches!(a, Action::Abandon { id } if id.slot == 1)));
    let cancelled = bench
        .records
        .iter()
        .any(|r| matches!(r, Record::Attempt(a) if a.outcome.failure() == Some(Failure::Cancelled)));
    assert!(cancelled, "what was given up is recorded");
}

#[test]
fn a_retry_goes_to_the_other_replica() {
    let mut bench = Bench::new("gw", FAN);
    let (visit, _) = bench.begin();
    bench.answer(visit, 0, 200);
    let actions = bench.answer(visit, 1, 503);
    assert_eq!(sent(&bench, &actions), ["b#2"]);
    let actions = bench.answer(visit, 1, 200);
    assert_eq!(status(&actions), Some(200));
}

#[test]
fn round_robin_takes_turns() {
    let mut bench = Bench::new("gw", FAN);
    let order: Vec<_> = (0..4)
        .map(|_| {
            let (_, actions) = bench.begin();
            sent(&bench, &actions)[1].clone()
        })
        .collect();
    assert_eq!(order, ["b#1", "b#2", "b#1", "b#2"]);
}

#[test]
fn sequential_calls_wait_for_each_other() {
    let mut bench = Bench::new("gw", &FAN.replace("calls: parallel", "calls: sequential"));
    let (visit, actions) = bench.begin();
    assert_eq!(sent(&bench, &actions), ["a"]);
    let actions = bench.answer(visit, 0, 200);
    assert_eq!(sent(&bench, &actions), ["b#1"]);
    let actions = bench.answer(visit, 1, 200);
    assert!(is_over(&actions));
}

#[test]
fn a_failed_optional_call_fails_nobody() {
    let text = FAN.replace("gw -> a,", "{ gw -> a: { optional: true } },");
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    bench.end(visit, 0, failed(Failure::ConnectionRefused));
    let actions = bench.answer(visit, 1, 200);
    assert_eq!(status(&actions), Some(200));
}

#[test]
fn work_takes_longer_beside_other_work() {
    let text = CHAIN.replace("5ms, workers: 1", "5ms, contention: 2ms, workers: 3");
    let mut bench = Bench::new("app", &text);
    let ends: Vec<_> = (0..4).map(|_| sleep(&bench.begin().1)).collect();
    let ms = |ms: u64| Some(Time(ms * 1_000_000));
    assert_eq!(ends, [ms(7), ms(9), ms(11), None], "who waits does not slow anyone down");
}

#[test]
fn a_request_on_a_stale_connection_is_sent_again_and_that_is_no_retry() {
    let text = CHAIN.replace("- gw -> app", "- gw -> app: { pool: { resend: true } }");
    let stale = || AttemptReport { reused: true, ..failed(Failure::ConnectionTerminated) };
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    // The pool may hold several.
    for _ in 0..2 {
        let actions = bench.end(visit, 0, stale());
        assert_eq!(sent(&bench, &actions), ["app"]);
    }
    let actions = bench.answer(visit, 0, 200);
    assert!(is_over(&actions));
    // A new connection that ends is a failure.
    let (visit, _) = bench.begin();
    let actions = bench.end(visit, 0, failed(Failure::ConnectionTerminated));
    assert_eq!(status(&actions), Some(502));
}

#[test]
fn haproxy_says_nothing_on_a_used_connection() {
    let text = CHAIN.replace("{ kind: gateway }", "{ kind: gateway, profile: haproxy }");
    for (used, expected) in [(false, Some(502)), (true, None)] {
        let mut bench = Bench::new("gw", &text);
        let (visit, _) = if used { bench.begin_on_used_connection() } else { bench.begin() };
        let actions = bench.end(visit, 0, failed(Failure::ConnectionTerminated));
        assert_eq!(status(&actions), expected);
        assert_eq!(matches!(actions[0], Action::Close(topology::wire::Close::Fin)), used);
        assert_eq!(bench.served()[0].sent == Sent::Nothing, used);
    }
}

#[test]
fn a_gateway_that_buffers_fails_with_a_status_where_others_are_cut() {
    let text = CHAIN.replace("{ kind: gateway }", "{ kind: gateway, profile: litellm }");
    let text = text.replace("- gw -> app", "- gw -> app: { retry: { max_attempts: 1 } }");
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    let id = bench.newest(visit, 0);
    let actions = bench.give(visit, Input::Head { id, status: 200, retry_after: None });
    assert!(matches!(actions[0], Action::Hold { .. }));
    let broken = Outcome::Failed { failure: Failure::BodyIncomplete, status: Some(200) };
    let actions = bench.end(visit, 0, AttemptReport::of(broken));
    assert_eq!(status(&actions), Some(500));
}

#[test]
fn a_gateway_that_buffers_passes_on_what_has_come_whole() {
    let text = CHAIN.replace("{ kind: gateway }", "{ kind: gateway, profile: ibm-api-connect }");
    for status in [200, 404] {
        let mut bench = Bench::new("gw", &text);
        let (visit, _) = bench.begin();
        let actions = bench.answer(visit, 0, status);
        assert!(matches!(actions[..], [Action::Hold { .. }, Action::PassOn { slot: 0, .. }, Action::Finish]));
        let served = bench.served()[0];
        assert_eq!((served.status, served.sent), (Some(status), Sent::Whole));
        assert!(matches!(served.source, Source::Relayed(_)));
    }
}

#[test]
fn a_gateway_that_rewrites_errors_says_them_in_its_own_words() {
    let text = CHAIN.replace("{ kind: gateway }", "{ kind: gateway, profile: litellm }");
    let text = text.replace("- gw -> app", "- gw -> app: { retry: { max_attempts: 1 } }");
    let mut bench = Bench::new("gw", &text);
    let (visit, _) = bench.begin();
    let actions = bench.answer(visit, 0, 404);
    assert!(
        matches!(&actions[..], [Action::Drain { .. }, Action::Respond(reply), Action::Finish] if reply.status == 404)
    );
    assert!(matches!(bench.served()[0].source, Source::Relayed(_)));
}

const ASSEMBLY: &str = "
nodes:
  client: { kind: client }
  gw: { kind: gateway, calls: [a, b] }
  a: { kind: server }
  b: { kind: server }
edges: [client -> gw, { gw -> a: { stop_on: [connect, 404] } }, gw -> b]
";

#[test]
fn what_does_not_stop_is_passed_over() {
    for (outcome, stops) in [
        (AttemptReport::of(Outcome::Answered(500)), false),
        (AttemptReport::of(Outcome::Answered(404)), true),
        (failed(Failure::HeadTimeout), false),
        (failed(Failure::ConnectionRefused), true),
    ] {
        let mut bench = Bench::new("gw", ASSEMBLY);
        let (visit, _) = bench.begin();
        if let Outcome::Answered(status) = outcome.outcome {
            let id = bench.newest(visit, 0);
            bench.give(visit, Input::Head { id, status, retry_after: None });
        }
        let actions = bench.end(visit, 0, outcome.clone());
        assert_eq!(is_over(&actions), stops, "{outcome:?}");
        assert_eq!(sent(&bench, &actions).is_empty(), stops);
    }
}

#[test]
fn a_catch_answers_in_the_place_of_a_failure() {
    for catch in [200, 503] {
        let text = ASSEMBLY.replace("calls: [a, b]", &format!("calls: [a, b], catch: {catch}"));
        let mut bench = Bench::new("gw", &text);
        let (visit, _) = bench.begin();
        let actions = bench.answer(visit, 0, 404);
        assert_eq!(status(&actions), Some(catch));
        assert!(is_over(&actions) && sent(&bench, &actions).is_empty());
        // A failure that shows is still that of the callee.
        assert_eq!(matches!(bench.served()[0].source, Source::Own), catch == 200);
    }
}

/// A response that comes whole at once is nothing but its head and its end: the same actions, the same
/// records, whatever it leads to.
#[test]
fn a_whole_response_is_its_head_and_its_end() {
    let text =
        "nodes: { client: { kind: client }, gw: { kind: gateway, profile: PROFILE }, app: { kind: server } }
edges: [ client -> gw, gw -> app: { retry: { max_attempts: 2, backoff: 10ms }, hedge: 5ms } ]";
    for statuses in [[200, 200], [503, 200], [503, 404], [404, 200]] {
        // One passes responses on as they come, one once it has them, one in its own words.
        for (profile, hedged) in
            [("nginx", false), ("nginx", true), ("ibm-api-connect", false), ("litellm", true)]
        {
            let text = &text.replace("PROFILE", profile);
            let runs = [false, true].map(|whole| {
                let mut bench = Bench::new("gw", text);
                let (visit, _) = bench.begin();
                let mut actions = Vec::new();
                if hedged {
                    bench.pass(5);
                    actions.extend(bench.wake(visit, Timer::Hedge(bench.newest(visit, 0))));
                }
                for status in statuses {
                    let id = bench.newest(visit, 0);
                    let (report, retry_after) = (AttemptReport::of(Outcome::Answered(status)), None);
                    actions.extend(if whole {
                        bench.give(visit, Input::Whole { id, status, retry_after, report })
                    } else {
                        bench.answer(visit, 0, status)
                    });
                    bench.pass(10);
                    actions.extend(bench.wake(visit, Timer::Backoff(0)));
                }
                (format!("{actions:?}"), bench.records)
            });
            assert!(runs[0].1.len() > 1);
            assert_eq!(runs[0], runs[1], "{profile}, {statuses:?}, hedged: {hedged}");
        }
    }
}
