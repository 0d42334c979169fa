//! How old the things under way are: a worker's requests, an edge's attempts.

use topology::FaultSet;
use trace::{Time, UnderWay};

/// Counts only: nothing here grows with how many are under way.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    count: u32,
    /// The sum of the begins, in nanoseconds.
    begins: u128,
    /// How many there are with each set of the injector's marks, where there are any.
    marked: Vec<(FaultSet, u32)>,
}

impl Ages {
    /// How many are under way.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// One begins; these faults make it longer than it would be.
    pub(crate) fn begin(&mut self, at: Time, faults: FaultSet) {
        self.count += 1;
        self.begins += u128::from(at.0);
        if faults.is_empty() {
            return;
        }
        match self.marked.iter_mut().find(|(marks, _)| *marks == faults) {
            Some((_, count)) => *count += 1,
            None => self.marked.push((faults, 1)),
        }
    }

    /// One ends that had begun so.
    pub(crate) fn end(&mut self, begun: Time, faults: FaultSet) {
        self.count = self.count.saturating_sub(1);
        self.begins = self.begins.saturating_sub(u128::from(begun.0));
        if let Some(place) = self.marked.iter().position(|(marks, _)| *marks == faults) {
            self.marked[place].1 -= 1;
            if self.marked[place].1 == 0 {
                self.marked.swap_remove(place);
            }
        }
    }

    /// How many there are, and how old on average.
    pub(crate) fn at(&self, now: Time) -> UnderWay {
        let Some(mean) = self.begins.checked_div(u128::from(self.count)) else { return UnderWay::default() };
        let mean = Time(u64::try_from(mean).unwrap_or(u64::MAX));
        UnderWay { count: self.count, mean_age: now.since(mean) }
    }

    /// The faults that make them longer.
    pub(crate) fn marks(&self) -> FaultSet {
        self.marked.iter().fold(FaultSet::EMPTY, |all, (faults, _)| all.union(*faults))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use topology::FaultId;

    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_age_is_the_mean_of_those_under_way() {
        let mut ages = Ages::default();
        for begin in [10, 20] {
            ages.begin(Time(begin * MS), FaultSet::EMPTY);
        }
        assert_eq!(ages.at(Time(30 * MS)), UnderWay { count: 2, mean_age: Duration::from_millis(15) });
        ages.end(Time(10 * MS), FaultSet::EMPTY);
        assert_eq!(ages.at(Time(40 * MS)), UnderWay { count: 1, mean_age: Duration::from_millis(20) });
        ages.end(Time(20 * MS), FaultSet::EMPTY);
        assert_eq!(ages.at(Time(50 * MS)), UnderWay::default());
    }

    #[test]
    fn marks_are_those_of_what_is_under_way() {
        let set = |fault| [FaultId(fault)].into_iter().collect::<FaultSet>();
        let mut ages = Ages::default();
        for fault in [3, 5, 3] {
            ages.begin(Time(MS), set(fault));
        }
        ages.end(Time(MS), set(3));
        ages.end(Time(MS), set(5));
        assert_eq!(ages.marks(), set(3));
    }
}
