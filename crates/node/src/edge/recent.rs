//! How long the latest good answers took.

use std::time::Duration;

/// How many answers are remembered.
const REMEMBERED: usize = 100;
/// From how many on a quantile means something.
const ENOUGH: usize = 20;

/// The latencies of the latest good answers of one callee.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    latencies: Vec<Duration>,
    next: usize,
}

impl Recent {
    /// A good answer took so long.
    pub(crate) fn add(&mut self, latency: Duration) {
        if self.latencies.len() < REMEMBERED {
            self.latencies.push(latency);
        } else {
            self.latencies[self.next] = latency;
        }
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// A quantile in (0, 1); none while there are too few.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<Duration> {
        if self.latencies.len() < ENOUGH {
            return None;
        }
        let mut sorted = self.latencies.clone();
        let last = sorted.len() - 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the list")]
        let place = ((quantile * sorted.len() as f64) as usize).min(last);
        Some(*sorted.select_nth_unstable(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_of_the_latest_hundred() {
        let mut recent = Recent::default();
        for ms in 0..19 {
            recent.add(Duration::from_millis(ms));
            assert_eq!(recent.quantile(0.5), None);
        }
        for ms in 1..=100 {
            recent.add(Duration::from_millis(ms));
        }
        assert_eq!(recent.quantile(0.95), Some(Duration::from_millis(96)));
        assert_eq!(recent.quantile(0.5), Some(Duration::from_millis(51)));
    }
}
