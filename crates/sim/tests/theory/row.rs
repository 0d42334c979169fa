//! A row of the document: an experiment, what is expected of it, and whether that is what comes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::document;

/// Two-sided, one in a thousand.
const ERRORS: f64 = 3.3;
/// In the ordinary run the interval is no wider than this share.
const WIDEST: f64 = 0.2;

/// What is run, under many seeds.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) model: String,
    pub(crate) quick: Size,
    pub(crate) full: Size,
    pub(crate) figures: Vec<Figure>,
    run: Box<dyn Fn(u64, u64) -> Outcome + Sync>,
}

/// Under how many seeds, and how long; what that is of is the row's own matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) seeds: u64,
    pub(crate) length: u64,
}

/// What one run gives: a value for each figure, from so many calls.
pub(crate) struct Outcome {
    pub(crate) calls: f64,
    pub(crate) values: Vec<f64>,
}

/// What is expected of one number.
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) source: &'static str,
    pub(crate) expected: f64,
    /// In the full run it is not further away than this share.
    limit: f64,
    /// How far the expectation itself may be off: half of its own interval.
    slack: f64,
    /// A short run says nothing about it.
    rare: bool,
}

impl Figure {
    /// It is exactly this, under each seed.
    pub(crate) fn exact(what: &str, expected: f64, source: &'static str) -> Self {
        Self::new(what, expected, 0.0, source)
    }

    /// It is this but for chance, and in the full run within this share of it.
    pub(crate) fn new(what: &str, expected: f64, limit: f64, source: &'static str) -> Self {
        Self { what: what.to_owned(), source, expected, limit, slack: 0.0, rare: false }
    }

    /// The expectation is an estimate too, as good as this.
    pub(crate) fn give_or_take(mut self, slack: f64) -> Self {
        self.slack = slack;
        self
    }

    /// It is only looked at in the full run: a quantile of a short one is too low.
    pub(crate) fn rare(mut self) -> Self {
        self.rare = true;
        self
    }

    /// The share of runs in which something happens, seen in `runs` other runs: the interval is as
    /// wide as that of a share near it, where all or none of the runs did.
    pub(crate) fn share_of_runs(what: &str, expected: f64, runs: f64, source: &'static str) -> Self {
        let spread = expected.clamp(1.0 / runs, 1.0 - 1.0 / runs);
        let slack = 3.0 * (spread * (1.0 - spread) / runs).sqrt();
        Self::new(what, expected, f64::INFINITY, source).give_or_take(slack)
    }
}

/// What a figure has come to over all seeds.
pub(crate) struct Result {
    pub(crate) mean: f64,
    /// 3.3 standard errors.
    pub(crate) half: f64,
    pub(crate) verdict: &'static str,
}

impl Row {
    pub(crate) fn new(
        id: &'static str,
        model: impl Into<String>,
        quick: (u64, u64),
        full: (u64, u64),
        figures: Vec<Figure>,
        run: impl Fn(u64, u64) -> Outcome + Sync + 'static,
    ) -> Self {
        let size = |(seeds, length)| Size { seeds, length };
        Self { id, model: model.into(), quick: size(quick), full: size(full), figures, run: Box::new(run) }
    }

    /// Runs it under each seed, two at a time; the outcomes are in the order of the seeds.
    fn outcomes(&self, size: Size) -> Vec<Outcome> {
        let next = AtomicU64::new(1);
        let outcomes = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed > size.seeds {
                            return;
                        }
                        let outcome = (self.run)(seed, size.length);
                        outcomes.lock().unwrap().push((seed, outcome));
                    }
                });
            }
        });
        let mut outcomes = outcomes.into_inner().unwrap();
        outcomes.sort_by_key(|(seed, _)| *seed);
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

/// What the runs of a row say about one of its figures.
fn judge(figure: &Figure, values: &[f64], full: bool) -> Result {
    let n = (values.len() as f64).max(1.0);
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let half = ERRORS * (variance / n).sqrt();
    let off = (mean - figure.expected).abs();
    // All or none of a few runs are no certainty: as if the share were the expected one.
    let of_runs = if figure.limit.is_infinite() {
        let share = figure.expected.clamp(1.0 / n, 1.0 - 1.0 / n);
        ERRORS * (share * (1.0 - share) / n).sqrt()
    } else {
        0.0
    };
    let widest = if full || figure.limit.is_infinite() {
        f64::INFINITY
    } else {
        WIDEST.max(figure.limit) * figure.expected
    };
    let limit = if full && figure.limit.is_finite() { figure.limit * figure.expected } else { f64::INFINITY };
    let verdict = if figure.rare && !full {
        document::NOT_LOOKED_AT
    } else if figure.limit == 0.0 {
        if values.iter().all(|value| (value - figure.expected).abs() < 1e-9) { "exact" } else { "differs" }
    } else if off > half.max(of_runs) + figure.slack || off > limit.max(figure.slack) {
        "differs"
    } else if half > widest.max(figure.slack) {
        "says nothing"
    } else {
        "agrees"
    };
    Result { mean, half, verdict }
}

/// Runs the rows of a section and holds each to what is expected, and the document to both.
pub(crate) fn hold(section: &str, rows: &[Row]) {
    let full = std::env::var("FIDELITY").is_ok_and(|size| size == "full");
    let mut lines = Vec::new();
    let mut wrong = Vec::new();
    for row in rows {
        let size = if full { row.full } else { row.quick };
        let outcomes = row.outcomes(size);
        let calls = outcomes.iter().map(|outcome| outcome.calls).sum::<f64>();
        for (i, figure) in row.figures.iter().enumerate() {
            let values: Vec<f64> = outcomes.iter().map(|outcome| outcome.values[i]).collect();
            let result = judge(figure, &values, full);
            let line = document::line(row, figure, &result, size.seeds, calls);
            println!("{line}");
            if !matches!(result.verdict, "exact" | "agrees" | document::NOT_LOOKED_AT) {
                wrong.push(line.clone());
            }
            lines.push((line, row.quick == row.full));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    document::hold(section, &lines, full);
}
