use crate::Logs;
use trace::rows::{CallRow, HopRow, TimelineRow};

use super::*;
use crate::testing::{Call, REFUSED, chain, record};
use trace::{CallTrace, Outcome, Source};

/// One run: the calls with these numbers, of which those in `bad` fail.
fn run(series: &mut Series, strategy: &str, seed: u64, calls: u64, bad: &[u64], interrupted: bool) {
    let mut recorder = series.begin(scenario(strategy, seed).into()).unwrap();
    record(&mut recorder, &traces(calls, bad));
    series.end(recorder, &[], interrupted).unwrap();
}

/// Runs of one round beside each other, the last of them first: strategy, calls, failures, and whether
/// it was interrupted.
fn round(series: &mut Series, seed: u64, runs: &[(&str, u64, &[u64], bool)]) {
    let begin =
        |(strategy, ..): &(&str, u64, &[u64], bool)| series.begin_beside(scenario(strategy, seed).into());
    let mut recorders: Vec<_> = runs.iter().map(begin).collect::<Result<_, _>>().unwrap();
    for (recorder, (_, calls, bad, _)) in recorders.iter_mut().zip(runs).rev() {
        record(recorder, &traces(*calls, bad));
    }
    for (recorder, (.., interrupted)) in recorders.into_iter().zip(runs) {
        series.end_beside(recorder, &[], *interrupted).unwrap();
    }
}

fn scenario(strategy: &str, seed: u64) -> Scenario {
    let mut scenario = chain(&["client", "app"]);
    strategy.clone_into(&mut scenario.strategy);
    scenario.seed = seed;
    scenario
}

fn traces(calls: u64, bad: &[u64]) -> Vec<CallTrace> {
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
    (0..calls).map(trace).collect()
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
    let series = Series::create(&dir, 2, Logs::default()).unwrap();
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

#[test]
fn runs_beside_each_other_leave_what_runs_in_turn_do() {
    let (_temp, dir, mut in_turn) = series();
    let (_other_temp, other_dir, mut beside) = series();
    for seed in [7, 8] {
        run(&mut in_turn, "none", seed, 20, &[1, 2, 3], false);
        run(&mut in_turn, "retry", seed, 30, &[3], false);
        round(&mut beside, seed, &[("none", 20, &[1, 2, 3], false), ("retry", 30, &[3], false)]);
    }
    // Of a round that was cut short nothing stays.
    round(&mut beside, 9, &[("none", 20, &[1], false), ("retry", 5, &[], true)]);
    assert_eq!(in_turn.finish().unwrap(), beside.finish().unwrap());
    for file in ["calls.csv", "hops.csv", "timeline.csv", "examples.jsonl"] {
        let [one, other] = [&dir, &other_dir].map(|dir| std::fs::read(dir.path().join(file)).unwrap());
        assert!(one == other, "{file}");
    }
    assert!(!other_dir.path().join("parts").exists());
}

#[test]
fn of_runs_beside_each_other_that_were_cut_short_the_first_counts() {
    let (_temp, dir, mut series) = series();
    round(&mut series, 7, &[("none", 20, &[1], true), ("retry", 5, &[], true)]);
    assert_eq!(calls(&series.finish().unwrap()), [("none", 20, 19)]);
    assert_eq!(in_folder(&dir), [("none".to_owned(), 7, 20, 20)]);
}
