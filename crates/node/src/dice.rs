//! Keyed luck: a draw is a function of (seed, purpose, key), never of the order of draws.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use topology::llm::{Ask, Asked};
use trace::CallId;
use trace::id::mix;

/// What a draw is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The time of a node's own work.
    Work,
    /// The jitter of a back-off.
    Backoff,
    /// The choice among callees.
    Balance,
    /// Whether a fault hits, and how hard; by the fault's number.
    Fault(u8),
    /// The gaps between arrivals; by the load's number.
    Arrivals(u16),
    /// A user's think time.
    Think,
    /// Whether adaptive throttling drops an attempt.
    Throttle,
    /// How long a prompt is; by the call.
    Prompt,
    /// How long a completion is.
    Completion,
    /// Whether a request is answered from a cache.
    Cache,
}

impl Purpose {
    fn key(self) -> u64 {
        match self {
            Self::Work => 1 << 32,
            Self::Backoff => 2 << 32,
            Self::Balance => 3 << 32,
            Self::Fault(n) => 4 << 32 | u64::from(n),
            Self::Arrivals(n) => 5 << 32 | u64::from(n),
            Self::Think => 6 << 32,
            Self::Throttle => 7 << 32,
            Self::Prompt => 8 << 32,
            Self::Cache => 10 << 32,
            Self::Completion => 9 << 32,
        }
    }
}

/// The source of all chance in a run.
#[derive(Debug, Clone, Copy)]
pub struct Dice {
    seed: u64,
}

impl Dice {
    /// From the scenario's seed.
    pub fn new(seed: u64) -> Self {
        Self { seed: mix(seed) }
    }

    /// A generator for one purpose and key. PCG is portable: the same numbers on every machine.
    pub fn rng(&self, purpose: Purpose, key: u64) -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(mix(self.seed ^ mix(key ^ mix(purpose.key()))))
    }

    /// What a call of a load asks of a model: the same in each of its attempts.
    pub fn asked(&self, ask: &Ask, call: CallId) -> Asked {
        Asked {
            model: ask.model.clone(),
            prompt_tokens: ask.prompt_tokens.sample(&mut self.rng(Purpose::Prompt, call.0)),
            max_tokens: ask.max_tokens,
            stream: ask.stream,
        }
    }

    /// A number in [0, 1).
    pub fn unit(&self, purpose: Purpose, key: u64) -> f64 {
        self.rng(purpose, key).random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_seed_purpose_and_key_only() {
        let dice = Dice::new(7);
        let first = dice.unit(Purpose::Work, 1);
        assert_eq!(dice.unit(Purpose::Work, 1).to_bits(), first.to_bits());
        for other in [
            dice.unit(Purpose::Work, 2),
            dice.unit(Purpose::Backoff, 1),
            dice.unit(Purpose::Fault(0), 1),
            Dice::new(8).unit(Purpose::Work, 1),
        ] {
            assert_ne!(other.to_bits(), first.to_bits());
        }
    }

    #[test]
    fn draws_over_keys_are_uniform() {
        let dice = Dice::new(1);
        let hits = (0..100_000).filter(|&k| dice.unit(Purpose::Fault(3), k) < 0.15).count();
        // Five standard deviations of a binomial(100000, 0.15).
        assert!((15_000_i64 - i64::try_from(hits).unwrap()).abs() < 565, "{hits}");
    }
}
