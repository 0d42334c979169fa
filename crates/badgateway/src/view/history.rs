//! How many calls began, and how many failed, over the time of a run.

use std::collections::VecDeque;
use std::time::Duration;

use sim::Progress;

/// In how many bins the time of a run is divided, and how many are kept of one whose end is not known.
const BINS: u32 = 240;
/// How long a bin is where the end is not known.
const OPEN_BIN: Duration = Duration::from_secs(1);

/// Calls and failures, bin by bin.
#[derive(Debug, Clone)]
pub(super) struct History {
    bin: Duration,
    /// Whether the end is known; if not, the oldest bins are let go.
    has_end: bool,
    bins: VecDeque<Bin>,
    /// Bins that were let go.
    gone: usize,
    last: Progress,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    started: f64,
    failed: f64,
}

/// A course of rates per second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Course {
    pub(super) calls: Vec<f64>,
    pub(super) failures: Vec<f64>,
}

impl History {
    pub(super) fn new(duration: Option<Duration>) -> Self {
        let bin = duration.map_or(OPEN_BIN, |duration| duration / BINS);
        let bin = bin.max(Duration::from_nanos(1));
        Self { bin, has_end: duration.is_some(), bins: VecDeque::new(), gone: 0, last: Progress::default() }
    }

    /// What has happened since the last time is taken to have happened evenly.
    pub(super) fn add(&mut self, now: &Progress) {
        let (from, to) = (self.last.elapsed, now.elapsed);
        let took = to.saturating_sub(from).as_secs_f64();
        if took <= 0.0 {
            return;
        }
        let started = now.started.saturating_sub(self.last.started) as f64 / took;
        let failed = now.failed.saturating_sub(self.last.failed) as f64 / took;
        self.last = now.clone();
        let width = self.bin.as_secs_f64();
        let (from, to) = (from.as_secs_f64(), to.as_secs_f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float's conversion is capped"
        )]
        let place = |time: f64| (time / width) as usize;
        // What comes after the end of a run whose end is known has no bin.
        let last = if self.has_end { place(to).min(BINS as usize - 1) } else { place(to) };
        for place in place(from)..=last {
            let begin = place as f64 * width;
            let share = (to.min(begin + width) - from.max(begin)).max(0.0);
            if let Some(bin) = self.bin(place) {
                bin.started += started * share;
                bin.failed += failed * share;
            }
        }
    }

    fn bin(&mut self, place: usize) -> Option<&mut Bin> {
        while self.gone + self.bins.len() <= place {
            self.bins.push_back(Bin::default());
            if self.bins.len() > BINS as usize {
                self.bins.pop_front();
                self.gone += 1;
            }
        }
        self.bins.get_mut(place.checked_sub(self.gone)?)
    }

    /// So many rates: over all of the run's time if its end is known, else over the last seconds.
    pub(super) fn course(&self, width: usize) -> Course {
        let rates = |of: fn(&Bin) -> f64| -> Vec<f64> {
            let seconds = self.bin.as_secs_f64();
            let mut rates: Vec<f64> = self.bins.iter().map(|bin| of(bin) / seconds).collect();
            if self.has_end {
                rates.resize(BINS as usize, 0.0);
                report::render::means(&rates, width)
            } else {
                rates.split_off(rates.len().saturating_sub(width))
            }
        };
        Course { calls: rates(|bin| bin.started), failures: rates(|bin| bin.failed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, started: u64, failed: u64) -> Progress {
        Progress { elapsed: Duration::from_millis(ms), started, failed, ..Progress::default() }
    }

    #[test]
    fn a_run_with_an_end_fills_its_width() {
        let mut history = History::new(Some(Duration::from_secs(8)));
        history.add(&at(2000, 200, 0));
        history.add(&at(4000, 400, 100));
        let Course { calls, failures } = history.course(4);
        let rounded = |rates: Vec<f64>| rates.iter().map(|rate| rate.round()).collect::<Vec<_>>();
        assert_eq!(rounded(calls), [100.0, 100.0, 0.0, 0.0]);
        assert_eq!(rounded(failures), [0.0, 50.0, 0.0, 0.0]);
        // Calls that end after the load does.
        history.add(&at(9000, 400, 150));
        assert_eq!(history.course(4).calls.len(), 4);
    }

    #[test]
    fn one_without_an_end_shows_its_last_seconds() {
        let mut history = History::new(None);
        for second in 1..=1000 {
            history.add(&at(second * 1000, second * second, 0));
        }
        let Course { calls, .. } = history.course(3);
        assert_eq!(calls.len(), 3);
        assert!(calls.windows(2).all(|two| two[0] >= 0.0 && two[1] >= 0.0));
        assert!(history.bins.len() <= BINS as usize);
    }
}
