use unicode_width::UnicodeWidthStr;

use super::super::tests::{example, written};
use crate::Report;
use crate::comparison::conclude;
use crate::render::Format;
use crate::testing::strategy;
use trace::manifest::{EdgeEntry, NodeEntry, ThresholdVerdict};
use trace::rows::{OriginRow, StrategyRow};

/// A strategy that is compared with one under which 914 of 1000 calls succeed.
fn against(name: &str, succeeded: u64, load: f64, rank: u32) -> StrategyRow {
    let difference = (succeeded as f64 - 914.0) / 1000.0;
    StrategyRow {
        rank,
        pareto: Some(rank == 1),
        pairs: Some(1000),
        success_vs: Some(difference),
        success_vs_low: Some(difference - 0.0123),
        success_vs_high: Some(difference + 0.0123),
        load_vs: Some(load - 1.0),
        p99_vs_ms: Some(0.0),
        bound: Some(16),
        ..strategy(name, succeeded, load)
    }
}

fn comparison(first: &str) -> Report {
    let none = StrategyRow { rank: 3, pareto: Some(true), ..strategy(first, 914, 1.0) };
    let slow = StrategyRow {
        p99_ms: Some(2123.4),
        pareto: Some(false),
        ..against("python-requests-loop", 989, 1.5, 1)
    };
    report(vec![none, against("budgeted", 991, 1.09, 1), slow, against("eager", 850, 3.4, 4)])
}

fn report(strategies: Vec<StrategyRow>) -> Report {
    let mut report = example();
    let alone = report.origins.clone();
    report.origins = Vec::new();
    report.run.thresholds = Vec::new();
    for row in &strategies {
        let of = |origin: &OriginRow| OriginRow { strategy: row.strategy.clone(), ..origin.clone() };
        report.origins.extend(alone.iter().map(of));
        report.run.compared.push(row.strategy.to_string());
        let success = row.success_rate.unwrap_or(0.0);
        report.run.thresholds.push(ThresholdVerdict {
            text: "success_rate >= 95%".to_owned(),
            figure: Some(success),
            met: success >= 0.95,
            strategy: row.strategy.to_string(),
        });
    }
    let node = |name: &str, kind: &str| NodeEntry { name: name.to_owned(), kind: kind.to_owned() };
    report.run.nodes = vec![node("client", "client"), node("app#1", "server"), node("app#2", "server")];
    let edge = |to: &str| EdgeEntry { from: "client".to_owned(), to: to.to_owned() };
    report.run.edges = vec![edge("app#1"), edge("app#2")];
    report.conclusion = conclude(&strategies, "app");
    report.strategies = strategies;
    report
}

#[test]
fn a_comparison() {
    insta::assert_snapshot!(written(&comparison("none"), Format::Table, false));
}

#[test]
fn a_comparison_in_markdown() {
    insta::assert_snapshot!(written(&comparison("none"), Format::Markdown, false));
}

#[test]
fn a_comparison_that_says_nothing() {
    let mut report = report(vec![
        StrategyRow { pareto: Some(true), ..strategy("", 914, 1.0) },
        against("eager", 920, 1.2, 1),
    ]);
    report.run.seeds = 5;
    report.run.interrupted = true;
    report.run.compared.push("patient".to_owned());
    (report.strategies[1].pairs, report.strategies[1].pareto) = (Some(804), Some(false));
    insta::assert_snapshot!(written(&report, Format::Table, false));
}

#[test]
fn a_comparison_fits_into_80_columns() {
    let long = "a-strategy-with-a-very-long-name-indeed-which-nobody-would-type";
    let mut rows = vec![strategy("none", 914, 1.0), against(long, 989, 123.0, 1)];
    (rows[0].rank, rows[1].bound) = (2, Some(123_456_789));
    (rows[1].success_vs_low, rows[1].success_vs_high) = (Some(-0.753), Some(0.753));
    (rows[1].success_low, rows[1].success_high) = (Some(0.153), Some(1.0));
    let text = written(&report(rows), Format::Table, false);
    for line in text.lines() {
        assert!(line.width() <= 80, "{} columns: {line}", line.width());
    }
}

#[test]
fn a_comparison_in_json_says_what_to_choose() {
    let json: serde_json::Value =
        serde_json::from_str(&written(&comparison("none"), Format::Json, false)).unwrap();
    assert_eq!(json["conclusion"]["advice"], "choose");
    assert_eq!(json["conclusion"]["strategy"], "budgeted");
    assert_eq!(json["strategies"][1]["success_vs"], 0.077);
}

/// The one that comes first has met them; that others have not does not matter.
#[test]
fn thresholds_are_those_of_the_strategy_that_comes_first() {
    let mut report = comparison("none");
    assert!(report.thresholds_met() && report.run.thresholds.iter().any(|t| !t.met));
    report.run.thresholds[1].met = false;
    assert!(!report.thresholds_met());
}
