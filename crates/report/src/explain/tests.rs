use topology::{Failure, FaultId, FaultSet, Mechanism, NodeId, Scenario, Target, fault::Crash};
use trace::manifest::{FORMAT, Manifest, Records, Score, Versions};
use trace::{Exchange, Outcome, Source};

use super::*;
use crate::testing::{Call, REFUSED, chain, fault, record};
use crate::{Logs, Recorder, Report, Series};

/// A run with a call that went well at second try, and one that failed, in a folder.
fn run(dir: &RunDir) {
    let mut scenario = chain(&["client", "gateway", "app"]);
    scenario.faults.push(fault("app-down", Target::Node(NodeId(2)), Mechanism::Crash(Crash::Panic {})));
    let mut recorder = Recorder::with_folder(scenario.into(), dir).unwrap();
    let mut well = Call::new(0, 0, 0);
    refused(&mut well, 1);
    let top = well.root().child(0, 0, 2);
    let below = well.attempt(top, 1, 1, Outcome::Answered(200));
    well.served(Source::Own);
    well.attempt(well.root(), 0, 2, Outcome::Answered(200));
    well.served(Source::Relayed(below));
    let mut bad = Call::new(0, 1, 2500);
    let bottom = refused(&mut bad, 1);
    bad.mark(bottom, FaultSet::from_iter([FaultId(0)]));
    let attempt = &mut bad.trace.attempts[0];
    attempt.exchange = Some(Box::new(Exchange {
        method: "GET".into(),
        url: "http://127.0.0.1:41234/v1/x".into(),
        request_headers: vec![("host".into(), "app".into()), ("x-long".into(), "0123456789".repeat(9))],
        response_headers: Vec::new(),
        error: Some("connection refused".into()),
    }));
    record(&mut recorder, &[well.end(), bad.end()]);
    let figures = recorder.finish(&[1]).unwrap();
    let report = Report::new(manifest(), figures);
    report.write(dir).unwrap();
    assert_eq!(Report::read(dir).unwrap(), report);
}

fn manifest() -> Manifest {
    Manifest {
        versions: Versions { tool: "0.1.0".into(), format: FORMAT },
        scenario: "chain".into(),
        engine: "live".into(),
        seed: 7,
        strategy: String::new(),
        start: "2026-01-02T03:04:05Z".into(),
        elapsed_s: 3.0,
        warmup_s: 0.0,
        finished: true,
        interrupted: false,
        machine_limit: None,
        notes: Vec::new(),
        thresholds: Vec::new(),
        score: Score::default(),
        unmatched: Vec::new(),
        nodes: Vec::new(),
        edges: Vec::new(),
        compared: Vec::new(),
        seeds: 1,
        records: Records::All,
        warnings: Vec::new(),
        aftermaths: Vec::new(),
    }
}

fn refused(call: &mut Call, attempt: u16) -> HopId {
    let top = call.root().child(0, 0, attempt);
    let below = call.attempt(top, 1, 1, REFUSED);
    call.attempt(call.root(), 0, attempt, Outcome::Answered(502));
    call.served(Source::Translated(below, Failure::ConnectionRefused));
    below
}

/// The calls with a fixed verdict, whatever the rules say.
fn explained(selection: &Selection) -> Vec<Explained> {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    run(&dir);
    let mut calls = read(&dir, selection).unwrap();
    for call in calls.iter_mut().filter(|c| !c.call.origin.is_empty()) {
        call.call.origin = "app".into();
        call.call.cause = "crash".into();
        call.call.mechanism = "down".into();
        call.call.evidence = "app's process was down from 2.4s to 3.4s".into();
        call.call.next_step = "look at why app died".into();
    }
    calls
}

fn call(number: u64) -> Selection {
    Selection { call: Some(CallId::new(0, number)), ..Selection::default() }
}

fn written(calls: &[Explained], format: Format) -> String {
    let mut out = Vec::new();
    write(calls, format, Look::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn without_a_call_it_takes_a_failed_one() {
    insta::assert_snapshot!(written(&explained(&Selection::default()), Format::Table));
}

#[test]
fn a_call_that_went_well_can_be_looked_at_too() {
    insta::assert_snapshot!(written(&explained(&call(0)), Format::Table));
}

#[test]
fn in_markdown_and_json() {
    let calls = explained(&Selection::default());
    assert!(written(&calls, Format::Markdown).contains("```text\n"));
    let json: serde_json::Value = serde_json::from_str(&written(&calls, Format::Json)).unwrap();
    assert_eq!(json[0]["call"]["call"], "1");
    assert_eq!(json[0]["hops"].as_array().unwrap().len(), 2);
}

#[test]
fn an_unknown_call_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    run(&dir);
    let error = read(&dir, &call(99)).unwrap_err();
    assert_eq!(error.to_string(), "the run has no call 99: calls.csv lists those it has");
}

#[test]
fn without_a_failure_there_is_nothing_to_explain() {
    assert_eq!(written(&[], Format::Table), "no call failed: there is nothing to explain\n");
}

/// Call 0 under two strategies and two seeds; under the first strategy nothing fails.
#[test]
fn runs_of_a_comparison_are_not_mixed() {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let mut series = Series::create(&dir, 2, Logs::default()).unwrap();
    for (seed, strategy, attempts) in [(7, "calm", 0), (7, "eager", 2), (8, "calm", 0), (8, "eager", 3)] {
        let scenario =
            Scenario { seed, strategy: strategy.to_owned(), ..chain(&["client", "gateway", "app"]) };
        let mut call = Call::new(0, 0, 0);
        for attempt in 1..=attempts {
            refused(&mut call, attempt);
        }
        if attempts == 0 {
            call.attempt(call.root(), 0, 1, Outcome::Answered(200));
            call.served(Source::Own);
        }
        let mut recorder = series.begin(scenario.into()).unwrap();
        record(&mut recorder, &[call.end()]);
        series.end(recorder, &[], false).unwrap();
    }
    Report::new(Manifest { seeds: 2, ..manifest() }, series.finish().unwrap()).write(&dir).unwrap();

    let found = |selection: &Selection| {
        let calls = read(&dir, selection).unwrap();
        calls
            .into_iter()
            .map(|c| (c.call.strategy.to_string(), c.call.seed, c.hops.len()))
            .collect::<Vec<_>>()
    };
    let of =
        |strategy: Option<&str>, seed| Selection { strategy: strategy.map(str::to_owned), seed, ..call(0) };
    assert_eq!(found(&Selection::default()), [("eager".to_owned(), 7, 4)]);
    assert_eq!(found(&of(None, None)), [("eager".to_owned(), 7, 4)]);
    assert_eq!(found(&of(None, Some(8))), [("eager".to_owned(), 8, 6)]);
    assert_eq!(found(&of(Some("calm"), Some(8))), [("calm".to_owned(), 8, 1)]);
    assert_eq!(found(&Selection { strategy: Some("calm".to_owned()), ..Selection::default() }), []);
    assert!(matches!(read(&dir, &of(None, Some(9))), Err(ExplainError::NoSuchCall(_))));
    let error = read(&dir, &of(Some("bold"), None)).unwrap_err();
    assert_eq!(error.to_string(), "the run has no strategy `bold`: it has `calm`, `eager`");
}
