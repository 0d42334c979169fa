//! A node's workers, and how long each has been at its present request.

use topology::FaultSet;
use trace::{AtWork, Time};

use crate::ages::Ages;

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

/// Who is at work.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    /// Workers that are taken; those that have just been granted have not begun.
    taken: u32,
    stuck: u32,
    ages: Ages,
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
        self.stuck += u32::from(work.stuck);
        self.ages.begin(work.started, work.faults);
    }

    /// One is free again; without a work if it never began.
    pub(crate) fn end(&mut self, work: Option<&Work>) {
        self.taken = self.taken.saturating_sub(1);
        let Some(work) = work else { return };
        self.stuck = self.stuck.saturating_sub(u32::from(work.stuck));
        self.ages.end(work.started, work.faults);
    }

    /// What they are at.
    pub(crate) fn at(&self, now: Time) -> AtWork {
        AtWork { work: self.ages.at(now), stuck: self.stuck }
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
        self.ages.marks()
    }
}

/// The one of two that says more about a long wait.
pub(crate) fn longer(one: AtWork, other: AtWork) -> AtWork {
    if (other.stuck, other.work.mean_age) > (one.stuck, one.work.mean_age) { other } else { one }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: u64 = 1_000_000;

    fn work(started: u64) -> Work {
        Work { started: Time(started * MS), stuck: started == 20, faults: FaultSet::EMPTY }
    }

    #[test]
    fn one_that_ends_is_seen_as_it_was_just_before() {
        let mut workers = Workers::default();
        for started in [10, 20] {
            assert!(workers.take(Some(2)));
            workers.begin(&work(started));
        }
        assert!(!workers.take(Some(2)));
        workers.about_to_end(Time(40 * MS));
        workers.end(Some(&work(10)));
        let before = workers.before_last_end();
        assert_eq!((before.stuck, before.work.mean_age), (1, Duration::from_millis(25)));
        workers.end(Some(&work(20)));
        assert_eq!((workers.taken(), workers.at(Time(50 * MS))), (0, AtWork::default()));
    }

    #[test]
    fn one_that_never_began_leaves_nothing() {
        let mut workers = Workers::default();
        assert!(workers.take(None));
        workers.end(None);
        assert_eq!((workers.taken(), workers.at(Time(MS))), (0, AtWork::default()));
    }
}
