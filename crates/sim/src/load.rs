//! When calls begin: the same moments and the same numbers in every engine.

use std::time::Duration;

use node::{Dice, Purpose};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use topology::distribution::Distribution;
use topology::load::{Load, RateStage};
use trace::{CallId, HopId, Time};

/// The load of calls that a client outside this process makes.
pub(crate) const OUTSIDE: u16 = u16::MAX;

/// A load's number, as calls carry it.
pub(crate) fn number(load: usize) -> u16 {
    u16::try_from(load).unwrap_or(OUTSIDE - 1)
}

/// How long a user of a closed loop thinks after a call.
pub(crate) fn pause(dice: Dice, think_time: &Distribution, call: CallId) -> Duration {
    think_time.sample(&mut dice.rng(Purpose::Think, HopId::root(call).0))
}

/// When each call of an open loop begins.
#[derive(Debug)]
pub(crate) struct OpenLoop<'a> {
    schedule: Schedule<'a>,
    /// For Poisson arrivals.
    luck: Option<Pcg64Mcg>,
    first: bool,
    begin: Time,
    end: Time,
}

impl<'a> OpenLoop<'a> {
    pub(crate) fn new(dice: Dice, number: u16, load: &Load, stages: &'a [RateStage], poisson: bool) -> Self {
        Self {
            schedule: Schedule::new(stages),
            luck: poisson.then(|| dice.rng(Purpose::Arrivals(number), 0)),
            first: true,
            begin: Time::at(load.start),
            end: Time::at(load.stop),
        }
    }
}

impl Iterator for OpenLoop<'_> {
    type Item = Time;

    fn next(&mut self) -> Option<Time> {
        let first = std::mem::take(&mut self.first);
        let due = match &mut self.luck {
            Some(luck) => -(1.0 - luck.random::<f64>()).ln(),
            None if first => 0.0,
            None => 1.0,
        };
        let at = self.schedule.advance(due)?;
        let start = self.begin + Duration::try_from_secs_f64(at).unwrap_or(Duration::MAX);
        (start < self.end).then_some(start)
    }
}

/// The moments at which an open loop's calls begin.
#[derive(Debug)]
struct Schedule<'a> {
    stages: &'a [RateStage],
    /// Since the load's start, in seconds.
    at: f64,
}

impl<'a> Schedule<'a> {
    fn new(stages: &'a [RateStage]) -> Self {
        Self { stages, at: 0.0 }
    }

    /// Goes on until so many calls are due (1 between two evenly spaced ones; an exponential draw
    /// for Poisson arrivals), by the integral of the rate. `None` if that never comes.
    fn advance(&mut self, due: f64) -> Option<f64> {
        let mut due = due;
        let mut begin = 0.0;
        for (i, stage) in self.stages.iter().enumerate() {
            let lasts = stage.lasts.as_secs_f64();
            let is_last = i + 1 == self.stages.len();
            let end = begin + lasts;
            if self.at < end {
                let slope = if lasts > 0.0 { (stage.to_per_s - stage.from_per_s) / lasts } else { 0.0 };
                let rate = stage.from_per_s + slope * (self.at - begin);
                let left = end - self.at;
                let area = left * (rate + slope * left / 2.0);
                if due <= area {
                    self.at += solve(rate, slope, due);
                    return Some(self.at);
                }
                due -= area;
                self.at = end;
            }
            if is_last {
                if stage.to_per_s <= 0.0 {
                    return None;
                }
                self.at += due / stage.to_per_s;
                return Some(self.at);
            }
            begin = end;
        }
        None
    }
}

/// The t for which rate * t + slope * t^2 / 2 = due.
fn solve(rate: f64, slope: f64, due: f64) -> f64 {
    if due <= 0.0 {
        return 0.0;
    }
    let root = (rate * rate + 2.0 * slope * due).max(0.0).sqrt();
    // The stable form of the quadratic formula.
    2.0 * due / (rate + root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(from: f64, to: f64, secs: u64) -> RateStage {
        RateStage { from_per_s: from, to_per_s: to, lasts: Duration::from_secs(secs) }
    }

    fn times(stages: &[RateStage], n: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(stages);
        (0..n).map_while(|i| schedule.advance(if i == 0 { 0.0 } else { 1.0 })).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced() {
        let times = times(&[stage(10.0, 10.0, 1)], 25);
        assert_eq!(times.len(), 25, "the last stage goes on");
        for (i, t) in times.iter().enumerate() {
            assert!((t - i as f64 / 10.0).abs() < 1e-9, "{i}: {t}");
        }
    }

    #[test]
    fn a_ramp_has_the_area_under_its_rate() {
        // From 0 to 20/s in 10 s: 100 calls, the n-th at t with t^2 = n.
        let times = times(&[stage(0.0, 20.0, 10), stage(20.0, 20.0, 5)], 150);
        assert!((times[25] - 5.0).abs() < 1e-9 && (times[100] - 10.0).abs() < 1e-9);
        assert!((times[120] - 11.0).abs() < 1e-9);
    }

    #[test]
    fn a_rate_of_zero_waits_for_the_next_stage_and_ends_the_last() {
        let stages = [stage(0.0, 0.0, 2), stage(5.5, 5.5, 1), stage(0.0, 0.0, 1)];
        let times = times(&stages, 100);
        assert_eq!(times.len(), 5 + 1, "{times:?}");
        assert!(times[1] > 2.0 && times[5] <= 3.0 + 1e-9);
    }
}
