//! The same calls under several strategies: which is better, and what to choose.

mod conclusion;
mod difference;
mod ranking;

use std::collections::BTreeMap;

use trace::rows::StrategyRow;

use crate::outcomes::{Outcomes, Pairs};
use crate::statistics::{Confidence, ratio, round};
pub use conclusion::{Advice, Conclusion};
pub(crate) use conclusion::{conclude, named};
use difference::Difference;
pub(crate) use ranking::in_order;

/// What pairs of strategies have made of the same calls, seed by seed. Memory grows by a few numbers
/// with each seed, not with its calls.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pairs: BTreeMap<(usize, usize), Vec<Pairs>>,
    /// How many strategies there are.
    strategies: usize,
}

impl Matches {
    /// All strategies have been run under one more seed.
    pub(crate) fn add(&mut self, outcomes: &[Outcomes]) {
        self.strategies = outcomes.len();
        for (second, after) in outcomes.iter().enumerate() {
            for (first, before) in outcomes[..second].iter().enumerate() {
                self.pairs.entry((first, second)).or_default().push(before.pairs(after));
            }
        }
    }

    fn between(&self, one: usize, other: usize) -> &[Pairs] {
        self.pairs.get(&(one.min(other), one.max(other))).map_or(&[], Vec::as_slice)
    }

    /// By how much the second of two succeeds more often. One is compared with all others: the intervals
    /// of these differences hold together.
    fn difference(&self, first: usize, second: usize) -> Option<Difference> {
        let difference = Difference::of(
            self.between(first, second),
            Confidence::shared_by(self.strategies.saturating_sub(1)),
        )?;
        Some(if first <= second { difference } else { difference.reversed() })
    }

    /// Fills in what a strategy is beside the others: ranks, and differences from the first.
    pub(crate) fn compare(&self, rows: &mut [StrategyRow]) {
        // What has no call in common says nothing against being alike.
        ranking::rank(rows, |a, b| self.difference(a, b).is_none_or(Difference::may_be_none));
        let Some((first, others)) = rows.split_first_mut() else { return };
        for (i, row) in others.iter_mut().enumerate() {
            let difference = self.difference(0, i + 1);
            row.pairs = Some(self.between(0, i + 1).iter().map(|pairs| pairs.calls).sum());
            row.success_vs = difference.map(|d| round(d.mean, 6));
            row.success_vs_low = difference.map(|d| round(d.low, 6));
            row.success_vs_high = difference.map(|d| round(d.high, 6));
            row.load_vs = (first.amplification > 0.0)
                .then(|| ratio(row.amplification - first.amplification, first.amplification));
            row.p99_vs_ms = row.p99_ms.zip(first.p99_ms).map(|(own, firsts)| round(own - firsts, 3));
        }
    }
}

#[cfg(test)]
mod tests {
    use trace::CallId;

    use super::*;
    use crate::testing::strategy;

    /// 1000 calls of which every so manyth fails.
    fn outcomes(every: u64) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for number in 0..1000 {
            outcomes.add(CallId::new(0, number), number % every > 0);
        }
        outcomes
    }

    #[test]
    fn strategies_are_compared_over_the_same_calls() {
        let mut matches = Matches::default();
        matches.add(&[outcomes(5), outcomes(10), outcomes(5)]);
        let mut rows = [strategy("none", 800, 1.0), strategy("a", 900, 1.25), strategy("b", 800, 0.8)];
        rows[1].p99_ms = Some(200.0);
        matches.compare(&mut rows);
        let [first, a, b] = &rows;
        assert_eq!((first.rank, a.rank, b.rank), (2, 1, 2));
        assert_eq!((first.success_vs, first.pairs, first.load_vs), (None, None, None));
        assert_eq!(
            (a.success_vs, a.pairs, a.load_vs, a.p99_vs_ms),
            (Some(0.1), Some(1000), Some(0.25), Some(76.6))
        );
        // By itself it would be 0.081 to 0.119; two that hold together are each of 97.5%.
        assert_eq!((a.success_vs_low, a.success_vs_high), (Some(0.078_459), Some(0.121_142)));
        assert_eq!((b.success_vs, b.load_vs), (Some(0.0), Some(-0.2)));
        assert_eq!((first.pareto, a.pareto, b.pareto), (Some(false), Some(true), Some(true)));
        // Seen from the better one the difference is negative.
        assert!(matches.difference(1, 0).unwrap().high < 0.0);
    }

    #[test]
    fn what_has_no_call_in_common_cannot_be_told_apart() {
        let mut matches = Matches::default();
        matches.add(&[outcomes(5), Outcomes::default()]);
        let mut rows = [strategy("none", 800, 1.0), strategy("a", 900, 1.0)];
        matches.compare(&mut rows);
        assert_eq!((rows[0].rank, rows[1].rank, rows[1].pairs, rows[1].success_vs), (1, 1, Some(0), None));
    }
}
