use std::time::Duration;

use proptest::prelude::*;
use topology::fault::{Crash, Network};
use topology::load::Load;
use topology::scenario::{Comparison, Metric, Threshold};
use topology::{EdgeId, Failure, FaultId, FaultSet, Mechanism, NodeId, NodeKind, Refusal, Target};
use trace::manifest::Records;
use trace::rows::{CallRow, HopRow, TimelineRow};
use trace::{Exchange, Gauge, HopId, Outcome, Source};

use super::*;
use crate::testing::{Call, MS, REFUSED, TERMINATED, chain, fault, figures, link, load, node, record};

const NAMES: [&str; 4] = ["client", "edge-gw", "api-gw", "app"];

/// A call that goes well at first try, all the way down.
fn good(n: u64, start_ms: u64) -> CallTrace {
    let mut call = Call::new(0, n, start_ms);
    down_to_app(&mut call, 1, Outcome::Answered(200));
    call.end()
}

/// The client's attempt goes down to the app, whose answer is passed on all the way; the hops.
fn down_to_app(call: &mut Call, attempt: u16, outcome: Outcome) -> [HopId; 3] {
    let top = call.root().child(0, 0, attempt);
    let middle = top.child(0, 1, 1);
    let bottom = call.attempt(middle, 2, 1, outcome);
    call.served(Source::Own);
    call.attempt(top, 1, 1, outcome);
    call.served(Source::Relayed(bottom));
    call.attempt(call.root(), 0, attempt, outcome);
    call.served(Source::Relayed(middle));
    [top, middle, bottom]
}

/// The app is not there: the gateway before it makes a 502 of that.
fn refused_at_app(call: &mut Call, attempt: u16) -> [HopId; 3] {
    let top = call.root().child(0, 0, attempt);
    let middle = top.child(0, 1, 1);
    let bottom = call.attempt(middle, 2, 1, REFUSED);
    call.attempt(top, 1, 1, Outcome::Answered(502));
    call.served(Source::Translated(bottom, Failure::ConnectionRefused));
    call.attempt(call.root(), 0, attempt, Outcome::Answered(502));
    call.served(Source::Relayed(middle));
    [top, middle, bottom]
}

fn bad(n: u64, start_ms: u64) -> CallTrace {
    let mut call = Call::new(0, n, start_ms);
    refused_at_app(&mut call, 1);
    call.end()
}

fn masked(n: u64, start_ms: u64) -> CallTrace {
    let mut call = Call::new(0, n, start_ms);
    refused_at_app(&mut call, 1);
    down_to_app(&mut call, 2, Outcome::Answered(200));
    call.end()
}

#[test]
fn failures_are_counted_where_they_were_born() {
    let figures = figures(chain(&NAMES), &[good(0, 0), bad(1, 10), masked(2, 20)]);
    let surfaced: u64 = figures.origins.iter().map(|o| o.surfaced).sum();
    let hidden: u64 = figures.origins.iter().map(|o| o.masked).sum();
    // The masked failure is counted once, not once for each gateway that passed it on.
    assert_eq!((surfaced, hidden), (1, 1));
    let row = figures.origins.iter().find(|o| o.surfaced == 1).unwrap();
    assert_eq!((row.status, row.share), (Some(502), 1.0));
    assert_eq!((row.first_ms, row.last_ms), (10.0, 10.0));
}

#[test]
fn layers_tell_who_made_a_502_and_who_passed_it_on() {
    let figures = figures(chain(&NAMES), &[good(0, 0), bad(1, 10), masked(2, 20)]);
    let row = |name: &str| figures.layers.iter().find(|l| &*l.node == name).unwrap().clone();
    let client = row("client");
    assert_eq!((client.requests, client.ok, client.absorbed), (3, 2, 1));
    let edge = row("edge-gw");
    assert_eq!((edge.requests, edge.ok, edge.generated_502, edge.forwarded_502), (4, 2, 0, 2));
    let api = row("api-gw");
    assert_eq!((api.requests, api.ok, api.generated_502, api.forwarded_502), (4, 2, 2, 0));
    assert_eq!((api.generated_5xx, api.forwarded_5xx), (2, 0));
    assert_eq!(row("app").requests, 2);
}

#[test]
fn a_refusal_is_the_nodes_own() {
    let mut call = Call::new(0, 0, 0);
    call.attempt(call.root(), 0, 1, Outcome::Answered(503));
    call.served(Source::Refused(Refusal::QueueFull));
    let figures = figures(chain(&NAMES), &[call.end()]);
    assert_eq!((figures.layers[1].generated_502, figures.layers[1].generated_5xx), (0, 1));
}

#[test]
fn strategies_count_what_retries_cost() {
    let figures = figures(chain(&NAMES), &[good(0, 0), bad(1, 10), masked(2, 20)]);
    let row = &figures.strategies[0];
    assert_eq!((row.calls, row.succeeded), (3, 2));
    assert!((row.attempts_per_call - 4.0 / 3.0).abs() < 1e-6);
    // Refused connections were sent to the app too.
    assert!((row.amplification - 4.0 / 3.0).abs() < 1e-6);
    assert!(row.wasted_work.abs() < 1e-9);
    assert_eq!(row.max_ms, Some(20.0));
    let (low, high) = (row.success_low.unwrap(), row.success_high.unwrap());
    assert!(low < 0.667 && 0.667 < high, "{low} {high}");
}

#[test]
fn work_for_an_answer_that_nobody_used_is_wasted() {
    let mut call = Call::new(0, 0, 0);
    // The app answers in full, but the client has given up on the way.
    let timeout = Outcome::Failed { failure: Failure::HeadTimeout, status: None };
    let top = call.root().child(0, 0, 1);
    let middle = top.child(0, 1, 1);
    call.attempt(middle, 2, 1, Outcome::Answered(200));
    call.served(Source::Own);
    call.attempt(top, 1, 1, Outcome::Answered(200));
    call.served(Source::Relayed(middle.child(0, 2, 1)));
    call.attempt(call.root(), 0, 1, timeout);
    call.served(Source::Relayed(middle));
    down_to_app(&mut call, 2, Outcome::Answered(200));
    let figures = figures(chain(&NAMES), &[call.end()]);
    assert!((figures.strategies[0].wasted_work - 0.5).abs() < 1e-9);
}

#[test]
fn the_warm_up_is_written_but_not_counted_and_a_surge_is_neither() {
    let mut scenario = chain(&NAMES);
    scenario.warmup = Duration::from_millis(15);
    let mut surge = node("surge", NodeKind::Client);
    surge.synthetic = true;
    let surge = scenario.topology.add_node(surge);
    scenario.topology.add_edge(surge, NodeId(3), link());
    scenario.loads.push(Load { ..load(surge) });
    let mut extra = Call::new(1, 0, 20);
    extra.trace.end.client = surge;
    extra.attempt(extra.root(), 3, 1, REFUSED);

    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let mut recorder = Recorder::with_folder(scenario.into(), &dir).unwrap();
    record(&mut recorder, &[bad(0, 0), good(1, 15), extra.end()]);
    let gauge = Gauge { node: NodeId(3), at: MS(20), in_flight: 9, queued: 4 };
    recorder.record(Record::Gauge(gauge)).unwrap();
    let figures = recorder.finish(&[]).unwrap();

    assert_eq!(figures.strategies[0].calls, 1);
    assert!(figures.origins.is_empty());
    assert!(figures.layers.iter().all(|l| &*l.node != "surge" && l.requests == 1));
    let calls: Vec<CallRow> = dir.read_rows().unwrap();
    assert_eq!(calls.iter().map(|c| c.call.number()).collect::<Vec<_>>(), [0, 1]);
    let hops: Vec<HopRow> = dir.read_rows().unwrap();
    assert_eq!(hops.len(), 6);
    let timeline: Vec<TimelineRow> = dir.read_rows().unwrap();
    let app = timeline.iter().find(|t| &*t.node == "app").unwrap();
    assert_eq!((app.requests, app.in_flight, app.queued), (1, 9, 4));
}

#[test]
fn rows_tell_a_failed_call() {
    let mut call = Call::new(0, 0, 5);
    let [top, middle, bottom] = refused_at_app(&mut call, 1);
    call.mark(bottom, FaultSet::from_iter([FaultId(0), FaultId(1)]));
    let exchange = Exchange { url: "http://127.0.0.1:1/".into(), ..Exchange::default() };
    call.trace.attempts[0].exchange = Some(Box::new(exchange));
    let mut scenario = chain(&NAMES);
    let down = || Mechanism::Crash(Crash::Hang {});
    scenario.faults.push(fault("one", Target::Node(NodeId(3)), down()));
    scenario.faults.push(fault("two", Target::Node(NodeId(3)), down()));

    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let mut recorder = Recorder::with_folder(scenario.into(), &dir).unwrap();
    record(&mut recorder, &[call.end()]);
    recorder.finish(&[1, 1]).unwrap();

    let calls: Vec<CallRow> = dir.read_rows().unwrap();
    assert_eq!(calls[0].path, "refused@app -> 502@api-gw -> 502@edge-gw");
    assert_eq!(calls[0].born, Some(bottom));
    let hops: Vec<HopRow> = dir.read_rows().unwrap();
    let row = |hop| hops.iter().find(|h| h.hop == hop).unwrap();
    assert_eq!((&*row(bottom).error, &*row(bottom).faults), ("connection_refused", "one;two"));
    assert!(!row(bottom).seen_by_callee && row(middle).seen_by_callee);
    assert_eq!((&*row(top).generated_by, &*row(middle).generated_by), ("api-gw", "api-gw"));
    let examples = dir.read_examples().unwrap();
    assert_eq!((&*examples[0].call, &*examples[0].hops[0].hop), ("0", &*bottom.to_string()));
}

/// What two runs have counted adds up to what one with all calls counts.
#[test]
fn counts_of_runs_add_up() {
    let mut scenario = chain(&NAMES);
    scenario.faults.push(fault("hang", Target::Node(NodeId(3)), Mechanism::Crash(Crash::Hang {})));
    let mut marked = Call::new(0, 3, 40);
    let [.., bottom] = refused_at_app(&mut marked, 1);
    marked.mark(bottom, FaultSet::from_iter([FaultId(0)]));
    let calls = [good(0, 0), bad(1, 10), masked(2, 2500), marked.end(), bad(4, 700), good(5, 30)];
    let recorded = |calls: &[CallTrace], matched: u64| {
        let temp = tempfile::tempdir().unwrap();
        let dir = RunDir::create(temp.path()).unwrap();
        let files = Files::create(&dir, &Logs { records: Records::None, ..Logs::default() }).unwrap();
        let mut recorder = Recorder::with(scenario.clone().into(), Some(files), None);
        record(&mut recorder, calls);
        recorder.close(&[matched]).unwrap()
    };
    for split in 0..=calls.len() {
        let (first, second) = calls.split_at(split);
        let (all, mut one, other) = (recorded(&calls, 5), recorded(first, 2), recorded(second, 3));
        // The load's time is that of two runs.
        let twice = all.tally.row(&scenario).goodput_per_s;
        one.tally.merge(&other.tally);
        let [mut all, mut sum] = [all, one].map(|recorded| recorded.tally.figures(&scenario));
        for figures in [&mut all, &mut sum] {
            assert!(figures.strategies[0].goodput_per_s <= twice);
            figures.strategies[0].goodput_per_s = 0.0;
            figures.by_seed.clear();
        }
        assert_eq!(sum, all, "{split}");
    }
}

#[test]
fn thresholds_are_judged_by_the_figures() {
    let mut scenario = chain(&NAMES);
    let mut ask = |text: &str, metric, comparison, value| {
        scenario.thresholds.push(Threshold { text: text.into(), metric, comparison, value });
    };
    ask("success_rate >= 60%", Metric::SuccessRate, Comparison::AtLeast, 0.6);
    ask("p(99) < 20ms", Metric::Percentile(99.0), Comparison::Below, 20.0);
    ask("failed <= 1", Metric::Failed, Comparison::AtMost, 1.0);
    let some = figures(scenario.clone(), &[good(0, 0), bad(1, 10), masked(2, 20)]);
    assert_eq!(some.thresholds.iter().map(|t| t.met).collect::<Vec<_>>(), [true, false, true]);
    let none = figures(scenario, &[]);
    assert_eq!(none.thresholds.iter().map(|t| t.met).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(none.strategies[0].success_rate, None);
}

/// Decisions for a made-up call, taken from a list that is repeated without end.
struct Tape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Tape<'_> {
    fn below(&mut self, end: u8) -> u8 {
        let byte = self.bytes[self.at % self.bytes.len()];
        self.at += 1;
        // What has been read once reads differently the next time.
        byte.wrapping_add(u8::try_from(self.at / self.bytes.len() % 251).unwrap()) % end
    }

    fn outcome(&mut self) -> Outcome {
        match self.below(8) {
            0 => REFUSED,
            1 => TERMINATED,
            2 => Outcome::Failed { failure: Failure::HeadTimeout, status: None },
            3 => Outcome::Failed { failure: Failure::BodyIncomplete, status: Some(200) },
            4 => Outcome::Failed { failure: Failure::Cancelled, status: None },
            5 => Outcome::Answered(502),
            _ => Outcome::Answered(200),
        }
    }

    fn marks(&mut self) -> FaultSet {
        (0..2).map(FaultId).filter(|_| self.below(4) == 0).collect()
    }

    /// The attempts that one node makes while it serves `parent`; the hop that decided.
    fn attempts(&mut self, call: &mut Call, parent: HopId, edge: u32) -> Option<HopId> {
        let mut decisive = None;
        for attempt in 1..=u16::from(self.below(3)) {
            let below =
                (edge < 2).then(|| self.attempts(call, parent.child(0, edge, attempt), edge + 1)).flatten();
            let outcome = self.outcome();
            let hop = call.attempt(parent, edge, attempt, outcome);
            let marks = self.marks();
            call.mark(hop, marks);
            if outcome != REFUSED && self.below(8) > 0 {
                let source = match (below, self.below(3)) {
                    (Some(below), 0) => Source::Relayed(below),
                    (Some(below), 1) => Source::Translated(below, Failure::ConnectionRefused),
                    (None, 0) => Source::Nobody,
                    _ => Source::Own,
                };
                let marks = self.marks();
                call.served(source).faults = marks;
            }
            decisive = Some(hop);
        }
        decisive
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_counted_twice(
        tapes in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 0..20)
    ) {
        let mut scenario = chain(&NAMES);
        let reset = Network::ResetPeer { phase: topology::fault::ResetPhase::BeforeHeaders };
        scenario.faults.push(fault("reset", Target::Edge(EdgeId(2)), Mechanism::Network(reset)));
        scenario.faults.push(fault("hang", Target::Node(NodeId(3)), Mechanism::Crash(Crash::Hang {})));
        let mut traces = Vec::new();
        for (n, bytes) in tapes.iter().enumerate() {
            let mut call = Call::new(0, n as u64, 100 * n as u64);
            let root = call.root();
            Tape { bytes, at: 0 }.attempts(&mut call, root, 0);
            traces.push(call.end());
        }
        let failed = traces.iter().filter(|t| !t.end.is_ok()).count() as u64;
        let marks = |t: &CallTrace| -> u64 {
            t.attempts.iter().map(|a| u64::from(t.marks(a.hop).len())).sum()
        };
        let injected: u64 = traces.iter().map(marks).sum();
        let figures = figures(scenario, &traces);
        prop_assert_eq!(figures.strategies[0].calls, traces.len() as u64);
        prop_assert_eq!(figures.origins.iter().map(|o| o.surfaced).sum::<u64>(), failed);
        prop_assert_eq!(figures.faults.iter().map(|f| f.injected).sum::<u64>(), injected);
        for row in &figures.faults {
            prop_assert_eq!(row.injected, row.masked + row.surfaced + row.harmless);
            prop_assert!(row.matched >= row.injected);
        }
        let score = &figures.score;
        prop_assert_eq!(score.single.total + score.multiple.total + score.unmarked, failed);
        let shares: f64 = figures.origins.iter().map(|o| o.share).sum();
        prop_assert!(failed == 0 || (shares - 1.0).abs() < 1e-4);
    }
}

/// A breaker that is open repeats, as it were, the failure that opened it.
#[test]
fn what_was_not_even_asked_for_is_traced_to_what_came_before() {
    let not_asked = Outcome::Failed { failure: Failure::DestinationUnavailable, status: None };
    let dropped = |n| {
        let mut call = Call::new(0, n, 100);
        call.attempt(call.root(), 0, 1, not_asked);
        call.end()
    };
    let found = figures(chain(&NAMES), &[bad(0, 0), dropped(1), dropped(2)]);
    let by_app: Vec<_> = found.origins.iter().map(|o| (o.origin.as_ref(), o.surfaced)).collect();
    assert_eq!(by_app.iter().map(|o| o.1).sum::<u64>(), 3);
    assert!(by_app.iter().all(|o| o.0 == "api-gw -> app"), "{by_app:?}");

    let found = figures(chain(&NAMES), &[dropped(1)]);
    assert_eq!(found.origins[0].cause.as_ref(), "unknown");

    // In the same call an earlier attempt tells.
    let mut call = Call::new(0, 1, 100);
    refused_at_app(&mut call, 1);
    call.attempt(call.root(), 0, 2, not_asked);
    let found = figures(chain(&NAMES), &[call.end()]);
    assert_eq!(found.origins[0].origin.as_ref(), "api-gw -> app");
}
