//! Sums over the recent past, in slots of a tenth of it.

use std::time::Duration;

use trace::Time;

/// How many slots a window has.
const SLOTS: usize = 10;

/// Two counts over a sliding window. A slot leaves as a whole, so that what is looked back on is
/// between nine tenths of the window and all of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    slots: [(u32, u32); SLOTS],
    sums: (u32, u32),
    /// The number of the newest slot, since the run began.
    newest: u64,
}

impl Window {
    fn slot_ns(window: Duration) -> u64 {
        u64::try_from(window.as_nanos() / SLOTS as u128).unwrap_or(u64::MAX).max(1)
    }

    /// Lets go what is too old.
    pub(super) fn advance(&mut self, window: Duration, now: Time) {
        let newest = now.0 / Self::slot_ns(window);
        let passed = newest.saturating_sub(self.newest);
        if passed >= SLOTS as u64 {
            *self = Self { newest, ..Self::default() };
            return;
        }
        for number in self.newest + 1..=newest {
            let slot = &mut self.slots[Self::place(number)];
            self.sums.0 -= slot.0;
            self.sums.1 -= slot.1;
            *slot = (0, 0);
        }
        self.newest = self.newest.max(newest);
    }

    fn place(number: u64) -> usize {
        usize::try_from(number % SLOTS as u64).unwrap_or_default()
    }

    /// Adds to both counts, at the time of the last [`Window::advance`].
    pub(super) fn add(&mut self, first: u32, second: u32) {
        let slot = &mut self.slots[Self::place(self.newest)];
        slot.0 += first;
        slot.1 += second;
        self.sums.0 += first;
        self.sums.1 += second;
    }

    /// Both counts.
    pub(super) fn sums(&self) -> (u32, u32) {
        self.sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_is_too_old_leaves() {
        let window = Duration::from_secs(10);
        let mut sums = Window::default();
        for second in 0..10 {
            sums.advance(window, Time(second * SECOND));
            sums.add(1, 2);
        }
        assert_eq!(sums.sums(), (10, 20));
        sums.advance(window, Time(10 * SECOND));
        assert_eq!(sums.sums(), (9, 18));
        sums.advance(window, Time(18 * SECOND + SECOND / 2));
        assert_eq!(sums.sums(), (1, 2));
        sums.advance(window, Time(1000 * SECOND));
        assert_eq!(sums.sums(), (0, 0));
    }

    #[test]
    fn time_that_seems_to_go_back_changes_nothing() {
        let window = Duration::from_secs(10);
        let mut sums = Window::default();
        sums.advance(window, Time(50 * SECOND));
        sums.add(3, 0);
        sums.advance(window, Time(10 * SECOND));
        assert_eq!(sums.sums(), (3, 0));
    }
}
