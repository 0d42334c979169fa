use trace::manifest::{
    EdgeEntry, FORMAT, Hits, Manifest, NodeEntry, Records, Score, ThresholdVerdict, Versions,
};
use trace::overview::{Bin, Kind, NodeBins, Overview, StrategyOverview};
use trace::rows::{FaultRow, LayerRow, OriginRow, StrategyRow};
use unicode_width::UnicodeWidthStr;

use super::*;

fn origin(
    status: Option<u16>,
    origin: &str,
    cause: &str,
    mechanism: &str,
    (surfaced, masked): (u64, u64),
) -> OriginRow {
    OriginRow {
        strategy: "".into(),
        status,
        origin: origin.into(),
        origin_kind: if origin.contains("->") { "edge" } else { "node" }.into(),
        cause: cause.into(),
        mechanism: mechanism.into(),
        surfaced,
        masked,
        share: surfaced as f64 / 214.0,
        first_ms: 5012.3,
        last_ms: 13999.0,
    }
}

fn layer(node: &str, requests: u64, generated_502: u64, forwarded_502: u64) -> LayerRow {
    LayerRow {
        strategy: "".into(),
        node: node.into(),
        requests,
        ok: requests - generated_502 - forwarded_502,
        generated_502,
        forwarded_502,
        generated_5xx: generated_502,
        forwarded_5xx: forwarded_502,
        absorbed: 12,
    }
}

fn fault(fault: &str, at: &str, injected: u64, surfaced: u64) -> FaultRow {
    FaultRow {
        strategy: "".into(),
        fault: fault.into(),
        target: at.into(),
        cause: "crash".into(),
        mechanism: "down".into(),
        matched: injected * 2,
        injected,
        masked: injected - surfaced,
        surfaced,
        harmless: 0,
    }
}

pub(crate) fn example() -> Report {
    let run = Manifest {
        versions: Versions { tool: "0.1.0".into(), format: FORMAT },
        scenario: "llm-chain-crash".into(),
        engine: "live".into(),
        seed: 7,
        strategy: String::new(),
        start: "2026-01-02T03:04:05Z".into(),
        elapsed_s: 20.5,
        warmup_s: 2.0,
        finished: true,
        interrupted: false,
        machine_limit: None,
        notes: Vec::new(),
        thresholds: vec![
            ThresholdVerdict {
                text: "success_rate >= 99%".into(),
                figure: Some(0.9465),
                met: false,
                strategy: String::new(),
            },
            ThresholdVerdict {
                text: "p(99) < 1s".into(),
                figure: Some(812.4),
                met: true,
                strategy: String::new(),
            },
        ],
        score: Score { single: Hits { right: 210, total: 210 }, unmarked: 4, ..Score::default() },
        unmatched: vec!["slow-link".into()],
        nodes: Vec::new(),
        edges: Vec::new(),
        compared: Vec::new(),
        seeds: 1,
        records: Records::All,
        warnings: Vec::new(),
        aftermaths: Vec::new(),
    };
    let strategy = StrategyRow {
        strategy: "".into(),
        calls: 4000,
        succeeded: 3786,
        success_rate: Some(0.9465),
        success_low: Some(0.9391),
        success_high: Some(0.953),
        p50_ms: Some(24.12),
        p90_ms: Some(88.0),
        p99_ms: Some(812.4),
        p999_ms: Some(1900.0),
        max_ms: Some(2004.0),
        attempts_per_call: 1.0,
        amplification: 1.37,
        wasted_work: 0.0002,
        goodput_per_s: 210.3,
        rank: 1,
        bound: Some(2),
        pareto: None,
        pairs: None,
        success_vs: None,
        success_vs_low: None,
        success_vs_high: None,
        load_vs: None,
        p99_vs_ms: None,
        prompt_tokens: None,
        completion_tokens: None,
        wasted_tokens: None,
        money: None,
        wasted_money: None,
    };
    Report {
        run,
        origins: vec![
            origin(Some(502), "app", "crash", "down", (180, 411)),
            origin(Some(502), "llm-gateway -> app", "network", "reset_peer", (30, 102)),
            origin(None, "client", "client", "", (4, 0)),
        ],
        layers: vec![
            layer("client", 4000, 0, 0),
            layer("llm-gateway", 4000, 214, 0),
            layer("ibm-api-connect-production", 4000, 0, 214),
        ],
        faults: vec![fault("app-crash", "app", 591, 180), fault("slow-link", "llm-gateway -> app", 0, 0)],
        strategies: vec![strategy],
        by_seed: Vec::new(),
        means: Vec::new(),
        conclusion: None,
        overview: None,
    }
}

pub(super) fn written(report: &Report, format: Format, colour: bool) -> String {
    let mut out = Vec::new();
    super::report(report, format, Look { colour, ..Look::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn tables() {
    insta::assert_snapshot!(written(&example(), Format::Table, false));
}

/// The same run with its shape: the crash is over after a third, the link is bad all the time.
fn with_shape() -> Report {
    let kind = |origin: &str, cause: &str, mechanism: &str, surfaced: Vec<u64>| Kind {
        origin: origin.to_owned(),
        cause: cause.to_owned(),
        mechanism: mechanism.to_owned(),
        surfaced,
        ..Kind::default()
    };
    let course = |value: &dyn Fn(u64) -> u64| (0..80).map(value).collect::<Vec<_>>();
    let kinds = vec![
        kind("app", "crash", "down", course(&|bin| if (20..26).contains(&bin) { bin - 14 } else { 0 })),
        kind("llm-gateway -> app", "network", "reset_peer", course(&|bin| u64::from(bin % 3 == 0))),
        kind("client", "client", "client", course(&|bin| u64::from(bin == 79))),
    ];
    let inside = |node: &str, most: u32| NodeBins {
        node: node.to_owned(),
        in_flight: (0..80).map(|bin| if (20..30).contains(&bin) { most } else { 2 }).collect(),
        queued: Vec::new(),
    };
    let nodes = vec![inside("llm-gateway", 31), inside("ibm-api-connect-production", 31)];
    let shape = StrategyOverview {
        bin_ms: 250.0,
        bins: vec![Bin::default(); 80],
        kinds,
        nodes,
        ..Default::default()
    };
    Report { overview: Some(Overview { strategies: vec![shape] }), ..example() }
}

#[test]
fn a_table_shows_when_where_that_says_something() {
    let text = written(&with_shape(), Format::Table, false);
    assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    insta::assert_snapshot!(text);
    // Elsewhere there are figures alone.
    assert_eq!(written(&with_shape(), Format::Markdown, false), written(&example(), Format::Markdown, false));
}

#[test]
fn a_terminal_without_unicode_is_given_ascii() {
    let mut out = Vec::new();
    let look = Look { charset: Charset::Ascii, ..Look::default() };
    report(&with_shape(), Format::Table, look, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.is_ascii(), "{text}");
    let unicode = written(&with_shape(), Format::Table, false);
    let widths = |text: &str| text.lines().map(UnicodeWidthStr::width).collect::<Vec<_>>();
    assert_eq!(widths(&text), widths(&unicode));
}

#[test]
fn in_markdown() {
    insta::assert_snapshot!(written(&example(), Format::Markdown, false));
}

#[test]
fn a_quiet_run() {
    let mut report = example();
    report.origins.clear();
    report.faults.clear();
    report.run.unmatched.clear();
    report.run.score = Score::default();
    report.run.interrupted = true;
    report.run.machine_limit = Some("this machine could not keep up: calls began 40ms late".into());
    report.run.thresholds[0].figure = None;
    let row = &mut report.strategies[0];
    (row.succeeded, row.success_rate) = (row.calls, None);
    insta::assert_snapshot!(written(&report, Format::Table, false));
}

#[test]
fn long_names_and_large_numbers_fit_into_80_columns() {
    let mut report = example();
    let long = "a-gateway-with-a-very-long-name-indeed#12";
    report.origins.push(origin(
        Some(504),
        &format!("{long} -> {long}"),
        "overload",
        "malformed_response",
        (123_456, 7_654_321),
    ));
    report.layers.push(layer(long, 12_345_678, 1_234_567, 1_234_567));
    report.faults.push(fault(long, &format!("{long} -> {long}"), 12_345_678, 1_234_567));
    let text = written(&report, Format::Table, false);
    for line in text.lines() {
        assert!(line.width() <= 80, "{} columns: {line}", line.width());
    }
    assert!(text.contains("a-g…#12"), "{text}");
}

#[test]
fn colour_adds_codes_and_nothing_else() {
    let (plain, coloured) =
        (written(&example(), Format::Table, false), written(&example(), Format::Table, true));
    assert!(coloured.contains("\u{1b}["));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}

#[test]
fn json_holds_everything() {
    let json: serde_json::Value = serde_json::from_str(&written(&example(), Format::Json, false)).unwrap();
    assert_eq!(json["run"]["seed"], 7);
    assert_eq!(json["origins"][0]["surfaced"], 180);
    assert_eq!(json["run"]["score"]["single"]["right"], 210);
    assert_eq!(json["strategies"][0]["p99_ms"], 812.4);
}

fn exported(report: &Report, export: Export) -> String {
    let mut out = Vec::new();
    super::export(report, export, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// An example with places, one of which has a name that must be quoted.
fn placed() -> Report {
    let mut report = example();
    let names = ["client", "llm-gateway", "app \"<b>\\"];
    report.run.nodes =
        names.map(|name| NodeEntry { name: name.into(), kind: "server".into() }).into_iter().collect();
    let edge = |from: &str, to: &str| EdgeEntry { from: from.into(), to: to.into() };
    report.run.edges = vec![edge("client", "llm-gateway"), edge("llm-gateway", names[2])];
    report.origins[0].origin = names[2].into();
    report
}

#[test]
fn as_junit() {
    let mut report = example();
    report.run.thresholds[0].text = "success_rate >= 99% & <more>".into();
    insta::assert_snapshot!(exported(&report, Export::Junit));
}

#[test]
fn as_dot() {
    insta::assert_snapshot!(exported(&placed(), Export::Dot));
}

#[test]
fn as_mermaid() {
    insta::assert_snapshot!(exported(&placed(), Export::Mermaid));
}
