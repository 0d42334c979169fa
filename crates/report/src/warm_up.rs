//! How much of a run is warm-up: the truncation rule MSER-5.
//!
//! The latencies of calls, in the order in which calls end, are averaged in batches of five. Left out
//! are the first `d` batches, with the `d` that makes the interval for the mean of the rest
//! narrowest: least `sum (y_i - mean)^2 / (n - d)^2` over the `n - d` batches that are left.
//!
//! Source: White, Cobb, Spratt 2000, "A comparison of five steady-state truncation heuristics for
//! simulation"; that more than half of a run is no warm-up, but a run too short: Hoad, Robinson,
//! Davies 2010, "Automating warm-up length estimation".

use std::io;
use std::sync::Arc;

use topology::Scenario;
use trace::{Record, Sink, Time};

use crate::recorder::is_synthetic;

/// How many calls a batch has, as long as there are not too many batches.
const CALLS: u64 = 5;
/// Where there are so many batches, two become one: memory is bounded, and batches get longer.
const BATCHES_MAX: usize = 4096;
/// Fewer batches say nothing.
const BATCHES_MIN: usize = 20;

/// Takes the calls of a run, and says how much of it is warm-up.
#[derive(Debug)]
pub struct WarmUp {
    scenario: Arc<Scenario>,
    batches: Vec<Batch>,
    /// How many calls a batch has.
    size: u64,
    open: Batch,
    calls: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Batch {
    /// Of latencies, in seconds.
    sum: f64,
    /// When the last of its calls ended.
    end: Time,
}

impl WarmUp {
    /// For a run of this scenario.
    pub fn new(scenario: Arc<Scenario>) -> Self {
        Self { scenario, batches: Vec::new(), size: CALLS, open: Batch::default(), calls: 0 }
    }

    /// The moment at which the warm-up is over; `None` if the run is too short to tell, or tends to no
    /// steady state.
    pub fn over(&self) -> Option<Time> {
        let means: Vec<f64> = self.batches.iter().map(|batch| batch.sum / self.size as f64).collect();
        let left_out = truncation(&means)?;
        Some(left_out.checked_sub(1).map_or(Time::default(), |last| self.batches[last].end))
    }

    fn add(&mut self, seconds: f64, end: Time) {
        self.open.sum += seconds;
        self.open.end = self.open.end.max(end);
        self.calls += 1;
        if self.calls < self.size {
            return;
        }
        self.batches.push(std::mem::take(&mut self.open));
        self.calls = 0;
        if self.batches.len() == BATCHES_MAX {
            let pairs = self.batches.chunks_exact(2);
            self.batches =
                pairs.map(|pair| Batch { sum: pair[0].sum + pair[1].sum, end: pair[1].end }).collect();
            self.size *= 2;
        }
    }
}

impl Sink for WarmUp {
    fn record(&mut self, record: Record) -> io::Result<()> {
        if let Record::Call(end) = &record
            && !is_synthetic(&self.scenario, end.call)
        {
            self.add(end.latency().as_secs_f64(), end.end);
        }
        Ok(())
    }

    fn tick(&mut self, _: Time) -> io::Result<()> {
        Ok(())
    }
}

/// How many batches are left out; `None` if it would be more than half of them.
fn truncation(means: &[f64]) -> Option<usize> {
    let n = means.len();
    if n < BATCHES_MIN {
        return None;
    }
    // From the end on, so that sums grow. Of the last quarter nothing is left out: so few batches may
    // be alike by chance.
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut best = (f64::INFINITY, 0);
    // Deviations from one of the values: of two big numbers nothing of their difference would be left.
    let centre = means[n - 1];
    for d in (0..n).rev() {
        let deviation = means[d] - centre;
        sum += deviation;
        squares += deviation * deviation;
        let left = (n - d) as f64;
        let statistic = (squares - sum * sum / left).max(0.0) / (left * left);
        if 4 * (n - d) >= n && statistic <= best.0 {
            best = (statistic, d);
        }
    }
    (2 * best.1 <= n).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [0, 1) that look drawn: multiples of the golden ratio.
    fn noise(i: usize) -> f64 {
        (i as f64 * 0.618_033_988_749_895).fract()
    }

    #[test]
    fn a_step_is_cut_where_it_is() {
        for (n, step) in [(100, 7), (100, 50), (1000, 333)] {
            let means: Vec<f64> = (0..n).map(|i| if i < step { 20.0 } else { 10.0 } + noise(i)).collect();
            assert_eq!(truncation(&means), Some(step), "{step} of {n}");
        }
    }

    #[test]
    fn where_all_is_alike_nothing_is_cut() {
        assert_eq!(truncation(&[7.5; 40]), Some(0));
    }

    #[test]
    fn what_does_not_settle_within_half_is_too_short() {
        let step: Vec<f64> = (0..100).map(|i| if i < 60 { 0.0 } else { 10.0 } + noise(i)).collect();
        assert_eq!(truncation(&step), None);
        // A queue that grows for ever.
        let growing: Vec<f64> = (0..1000).map(|i| i as f64 + noise(i)).collect();
        assert_eq!(truncation(&growing), None);
        assert_eq!(truncation(&[1.0; BATCHES_MIN - 1]), None);
    }

    #[test]
    fn the_statistic_is_that_of_the_definition() {
        let means: Vec<f64> = (0..200).map(|i| 30.0 * (-(i as f64) / 15.0).exp() + noise(i)).collect();
        let statistic = |d: usize| {
            let rest = &means[d..];
            let mean = rest.iter().sum::<f64>() / rest.len() as f64;
            rest.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (rest.len() as f64).powi(2)
        };
        let least = (0..=100).min_by(|&a, &b| statistic(a).total_cmp(&statistic(b)));
        assert_eq!(truncation(&means), least);
        assert!(least > Some(30) && least < Some(80), "{least:?}");
    }

    #[test]
    fn batches_are_joined_and_memory_is_bounded() {
        let mut warm_up = WarmUp::new(crate::testing::chain(&["client", "app"]).into());
        let calls = 40 * CALLS * BATCHES_MAX as u64;
        for i in 0..calls {
            let seconds = if i < calls / 4 { 2.0 } else { 1.0 } + noise(usize::try_from(i).unwrap());
            warm_up.add(seconds, Time(i));
        }
        assert!(warm_up.batches.len() < BATCHES_MAX && warm_up.size > 5 * CALLS);
        let over = warm_up.over().unwrap().0;
        assert!(over.abs_diff(calls / 4) <= warm_up.size, "{over} of {calls}");
    }
}
