//! Load: when calls begin, and the calls themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use node::{Input, Purpose, Visit};
use rand::RngExt;
use topology::load::{Arrivals, RateStage};
use trace::{CallId, HopId, Time};

use super::driver::Driver;
use super::world::World;

/// How late this machine was to begin calls, in buckets of powers of two nanoseconds.
#[derive(Debug)]
pub(crate) struct Lateness([AtomicU64; 64]);

impl Default for Lateness {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Lateness {
    pub(crate) fn note(&self, late: Duration) {
        let ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.0[ns.ilog2() as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A quantile, as the geometric middle of its bucket: right to a factor of 1.5.
    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let counts: Vec<u64> = self.0.iter().map(|c| c.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let mut left = q * total as f64;
        for (power, &count) in counts.iter().enumerate() {
            left -= count as f64;
            if left <= 0.0 && count > 0 {
                return Duration::from_nanos(1 << power).mul_f64(std::f64::consts::SQRT_2);
            }
        }
        Duration::ZERO
    }
}

/// The moments at which an open loop's calls begin.
#[derive(Debug)]
pub(crate) struct Schedule<'a> {
    stages: &'a [RateStage],
    /// Since the load's start, in seconds.
    at: f64,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(stages: &'a [RateStage]) -> Self {
        Self { stages, at: 0.0 }
    }

    /// Goes on until so many calls are due (1 between two evenly spaced ones; an exponential draw
    /// for Poisson arrivals), by the integral of the rate. `None` if that never comes.
    pub(crate) fn advance(&mut self, due: f64) -> Option<f64> {
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

/// Offers a load to its end.
pub(crate) async fn offer(world: Arc<World>, load: usize, lateness: Arc<Lateness>) {
    let declared = &world.scenario.loads[load];
    let begin = Time::at(declared.start);
    let end = Time::at(declared.stop);
    match &declared.arrivals {
        Arrivals::Open { stages, poisson } => {
            let mut rng = world.dice.rng(Purpose::Arrivals(number(load)), 0);
            let mut schedule = Schedule::new(stages);
            for n in 0.. {
                let due = match (*poisson, n) {
                    (true, _) => -(1.0 - rng.random::<f64>()).ln(),
                    (false, 0) => 0.0,
                    (false, _) => 1.0,
                };
                let Some(at) = schedule.advance(due) else { return };
                let start = begin + Duration::try_from_secs_f64(at).unwrap_or(Duration::MAX);
                if start >= end {
                    return;
                }
                tokio::select! {
                    () = world.clock.sleep_until(start) => {}
                    () = world.stop.wait() => return,
                }
                lateness.note(world.clock.now().since(start));
                count_start(&world, load);
                tokio::spawn(call(world.clone(), load, n, start));
            }
        }
        Arrivals::Closed { users, .. } => {
            let next = Arc::new(AtomicU64::new(0));
            let users: Vec<_> = (0..*users)
                .map(|_| tokio::spawn(user(world.clone(), load, next.clone(), begin, end)))
                .collect();
            tokio::select! {
                _ = futures_util::future::join_all(users) => {}
                // Their calls are given up by the run's end.
                () = world.stop.wait() => {}
            }
        }
    }
}

/// One user of a closed loop. The calls are numbered as they begin, whoever makes them: the n-th
/// call of a run is the same call whatever the number of users.
async fn user(world: Arc<World>, load: usize, next: Arc<AtomicU64>, begin: Time, end: Time) {
    let Arrivals::Closed { think_time, .. } = &world.scenario.loads[load].arrivals else { return };
    world.clock.sleep_until(begin).await;
    while !world.stop.is_set() {
        let start = world.clock.now();
        if start >= end {
            return;
        }
        let n = next.fetch_add(1, Ordering::Relaxed);
        count_start(&world, load);
        call(world.clone(), load, n, start).await;
        let hop = HopId::root(CallId::new(number(load), n));
        let pause = think_time.sample(&mut world.dice.rng(Purpose::Think, hop.0));
        tokio::select! {
            () = world.clock.sleep_until(world.clock.now() + pause) => {}
            () = world.stop.wait() => return,
        }
    }
}

/// Before the call's own task runs: the run's end waits for all that have begun.
fn count_start(world: &World, load: usize) {
    if world.is_measured(load) {
        world.counts.started.fetch_add(1, Ordering::Relaxed);
    }
}

async fn call(world: Arc<World>, load: usize, n: u64, start: Time) {
    let id = CallId::new(number(load), n);
    let client = world.scenario.loads[load].from;
    let template = world.template(id);
    let visit = Visit::call(id, start, template.idempotent, template.priority);
    let mut driver = Driver::new(world.clone(), client, visit, None);
    driver.apply(Input::Begin);
    tokio::select! {
        () = driver.until_over() => {}
        () = world.give_up.wait() => driver.apply(Input::CallerGone),
    }
}

fn number(load: usize) -> u16 {
    u16::try_from(load).unwrap_or(super::world::OUTSIDE - 1)
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

    #[test]
    fn quantiles_of_lateness_are_right_to_half_an_order() {
        let lateness = Lateness::default();
        for us in 1..=1000 {
            lateness.note(Duration::from_micros(us));
        }
        let p50 = lateness.quantile(0.5).as_micros();
        assert!((330..=750).contains(&p50), "{p50}");
    }
}
