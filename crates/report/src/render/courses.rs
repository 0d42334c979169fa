//! What is worth drawing along time.

use trace::overview::{Kind, StrategyOverview};

use super::blocks::{Block, Column, Courses, Table};
use super::comparison::shown;
use crate::Report;
use crate::statistics::round;

/// So many kinds of failure are drawn, the most frequent.
const KINDS: usize = 6;
/// In so many parts a time is divided to see whether they differ.
const PARTS: usize = 8;
/// Nodes that never hold more than this are not worth it.
const FULL: f64 = 8.0;

/// When the calls of a run under one strategy failed, if that is not all the time.
pub(super) fn failures(report: &Report) -> Option<Block> {
    let [overview] = overviews(report) else { return None };
    let kinds: Vec<&Kind> = overview
        .kinds
        .iter()
        .filter(|kind| kind.surfaced.iter().any(|&calls| calls > 0))
        .take(KINDS)
        .collect();
    let rows: Vec<Vec<f64>> = kinds.iter().map(|kind| floats(&kind.surfaced)).collect();
    if !rows.iter().any(|counts| has_clusters(counts)) {
        return None;
    }
    let columns = vec![Column::name("origin"), Column::name("mechanism")];
    let cells = kinds.iter().map(|kind| vec![kind.origin.clone(), kind.mechanism.clone()]);
    let table = Table { columns, rows: cells.collect() };
    let courses = Courses { head: "", until: end(overview), rows, title: Some("When they failed") };
    Some(Block::Courses(table, courses))
}

/// The same of what stayed visible under each strategy: the courses of these origins, one a row.
pub(super) fn visible(report: &Report, rows: &[[&str; 4]]) -> Option<Courses> {
    let first = overviews(report).first()?;
    let course = |[strategy, origin, cause, mechanism]: &[&str; 4]| {
        let overview = overviews(report).iter().find(|overview| shown(&overview.strategy) == *strategy)?;
        let of =
            |kind: &&Kind| kind.origin == *origin && kind.cause == *cause && kind.mechanism == *mechanism;
        Some(floats(&overview.kinds.iter().find(of)?.surfaced))
    };
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| course(row).unwrap_or_default()).collect();
    let has = rows.iter().any(|counts| has_clusters(counts));
    has.then(|| Courses { head: "failed", until: end(first), rows, title: None })
}

/// How full each of these nodes was, if some were so only now and then.
pub(super) fn fullness<'a>(report: &Report, nodes: impl Iterator<Item = &'a str>) -> Option<Courses> {
    let [overview] = overviews(report) else { return None };
    let course = |node: &str| {
        let bins = overview.nodes.iter().find(|bins| bins.node == node);
        bins.map(|bins| bins.in_flight.iter().map(|&most| f64::from(most)).collect()).unwrap_or_default()
    };
    let rows: Vec<Vec<f64>> = nodes.map(course).collect();
    let has = rows.iter().any(|most| is_full_at_times(most));
    has.then(|| Courses { head: "most inside", until: end(overview), rows, title: None })
}

fn overviews(report: &Report) -> &[StrategyOverview] {
    report.overview.as_ref().map_or(&[], |overview| &overview.strategies)
}

fn floats(counts: &[u64]) -> Vec<f64> {
    counts.iter().map(|&count| count as f64).collect()
}

/// When it ended.
fn end(overview: &StrategyOverview) -> String {
    format!("{}s", round(overview.bin_ms * overview.bins.len() as f64 / 1e3, 1))
}

/// Whether a part of the time has more than chance gives it: more than three standard deviations of a
/// Poisson count above the mean, and one more.
fn has_clusters(counts: &[f64]) -> bool {
    let mean = counts.iter().sum::<f64>() / PARTS as f64;
    sums(counts).into_iter().any(|part| part > mean + 3.0 * mean.sqrt() + 1.0)
}

fn sums(counts: &[f64]) -> Vec<f64> {
    let place = |part: usize| part * counts.len() / PARTS;
    (0..PARTS).map(|part| counts[place(part)..place(part + 1)].iter().sum()).collect()
}

/// Whether it holds many at one time, and far fewer at another.
fn is_full_at_times(most: &[f64]) -> bool {
    let peaks = |part: usize| most[part * most.len() / PARTS..(part + 1) * most.len() / PARTS].iter();
    let peaks: Vec<f64> = (0..PARTS).map(|part| peaks(part).copied().fold(0.0, f64::max)).collect();
    let (least, highest) = peaks.iter().fold((f64::MAX, 0.0_f64), |(l, h), &p| (l.min(p), h.max(p)));
    highest >= FULL && highest >= 3.0 * least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_course_says_nothing() {
        assert!(!has_clusters(&[5.0; 80]));
        assert!(!has_clusters(&[]));
        assert!(!has_clusters(&[1.0, 0.0, 0.0, 0.0]));
        let mut burst = vec![0.0; 80];
        burst[40..44].fill(3.0);
        assert!(has_clusters(&burst));
        assert!(!is_full_at_times(&[30.0; 80]));
        assert!(is_full_at_times(&[2.0, 2.0, 2.0, 30.0, 2.0, 2.0, 2.0, 2.0]));
        assert!(!is_full_at_times(&[0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
    }
}
