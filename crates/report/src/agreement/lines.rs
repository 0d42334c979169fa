//! The figures of two engines, line by line, each with what may be chance.

use std::collections::BTreeMap;

use serde::Serialize;
use trace::rows::OriginRow;

use super::side::{Side, Spread};
use super::{Judgement, Machine};
use crate::statistics::{ms, round};

/// The normal distribution's 99.95% quantile: for two-sided 99.9% intervals. With some twenty lines to a
/// scenario one in fifty would otherwise differ by chance alone.
pub(super) const Z999: f64 = 3.290_526_731;
/// Latencies may differ by this fraction of the live one.
const LATENCY_SHARE: f64 = 0.1;
/// Or by so many milliseconds: a live hop has a real network stack's and scheduler's share in it.
const LATENCY_MS: f64 = 2.0;

/// One figure by both engines.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) live: Option<f64>,
    #[serde(rename = "virtual")]
    pub(crate) virtual_time: Option<f64>,
    /// By how much they may differ.
    pub(crate) tolerance: f64,
    pub(crate) verdict: Judgement,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A share of all calls.
    Share,
    /// A number of calls or attempts.
    Count,
    /// A time.
    Milliseconds,
    /// A number of attempts for each call.
    PerCall,
}

pub(super) fn lines(live: &Side, virtual_time: &Side, machine: &Machine) -> Vec<Line> {
    let (l, v) = (&live.figures, &virtual_time.figures);
    let blame = machine.limit.is_some();
    // Any of a call's waits may have ended as late as the wait for its begin.
    let late = live.waits * ms(machine.lateness);
    let success = tolerance((l.succeeded, l.calls), (v.succeeded, v.calls));
    let mut lines = vec![line("success", Unit::Share, l.success_rate, v.success_rate, success, blame)];
    lines.extend(origins(live, virtual_time, blame));
    for (what, l, v) in
        [("p50", l.p50_ms, v.p50_ms), ("p90", l.p90_ms, v.p90_ms), ("p99", l.p99_ms, v.p99_ms)]
    {
        let tolerance = l.map_or(LATENCY_MS, |l| (LATENCY_SHARE * l).max(LATENCY_MS));
        let by_lateness = l.zip(v).is_some_and(|(l, v)| (l - v).abs() <= tolerance + late);
        lines.push(line(what, Unit::Milliseconds, l, v, tolerance, blame || by_lateness));
    }
    let mean = |what, live: f64, virtual_time: f64, spreads: (&Spread, &Spread)| {
        let tolerance = Z999 * (spreads.0.of_mean() + spreads.1.of_mean()).sqrt();
        line(what, Unit::PerCall, Some(live), Some(virtual_time), tolerance, blame)
    };
    let by_client = (&live.by_client, &virtual_time.by_client);
    lines.push(mean("attempts a call", l.attempts_per_call, v.attempts_per_call, by_client));
    let at_deepest = (&live.at_deepest, &virtual_time.at_deepest);
    lines.push(mean("amplification", l.amplification, v.amplification, at_deepest));
    lines
}

/// A line of each kind of failure that either engine has seen, surfaced or masked.
fn origins(live: &Side, virtual_time: &Side, blame: bool) -> Vec<Line> {
    let mut counts: BTreeMap<(bool, String), (u64, u64)> = BTreeMap::new();
    let named = |row: &OriginRow| {
        let status = row.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        format!("{status} {} {} {}", row.origin, row.cause, row.mechanism).trim_end().to_owned()
    };
    for row in &live.origins {
        counts.entry((false, named(row))).or_default().0 += row.surfaced;
        counts.entry((true, named(row))).or_default().0 += row.masked;
    }
    for row in &virtual_time.origins {
        counts.entry((false, named(row))).or_default().1 += row.surfaced;
        counts.entry((true, named(row))).or_default().1 += row.masked;
    }
    let (l, v) = (live.figures.calls, virtual_time.figures.calls);
    let some = counts.into_iter().filter(|(_, counts)| *counts != (0, 0));
    some.map(|((masked, name), (ours, theirs))| {
        let name = if masked { format!("masked: {name}") } else { name };
        count(&name, (ours, l), (theirs, v), blame)
    })
    .collect()
}

/// A line of how many of something there were, of so many.
pub(super) fn count(what: &str, live: (u64, u64), virtual_time: (u64, u64), blame: bool) -> Line {
    // An attempt or two of a call may have failed: more than there are calls.
    let of = |(hits, total): (u64, u64)| (hits, total.max(hits));
    let tolerance = live.1 as f64 * tolerance(of(live), of(virtual_time));
    line(what, Unit::Count, Some(live.0 as f64), Some(virtual_time.0 as f64), tolerance, blame)
}

/// By how much two shares of the same truth differ in 99.9% of cases at most: the binomial interval of
/// their difference, with half a hit and half a miss added to each, so that it is not empty at 0 and 1.
fn tolerance(one: (u64, u64), other: (u64, u64)) -> f64 {
    let (n, m) = (one.1.max(1) as f64, other.1.max(1) as f64);
    let p = ((one.0 + other.0) as f64 + 1.0) / (n + m + 2.0);
    Z999 * (p * (1.0 - p) * (1.0 / n + 1.0 / m)).sqrt()
}

/// `blame`: if they differ, the machine may be why.
fn line(
    what: &str,
    unit: Unit,
    live: Option<f64>,
    virtual_time: Option<f64>,
    tolerance: f64,
    blame: bool,
) -> Line {
    let within = match (live, virtual_time) {
        (Some(live), Some(virtual_time)) => (live - virtual_time).abs() <= tolerance,
        (live, virtual_time) => live == virtual_time,
    };
    let verdict = match (within, blame) {
        (true, _) => Judgement::Agrees,
        (false, true) => Judgement::Undecided,
        (false, false) => Judgement::Differs,
    };
    Line { what: what.to_owned(), unit, live, virtual_time, tolerance: round(tolerance, 6), verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_may_differ_by_a_999_permille_interval() {
        // 500 of 1000 against 500 of 1000: 3.29 times sqrt(2 * 0.25 / 1000).
        let half = tolerance((500, 1000), (500, 1000));
        assert!((half - 0.0736).abs() < 1e-4, "{half}");
        // Near none a handful of calls.
        let none = 1000.0 * tolerance((0, 1000), (0, 1000));
        assert!((3.0..5.0).contains(&none), "{none}");
    }

    #[test]
    fn what_only_one_has_differs() {
        let of = |l, v, blame| line("p50", Unit::Milliseconds, l, v, 2.0, blame).verdict;
        assert_eq!(of(None, None, false), Judgement::Agrees);
        assert_eq!(of(Some(1.0), None, false), Judgement::Differs);
        assert_eq!(of(Some(1.0), Some(3.0), false), Judgement::Agrees);
        assert_eq!(of(Some(1.0), Some(3.1), false), Judgement::Differs);
        assert_eq!(of(Some(1.0), Some(3.1), true), Judgement::Undecided);
    }
}
