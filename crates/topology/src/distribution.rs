//! How long something takes: a distribution over durations.

use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution as _, Exp, LogNormal, Normal};
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
}

impl Distribution {
    /// Always zero.
    pub const ZERO: Self = Self::Constant(DurationText(Duration::ZERO));

    /// Whether it is always zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// What is wrong with the parameters, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Uniform { min, max } if min > max => Some(format!("min {min} is above max {max}")),
            Self::Lognormal { p50, p99 } if p50.0.is_zero() || p50 > p99 => {
                Some(format!("p50 {p50} must be above 0 and at most p99 {p99}"))
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
        }
    }

    /// The mean.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(value) => value.0,
            Self::Uniform { min, max } => (min.0 + max.0) / 2,
            Self::Exponential { mean } | Self::Normal { mean, .. } => mean.0,
            Self::Lognormal { p50, p99 } => {
                let sigma = (seconds(*p99) / seconds(*p50)).ln() / Z99;
                from_seconds(seconds(*p50) * (sigma * sigma / 2.0).exp())
            }
        }
    }
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
