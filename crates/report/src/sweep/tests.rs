//! A sweep's folders, with figures made up for each point.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use trace::rows::StrategyRow;

use super::*;
use crate::render::{self, Format, Look};
use crate::testing::strategy;
use crate::{Sample, SampleRow};

const TEXT: &str = "name: made-up\n";

fn manifest(vary: &[&str], shard: Shard) -> SweepManifest {
    SweepManifest {
        version: "1".to_owned(),
        scenario: "made-up".to_owned(),
        engine: "virtual".to_owned(),
        set: Vec::new(),
        vary: vary.iter().map(|axis| axis.parse().unwrap()).collect(),
        strategies: Vec::new(),
        seeds: 2,
        precision: None,
        shard,
    }
}

/// Two strategies' rows that no other point has.
fn rows(point: u64) -> Vec<SampleRow> {
    let figures = |name: &str, seed: u64| StrategyRow {
        succeeded: (point * 7 + seed * 3) % 100,
        success_rate: Some(((point * 7 + seed * 3) % 100) as f64 / 100.0),
        p50_ms: (!point.is_multiple_of(3)).then_some(point as f64 / 3.0),
        goodput_per_s: 1.0 / (point + seed + 1) as f64,
        ..strategy(name, 1, 1.0)
    };
    ["none", "with, comma"]
        .map(|name| {
            let mut sample = Sample::default();
            sample.add(figures(name, 1).of_seed(1));
            sample.add(figures(name, 2).of_seed(2));
            sample.row()
        })
        .into()
}

/// A folder with these of its points, added in this order.
fn begun(path: &Path, manifest: &SweepManifest, points: &[u64]) -> SweepDir {
    let mut dir = SweepDir::create(path, manifest.clone(), TEXT).unwrap();
    for &point in points {
        dir.add(point, rows(point)).unwrap();
    }
    dir
}

/// `sweep.csv` of the whole, computed in order.
fn whole(vary: &[&str]) -> String {
    let temp = tempfile::tempdir().unwrap();
    let mut dir = begun(temp.path(), &manifest(vary, Shard::WHOLE), &[]);
    for point in dir.missing() {
        dir.add(point, rows(point)).unwrap();
    }
    dir.finish().unwrap();
    table(temp.path())
}

fn table(folder: &Path) -> String {
    fs::read_to_string(folder.join("sweep.csv")).unwrap()
}

const VARY: [&str; 2] = ["a=1..4/4", "b={x: 1, y: 2},z"];

#[test]
fn the_table_is_in_the_order_of_the_grid() {
    let temp = tempfile::tempdir().unwrap();
    let sweep = manifest(&VARY, Shard::WHOLE);
    let outcome = begun(temp.path(), &sweep, &[5, 0, 7, 1, 6, 2, 4, 3]).finish().unwrap();
    assert_eq!((outcome.points, outcome.rows.len(), outcome.total()), (8, 16, 16));
    let table = table(temp.path());
    assert_eq!(table, whole(&VARY));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("a,b,strategy,seeds,calls,"), "{}", lines[0]);
    assert!(lines[2].starts_with("1,\"{x: 1, y: 2}\",\"with, comma\",2,"), "{}", lines[2]);
    assert!(lines[16].starts_with("4,z,"), "{}", lines[16]);
}

#[test]
fn what_was_cut_off_goes_on_without_losing_or_repeating() {
    let temp = tempfile::tempdir().unwrap();
    let sweep = manifest(&VARY, Shard::WHOLE);
    drop(begun(temp.path(), &sweep, &[6, 1]));
    let journal = temp.path().join("points.jsonl");
    let intact = fs::read(&journal).unwrap();
    let line = intact.split_inclusive(|&byte| byte == b'\n').next().unwrap();
    // Wherever a line is torn, and be it at its very end.
    for torn in [1, line.len() / 2, line.len() - 1] {
        let mut text = intact.clone();
        text.extend(String::from_utf8_lossy(&line[..torn]).replace("\"point\":6", "\"point\":3").bytes());
        fs::write(&journal, text).unwrap();
        let dir = begun(temp.path(), &sweep, &[]);
        assert_eq!((dir.done(), dir.missing()), (2, vec![0, 2, 3, 4, 5, 7]));
        drop(dir);
        assert_eq!(fs::read(&journal).unwrap(), intact);
    }
    begun(temp.path(), &sweep, &[7, 0, 2, 5, 4, 3]).finish().unwrap();
    assert_eq!(table(temp.path()), whole(&VARY));
    // Once more is no more.
    let mut again = begun(temp.path(), &sweep, &[]);
    assert!(again.missing().is_empty());
    again.finish().unwrap();
    assert_eq!(table(temp.path()), whole(&VARY));
}

#[test]
fn a_journal_that_is_broken_elsewhere_is_not_trusted() {
    let temp = tempfile::tempdir().unwrap();
    let sweep = manifest(&VARY, Shard::WHOLE);
    drop(begun(temp.path(), &sweep, &[6, 1]));
    let journal = temp.path().join("points.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let first = text.split_inclusive('\n').next().unwrap();
    let cases = [
        (format!("{{\"point\":\n{text}"), "line 1"),
        (format!("{text}{first}"), "point 6 twice"),
        (text.replace("\"point\":6", "\"point\":8"), "not of this sweep"),
    ];
    for (broken, told) in cases {
        fs::write(&journal, broken).unwrap();
        let error = SweepDir::create(temp.path(), sweep.clone(), TEXT).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("points.jsonl"), "{error}");
    }
}

#[test]
fn a_folder_is_one_sweeps() {
    let temp = tempfile::tempdir().unwrap();
    let sweep = manifest(&VARY, Shard::WHOLE);
    let dir = begun(temp.path(), &sweep, &[6, 1]);
    let told = |manifest: &SweepManifest, text: &str| {
        SweepDir::create(temp.path(), manifest.clone(), text).unwrap_err().to_string()
    };
    assert!(told(&sweep, TEXT).contains("another process is at work"));
    drop(dir);
    let changed = SweepManifest { seeds: 3, ..sweep.clone() };
    assert!(told(&changed, TEXT).contains("--seeds is 2 there and 3 here"));
    assert!(told(&manifest(&["a=1,2"], Shard::WHOLE), TEXT).contains("a=1,2,3,4 b="));
    assert!(
        told(&manifest(&VARY, "1/2".parse().unwrap()), TEXT).contains("--shard is 1/1 there and 1/2 here")
    );
    assert!(told(&sweep, "name: other\n").contains("the scenario's text has changed"));

    let other = tempfile::tempdir().unwrap();
    File::create(other.path().join("thesis.tex")).unwrap().write_all(b"x").unwrap();
    let error = SweepDir::create(other.path(), sweep, TEXT).unwrap_err();
    assert!(matches!(error, SweepError::Occupied(_)), "{error}");
}

/// The folders of all shards, each finished.
fn shards(root: &Path, vary: &[&str], of: u64) -> Vec<PathBuf> {
    let each = (1..=of).map(|number| {
        let path = root.join(format!("shard-{number}"));
        let mut dir = begun(&path, &manifest(vary, Shard { number, of }), &[]);
        for point in dir.missing().into_iter().rev() {
            dir.add(point, rows(point)).unwrap();
        }
        assert_eq!(dir.done(), dir.points());
        path
    });
    each.collect()
}

#[test]
fn only_a_whole_is_joined() {
    let temp = tempfile::tempdir().unwrap();
    let all = shards(temp.path(), &VARY, 3);
    let told = |shards: &[PathBuf]| merge(shards, &temp.path().join("out")).unwrap_err().to_string();
    assert!(told(&all[..1]).contains("missing: shard 2/3, 3/3"));
    assert!(told(&[&all[..], &all[..1]].concat()).contains("are both shard 1/3"));
    assert!(told(&[temp.path().join("none")]).contains("not a sweep's folder"));
    let half = temp.path().join("half");
    drop(begun(&half, &manifest(&VARY, "2/3".parse().unwrap()), &[4]));
    assert!(told(&[all[0].clone(), half, all[2].clone()]).contains("(shard 2/3) has 1 of its 3 points"));
    let other = temp.path().join("other");
    drop(begun(&other, &manifest(&VARY, "2/4".parse().unwrap()), &[]));
    assert!(told(&[all[0].clone(), other]).contains("is shard 2/4"));
    let other = shards(&temp.path().join("others"), &["a=1,2"], 3);
    assert!(
        told(&[all[0].clone(), other[1].clone(), all[2].clone()])
            .contains("of different sweeps: what is varied")
    );
    fs::write(all[1].join("scenario.yaml"), "name: changed\n").unwrap();
    assert!(told(&all).contains("text differs"));
    assert!(!temp.path().join("out").exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_joins_to_the_whole(a in 1_usize..6, b in 1_usize..6, of in 1_u64..12, turn in 0_usize..12) {
        let list = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        let vary = [format!("a={}", list(a)), format!("b={}", list(b))];
        let vary = vary.each_ref().map(|axis| &**axis);
        let temp = tempfile::tempdir().unwrap();
        let mut all = shards(temp.path(), &vary, of);
        let turn = turn % all.len();
        all.rotate_left(turn);
        let out = temp.path().join("out");
        merge(&all, &out).unwrap();
        prop_assert_eq!(table(&out), whole(&vary));
        // What was joined is the sweep itself: there is nothing left to do.
        prop_assert_eq!(begun(&out, &manifest(&vary, Shard::WHOLE), &[]).missing(), Vec::<u64>::new());
    }
}

#[test]
fn figures_of_seeds_are_means_with_students_intervals() {
    let sample = |rates: &[(u64, f64)]| {
        let mut sample = Sample::default();
        for &(succeeded, goodput_per_s) in rates {
            let row = StrategyRow {
                calls: 100,
                succeeded,
                success_rate: Some(succeeded as f64 / 100.0),
                goodput_per_s,
                ..strategy("s", 1, 1.0)
            };
            sample.add(row.of_seed(7));
        }
        sample
    };
    // Three values 2 apart: a deviation of 2, and 4.303 * 2 / sqrt(3) = 4.9687.
    let row = sample(&[(90, 10.0), (92, 12.0), (94, 14.0)]).row();
    assert_eq!((row.seeds, row.calls, row.succeeded, row.success_rate), (3, 300, 276, Some(0.92)));
    assert_eq!((row.success_low, row.success_high), (Some(0.870_317), Some(0.969_683)));
    assert_eq!((row.goodput_per_s, row.goodput_half_per_s), (12.0, Some(4.968_275)));
    // One seed, or seeds that are all alike: Wilson's, over all calls (15 of 20 is 0.5313 to 0.8881).
    let one = sample(&[(75, 1.0)]).row();
    assert!(
        one.success_low.unwrap() > 0.65
            && one.success_high.unwrap() < 0.83
            && one.goodput_half_per_s.is_none()
    );
    let alike = sample(&[(100, 1.0), (100, 1.0)]).row();
    assert!(alike.success_low.unwrap() < 0.99 && alike.success_high == Some(1.0), "{alike:?}");
}

#[test]
fn the_columns_are_the_rows_fields() {
    let row = rows(1).remove(0);
    let json = serde_json::to_value(&row).unwrap();
    let named: Vec<_> = SampleRow::COLUMNS.into_iter().zip(row.fields()).collect();
    assert_eq!(json.as_object().unwrap().len(), named.len());
    for (column, field) in named {
        let text = match &json[column] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            // A whole number ends in `.0` in JSON.
            number => number.to_string().trim_end_matches(".0").to_owned(),
        };
        assert_eq!(text, field, "{column}");
    }
}

#[test]
fn a_precision_is_reached_when_all_figures_have_it() {
    let known = StrategyRow {
        success_rate: Some(0.9),
        p50_ms: Some(1.0),
        p90_ms: Some(2.0),
        p99_ms: Some(3.0),
        goodput_per_s: 100.0,
        ..strategy("s", 1, 1.0)
    };
    let sample = |of: fn(&mut StrategyRow, f64)| {
        let mut sample = Sample::default();
        for value in [100.0, 101.0, 99.0, 100.0] {
            let mut row = known.clone();
            of(&mut row, value);
            sample.add(row.of_seed(7));
        }
        sample
    };
    assert!(sample(|_, _| {}).is_within(0.0));
    let each: [fn(&mut StrategyRow, f64); 7] = [
        |row, value| row.success_rate = Some(value / 200.0),
        |row, value| row.p50_ms = Some(value),
        |row, value| row.p90_ms = Some(value),
        |row, value| row.p99_ms = Some(value),
        |row, value| row.attempts_per_call = value,
        |row, value| row.amplification = value,
        |row, value| row.goodput_per_s = value,
    ];
    for of in each {
        // A deviation of 0.8165, so half a width of 3.182 * 0.8165 / 2 = 1.299.
        let sample = sample(of);
        assert!(sample.is_within(0.0130) && !sample.is_within(0.0129));
    }
    assert!(!Sample::default().is_within(1.0));
}

#[test]
fn where_another_strategy_is_the_best_is_told() {
    let mut outcome = Outcome::new(manifest(&["a=1..5/5"], Shard::WHOLE), 5);
    for (place, (first, second)) in
        [(0.9, 0.8), (0.8, 0.8), (0.3, 0.7), (0.2, 0.7), (0.5, 0.1)].into_iter().enumerate()
    {
        for (name, rate) in [("first", first), ("second", second)] {
            let mut sample = Sample::default();
            sample.add(StrategyRow { success_rate: Some(rate), ..strategy(name, 1, 1.0) }.of_seed(7));
            outcome.add(&[place], sample.row());
        }
    }
    outcome.close();
    let turns: Vec<_> = outcome.turns.iter().map(|t| (&*t.from, &*t.to, &*t.strategy)).collect();
    assert_eq!(turns, [("1", "2", "first"), ("3", "4", "second"), ("5", "5", "first")]);
    assert_eq!(outcome.strategies[0].success_rate, Some(Range { min: 0.2, max: 0.9 }));
}

#[test]
fn many_rows_are_told_by_their_ranges() {
    let temp = tempfile::tempdir().unwrap();
    let text = |vary: &[&str], out: &str| {
        let mut dir = begun(&temp.path().join(out), &manifest(vary, Shard::WHOLE), &[]);
        for point in dir.missing() {
            dir.add(point, rows(point)).unwrap();
        }
        let mut text = Vec::new();
        render::sweep(&dir.finish().unwrap(), Format::Markdown, Look::default(), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    // Two rows a point: twenty are shown, twenty-two are not. The rates of a point are 7% apart from
    // the next one's: 4.5% at the first of them, 67.5% at the tenth.
    let few = text(&["a=1..10/10"], "few");
    assert!(few.contains("| 10 | with, comma | 67.5% |") && few.contains("| 1 | none | 4.5% |"), "{few}");
    let many = text(&["a=1..11/11"], "many");
    assert!(many.contains("11 points, 2 rows a point, 2 seeds"), "{many}");
    assert!(many.contains("| none | 4.5%–74.5% |") && !many.contains("67.5%"), "{many}");
    assert!(many.contains("1 to 11: \\`none\\`"), "{many}");
}
