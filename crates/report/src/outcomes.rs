//! How each call of a run ended, in two bits a call: calls are known by their numbers.

use trace::CallId;

/// Which calls there were, and which of them succeeded.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    /// By load.
    loads: Vec<Bits>,
}

#[derive(Debug, Default)]
struct Bits {
    made: Vec<u64>,
    ok: Vec<u64>,
}

/// What became of the calls that two runs have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pairs {
    /// How many there are.
    pub(crate) calls: u64,
    /// How many of them succeeded in the first run only.
    pub(crate) only_first: u64,
    /// How many succeeded in the second run only.
    pub(crate) only_second: u64,
}

impl Outcomes {
    pub(crate) fn add(&mut self, call: CallId, ok: bool) {
        let load = usize::from(call.load());
        if self.loads.len() <= load {
            self.loads.resize_with(load + 1, Bits::default);
        }
        let Ok(word) = usize::try_from(call.number() / 64) else { return };
        let Bits { made, ok: succeeded } = &mut self.loads[load];
        if made.len() <= word {
            made.resize(word + 1, 0);
            succeeded.resize(word + 1, 0);
        }
        let bit = call.number() % 64;
        made[word] |= 1 << bit;
        succeeded[word] |= u64::from(ok) << bit;
    }

    /// Compares it, as the first, with a second run.
    pub(crate) fn pairs(&self, second: &Self) -> Pairs {
        let mut pairs = Pairs::default();
        for (a, b) in self.loads.iter().zip(&second.loads) {
            let words = a.made.iter().zip(&b.made).zip(a.ok.iter().zip(&b.ok));
            for ((a_made, b_made), (a_ok, b_ok)) in words {
                let both = a_made & b_made;
                pairs.calls += u64::from(both.count_ones());
                pairs.only_first += u64::from((both & a_ok & !b_ok).count_ones());
                pairs.only_second += u64::from((both & b_ok & !a_ok).count_ones());
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_of_both_runs_are_compared() {
        let (mut first, mut second) = (Outcomes::default(), Outcomes::default());
        for number in 0..200 {
            first.add(CallId::new(0, number), number % 2 == 0);
            second.add(CallId::new(1, number), number % 10 > 0);
        }
        assert_eq!(first.pairs(&second), Pairs::default());
        for number in 100..300 {
            second.add(CallId::new(0, number), number % 10 > 0);
        }
        let pairs = Pairs { calls: 100, only_first: 10, only_second: 50 };
        assert_eq!(first.pairs(&second), pairs);
        assert_eq!(second.pairs(&first), Pairs { calls: 100, only_first: 50, only_second: 10 });
    }
}
