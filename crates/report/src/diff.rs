//! What has changed between two runs, and whether it is for the worse.

mod judge;
mod tolerance;

use std::collections::BTreeMap;

use serde::Serialize;
use trace::rows::{OriginRow, StrategyRow};

use crate::Report;
pub use judge::{Change, Judged, Unit};
pub use tolerance::{Setting, Tolerance};

/// Two runs side by side. The second is judged by the first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The first run.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// How much worse a figure may be.
    pub tolerance: Tolerance,
    /// Each strategy that both have.
    pub strategies: Vec<StrategyDiff>,
    /// Strategies that only one of them has.
    pub unpaired: Vec<String>,
    /// Thresholds that the first run met and the second has missed.
    pub missed: Vec<String>,
}

/// One of the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Side {
    /// Its scenario's name.
    pub scenario: String,
    /// `live` or `virtual`.
    pub engine: String,
    /// Its seed.
    pub seed: u64,
    /// When it began.
    pub start: String,
}

/// What has changed under one strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategyDiff {
    /// The strategy; empty if the clients' own policy was in force.
    pub strategy: String,
    /// Its figures.
    pub figures: Vec<Judged>,
    /// Where failures were born, the largest change first.
    pub origins: Vec<OriginDiff>,
}

/// How many calls failed by failures of one kind, of all calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OriginDiff {
    /// The node or edge at which they were born.
    pub origin: String,
    /// The cause.
    pub cause: String,
    /// The mechanism.
    pub mechanism: String,
    /// Failed calls in the first run.
    pub before: u64,
    /// Failed calls in the second.
    pub after: u64,
    /// By how much more of all calls failed by it.
    pub change: f64,
}

impl Diff {
    /// What has changed from the first run to the second.
    pub fn new(before: &Report, after: &Report, tolerance: Tolerance) -> Self {
        let pairs = pairs(before, after);
        let strategies = pairs.iter().map(|(b, a)| StrategyDiff {
            strategy: a.strategy.to_string(),
            figures: judge::figures(b, a, &tolerance),
            origins: origins((before, b), (after, a)),
        });
        let strategies: Vec<_> = strategies.collect();
        let is_paired = |row: &&StrategyRow| {
            pairs.iter().any(|(b, a)| b.strategy == row.strategy || a.strategy == row.strategy)
        };
        let all = before.strategies.iter().chain(&after.strategies);
        let mut unpaired: Vec<String> =
            all.filter(|row| !is_paired(row)).map(|row| row.strategy.to_string()).collect();
        unpaired.dedup();
        Self {
            before: Side::new(before),
            after: Side::new(after),
            tolerance,
            strategies,
            unpaired,
            missed: newly_missed(before, after),
        }
    }

    /// Whether anything is worse by more than the tolerance.
    pub fn is_regression(&self) -> bool {
        !self.missed.is_empty() || self.worse().next().is_some()
    }

    /// The figures that are.
    pub fn worse(&self) -> impl Iterator<Item = (&str, &Judged)> {
        let all = self.strategies.iter().flat_map(|s| s.figures.iter().map(move |f| (&*s.strategy, f)));
        all.filter(|(_, figure)| figure.change == Change::Worse)
    }
}

impl Side {
    fn new(report: &Report) -> Self {
        Self {
            scenario: report.run.scenario.clone(),
            engine: report.run.engine.clone(),
            seed: report.run.seed,
            start: report.run.start.clone(),
        }
    }
}

/// The strategies of both; of two plain runs the only ones, whatever they are called.
fn pairs<'a>(before: &'a Report, after: &'a Report) -> Vec<(&'a StrategyRow, &'a StrategyRow)> {
    if let ([b], [a]) = (&*before.strategies, &*after.strategies) {
        return vec![(b, a)];
    }
    let of = |a: &'a StrategyRow| before.strategies.iter().find(|b| b.strategy == a.strategy).map(|b| (b, a));
    after.strategies.iter().filter_map(of).collect()
}

/// The failures of a strategy that surfaced.
fn own<'a>(report: &'a Report, of: &'a StrategyRow) -> impl Iterator<Item = &'a OriginRow> {
    report.origins.iter().filter(|row| row.surfaced > 0 && row.strategy == of.strategy)
}

fn origins((before, b): (&Report, &StrategyRow), (after, a): (&Report, &StrategyRow)) -> Vec<OriginDiff> {
    type Kind<'a> = (&'a str, &'a str, &'a str);
    let mut counts: BTreeMap<Kind<'_>, (u64, u64)> = BTreeMap::new();
    for row in own(before, b) {
        counts.entry((&row.origin, &row.cause, &row.mechanism)).or_default().0 += row.surfaced;
    }
    for row in own(after, a) {
        counts.entry((&row.origin, &row.cause, &row.mechanism)).or_default().1 += row.surfaced;
    }
    let share = |n: u64, of: u64| if of == 0 { 0.0 } else { n as f64 / of as f64 };
    let row = |((origin, cause, mechanism), (n, m)): (Kind<'_>, (u64, u64))| OriginDiff {
        origin: origin.to_owned(),
        cause: cause.to_owned(),
        mechanism: mechanism.to_owned(),
        before: n,
        after: m,
        change: share(m, a.calls) - share(n, b.calls),
    };
    let mut rows: Vec<_> = counts.into_iter().map(row).collect();
    rows.sort_by(|x, y| y.change.abs().total_cmp(&x.change.abs()));
    rows
}

fn newly_missed(before: &Report, after: &Report) -> Vec<String> {
    let plain = before.strategies.len() == 1 && after.strategies.len() == 1;
    let was_met = |text: &str, strategy: &str| {
        let mut same =
            before.run.thresholds.iter().filter(|t| t.text == text && (plain || t.strategy == strategy));
        same.any(|t| t.met)
    };
    let missed = after.run.thresholds.iter().filter(|t| !t.met && was_met(&t.text, &t.strategy));
    missed
        .map(
            |t| {
                if t.strategy.is_empty() {
                    t.text.clone()
                } else {
                    format!("{} under {}", t.text, t.strategy)
                }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests;
