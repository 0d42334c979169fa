use trace::{CallId, Outcome, Source};

use super::*;
use crate::testing::{Call, REFUSED, chain};

const NAMES: [&str; 3] = ["client", "gateway", "app"];

/// A call whose first attempt meets a dead app; it ends there, or is made again.
fn refused(n: u64, start_ms: u64, again: bool) -> CallTrace {
    let mut call = Call::new(0, n, start_ms);
    let top = call.root().child(0, 0, 1);
    let bottom = call.attempt(top, 1, 1, REFUSED);
    call.attempt(call.root(), 0, 1, Outcome::Answered(502));
    call.served(Source::Translated(bottom, Failure::ConnectionRefused));
    if again {
        let top = call.root().child(0, 0, 2);
        let bottom = call.attempt(top, 1, 1, Outcome::Answered(200));
        call.served(Source::Own);
        call.attempt(call.root(), 0, 2, Outcome::Answered(200));
        call.served(Source::Relayed(bottom));
    }
    call.end()
}

fn overview(calls: &[(CallTrace, bool)]) -> StrategyOverview {
    let scenario = chain(&NAMES);
    let lifecycle = crate::attribution::Lifecycle::default();
    let mut shape = Shape::new(&scenario);
    for (trace, counts) in calls {
        shape.call(&scenario, &Judged::new(&scenario, &lifecycle, trace), *counts);
        for served in &trace.served {
            shape.served(&scenario, served);
        }
    }
    shape.overview(&scenario, &Names::new(&scenario))
}

#[test]
fn a_bin_is_short_enough_to_see_and_long_enough_to_count() {
    for (seconds, ms) in [(1, 20), (8, 100), (20, 500), (3600, 50_000)] {
        assert_eq!(bin_width(Duration::from_secs(seconds)), Duration::from_millis(ms));
    }
}

#[test]
fn calls_are_counted_when_and_where_their_failure_was_born() {
    let calls = [(refused(0, 0, false), true), (refused(1, 600, true), true), (refused(2, 700, false), true)];
    let overview = overview(&calls);
    let counts: Vec<_> = overview.bins.iter().map(|bin| (bin.ok, bin.status_502)).collect();
    assert_eq!(counts, [(0, 1), (1, 1)]);
    let kind = &overview.kinds[0];
    assert_eq!(
        (&*kind.origin, &kind.surfaced[..], &kind.masked[..]),
        ("gateway -> app", &[1, 1][..], &[0, 1][..])
    );
    let edge = &overview.edges[1];
    assert_eq!((edge.attempts, edge.ok, edge.unseen), (4, 1, 3));
    // Two failed calls: born on the second edge, their failure came up over the first.
    assert_eq!(overview.edges.iter().map(|edge| edge.passed).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(overview.passed, [Passed { node: "gateway".into(), calls: 2 }]);
    let path = &overview.paths[0];
    assert_eq!((path.status, &*path.path, path.calls), (Some(502), "refused@app -> 502@gateway", 2));
    let latency: (u64, u64) =
        overview.latency.iter().fold((0, 0), |(ok, bad), b| (ok + b.ok, bad + b.failed));
    assert_eq!(latency, (1, 2));
    assert_eq!(kind.latency.iter().sum::<u64>(), 2);
}

#[test]
fn the_warm_up_is_seen_along_time_and_nowhere_else() {
    let overview = overview(&[(refused(0, 0, false), false)]);
    assert_eq!(overview.bins.iter().map(Bin::failed).sum::<u64>(), 1);
    assert!(overview.edges.is_empty() && overview.paths.is_empty() && overview.latency.is_empty());
}

#[test]
fn what_is_kept_does_not_grow_with_the_run() {
    let mut late = Call::new(0, 0, 0);
    late.trace.end.call = CallId::new(0, 0);
    let mut trace = late.end();
    trace.end.start = Time(u64::MAX / 2);
    trace.end.end = trace.end.start;
    let overview = overview(&[(trace, true)]);
    assert_eq!(overview.bins.len(), BINS_MAX);
}
