use std::fmt::Write as _;

use topology::fault::Crash;
use topology::{Failure, FaultId, FaultSet, Mechanism, NodeId, Target};
use trace::otlp::AnyValue;
use trace::{CallTrace, NodeEvent, Outcome, Source};

use super::*;
use crate::attribution::Lifecycle;
use crate::testing::{Call, MS, TERMINATED, chain, fault};

/// Spans as text: whose, kind, name, ids, attributes.
fn text(spans: &[Owned], scenario: &Scenario) -> String {
    let mut text = String::new();
    for (node, span) in spans {
        let name = &scenario.topology.node(*node).name;
        let ids = format!("{} in {}", span.span_id, span.parent_span_id);
        let times = format!("{}..{}", span.start_time_unix_nano, span.end_time_unix_nano);
        let _ =
            writeln!(text, "{name}: {} {} {ids} {times} status {}", span.kind, span.name, span.status.code);
        for KeyValue { key, value } in &span.attributes {
            let value = match value {
                AnyValue::StringValue(text) => text.clone(),
                other => format!("{other:?}"),
            };
            let _ = writeln!(text, "  {key}: {value}");
        }
    }
    text
}

/// The app dies under the first attempt, and the gateway's second goes well.
fn masked() -> CallTrace {
    let mut call = Call::new(0, 7, 5);
    let top = call.root().child(0, 0, 1);
    let first = call.attempt(top, 1, 1, TERMINATED);
    call.mark(first, FaultSet::from_iter([FaultId(0)]));
    call.served(Source::Nobody).end = trace::ServedEnd::Panicked;
    let second = call.attempt(top, 1, 2, Outcome::Answered(200));
    call.served(Source::Own);
    call.attempt(call.root(), 0, 1, Outcome::Answered(200));
    call.served(Source::Relayed(second));
    call.end()
}

fn scenario() -> Arc<Scenario> {
    let mut scenario = chain(&["client", "gw", "app"]);
    let crash = Mechanism::Crash(Crash::Panic {});
    scenario.faults = vec![fault("dies", Target::Node(NodeId(2)), crash)];
    scenario.into()
}

#[test]
fn a_call_is_told_from_both_sides_of_each_hop() {
    let scenario = scenario();
    let spans = Spans::new(scenario.clone(), RunKey::default(), "live", true);
    let trace = masked();
    let call = Judged::new(&scenario, &Lifecycle::default(), &trace);
    let spans = spans.of(&call, Epoch(1_000_000_000));
    insta::assert_snapshot!(text(&spans, &scenario));
}

#[test]
fn a_call_that_failed_says_where_that_was_born() {
    let scenario = scenario();
    let spans = Spans::new(scenario.clone(), RunKey::default(), "live", false);
    let mut call = Call::new(0, 1, 0);
    let top = call.root().child(0, 0, 1);
    let below = call.attempt(top, 1, 1, TERMINATED);
    call.served(Source::Nobody).end = trace::ServedEnd::Panicked;
    call.attempt(call.root(), 0, 1, Outcome::Answered(502));
    call.served(Source::Translated(below, Failure::ConnectionTerminated));
    let trace = call.end();
    let call = Judged::new(&scenario, &Lifecycle::default(), &trace);
    let spans = spans.of(&call, Epoch(0));
    insta::assert_snapshot!(text(&spans, &scenario));
}

#[test]
fn every_span_of_a_call_but_one_is_a_part_of_another() {
    let scenario = scenario();
    let spans = Spans::new(scenario.clone(), RunKey::default(), "live", true);
    let trace = masked();
    let call = Judged::new(&scenario, &Lifecycle::default(), &trace);
    let made = spans.of(&call, Epoch(0));
    let orphans =
        made.iter().filter(|(_, span)| !made.iter().any(|(_, other)| other.span_id == span.parent_span_id));
    assert_eq!(orphans.map(|(_, span)| &*span.name).collect::<Vec<_>>(), ["call"]);
    let mut ids: Vec<_> = made.iter().map(|(_, span)| &span.span_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), made.len());
    // They are sent by whose they are, none lost.
    let count = made.len();
    let message = spans.message(made);
    assert_eq!(message.resource_spans.len(), 3);
    let sent: usize = message.resource_spans.iter().map(|r| r.scope_spans[0].spans.len()).sum();
    assert_eq!(sent, count);
}

#[test]
fn a_process_that_dies_is_told_in_a_trace_of_its_own() {
    let scenario = scenario();
    let spans = Spans::new(scenario.clone(), RunKey::default(), "live", true);
    let event = NodeEvent { node: NodeId(2), at: MS(3), kind: trace::NodeEventKind::Down };
    let (node, span) = spans.event(&Record::Node(event), Epoch(0)).unwrap();
    assert_eq!((node, &*span.name, span.start_time_unix_nano), (NodeId(2), "process down", 3_000_000));
    assert_eq!(span.attributes, [KeyValue::new(attribute::EVENT, "down")]);
    let record =
        Record::Arrived { call: trace::CallId(1), hop: HopId(1), edge: topology::EdgeId(0), at: MS(1) };
    assert!(spans.event(&record, Epoch(0)).is_none());
}
