use ::topology::{Failure, FaultId, FaultSet, Mechanism, NodeId, Target, fault::Crash};
use trace::manifest::{EdgeEntry, FORMAT, Manifest, NodeEntry, Records, Score, Versions};
use trace::{CallTrace, Exchange, HopId, Outcome, Source};

use super::*;
use crate::Recorder;
use crate::testing::{Call, REFUSED, chain, fault, record};

/// What would be run, if it were not escaped.
const EVIL: &str = "<script>alert('x')</script>\"&";

pub(crate) fn manifest(names: &[&str]) -> Manifest {
    let nodes = names.iter().map(|name| NodeEntry { name: (*name).to_owned(), kind: "server".to_owned() });
    let edges = names.windows(2).map(|w| EdgeEntry { from: w[0].to_owned(), to: w[1].to_owned() });
    Manifest {
        versions: Versions { tool: "0.1.0".into(), format: FORMAT },
        scenario: EVIL.into(),
        engine: "live".into(),
        seed: 7,
        strategy: String::new(),
        start: "2026-01-02T03:04:05Z".into(),
        elapsed_s: 3.0,
        warmup_s: 0.0,
        finished: true,
        interrupted: false,
        machine_limit: None,
        notes: vec![EVIL.into()],
        warnings: Vec::new(),
        aftermaths: Vec::new(),
        thresholds: Vec::new(),
        score: Score::default(),
        unmatched: Vec::new(),
        nodes: nodes.collect(),
        edges: edges.collect(),
        compared: Vec::new(),
        seeds: 1,
        records: Records::All,
    }
}

/// A call that fails because the last of the nodes refuses.
fn refused(n: u64, hops: u32) -> CallTrace {
    let mut call = Call::new(0, n, n * 7);
    let mut parents: Vec<HopId> = vec![call.root()];
    for edge in 0..hops - 1 {
        parents.push(parents[parents.len() - 1].child(0, edge, 1));
    }
    let mut below = call.attempt(parents[parents.len() - 1], hops - 1, 1, REFUSED);
    call.mark(below, FaultSet::from_iter([FaultId(0)]));
    call.trace.attempts[0].exchange = Some(Box::new(Exchange {
        method: "GET".into(),
        url: format!("http://127.0.0.1:1/{EVIL}"),
        request_headers: vec![("x-evil".into(), EVIL.into()), ("x-long".into(), "0123456789".repeat(1000))],
        response_headers: Vec::new(),
        error: Some(EVIL.into()),
    }));
    for edge in (0..hops - 1).rev() {
        let hop = call.attempt(parents[edge as usize], edge, 1, Outcome::Answered(502));
        call.served(Source::Translated(below, Failure::ConnectionRefused));
        below = hop;
    }
    call.end()
}

/// The page of so many failed calls.
fn page(names: &[&str], calls: u64) -> String {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let mut scenario = chain(names);
    scenario.description = EVIL.into();
    let last = NodeId(u32::try_from(names.len()).unwrap() - 1);
    scenario.faults.push(fault(EVIL, Target::Node(last), Mechanism::Crash(Crash::Panic {})));
    let mut recorder = Recorder::with_folder(scenario.clone().into(), &dir).unwrap();
    let hops = u32::try_from(names.len()).unwrap() - 1;
    let calls: Vec<_> = (0..calls).map(|n| refused(n, hops)).collect();
    record(&mut recorder, &calls);
    let report = Report::new(manifest(names), recorder.finish(&[1]).unwrap());
    html(&report, Some(&scenario), &dir.read_examples().unwrap())
}

#[test]
fn what_comes_from_a_scenario_is_escaped_everywhere() {
    let node = format!("app{EVIL}");
    let page = page(&["client", "gateway", &node], 3);
    let ours = page.matches("<script>").count();
    assert_eq!((ours, page.matches("</script>").count()), (1, 1));
    for part in ["alert('x')", "&lt;script&gt;alert('x')&lt;/script&gt;&quot;&amp;"] {
        assert!(page.contains(part), "{part}");
    }
    // The style and the script are the page's own, and no attribute is left by a quote.
    assert!(!page.contains("x')</script>\"&"), "a name ended an element");
}

#[test]
fn it_asks_for_nothing_outside_of_itself() {
    let page = page(&["client", "gateway", "app"], 3);
    for element in ["src=", "@import", "url(http", "<link rel=\"stylesheet"] {
        assert!(!page.contains(element), "{element}");
    }
    let links = page.matches("href=").count();
    // To the report itself, and the empty icon.
    assert_eq!(links, 2);
}

#[test]
fn its_size_does_not_grow_with_the_run() {
    let names = ["client", "a", "b", "c", "d", "e", "f", "g", "h", "app"];
    let (small, large) = (page(&names, 20), page(&names, 2000));
    assert!(large.len() < small.len() + 60_000, "{} {}", small.len(), large.len());
    assert!(large.len() < 2_000_000);
}

#[test]
fn a_big_topology_is_shown_in_part() {
    let names: Vec<String> = (0..400).map(|n| format!("node-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let page = page(&names, 1);
    assert!(page.contains("of 400 with the most failures"));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn an_older_folder_has_a_page_without_charts() {
    let strategies = vec![crate::testing::strategy("", 900, 1.0)];
    let figures = crate::Figures { strategies, ..crate::Figures::default() };
    let report = Report { overview: None, ..Report::new(manifest(&["client", "app"]), figures) };
    let page = html(&report, None, &[]);
    // Instead of the timeline, the latencies and the ways of failures.
    assert_eq!(page.matches("overview.json").count(), 3, "{page}");
}

#[test]
fn counts_are_grouped() {
    for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
        assert_eq!(count(n), text);
    }
}
