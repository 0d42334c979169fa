//! Which strategy is better than which.

use std::cmp::Ordering;

use trace::rows::StrategyRow;

/// Gives each strategy its rank, and the mark of those that none beats in both success and load.
///
/// The ranks go by success: the best one is followed by those that cannot be told apart from it,
/// then comes the best of the rest, and so on. `alike` says whether two strategies, by their places,
/// cannot be told apart.
pub(super) fn rank(rows: &mut [StrategyRow], alike: impl Fn(usize, usize) -> bool) {
    let success = |row: &StrategyRow| row.success_rate.unwrap_or(-1.0);
    let mut left: Vec<usize> = (0..rows.len()).collect();
    left.sort_by(|&a, &b| success(&rows[b]).total_cmp(&success(&rows[a])));
    let mut place = 1;
    while let Some(&best) = left.first() {
        let (tied, rest): (Vec<usize>, Vec<usize>) =
            left.iter().partition(|&&one| one == best || alike(best, one));
        for &one in &tied {
            rows[one].rank = place;
        }
        place += u32::try_from(tied.len()).unwrap_or(u32::MAX);
        left = rest;
    }
    let beaten = |row: &StrategyRow| {
        rows.iter().any(|other| match other.rank.cmp(&row.rank) {
            Ordering::Less => other.amplification <= row.amplification,
            Ordering::Equal => other.amplification < row.amplification,
            Ordering::Greater => false,
        })
    };
    let marks: Vec<bool> = rows.iter().map(|row| !beaten(row)).collect();
    for (row, mark) in rows.iter_mut().zip(marks) {
        row.pareto = Some(mark);
    }
}

/// The strategies as they are to be read: by rank, within a rank by load, then by p99.
pub(crate) fn in_order(rows: &[StrategyRow]) -> Vec<&StrategyRow> {
    let mut ordered: Vec<_> = rows.iter().collect();
    ordered.sort_by(|a, b| {
        let by_p99 = || a.p99_ms.unwrap_or(f64::MAX).total_cmp(&b.p99_ms.unwrap_or(f64::MAX));
        a.rank.cmp(&b.rank).then(a.amplification.total_cmp(&b.amplification)).then_with(by_p99)
    });
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::strategy;

    /// Ranks strategies of so many successes, amplifications and p99s; those whose successes differ by
    /// less than `apart` are alike.
    fn ranked(figures: &[(&str, u64, f64, f64)], apart: u64) -> Vec<(String, u32, bool)> {
        let mut rows: Vec<_> = figures
            .iter()
            .map(|&(name, success, load, p99)| StrategyRow {
                p99_ms: Some(p99),
                ..strategy(name, success, load)
            })
            .collect();
        rank(&mut rows, |a, b| figures[a].1.abs_diff(figures[b].1) < apart);
        in_order(&rows).iter().map(|r| (r.strategy.to_string(), r.rank, r.pareto == Some(true))).collect()
    }

    fn row(name: &str, rank: u32, pareto: bool) -> (String, u32, bool) {
        (name.to_owned(), rank, pareto)
    }

    #[test]
    fn success_comes_first() {
        let found = ranked(&[("a", 900, 1.0, 5.0), ("b", 990, 3.0, 5.0), ("c", 800, 2.0, 5.0)], 10);
        assert_eq!(found, [row("b", 1, true), row("a", 2, true), row("c", 3, false)]);
    }

    #[test]
    fn those_alike_share_a_rank_and_the_cheaper_one_comes_first() {
        let figures =
            [("a", 500, 1.0, 5.0), ("b", 990, 3.0, 5.0), ("c", 985, 1.2, 5.0), ("d", 985, 1.2, 4.0)];
        let found = ranked(&figures, 10);
        assert_eq!(found, [row("d", 1, true), row("c", 1, true), row("b", 1, false), row("a", 4, true)]);
    }

    #[test]
    fn being_alike_is_measured_from_the_best_of_a_rank() {
        // b is like a and c is like b, but c is not like a.
        let figures =
            [("a", 900, 1.0, 5.0), ("b", 892, 1.0, 5.0), ("c", 884, 1.0, 5.0), ("d", 880, 1.0, 5.0)];
        let ranks: Vec<_> = ranked(&figures, 10).into_iter().map(|(_, rank, _)| rank).collect();
        assert_eq!(ranks, [1, 1, 3, 3]);
    }

    #[test]
    fn without_a_call_a_strategy_is_last() {
        let mut rows = [strategy("a", 500, 1.0), strategy("b", 900, 1.0)];
        rows[0].success_rate = None;
        rank(&mut rows, |_, _| false);
        assert_eq!((rows[0].rank, rows[1].rank), (2, 1));
    }
}
