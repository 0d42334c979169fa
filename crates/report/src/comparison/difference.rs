//! How much more often one strategy succeeds than another, over the same calls.

use crate::outcomes::Pairs;
use crate::statistics::{Confidence, mean_and_half_at};

/// A difference of two shares, with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Difference {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Difference {
    /// By how much the second run's share is larger than the first's; one entry for each seed. `None`
    /// if no call was made in both.
    ///
    /// With one seed it rests on the pairs of calls, as if these did not depend on each other; with
    /// several on the differences of the seeds, which do not.
    pub(crate) fn of(seeds: &[Pairs], confidence: Confidence) -> Option<Self> {
        let some: Vec<_> = seeds.iter().copied().filter(|pairs| pairs.calls > 0).collect();
        match some.as_slice() {
            [] => None,
            [pairs] => Some(Self::of_pairs(*pairs, confidence)),
            several => Some(Self::of_seeds(several, confidence)),
        }
    }

    /// The interval is Wald's with half a call added to each of the four outcomes, which keeps it from
    /// being too narrow where few calls differ.
    ///
    /// Source: Agresti, Min 2005, "Simple improved confidence intervals for comparing matched
    /// proportions".
    fn of_pairs(pairs: Pairs, confidence: Confidence) -> Self {
        let (more, less) = (pairs.only_second as f64, pairs.only_first as f64);
        let mean = (more - less) / pairs.calls as f64;
        let calls = pairs.calls as f64 + 2.0;
        let middle = (more - less) / calls;
        let half = confidence.normal() * ((more + less + 1.0) - (more - less).powi(2) / calls).sqrt() / calls;
        Self { mean, low: (middle - half).max(-1.0), high: (middle + half).min(1.0) }
    }

    /// Student's interval for the mean of the seeds' differences.
    fn of_seeds(seeds: &[Pairs], confidence: Confidence) -> Self {
        let each: Vec<f64> =
            seeds.iter().map(|p| (p.only_second as f64 - p.only_first as f64) / p.calls as f64).collect();
        let (mean, half) = mean_and_half_at(&each, confidence);
        let half = half.unwrap_or_default();
        Self { mean, low: (mean - half).max(-1.0), high: (mean + half).min(1.0) }
    }

    /// The same, seen from the other side.
    pub(crate) fn reversed(self) -> Self {
        Self { mean: -self.mean, low: -self.high, high: -self.low }
    }

    /// It may be that there is none.
    pub(crate) fn may_be_none(self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(calls: u64, only_first: u64, only_second: u64) -> Pairs {
        Pairs { calls, only_first, only_second }
    }

    #[test]
    fn pairs_agree_with_a_published_interval() {
        // Agresti, Categorical Data Analysis, 10.1: 1600 people, of whom 150 approved in the first
        // survey only and 86 in the second only: -0.04, from -0.06 to -0.02.
        let difference = Difference::of(&[pairs(1600, 150, 86)], Confidence::SINGLE).unwrap();
        assert!((difference.mean + 0.04).abs() < 1e-9);
        assert!((difference.low + 0.06).abs() < 0.005 && (difference.high + 0.02).abs() < 0.005);
    }

    #[test]
    fn without_a_call_that_differs_the_interval_is_still_not_empty() {
        let difference = Difference::of(&[pairs(100, 0, 0)], Confidence::SINGLE).unwrap();
        assert!(difference.low < -0.01 && difference.high > 0.01, "{difference:?}");
        assert!(difference.may_be_none());
        assert_eq!(Difference::of(&[pairs(0, 0, 0)], Confidence::SINGLE), None);
        assert_eq!(Difference::of(&[], Confidence::SINGLE), None);
    }

    #[test]
    fn from_the_other_side_it_is_the_same() {
        for seeds in [vec![pairs(50, 3, 11)], vec![pairs(50, 3, 11), pairs(70, 2, 5), pairs(60, 9, 2)]] {
            let swapped: Vec<_> = seeds.iter().map(|p| pairs(p.calls, p.only_second, p.only_first)).collect();
            let (one, other) = (
                Difference::of(&seeds, Confidence::SINGLE).unwrap(),
                Difference::of(&swapped, Confidence::SINGLE).unwrap(),
            );
            assert!((one.low - other.reversed().low).abs() < 1e-12);
            assert!((one.high - other.reversed().high).abs() < 1e-12);
        }
    }

    #[test]
    fn seeds_agree_with_a_published_paired_test() {
        // Student 1908, the sleep data: gains of 1.2 2.4 1.3 1.3 0.0 1.0 1.8 0.8 4.6 1.4 hours; the
        // interval is (0.7001, 2.4599), as R's documentation of `t.test` has it. Here a tenth of each.
        let gains = [120, 240, 130, 130, 0, 100, 180, 80, 460, 140];
        let seeds = gains.map(|gain| pairs(1000, 0, gain));
        let difference = Difference::of(&seeds, Confidence::SINGLE).unwrap();
        assert!((difference.mean - 0.158).abs() < 1e-9);
        assert!((difference.low - 0.070_01).abs() < 1e-4, "{difference:?}");
        assert!((difference.high - 0.245_99).abs() < 1e-4, "{difference:?}");
    }
}
