use trace::rows::{CallRow, HopRow, TimelineRow};

use super::*;
use crate::testing::{Call, REFUSED, chain, record};
use trace::{CallTrace, Outcome, Source};

/// One run: the calls with these numbers, of which those in `bad` fail.
fn run(series: &mut Series, strategy: &str, seed: u64, calls: u64, bad: &[u64], interrupted: bool) {
    let mut scenario = chain(&["client", "app"]);
    strategy.clone_into(&mut scenario.strategy);
    scenario.seed = seed;
    let trace = |number: u64| -> CallTrace {
        let mut call = Call::new(0, number, 10 * number);
        if bad.contains(&number) {
            call.attempt(call.root(), 0, 1, REFUSED);
        } else {
            call.attempt(call.root(), 0, 1, Outcome::Answered(200));
            call.served(Source::Own);
        }
        call.end()
    };
    let mut recorder = series.begin(scenario.into()).unwrap();
    record(&mut recorder, &(0..calls).map(trace).collect::<Vec<_>>());
    series.end(recorder, &[], interrupted).unwrap();
}

/// How many calls and hops of each strategy and seed are in the folder.
fn in_folder(dir: &RunDir) -> Vec<(String, u64, usize, usize)> {
    let calls: Vec<CallRow> = dir.read_rows().unwrap();
    let hops: Vec<HopRow> = dir.read_rows().unwrap();
    let timeline: Vec<TimelineRow> = dir.read_rows().unwrap();
    let mut runs: Vec<_> = calls.iter().map(|c| (c.strategy.to_string(), c.seed)).collect();
    runs.dedup();
    assert!(timeline.iter().all(|row| runs.contains(&(row.strategy.to_string(), row.seed))));
    let count = |(strategy, seed): (String, u64)| {
        let calls = calls.iter().filter(|c| *c.strategy == *strategy && c.seed == seed).count();
        let hops = hops.iter().filter(|h| *h.strategy == *strategy && h.seed == seed).count();
        (strategy, seed, calls, hops)
    };
    runs.into_iter().map(count).collect()
}

fn series() -> (tempfile::TempDir, RunDir, Series) {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let series = Series::create(&dir, 2).unwrap();
    (temp, dir, series)
}

fn calls(figures: &Figures) -> Vec<(&str, u64, u64)> {
    figures.strategies.iter().map(|row| (&*row.strategy, row.calls, row.succeeded)).collect()
}

#[test]
fn rounds_add_up_by_strategy() {
    let (_temp, dir, mut series) = series();
    for seed in [7, 8, 9] {
        run(&mut series, "none", seed, 20, &[1, 2, 3], false);
        run(&mut series, "retry", seed, 20, &[3], false);
    }
    let figures = series.finish().unwrap();
    assert_eq!(calls(&figures), [("none", 60, 51), ("retry", 60, 57)]);
    assert_eq!(figures.seeds, 3);
    let row = &figures.strategies[1];
    assert_eq!((row.rank, row.pairs, row.success_vs), (1, Some(60), Some(0.1)));
    assert_eq!((figures.strategies[0].rank, row.success_vs_low), (2, Some(0.1)));
    let surfaced: Vec<_> = figures.origins.iter().map(|o| (&*o.strategy, o.surfaced)).collect();
    assert_eq!(surfaced, [("none", 9), ("retry", 3)]);
    assert_eq!(in_folder(&dir).len(), 6);
}

#[test]
fn of_the_first_round_what_has_ended_counts() {
    let (_temp, dir, mut series) = series();
    run(&mut series, "none", 7, 20, &[1], false);
    run(&mut series, "retry", 7, 5, &[], true);
    let figures = series.finish().unwrap();
    assert_eq!(calls(&figures), [("none", 20, 19)]);
    assert_eq!((figures.seeds, figures.strategies[0].pareto), (1, None));
    assert_eq!(in_folder(&dir), [("none".to_owned(), 7, 20, 20)]);
}

#[test]
fn of_later_rounds_only_whole_ones_count() {
    let (_temp, dir, mut series) = series();
    for strategy in ["none", "retry"] {
        run(&mut series, strategy, 7, 20, &[1], false);
    }
    run(&mut series, "none", 8, 20, &[1, 2], false);
    run(&mut series, "retry", 8, 5, &[], true);
    let figures = series.finish().unwrap();
    assert_eq!(calls(&figures), [("none", 20, 19), ("retry", 20, 19)]);
    assert_eq!(in_folder(&dir), [("none".to_owned(), 7, 20, 20), ("retry".to_owned(), 7, 20, 20)]);
}

#[test]
fn a_first_run_that_was_cut_short_is_better_than_none() {
    let (_temp, dir, mut series) = series();
    run(&mut series, "none", 7, 5, &[1], true);
    let figures = series.finish().unwrap();
    assert_eq!(calls(&figures), [("none", 5, 4)]);
    assert_eq!(in_folder(&dir), [("none".to_owned(), 7, 5, 5)]);
}
