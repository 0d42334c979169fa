//! Load: the calls of clients, and how late this machine is with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use node::{Input, Visit};
use topology::load::Arrivals;
use trace::{CallId, Time};

use super::driver::Driver;
use super::world::World;
use crate::load::{OpenLoop, number, pause};

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

/// Offers a load to its end.
pub(crate) async fn offer(world: Arc<World>, load: usize, lateness: Arc<Lateness>) {
    let declared = &world.scenario.loads[load];
    let begin = Time::at(declared.start);
    let end = Time::at(declared.stop);
    match &declared.arrivals {
        Arrivals::Open { stages, poisson } => {
            for (n, start) in (0..).zip(OpenLoop::new(world.dice, number(load), declared, stages, *poisson)) {
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
        let pause = pause(world.dice, think_time, CallId::new(number(load), n));
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

#[cfg(test)]
mod tests {
    use super::*;

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
