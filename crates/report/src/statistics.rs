//! The few statistics that the figures need.

use std::time::Duration;

use hdrhistogram::Histogram;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The normal distribution's 97.5% quantile: for two-sided 95% intervals.
pub(crate) const Z95: f64 = 1.959_963_985;

/// The 95% Wilson score interval of a share; `None` if there is nothing to take a share of. Unlike
/// the plain normal interval it holds near 0% and 100% and for small counts.
///
/// Source: Wilson 1927; see Brown, Cai, `DasGupta` 2001, section 3.1.1.
pub(crate) fn wilson(hits: u64, total: u64) -> Option<(f64, f64)> {
    if total == 0 {
        return None;
    }
    let (n, p) = (total as f64, hits as f64 / total as f64);
    let z2 = Z95 * Z95;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

/// How sure an interval is, that holds together with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Confidence {
    /// The quantile up to which a two-sided interval goes.
    quantile: f64,
}

impl Confidence {
    /// 95% for one interval by itself.
    pub(crate) const SINGLE: Self = Self { quantile: 0.975 };

    /// So many intervals that all hold at once in 95% of cases: each misses in 5% divided by their
    /// number (Bonferroni).
    pub(crate) fn shared_by(intervals: usize) -> Self {
        Self { quantile: 1.0 - 0.025 / intervals.max(1) as f64 }
    }

    /// Half the width of an interval, in standard deviations of a normal distribution.
    pub(crate) fn normal(self) -> f64 {
        Normal::standard().inverse_cdf(self.quantile)
    }

    /// The same of Student's t distribution with so many degrees of freedom, at least one.
    fn student(self, degrees: usize) -> f64 {
        StudentsT::new(0.0, 1.0, degrees as f64)
            .expect("one degree of freedom or more")
            .inverse_cdf(self.quantile)
    }
}

/// The mean, and half the width of Student's 95% interval for it; this needs two values.
pub(crate) fn mean_and_half(values: &[f64]) -> (f64, Option<f64>) {
    mean_and_half_at(values, Confidence::SINGLE)
}

/// The same with this confidence.
pub(crate) fn mean_and_half_at(values: &[f64], confidence: Confidence) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, None);
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, Some(confidence.student(values.len() - 1) * (variance / n).sqrt()))
}

/// The longest latency that percentiles tell from longer ones, in microseconds: an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// An empty histogram of microseconds, of so many significant digits.
pub(crate) fn histogram<C: hdrhistogram::Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_max(LONGEST_US, digits).expect("both arguments are within the allowed bounds")
}

/// Latencies in bounded memory. Percentiles are at most 0.1% (three significant digits) above the
/// true ones, and whole microseconds; the largest is exact.
#[derive(Debug, Clone)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
    max: Duration,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { histogram: histogram(3), max: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        self.histogram.saturating_record(micros(latency));
        self.max = self.max.max(latency);
    }

    /// Adds all of another's.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.histogram += &other.histogram;
        self.max = self.max.max(other.max);
    }

    /// A quantile in [0, 1], in milliseconds; `None` if there is no latency.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        if self.histogram.is_empty() {
            return None;
        }
        let bound = self.histogram.value_at_quantile(quantile) as f64 / 1e3;
        Some(round(bound.min(self.max.as_secs_f64() * 1e3), 3))
    }

    /// The largest, in milliseconds.
    pub(crate) fn max_ms(&self) -> Option<f64> {
        (!self.histogram.is_empty()).then(|| ms(self.max))
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A duration in milliseconds, to the microsecond.
pub(crate) fn ms(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1e3, 3)
}

/// Rounded to so many decimals.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// `part / whole`, rounded to six decimals; 0 if there is no whole.
pub(crate) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { round(part / whole, 6) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_published_values() {
        // 15 of 20: (0.5313, 0.8881). None of 10: (0, 0.2775).
        let (low, high) = wilson(15, 20).unwrap();
        assert!((low - 0.5313).abs() < 5e-5 && (high - 0.8881).abs() < 5e-5, "{low} {high}");
        let (low, high) = wilson(0, 10).unwrap();
        assert!(low.abs() < 1e-12 && (high - 0.2775).abs() < 5e-5, "{low} {high}");
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn students_quantiles_are_those_of_the_table() {
        let published =
            [(1, 12.706), (8, 2.306), (9, 2.262), (10, 2.228), (20, 2.086), (30, 2.042), (100, 1.984)];
        for (degrees, quantile) in published {
            let found = Confidence::SINGLE.student(degrees);
            assert!((found - quantile).abs() < 6e-4, "{degrees}: {found}");
        }
    }

    #[test]
    fn intervals_that_share_are_wider() {
        assert!((Confidence::SINGLE.normal() - Z95).abs() < 1e-6);
        assert_eq!(Confidence::shared_by(1), Confidence::SINGLE);
        // The 99.5% quantiles of the tables: 2.576 of the normal, 3.169 of Student's with ten degrees.
        let fifth = Confidence::shared_by(5);
        assert!((fifth.normal() - 2.5758).abs() < 1e-4, "{}", fifth.normal());
        assert!((fifth.student(10) - 3.1693).abs() < 1e-4, "{}", fifth.student(10));
    }

    #[test]
    fn quantiles_of_few_and_of_many() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile_ms(0.5), None);
        latencies.add(Duration::from_micros(1_234_567));
        assert_eq!(latencies.quantile_ms(0.5), Some(1234.567));
        assert_eq!(latencies.quantile_ms(0.99), Some(1234.567));
        let mut latencies = Latencies::new();
        for ms in 1..=100 {
            latencies.add(Duration::from_millis(ms));
        }
        for (quantile, truth) in [(0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (1.0, 100.0)] {
            let found = latencies.quantile_ms(quantile).unwrap();
            assert!((truth..=truth * 1.001).contains(&found), "{quantile}: {found}");
        }
        assert_eq!(latencies.max_ms(), Some(100.0));
    }
}
