//! What the virtual engine costs: calls over a chain of four hops, one thread. The time of an
//! iteration is that of one call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use report::Recorder;
use sim::{Stop, des};
use topology::Scenario;
use trace::{Record, RunDir, Sink, Time};

/// Calls a second of virtual time.
const RATE: u64 = 1000;

/// Takes records, and keeps none.
struct Nowhere;

impl Sink for Nowhere {
    fn record(&mut self, _: Record) -> std::io::Result<()> {
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

/// Makes so many calls, over a chain with these faults; gives how long that took.
fn calls<S: Sink>(calls: u64, faults: &str, sink: impl FnOnce(Arc<Scenario>) -> S) -> Duration {
    let mut scenario =
        benches::chain(&format!("{{ from: client, rate: {RATE}/s, arrivals: poisson }}"), faults);
    scenario.loads[0].stop = Duration::from_secs_f64(calls as f64 / RATE as f64);
    let scenario = Arc::new(scenario);
    let sink = sink(scenario.clone());
    let begin = Instant::now();
    des::run(&scenario, &Stop::new(), sink, |_| {}).expect("the sink takes all");
    begin.elapsed()
}

fn virtual_time(c: &mut Criterion) {
    let mut group = c.benchmark_group("virtual engine, a call over four hops");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    // A sample needs enough calls for the start of a run not to count.
    let least = |n: u64| n.max(20_000);
    let scaled = |took: Duration, n: u64| took.mul_f64(n as f64 / least(n) as f64);
    let never = "[{ at: gw1 -> gw2, network: reset_peer, start: 59m }]";
    for (name, faults) in [("no fault", "[]"), ("a fault armed that does not fire", never)] {
        group.bench_function(format!("{name}, records dropped"), |b| {
            b.iter_custom(|n| scaled(calls(least(n), faults, |_| Nowhere), n));
        });
    }
    group.bench_function("no fault, recorded and counted", |b| {
        b.iter_custom(|n| scaled(calls(least(n), "[]", Recorder::new), n));
    });
    group.bench_function("no fault, recorded, counted and written", |b| {
        b.iter_custom(|n| {
            let scratch = tempfile::tempdir().expect("there is room for a folder");
            let dir = RunDir::create(scratch.path().join("run")).expect("the folder is new");
            let written = |scenario| Recorder::with_folder(scenario, &dir).expect("files can be made");
            scaled(calls(least(n), "[]", written), n)
        });
    });
    group.finish();
}

criterion_group!(group, virtual_time);
criterion_main!(group);
