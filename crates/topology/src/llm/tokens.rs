//! How many tokens: a distribution over whole numbers.

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::TOKENS_MAX;
use crate::distribution::Distribution;
use crate::units::DurationText;

/// A distribution over numbers of tokens. In YAML a bare number is a constant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Tokens {
    /// Always as many.
    Constant(u32),
    /// Evenly between two bounds.
    Uniform {
        /// The lower bound.
        min: u32,
        /// The upper bound.
        max: u32,
    },
    /// Memoryless.
    Exponential {
        /// The mean.
        mean: u32,
    },
    /// The bell curve, cut off at 1.
    Normal {
        /// The mean, before the cut.
        mean: u32,
        /// The standard deviation, before the cut.
        stddev: u32,
    },
    /// A body and a long tail, fixed by two percentiles.
    Lognormal {
        /// The median.
        p50: u32,
        /// The 99th percentile.
        p99: u32,
    },
}

impl Tokens {
    /// The same over durations, a second for each token: the shapes are written down once.
    fn seconds(&self) -> Distribution {
        let s = |tokens: u32| DurationText(Duration::from_secs(tokens.into()));
        match *self {
            Self::Constant(tokens) => Distribution::Constant(s(tokens)),
            Self::Uniform { min, max } => Distribution::Uniform { min: s(min), max: s(max) },
            Self::Exponential { mean } => Distribution::Exponential { mean: s(mean) },
            Self::Normal { mean, stddev } => Distribution::Normal { mean: s(mean), stddev: s(stddev) },
            Self::Lognormal { p50, p99 } => Distribution::Lognormal { p50: s(p50), p99: s(p99) },
        }
    }

    /// Draws a number, from 1 to [`TOKENS_MAX`].
    pub fn sample(&self, rng: &mut impl Rng) -> u32 {
        match *self {
            Self::Constant(tokens) => tokens,
            _ => whole(self.seconds().sample(rng)),
        }
    }

    /// The mean.
    pub fn mean(&self) -> u32 {
        whole(self.seconds().mean())
    }

    /// The 99th percentile.
    pub fn p99(&self) -> u32 {
        whole(self.seconds().p99())
    }

    /// What is wrong with the parameters, if anything.
    pub fn problem(&self) -> Option<String> {
        let numbers = match *self {
            Self::Constant(tokens) => [tokens, tokens],
            Self::Uniform { min, max } => [min, max],
            Self::Exponential { mean } | Self::Normal { mean, .. } => [mean, mean],
            Self::Lognormal { p50, p99 } => [p50, p99],
        };
        if let Some(wrong) = numbers.into_iter().find(|n| !(1..=TOKENS_MAX).contains(n)) {
            return Some(format!("{wrong} is not between 1 and {TOKENS_MAX} tokens"));
        }
        match *self {
            Self::Uniform { min, max } if min > max => Some(format!("min {min} is above max {max}")),
            Self::Lognormal { p50, p99 } if p50 > p99 => Some(format!("p50 {p50} is above p99 {p99}")),
            _ => None,
        }
    }
}

fn whole(tokens: Duration) -> u32 {
    let rounded = tokens.as_secs() + u64::from(tokens.subsec_millis() >= 500);
    u32::try_from(rounded).unwrap_or(TOKENS_MAX).clamp(1, TOKENS_MAX)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn draws_are_whole_numbers_of_that_shape() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        let tokens = Tokens::Lognormal { p50: 100, p99: 400 };
        let mut draws: Vec<u32> = (0..10_000).map(|_| tokens.sample(&mut rng)).collect();
        draws.sort_unstable();
        assert!((97..=103).contains(&draws[5000]), "{}", draws[5000]);
        assert!((370..=430).contains(&draws[9900]), "{}", draws[9900]);
        let small = Tokens::Normal { mean: 1, stddev: 5 };
        assert!((0..1000).all(|_| small.sample(&mut rng) >= 1));
        assert_eq!(Tokens::Constant(7).sample(&mut rng), 7);
    }

    #[test]
    fn what_cannot_be_is_a_problem() {
        for wrong in [
            Tokens::Constant(0),
            Tokens::Constant(TOKENS_MAX + 1),
            Tokens::Uniform { min: 5, max: 4 },
            Tokens::Lognormal { p50: 5, p99: 4 },
        ] {
            assert!(wrong.problem().is_some(), "{wrong:?}");
        }
        assert_eq!(Tokens::Uniform { min: 1, max: 1 }.problem(), None);
    }
}
