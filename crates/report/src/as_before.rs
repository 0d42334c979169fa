//! Whether calls succeed as before something went wrong: one answer, for the tables' sentence and for the
//! comparison's page.

/// As before is so much of the share from before, and what chance takes from it.
pub(crate) const AS_BEFORE: f64 = 0.95;
/// So many standard deviations are no sign of anything.
const CHANCE: f64 = 3.0;
/// Shares of fewer calls say little: bins are joined until they have so many on average.
pub(crate) const CALLS_MIN: f64 = 20.0;

/// The calls of a bin of time: those that succeeded, and all.
pub(crate) type Counts = (u64, u64);

/// How calls succeeded before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Before {
    share: f64,
}

impl Before {
    /// From these calls; `None` without any.
    pub(crate) fn new((ok, calls): Counts) -> Option<Self> {
        (calls > 0).then(|| Self { share: ok as f64 / calls as f64 })
    }

    /// The share of them that succeeded.
    pub(crate) fn share(self) -> f64 {
        self.share
    }

    /// Whether these succeeded as before; where there is no call none failed.
    pub(crate) fn holds(self, (ok, calls): Counts) -> bool {
        let Self { share } = self;
        let chance = CHANCE * (share * (1.0 - share) / calls as f64).sqrt();
        calls == 0 || ok as f64 / calls as f64 >= AS_BEFORE * share - chance
    }

    /// After how many of these bins, which follow on each other, calls succeed as before until the last of
    /// them; `None` if they do not.
    pub(crate) fn returns(self, bins: &[Counts]) -> Option<usize> {
        let joined = joined(bins.len(), bins.iter().map(|(_, calls)| calls).sum());
        let sum = |bins: &[Counts]| bins.iter().fold((0, 0), |(ok, all), (o, a)| (ok + o, all + a));
        let last_bad = bins.chunks(joined).rposition(|bins| !self.holds(sum(bins)));
        let back = last_bad.map_or(0, |last| (last + 1) * joined);
        (back < bins.len()).then_some(back)
    }
}

/// How many of so many bins are taken as one, that have so many calls together.
pub(crate) fn joined(bins: usize, calls: u64) -> usize {
    let joined = (CALLS_MIN * bins as f64 / calls as f64).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and a float's conversion is capped"
    )]
    (joined as usize).min(bins.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_no_sign_and_an_outage_is_one() {
        let before = Before::new((90, 100)).unwrap();
        assert!(before.holds((0, 0)) && before.holds((14, 20)) && !before.holds((12, 20)));
        // Of all calls that had succeeded none may fail by chance.
        let before = Before::new((100, 100)).unwrap();
        assert!(before.holds((19, 20)) && !before.holds((18, 20)));
        assert_eq!(Before::new((0, 0)), None);
    }

    #[test]
    fn it_is_back_when_it_stays_back() {
        let before = Before::new((100, 100)).unwrap();
        assert_eq!(before.returns(&[(100, 100); 5]), Some(0));
        assert_eq!(before.returns(&[(0, 100), (100, 100), (0, 100), (100, 100)]), Some(3));
        assert_eq!(before.returns(&[(100, 100), (0, 100)]), None);
        // Ten calls a bin: two bins are one.
        assert_eq!(before.returns(&[(5, 10), (10, 10), (10, 10), (10, 10)]), Some(2));
        assert_eq!(before.returns(&[]), None);
    }
}
