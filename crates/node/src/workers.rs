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
    /// What the longest works were like that ended while somebody waited, and when: of those who wait
    /// still, all have waited for it.
    longest: (AtWork, Time),
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

    /// The work of one of them does not go on any more.
    pub(crate) fn sticks(&mut self) {
        self.stuck += 1;
    }

    /// Takes note of what they are at, before one of them ends; somebody has waited since then.
    pub(crate) fn about_to_end(&mut self, now: Time, waiting_since: Time) {
        let at = self.at(now);
        let (longest, when) = self.longest;
        if when < waiting_since || longer(longest, at) == at {
            self.longest = (at, now);
        }
    }

    /// What they were at when they were at it for longest, while somebody waited who has since then.
    pub(crate) fn longest_since(&self, arrived: Time) -> AtWork {
        let (longest, when) = self.longest;
        if when < arrived { AtWork::default() } else { longest }
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
        workers.about_to_end(Time(40 * MS), Time(30 * MS));
        workers.end(Some(&work(10)));
        // The next is at it for a shorter time.
        assert!(workers.take(Some(2)));
        workers.begin(&work(40));
        workers.about_to_end(Time(41 * MS), Time(35 * MS));
        let before = workers.longest_since(Time(35 * MS));
        assert_eq!((before.stuck, before.work.mean_age), (1, Duration::from_millis(25)));
        assert_eq!(workers.longest_since(Time(41 * MS)), AtWork::default());
        // Whoever waits now has come after the longest was over.
        workers.about_to_end(Time(42 * MS), Time(41 * MS));
        assert_eq!(workers.longest_since(Time(41 * MS)).work.mean_age, Duration::from_millis(12));
        workers.end(Some(&work(40)));
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
