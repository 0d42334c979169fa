//! What one hop of the live engine costs, recording on: closed loops over a chain of four hops on
//! real sockets. The time of an iteration is that of one call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use report::Recorder;
use sim::live::{Stop, run};
use topology::load::Arrivals;

/// Runs until so many calls have been made; gives how long they took.
fn calls(users: u32, calls: u64, faults: &str) -> Duration {
    let mut scenario = benches::chain("{ from: client, users: 1 }", faults);
    if let Arrivals::Closed { users: declared, .. } = &mut scenario.loads[0].arrivals {
        *declared = users;
    }
    let scenario = Arc::new(scenario);
    let stop = Stop::new();
    let (begin, end) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let (told, ended) = (stop.clone(), end.clone());
    let started = Arc::new(AtomicU64::new(0));
    let first = started.clone();
    let sink =
        Counting { inner: Recorder::new(scenario.clone()), left: calls, stop: told, begin, ended, first };
    run(&scenario, &stop, sink, |_| {}).expect("loopback ports are free");
    Duration::from_nanos(end.load(Ordering::Acquire) - started.load(Ordering::Acquire))
}

/// Records, and stops the run after so many calls.
struct Counting {
    inner: Recorder,
    left: u64,
    stop: Stop,
    begin: Instant,
    ended: Arc<AtomicU64>,
    first: Arc<AtomicU64>,
}

impl trace::Sink for Counting {
    fn record(&mut self, record: trace::Record) -> std::io::Result<()> {
        let now = u64::try_from(self.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let _ = self.first.compare_exchange(0, now, Ordering::AcqRel, Ordering::Acquire);
        if matches!(record, trace::Record::Call(_)) && self.left > 0 {
            self.left -= 1;
            if self.left == 0 {
                self.ended.store(now, Ordering::Release);
                self.stop.now();
            }
        }
        self.inner.record(record)
    }

    fn tick(&mut self, now: trace::Time) -> std::io::Result<()> {
        self.inner.tick(now)
    }
}

fn live(c: &mut Criterion) {
    let mut group = c.benchmark_group("live engine, a call over four hops");
    group.throughput(Throughput::Elements(4)).sample_size(10).measurement_time(Duration::from_secs(15));
    for users in [1, 16, 64] {
        // A sample needs enough calls for the start of a run not to count.
        group.bench_function(format!("{users} users"), |b| {
            b.iter_custom(|n| {
                let made = n.max(2000);
                calls(users, made, "[]").mul_f64(n as f64 / made as f64)
            });
        });
    }
    let never = "[{ at: gw1 -> gw2, network: reset_peer, start: 59m }]";
    group.bench_function("16 users, a fault armed that does not fire", |b| {
        b.iter_custom(|n| {
            let made = n.max(2000);
            calls(16, made, never).mul_f64(n as f64 / made as f64)
        });
    });
    group.finish();
}

criterion_group!(group, live);
criterion_main!(group);
