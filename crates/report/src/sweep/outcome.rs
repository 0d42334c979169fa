//! What a sweep has shown, in short.

use serde::Serialize;

use super::manifest::SweepManifest;
use crate::sample::SampleRow;

/// Up to so many rows are shown one by one.
const ROWS_SHOWN: usize = 20;

/// A sweep and what it has shown: its rows if they are few, and the range of each figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The sweep.
    pub sweep: SweepManifest,
    /// How many points.
    pub points: u64,
    /// All rows with the values of their point; empty if they are more than twenty.
    pub rows: Vec<PointRow>,
    /// The range of each strategy's figures over the points.
    pub strategies: Vec<StrategySummary>,
    /// Where, along what was varied first, another strategy becomes the best; empty if there is one.
    pub turns: Vec<Turn>,
    #[serde(skip)]
    total: u64,
    /// For each value of what was varied first, the sum and the number of each strategy's success rates.
    #[serde(skip)]
    along: Vec<Vec<(f64, u64)>>,
}

/// A row at its point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PointRow {
    /// The values of what is varied.
    pub values: Vec<String>,
    /// The row.
    #[serde(flatten)]
    pub row: SampleRow,
}

/// The smallest and the largest of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// A strategy's ranges over all points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StrategySummary {
    /// Its name.
    pub strategy: String,
    /// `success_rate`
    pub success_rate: Option<Range>,
    /// `p99_ms`
    pub p99_ms: Option<Range>,
    /// `amplification`
    pub amplification: Option<Range>,
    /// `goodput_per_s`
    pub goodput_per_s: Option<Range>,
}

/// From this value on a strategy has the highest success rate, on average over all else that is varied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// The value of what was varied first.
    pub from: String,
    /// The last value for which it holds without a break.
    pub to: String,
    /// The strategy.
    pub strategy: String,
}

fn widen(range: &mut Option<Range>, figure: Option<f64>) {
    let Some(figure) = figure else { return };
    let Range { min, max } = range.unwrap_or(Range { min: figure, max: figure });
    *range = Some(Range { min: min.min(figure), max: max.max(figure) });
}

impl Outcome {
    pub(super) fn new(sweep: SweepManifest, points: u64) -> Self {
        let along = vec![Vec::new(); sweep.vary.first().map_or(0, |axis| axis.values.len())];
        Self { sweep, points, rows: Vec::new(), strategies: Vec::new(), turns: Vec::new(), total: 0, along }
    }

    /// How many rows there are in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds a row, at the point with these places on the axes.
    pub(super) fn add(&mut self, places: &[usize], row: SampleRow) {
        let known = self.strategies.iter().position(|known| known.strategy == row.strategy);
        let which = known.unwrap_or_else(|| {
            self.strategies.push(StrategySummary {
                strategy: row.strategy.clone(),
                success_rate: None,
                p99_ms: None,
                amplification: None,
                goodput_per_s: None,
            });
            self.strategies.len() - 1
        });
        let summary = &mut self.strategies[which];
        widen(&mut summary.success_rate, row.success_rate);
        widen(&mut summary.p99_ms, row.p99_ms);
        widen(&mut summary.amplification, Some(row.amplification));
        widen(&mut summary.goodput_per_s, Some(row.goodput_per_s));
        if let (Some(sums), Some(rate)) =
            (places.first().and_then(|&place| self.along.get_mut(place)), row.success_rate)
        {
            sums.resize(sums.len().max(which + 1), (0.0, 0));
            sums[which].0 += rate;
            sums[which].1 += 1;
        }
        self.total += 1;
        if self.total <= ROWS_SHOWN as u64 {
            let values = self.sweep.vary.iter().zip(places).map(|(axis, &place)| axis.values[place].clone());
            self.rows.push(PointRow { values: values.collect(), row });
        } else {
            self.rows.clear();
        }
    }

    /// All rows are there.
    pub(super) fn close(&mut self) {
        let Some(axis) = self.sweep.vary.first().filter(|_| self.strategies.len() > 1) else { return };
        for (value, sums) in axis.values.iter().zip(&self.along) {
            let Some(best) = best(sums) else { continue };
            let strategy = &self.strategies[best].strategy;
            match self.turns.last_mut().filter(|turn| turn.strategy == *strategy) {
                Some(turn) => turn.to.clone_from(value),
                None => self.turns.push(Turn {
                    from: value.clone(),
                    to: value.clone(),
                    strategy: strategy.clone(),
                }),
            }
        }
    }
}

/// The strategy with the highest mean; of equal ones the first.
fn best(sums: &[(f64, u64)]) -> Option<usize> {
    let means =
        sums.iter().enumerate().filter(|(_, (_, n))| *n > 0).map(|(i, (sum, n))| (i, sum / *n as f64));
    means.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(i, _)| i)
}
