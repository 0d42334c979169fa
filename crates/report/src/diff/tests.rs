use trace::rows::OriginRow;

use super::*;
use crate::page::tests::manifest;
use crate::testing::strategy;

fn report(row: StrategyRow, failed: u64) -> Report {
    let origin = OriginRow {
        strategy: row.strategy.clone(),
        status: Some(502),
        origin: "app".into(),
        origin_kind: "node".into(),
        cause: "crash".into(),
        mechanism: "down".into(),
        surfaced: failed,
        masked: 0,
        share: 1.0,
        first_ms: 0.0,
        last_ms: 1.0,
    };
    let figures =
        crate::Figures { strategies: vec![row], origins: vec![origin], ..crate::Figures::default() };
    Report::new(manifest(&["client", "app"]), figures)
}

fn diff(before: StrategyRow, after: StrategyRow) -> Diff {
    Diff::new(&report(before, 10), &report(after, 30), Tolerance::default())
}

#[test]
fn a_run_is_no_worse_than_itself() {
    let diff = diff(strategy("a", 900, 1.0), strategy("a", 900, 1.0));
    assert!(!diff.is_regression());
    assert!(diff.strategies[0].figures.iter().all(|figure| figure.change == Change::Same));
}

#[test]
fn what_is_worse_by_more_than_the_tolerance_is_told() {
    let after = StrategyRow { p99_ms: Some(200.0), p50_ms: Some(13.2), ..strategy("b", 800, 1.2) };
    let diff = diff(strategy("a", 900, 1.0), after);
    let worse: Vec<_> = diff.worse().map(|(_, figure)| figure.what).collect();
    assert_eq!(worse, ["success rate", "p99", "attempts per call", "amplification", "goodput"]);
    let origin = &diff.strategies[0].origins[0];
    assert_eq!((origin.before, origin.after), (10, 30));
    assert!((origin.change - 0.02).abs() < 1e-9);
}

#[test]
fn what_is_better_is_no_regression() {
    let diff = diff(strategy("a", 800, 1.2), strategy("a", 900, 1.0));
    assert!(!diff.is_regression());
    assert_eq!(diff.strategies[0].figures[0].change, Change::Better);
}

#[test]
fn a_difference_that_may_be_chance_is_none() {
    // One point, within intervals of a point to either side.
    let diff = diff(strategy("a", 900, 1.0), strategy("a", 890, 1.0));
    assert_eq!(diff.strategies[0].figures[0].change, Change::Same);
}

#[test]
fn a_threshold_that_is_newly_missed_is_a_regression() {
    let threshold = |met| trace::manifest::ThresholdVerdict {
        text: "success_rate >= 89%".into(),
        figure: Some(0.9),
        met,
        strategy: String::new(),
    };
    let [mut before, mut after] = [(); 2].map(|()| report(strategy("", 900, 1.0), 10));
    before.run.thresholds = vec![threshold(true)];
    after.run.thresholds = vec![threshold(false)];
    let diff = Diff::new(&before, &after, Tolerance::default());
    assert_eq!(diff.missed, ["success_rate >= 89%"]);
    assert!(diff.is_regression());
    assert!(!Diff::new(&after, &before, Tolerance::default()).is_regression());
}

#[test]
fn strategies_are_paired_by_name() {
    let several = |names: &[&str]| {
        let mut report = report(strategy("x", 900, 1.0), 10);
        report.strategies = names.iter().map(|name| strategy(name, 900, 1.0)).collect();
        report
    };
    let diff = Diff::new(&several(&["a", "b"]), &several(&["b", "c"]), Tolerance::default());
    assert_eq!(diff.strategies.iter().map(|s| &*s.strategy).collect::<Vec<_>>(), ["b"]);
    assert_eq!(diff.unpaired, ["a", "c"]);
}
