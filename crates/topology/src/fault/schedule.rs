//! When a fault is active.

use std::time::Duration;

/// Active from `start`, for `lasts` each time, again `every` so often, until `stop`. All from the
/// start of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The first activation.
    pub start: Duration,
    /// Never from here on.
    pub stop: Duration,
    /// From one activation's begin to the next's; `None` is once.
    pub every: Option<Duration>,
    /// How long each activation lasts; `None` is until `stop`.
    pub lasts: Option<Duration>,
}

impl Schedule {
    /// The whole run.
    pub const ALWAYS: Self = Self { start: Duration::ZERO, stop: Duration::MAX, every: None, lasts: None };

    /// How long the current activation has been going on; `None` if it is not active.
    pub fn active_for(&self, at: Duration) -> Option<Duration> {
        if at >= self.stop {
            return None;
        }
        let into = self.since_turn(at.checked_sub(self.start)?);
        self.lasts.is_none_or(|lasts| into < lasts).then_some(into)
    }

    /// How long ago the last activation began, so long after the first.
    fn since_turn(&self, since_start: Duration) -> Duration {
        match self.every {
            Some(every) if !every.is_zero() => {
                Duration::from_nanos(u64::try_from(since_start.as_nanos() % every.as_nanos()).unwrap_or(0))
            }
            _ => since_start,
        }
    }

    /// Whether it is active at some moment from this one on, before that one.
    pub fn active_within(&self, from: Duration, until: Duration) -> bool {
        let last = until.checked_sub(Duration::from_nanos(1));
        let begins = last.and_then(|last| self.begun(last)).is_some_and(|begun| begun >= from);
        begins || self.active_for(from).is_some()
    }

    /// When the last activation began, which may be over; `None` before the first.
    fn begun(&self, at: Duration) -> Option<Duration> {
        // At `stop` itself none begins.
        let at = at.min(self.stop.checked_sub(Duration::from_nanos(1))?);
        let into = self.since_turn(at.checked_sub(self.start)?);
        Some(at.saturating_sub(into))
    }

    /// Each activation's begin and end, in order, as far as they begin before `until`.
    pub fn activations(&self, until: Duration) -> impl Iterator<Item = (Duration, Duration)> {
        let Self { start, stop, every, lasts } = *self;
        let end = stop.min(until);
        let mut next = (start < end).then_some(start);
        std::iter::from_fn(move || {
            let begin = next?;
            next = every.filter(|e| !e.is_zero()).map(|e| begin + e).filter(|&b| b < end);
            Some((begin, lasts.map_or(stop, |l| begin.saturating_add(l).min(stop))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn is_active_in_each_window_only() {
        let schedule = Schedule { start: S(5), stop: S(20), every: Some(S(8)), lasts: Some(S(1)) };
        let active: Vec<u64> = (0..30).filter(|&s| schedule.active_for(S(s)).is_some()).collect();
        assert_eq!(active, [5, 13]);
        let windows: Vec<_> = schedule.activations(S(30)).collect();
        assert_eq!(windows, [(S(5), S(6)), (S(13), S(14))]);
        let within = |(from, until)| schedule.active_within(S(from), S(until));
        assert!([(4, 6), (5, 6), (12, 14), (13, 14), (0, 30)].into_iter().all(within));
        assert!(![(0, 5), (6, 13), (14, 20), (20, 30)].into_iter().any(within));
    }

    #[test]
    fn without_an_end_it_goes_on_to_stop() {
        let schedule = Schedule { start: S(5), stop: S(20), every: None, lasts: None };
        assert_eq!(schedule.active_for(S(19)), Some(S(14)));
        assert_eq!(schedule.active_for(S(20)), None);
        assert_eq!(schedule.activations(S(60)).collect::<Vec<_>>(), [(S(5), S(20))]);
    }
}
