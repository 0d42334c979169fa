//! Whether a figure has changed, and for the better or the worse.

use serde::Serialize;
use trace::rows::StrategyRow;

use super::Tolerance;

/// A latency that changes by less than this many milliseconds has not changed.
const LATENCY_MS: f64 = 1.0;

/// A figure of both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Its name.
    pub what: &'static str,
    /// What it is.
    pub unit: Unit,
    /// In the first run; none if there was no call.
    pub before: Option<f64>,
    /// In the second.
    pub after: Option<f64>,
    /// The verdict.
    pub change: Change,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A fraction of all.
    Share,
    /// Milliseconds.
    Milliseconds,
    /// Attempts a call.
    PerCall,
    /// Calls a second.
    PerSecond,
}

/// How a figure has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// For the better, by more than the tolerance.
    Better,
    /// Not by more than that, or by what may be chance.
    Same,
    /// For the worse, by more than the tolerance.
    Worse,
    /// There is nothing to compare.
    Unknown,
}

pub(super) fn figures(before: &StrategyRow, after: &StrategyRow, tolerance: &Tolerance) -> Vec<Judged> {
    let judged = |what, unit, of: fn(&StrategyRow) -> Option<f64>, judge: &dyn Fn(f64, f64) -> Change| {
        let (b, a) = (of(before), of(after));
        let change = b.zip(a).map_or(Change::Unknown, |(b, a)| judge(b, a));
        Judged { what, unit, before: b, after: a, change }
    };
    let success = |b: f64, a: f64| {
        if may_be_chance(before, after) { Change::Same } else { by(a - b, tolerance.success) }
    };
    let latency = |b: f64, a: f64| by(b - a, (tolerance.latency * b).max(LATENCY_MS));
    let load = |b: f64, a: f64| by(b - a, tolerance.load * b);
    let goodput = |b: f64, a: f64| by(a - b, tolerance.goodput * b);
    let wasted = |b: f64, a: f64| by(b - a, tolerance.success.max(tolerance.load * b));
    vec![
        judged("success rate", Unit::Share, |row| row.success_rate, &success),
        judged("p50", Unit::Milliseconds, |row| row.p50_ms, &latency),
        judged("p90", Unit::Milliseconds, |row| row.p90_ms, &latency),
        judged("p99", Unit::Milliseconds, |row| row.p99_ms, &latency),
        judged("attempts per call", Unit::PerCall, |row| Some(row.attempts_per_call), &load),
        judged("amplification", Unit::PerCall, |row| Some(row.amplification), &load),
        judged("wasted work", Unit::Share, |row| Some(row.wasted_work), &wasted),
        judged("goodput", Unit::PerSecond, |row| Some(row.goodput_per_s), &goodput),
    ]
}

/// A gain, which is a loss if it is negative, against what is tolerated of either.
fn by(gain: f64, tolerated: f64) -> Change {
    match gain {
        gain if gain > tolerated => Change::Better,
        gain if gain < -tolerated => Change::Worse,
        _ => Change::Same,
    }
}

/// Whether the 95% interval of the success rates' difference holds none: Newcombe's, from the two
/// Wilson intervals, as the runs' calls are not paired.
///
/// Source: Newcombe 1998, "Interval estimation for the difference between independent proportions",
/// method 10.
fn may_be_chance(before: &StrategyRow, after: &StrategyRow) -> bool {
    let side = |row: &StrategyRow| Some((row.success_rate?, row.success_low?, row.success_high?));
    let (Some((b, b_low, b_high)), Some((a, a_low, a_high))) = (side(before), side(after)) else {
        return true;
    };
    let low = (a - b) - (a - a_low).hypot(b_high - b);
    let high = (a - b) + (a_high - a).hypot(b - b_low);
    low <= 0.0 && high >= 0.0
}
