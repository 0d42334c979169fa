//! What a strategy has shown under several seeds: means, and intervals between the seeds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trace::rows::SeedRow;

use crate::statistics::{mean_and_half, round, wilson};

/// How many decimals figures have.
const DECIMALS: i32 = 6;

/// What a strategy has shown over several seeds; in `sweep.csv`, at a point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SampleRow {
    /// The strategy in force; empty if the clients' own policy was.
    pub strategy: String,
    /// Over how many seeds.
    pub seeds: u64,
    /// Calls, over all seeds.
    pub calls: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// The mean of the seeds' success rates.
    pub success_rate: Option<f64>,
    /// The lower end of its 95% interval.
    pub success_low: Option<f64>,
    /// The upper end.
    pub success_high: Option<f64>,
    /// The mean of the seeds' medians.
    pub p50_ms: Option<f64>,
    /// Half the width of its 95% interval; so are the others.
    pub p50_half_ms: Option<f64>,
    /// The mean of the seeds' 90th percentiles.
    pub p90_ms: Option<f64>,
    /// Half the width.
    pub p90_half_ms: Option<f64>,
    /// The mean of the seeds' 99th percentiles.
    pub p99_ms: Option<f64>,
    /// Half the width.
    pub p99_half_ms: Option<f64>,
    /// Attempts that clients made for a call.
    pub attempts_per_call: f64,
    /// Attempts that arrived at the deepest nodes for a call.
    pub amplification: f64,
    /// Half the width.
    pub amplification_half: Option<f64>,
    /// The share of the servers' time spent on answers nobody waited for.
    pub wasted_work: f64,
    /// Calls that succeeded, per second.
    pub goodput_per_s: f64,
    /// Half the width.
    pub goodput_half_per_s: Option<f64>,
    /// Half the width of the interval of `attempts_per_call`.
    #[serde(default)]
    pub attempts_half: Option<f64>,
}

/// With a precision asked for, this many seeds are run before it is looked at: fewer say too little
/// of the spread between seeds.
const SEEDS_MIN: usize = 10;

/// A figure of one seed; `None` if there was no call to take it from.
type Figure = fn(&SeedRow) -> Option<f64>;

/// The figures of one strategy, seed after seed.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<SeedRow>);

impl Sample {
    /// All figures that there are intervals for: what a precision is asked of.
    const HEADLINES: &[Figure] = &[
        |row| row.success_rate,
        |row| row.p50_ms,
        |row| row.p90_ms,
        |row| row.p99_ms,
        |row| Some(row.attempts_per_call),
        |row| Some(row.amplification),
        |row| Some(row.goodput_per_s),
    ];

    /// The seeds of one strategy.
    pub fn of(rows: &[SeedRow], strategy: &str) -> Self {
        Self(rows.iter().filter(|row| *row.strategy == *strategy).cloned().collect())
    }

    /// Adds the next seed's.
    pub fn add(&mut self, row: SeedRow) {
        self.0.push(row);
    }

    /// How many seeds it has.
    pub fn seeds(&self) -> usize {
        self.0.len()
    }

    /// Whether, after ten seeds or more, each figure that there are intervals for is known so well that its
    /// mean is off by no more than this fraction of the truth, with a confidence of 95%.
    ///
    /// An interval around a mean that is off itself has to be narrower than that fraction of the mean, by
    /// `1 / (1 + fraction)`. Source: Law, Simulation Modeling and Analysis, 4th edition, section 9.4.1.
    pub fn is_known(&self, fraction: f64) -> bool {
        self.0.len() >= SEEDS_MIN && self.is_within(fraction / (1.0 + fraction))
    }

    /// Whether half the width of each figure's interval is at most this fraction of its mean.
    pub(crate) fn is_within(&self, fraction: f64) -> bool {
        let near = |(mean, half): (f64, Option<f64>)| half.is_some_and(|half| half <= fraction * mean);
        Self::HEADLINES.iter().all(|figure| {
            let values = self.some(*figure);
            !values.is_empty() && near(mean_and_half(&values))
        })
    }

    /// What they come to.
    pub fn row(&self) -> SampleRow {
        let total = |of: fn(&SeedRow) -> u64| self.0.iter().map(of).sum::<u64>();
        let (calls, succeeded) = (total(|row| row.calls), total(|row| row.succeeded));
        let (success_rate, interval) = self.success(calls, succeeded);
        let (p50_ms, p50_half_ms) = rounded(&self.some(|row| row.p50_ms));
        let (p90_ms, p90_half_ms) = rounded(&self.some(|row| row.p90_ms));
        let (p99_ms, p99_half_ms) = rounded(&self.some(|row| row.p99_ms));
        let (attempts, attempts_half) = rounded(&self.all(|row| row.attempts_per_call));
        let (amplification, amplification_half) = rounded(&self.all(|row| row.amplification));
        let (goodput, goodput_half_per_s) = rounded(&self.all(|row| row.goodput_per_s));
        let mean = |of: fn(&SeedRow) -> f64| rounded(&self.all(of)).0.unwrap_or_default();
        SampleRow {
            strategy: self.0.first().map(|row| row.strategy.to_string()).unwrap_or_default(),
            seeds: self.0.len() as u64,
            calls,
            succeeded,
            success_rate,
            success_low: interval.map(|(low, _)| round(low.max(0.0), DECIMALS)),
            success_high: interval.map(|(_, high)| round(high.min(1.0), DECIMALS)),
            p50_ms,
            p50_half_ms,
            p90_ms,
            p90_half_ms,
            p99_ms,
            p99_half_ms,
            attempts_per_call: attempts.unwrap_or_default(),
            amplification: amplification.unwrap_or_default(),
            amplification_half,
            wasted_work: mean(|row| row.wasted_work),
            goodput_per_s: goodput.unwrap_or_default(),
            goodput_half_per_s,
            attempts_half,
        }
    }

    /// The mean success rate with its interval: Student's over the seeds. One seed, or seeds that are
    /// all alike, say nothing of the spread between seeds; there it is Wilson's over all calls.
    fn success(&self, calls: u64, succeeded: u64) -> (Option<f64>, Option<(f64, f64)>) {
        let rates = self.some(|row| row.success_rate);
        if rates.is_empty() {
            return (None, None);
        }
        let (mean, half) = mean_and_half(&rates);
        let students = half.filter(|&half| half > 0.0).map(|half| (mean - half, mean + half));
        (Some(round(mean, DECIMALS)), students.or_else(|| wilson(succeeded, calls)))
    }

    fn all(&self, of: fn(&SeedRow) -> f64) -> Vec<f64> {
        self.0.iter().map(of).collect()
    }

    /// The figure of those seeds that have it.
    fn some(&self, of: fn(&SeedRow) -> Option<f64>) -> Vec<f64> {
        self.0.iter().filter_map(of).collect()
    }
}

/// The mean and half the width of its interval, where there are enough values.
fn rounded(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let (mean, half) = mean_and_half(values);
    (Some(round(mean, DECIMALS)), half.map(|half| round(half, DECIMALS)))
}

impl SampleRow {
    /// The columns of `sweep.csv` after those of what is varied.
    pub(crate) const COLUMNS: [&'static str; 20] = [
        "strategy",
        "seeds",
        "calls",
        "succeeded",
        "success_rate",
        "success_low",
        "success_high",
        "p50_ms",
        "p50_half_ms",
        "p90_ms",
        "p90_half_ms",
        "p99_ms",
        "p99_half_ms",
        "attempts_per_call",
        "amplification",
        "amplification_half",
        "wasted_work",
        "goodput_per_s",
        "goodput_half_per_s",
        "attempts_half",
    ];

    /// Its fields, in the order of the columns.
    pub(crate) fn fields(&self) -> [String; 20] {
        let some = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        [
            self.strategy.clone(),
            self.seeds.to_string(),
            self.calls.to_string(),
            self.succeeded.to_string(),
            some(self.success_rate),
            some(self.success_low),
            some(self.success_high),
            some(self.p50_ms),
            some(self.p50_half_ms),
            some(self.p90_ms),
            some(self.p90_half_ms),
            some(self.p99_ms),
            some(self.p99_half_ms),
            self.attempts_per_call.to_string(),
            self.amplification.to_string(),
            some(self.amplification_half),
            self.wasted_work.to_string(),
            self.goodput_per_s.to_string(),
            some(self.goodput_half_per_s),
            some(self.attempts_half),
        ]
    }
}
