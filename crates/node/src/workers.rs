//! A node's workers, and how long each has been at its present request.

use topology::FaultSet;
use trace::{AtWork, Time};

/// A request's own work, from the moment at which a worker took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// When it began.
    pub(crate) started: Time,
    /// Whether nothing goes on: the worker is held, and that is all.
    pub(crate) stuck: bool,
    /// The injector's marks: faults that make it longer than it would be.
    pub(crate) faults: FaultSet,
}

/// Who is at work. Counts only: nothing here grows with the number of workers.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    /// Workers that are taken; those that have just been granted have not begun.
    taken: u32,
    begun: u32,
    stuck: u32,
    /// The sum of the begins, in nanoseconds.
    begins: u128,
    /// How many of the works there are with each set of marks, where there are any.
    marked: Vec<(FaultSet, u32)>,
    /// What was true just before the last worker became free for somebody who waited.
    before_last_end: AtWork,
}

impl Workers {
    /// How many are taken.
    pub(crate) fn taken(&self) -> u32 {
        self.taken
    }

    /// Takes one of so many, if one is free.
    pub(crate) fn take(&mut self, of: Option<u32>) -> bool {
        let free = of.is_none_or(|workers| self.taken < workers);
        self.taken += u32::from(free);
        free
    }

    /// One that is taken begins.
    pub(crate) fn begin(&mut self, work: &Work) {
        self.begun += 1;
        self.stuck += u32::from(work.stuck);
        self.begins += u128::from(work.started.0);
        if work.faults.is_empty() {
            return;
        }
        match self.marked.iter_mut().find(|(faults, _)| *faults == work.faults) {
            Some((_, count)) => *count += 1,
            None => self.marked.push((work.faults, 1)),
        }
    }

    /// One is free again; without a work if it never began.
    pub(crate) fn end(&mut self, work: Option<&Work>) {
        self.taken = self.taken.saturating_sub(1);
        let Some(work) = work else { return };
        self.begun = self.begun.saturating_sub(1);
        self.stuck = self.stuck.saturating_sub(u32::from(work.stuck));
        self.begins = self.begins.saturating_sub(u128::from(work.started.0));
        if let Some(place) = self.marked.iter().position(|(faults, _)| *faults == work.faults) {
            self.marked[place].1 -= 1;
            if self.marked[place].1 == 0 {
                self.marked.swap_remove(place);
            }
        }
    }

    /// What they are at.
    pub(crate) fn at(&self, now: Time) -> AtWork {
        let Some(mean) = self.begins.checked_div(u128::from(self.begun)) else { return AtWork::default() };
        let mean = Time(u64::try_from(mean).unwrap_or(u64::MAX));
        AtWork { workers: self.begun, stuck: self.stuck, mean_age: now.since(mean) }
    }

    /// Takes note of what they are at, before one of them ends for somebody who waits.
    pub(crate) fn about_to_end(&mut self, now: Time) {
        self.before_last_end = self.at(now);
    }

    /// What they were at just before the last of them became free for somebody.
    pub(crate) fn before_last_end(&self) -> AtWork {
        self.before_last_end
    }

    /// The faults that make what they are at longer.
    pub(crate) fn marks(&self) -> FaultSet {
        self.marked.iter().fold(FaultSet::EMPTY, |all, (faults, _)| all.union(*faults))
    }
}

/// The one of two that says more about a long wait.
pub(crate) fn longer(one: AtWork, other: AtWork) -> AtWork {
    if (other.stuck, other.mean_age) > (one.stuck, one.mean_age) { other } else { one }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use topology::FaultId;

    use super::*;

    const MS: u64 = 1_000_000;

    fn work(started: u64) -> Work {
        Work { started: Time(started * MS), stuck: false, faults: FaultSet::EMPTY }
    }

    #[test]
    fn the_age_is_the_mean_of_those_at_work() {
        let mut workers = Workers::default();
        for started in [10, 20] {
            assert!(workers.take(Some(2)));
            workers.begin(&work(started));
        }
        assert!(!workers.take(Some(2)));
        let at = workers.at(Time(30 * MS));
        assert_eq!((at.workers, at.mean_age), (2, Duration::from_millis(15)));
        workers.about_to_end(Time(40 * MS));
        workers.end(Some(&work(10)));
        assert_eq!(workers.before_last_end().mean_age, Duration::from_millis(25));
        assert_eq!(workers.at(Time(40 * MS)).mean_age, Duration::from_millis(20));
        workers.end(Some(&work(20)));
        assert_eq!(workers.at(Time(50 * MS)), AtWork::default());
        assert_eq!(workers.taken(), 0);
    }

    #[test]
    fn one_that_never_began_leaves_nothing() {
        let mut workers = Workers::default();
        assert!(workers.take(None));
        workers.end(None);
        assert_eq!((workers.taken(), workers.at(Time(MS))), (0, AtWork::default()));
    }

    #[test]
    fn marks_are_those_of_works_under_way() {
        let marked = |fault| Work { faults: [FaultId(fault)].into_iter().collect(), stuck: true, ..work(1) };
        let mut workers = Workers::default();
        for fault in [3, 5, 3] {
            workers.take(None);
            workers.begin(&marked(fault));
        }
        workers.end(Some(&marked(3)));
        workers.end(Some(&marked(5)));
        assert_eq!(workers.marks(), [FaultId(3)].into_iter().collect());
        assert_eq!(workers.at(Time(MS)).stuck, 1);
    }
}
