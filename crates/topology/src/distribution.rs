//! How long something takes: a distribution over durations.

use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp, Gamma, LogNormal, Normal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::DurationText;

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// A distribution over durations. In YAML a bare duration is a constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(DurationText),
    /// Evenly between two bounds.
    Uniform {
        /// The lower bound.
        min: DurationText,
        /// The upper bound.
        max: DurationText,
    },
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: DurationText,
    },
    /// The bell curve, cut off at 0.
    Normal {
        /// The mean, before the cut.
        mean: DurationText,
        /// The standard deviation, before the cut.
        stddev: DurationText,
    },
    /// The usual shape of service times: a body and a long tail, fixed by two percentiles.
    Lognormal {
        /// The median.
        p50: DurationText,
        /// The 99th percentile.
        p99: DurationText,
    },
    /// The sum of `shape` memoryless steps that are as long on average (Erlang's, if `shape` is
    /// whole); below 1 it varies more than a memoryless one. Its squared coefficient of variation is
    /// 1 / `shape`.
    Gamma {
        /// The mean.
        mean: DurationText,
        /// How many steps.
        shape: f64,
    },
}

/// The shapes that a gamma distribution may have.
const SHAPES: std::ops::RangeInclusive<f64> = 0.01..=1e6;

impl Distribution {
    /// Always zero.
    pub const ZERO: Self = Self::Constant(DurationText(Duration::ZERO));

    /// Whether it is always zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// What it always is, if it is always the same.
    pub fn constant(&self) -> Option<Duration> {
        if let Self::Constant(value) = self { Some(value.0) } else { None }
    }

    /// What is wrong with the parameters, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Uniform { min, max } if min > max => Some(format!("min {min} is above max {max}")),
            Self::Lognormal { p50, p99 } if p50.0.is_zero() || p50 > p99 => {
                Some(format!("p50 {p50} must be above 0 and at most p99 {p99}"))
            }
            Self::Gamma { shape, .. } if !SHAPES.contains(shape) => {
                Some(format!("shape {shape} is not between {} and {}", SHAPES.start(), SHAPES.end()))
            }
            _ => None,
        }
    }

    /// Draws a duration.
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, max } => {
                let (min, max) = (nanos(*min), nanos(*max));
                Duration::from_nanos(if min >= max { min } else { rng.random_range(min..=max) })
            }
            Self::Exponential { mean } => match Exp::new(1.0 / seconds(*mean)) {
                Ok(exp) => from_seconds(exp.sample(rng)),
                Err(_) => Duration::ZERO,
            },
            Self::Normal { mean, stddev } => match Normal::new(seconds(*mean), seconds(*stddev)) {
                Ok(normal) => from_seconds(normal.sample(rng)),
                Err(_) => mean.0,
            },
            Self::Lognormal { p50, p99 } => {
                let sigma = (seconds(*p99) / seconds(*p50)).ln() / Z99;
                match LogNormal::new(seconds(*p50).ln(), sigma) {
                    Ok(lognormal) => from_seconds(lognormal.sample(rng)),
                    Err(_) => p50.0,
                }
            }
            Self::Gamma { mean, shape } => match Gamma::new(*shape, seconds(*mean) / shape) {
                Ok(gamma) => from_seconds(gamma.sample(rng)),
                Err(_) => Duration::ZERO,
            },
        }
    }

    /// An upper bound that hardly any draw (at most one in ten thousand) exceeds.
    pub fn upper(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { max, .. } => max.0,
            Self::Exponential { mean } => mean.0.mul_f64(1e4_f64.ln()),
            Self::Normal { mean, stddev } => mean.0 + stddev.0.mul_f64(3.72),
            Self::Lognormal { p50, p99 } => {
                let sigma = (seconds(*p99) / seconds(*p50)).ln() / Z99;
                from_seconds(seconds(*p50) * (3.72 * sigma).exp())
            }
            // Wilson and Hilferty: the cube root is about normal. Below a shape of 1 the tail, in
            // steps, is below exp(-x) / gamma(shape), which is at most 1.13 exp(-x).
            Self::Gamma { mean, shape } if *shape > 1.0 => wilson_hilferty(*mean, *shape, 3.72),
            Self::Gamma { mean, shape } => from_seconds(seconds(*mean) / shape * 1.13e4_f64.ln()),
        }
    }

    /// The least that is ever drawn, or nearly so: 0 where there is no bound.
    pub fn least(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, .. } => min.0,
            Self::Exponential { .. } | Self::Normal { .. } | Self::Lognormal { .. } | Self::Gamma { .. } => {
                Duration::ZERO
            }
        }
    }

    /// The median.
    pub fn p50(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, max } => (min.0 + max.0) / 2,
            Self::Exponential { mean } => mean.0.mul_f64(2_f64.ln()),
            Self::Normal { mean, .. } => mean.0,
            Self::Lognormal { p50, .. } => p50.0,
            Self::Gamma { mean, shape } => wilson_hilferty(*mean, *shape, 0.0),
        }
    }

    /// The 99th percentile.
    pub fn p99(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, max } => min.0 + max.0.saturating_sub(min.0).mul_f64(0.99),
            Self::Exponential { mean } => mean.0.mul_f64(100_f64.ln()),
            Self::Normal { mean, stddev } => mean.0 + stddev.0.mul_f64(Z99),
            Self::Lognormal { p99, .. } => p99.0,
            Self::Gamma { mean, shape } => wilson_hilferty(*mean, *shape, Z99),
        }
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, max } => (min.0 + max.0) / 2,
            Self::Exponential { mean } | Self::Normal { mean, .. } | Self::Gamma { mean, .. } => mean.0,
            Self::Lognormal { p50, p99 } => {
                let sigma = (seconds(*p99) / seconds(*p50)).ln() / Z99;
                from_seconds(seconds(*p50) * (sigma * sigma / 2.0).exp())
            }
        }
    }
}

/// A quantile of a gamma distribution, at so many standard deviations of the normal one: its cube root
/// is about normal. Below a shape of 1 the median is some percent off.
fn wilson_hilferty(mean: DurationText, shape: f64, deviations: f64) -> Duration {
    let ninth = 1.0 / (9.0 * shape);
    from_seconds(seconds(mean) * (1.0 - ninth + deviations * ninth.sqrt()).powi(3))
}

fn nanos(value: DurationText) -> u64 {
    u64::try_from(value.0.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(value: DurationText) -> f64 {
    value.0.as_secs_f64()
}

/// Cuts off at 0 below and at the longest duration a scenario may name above.
fn from_seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0))
        .unwrap_or(crate::units::DURATION_MAX)
        .min(crate::units::DURATION_MAX)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    const N: usize = 100_000;
    const MS: fn(u64) -> DurationText = |ms| DurationText(Duration::from_millis(ms));

    /// Sorted draws, in milliseconds.
    fn draws(distribution: &Distribution) -> Vec<f64> {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let mut draws: Vec<f64> = (0..N).map(|_| distribution.sample(&mut rng).as_secs_f64() * 1e3).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    #[track_caller]
    fn close(is: f64, should: f64) {
        assert!((is - should).abs() <= 0.03 * should, "{is} is not close to {should}");
    }

    fn mean(draws: &[f64]) -> f64 {
        draws.iter().sum::<f64>() / draws.len() as f64
    }

    fn all() -> [Distribution; 7] {
        [
            Distribution::Constant(MS(5)),
            Distribution::Uniform { min: MS(2), max: MS(10) },
            Distribution::Exponential { mean: MS(20) },
            Distribution::Normal { mean: MS(50), stddev: MS(10) },
            Distribution::Lognormal { p50: MS(20), p99: MS(150) },
            Distribution::Gamma { mean: MS(20), shape: 2.0 },
            Distribution::Gamma { mean: MS(20), shape: 0.5 },
        ]
    }

    #[test]
    fn draws_have_the_mean() {
        for distribution in all() {
            close(mean(&draws(&distribution)), distribution.mean().as_secs_f64() * 1e3);
        }
    }

    #[test]
    fn draws_have_the_percentiles() {
        for distribution in all() {
            let draws = draws(&distribution);
            let rough = matches!(distribution, Distribution::Gamma { shape, .. } if shape < 1.0);
            if !rough {
                close(draws[N / 2], distribution.p50().as_secs_f64() * 1e3);
            }
            close(draws[N * 99 / 100], distribution.p99().as_secs_f64() * 1e3);
            assert!(draws[0] >= distribution.least().as_secs_f64() * 1e3);
        }
    }

    #[test]
    fn lognormal_keeps_its_percentiles() {
        let draws = draws(&Distribution::Lognormal { p50: MS(20), p99: MS(150) });
        close(draws[N / 2], 20.0);
        close(draws[N * 99 / 100], 150.0);
    }

    #[test]
    fn exponential_and_uniform_have_their_quantiles() {
        let exponential = draws(&Distribution::Exponential { mean: MS(20) });
        close(exponential[N / 2], 20.0 * 2_f64.ln());
        close(exponential[N * 9 / 10], 20.0 * 10_f64.ln());
        let uniform = draws(&Distribution::Uniform { min: MS(2), max: MS(10) });
        assert!(uniform[0] >= 2.0 && uniform[N - 1] <= 10.0);
        close(uniform[N / 4], 4.0);
    }

    /// Erlang's distribution of two steps: P(X > x) = (1 + x) exp(-x), in steps.
    #[test]
    fn gamma_has_the_quantiles_of_two_steps() {
        let draws = draws(&Distribution::Gamma { mean: MS(20), shape: 2.0 });
        close(draws[N / 2], 16.783);
        close(draws[N * 9 / 10], 38.897);
        let variance = draws.iter().map(|d| (d - 20.0).powi(2)).sum::<f64>() / N as f64;
        close(variance, 200.0);
    }

    #[test]
    fn normal_is_cut_off_at_zero() {
        let draws = draws(&Distribution::Normal { mean: MS(1), stddev: MS(10) });
        assert!(draws[0] >= 0.0);
        assert!(draws.iter().filter(|d| **d == 0.0).count() > N / 3);
    }

    #[test]
    fn hardly_a_draw_is_above_the_upper_bound() {
        for distribution in all() {
            let upper = distribution.upper().as_secs_f64() * 1e3;
            let above = draws(&distribution).iter().filter(|d| **d > upper).count();
            assert!(above <= N / 4_000, "{above} draws of {distribution:?} are above {upper}");
        }
    }

    #[test]
    fn extreme_parameters_draw_something() {
        let longest = DurationText(crate::units::DURATION_MAX);
        let least = DurationText(Duration::from_nanos(1));
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for distribution in [
            Distribution::ZERO,
            Distribution::Uniform { min: MS(5), max: MS(5) },
            Distribution::Exponential { mean: MS(0) },
            Distribution::Exponential { mean: longest },
            Distribution::Normal { mean: longest, stddev: longest },
            Distribution::Lognormal { p50: least, p99: longest },
            Distribution::Lognormal { p50: MS(5), p99: MS(5) },
            Distribution::Gamma { mean: MS(0), shape: 2.0 },
            Distribution::Gamma { mean: longest, shape: 0.01 },
            Distribution::Gamma { mean: least, shape: 1e6 },
        ] {
            assert_eq!(distribution.problem(), None);
            for _ in 0..1000 {
                assert!(distribution.sample(&mut rng) <= crate::units::DURATION_MAX, "{distribution:?}");
            }
            distribution.upper();
            distribution.mean();
        }
        assert!(Distribution::Uniform { min: MS(2), max: MS(1) }.problem().is_some());
        assert!(Distribution::Lognormal { p50: MS(0), p99: MS(1) }.problem().is_some());
        assert!(Distribution::Lognormal { p50: MS(2), p99: MS(1) }.problem().is_some());
        for shape in [0.0, -1.0, 1e7, f64::NAN, f64::INFINITY] {
            assert!(Distribution::Gamma { mean: MS(1), shape }.problem().is_some());
        }
    }
}
