//! Counts of latencies in buckets, ten to a decade.

use std::time::Duration;

use trace::overview::LatencyBucket;

use crate::statistics::{micros, round};

/// From 10 microseconds to an hour and more; what is outside is in the first or the last.
const BUCKETS: usize = 90;
const FIRST_US: f64 = 10.0;
const PER_DECADE: f64 = 10.0;

/// How many latencies there were in each bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets(Vec<u64>);

impl Buckets {
    pub(super) fn add(&mut self, latency: Duration) {
        let decades = (micros(latency).max(1) as f64 / FIRST_US).log10();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the buckets")]
        let index = (decades * PER_DECADE).clamp(0.0, (BUCKETS - 1) as f64) as usize;
        *super::at(&mut self.0, index) += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        super::add(&mut self.0, &other.0);
    }

    fn get(&self, index: usize) -> u64 {
        self.0.get(index).copied().unwrap_or(0)
    }

    /// The buckets that are not empty in all of these, and those between them.
    pub(super) fn range<const N: usize>(all: [&Self; N]) -> std::ops::Range<usize> {
        let used = |&index: &usize| all.iter().any(|buckets| buckets.get(index) > 0);
        let first = (0..BUCKETS).find(used).unwrap_or(0);
        let end = (first..BUCKETS).rev().find(used).map_or(first, |last| last + 1);
        first..end
    }

    pub(super) fn counts(&self, range: &std::ops::Range<usize>) -> Vec<u64> {
        range.clone().map(|index| self.get(index)).collect()
    }

    pub(super) fn rows(range: &std::ops::Range<usize>, ok: &Self, failed: &Self) -> Vec<LatencyBucket> {
        let bound = |index: usize| round(FIRST_US / 1e3 * 10_f64.powf(index as f64 / PER_DECADE), 6);
        let row = |index| LatencyBucket {
            from_ms: bound(index),
            to_ms: bound(index + 1),
            ok: ok.get(index),
            failed: failed.get(index),
        };
        range.clone().map(row).collect()
    }
}
