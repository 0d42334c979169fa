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
        let since_start = at.checked_sub(self.start)?;
        let into = match self.every {
            Some(every) if !every.is_zero() => {
                Duration::from_nanos(u64::try_from(since_start.as_nanos() % every.as_nanos()).unwrap_or(0))
            }
            _ => since_start,
        };
        self.lasts.is_none_or(|lasts| into < lasts).then_some(into)
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
    }

    #[test]
    fn without_an_end_it_goes_on_to_stop() {
        let schedule = Schedule { start: S(5), stop: S(20), every: None, lasts: None };
        assert_eq!(schedule.active_for(S(19)), Some(S(14)));
        assert_eq!(schedule.active_for(S(20)), None);
        assert_eq!(schedule.activations(S(60)).collect::<Vec<_>>(), [(S(5), S(20))]);
    }
}
