//! What the virtual engine's event list costs: a hold model. So many events are pending; the first is
//! taken out and another put in, later by an exponential step. The time of an iteration is that of one
//! such exchange.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use node::{Dice, Purpose};
use rand::RngExt;
use sim::des::RadixHeap;
use trace::Time;
use trace::id::mix;

/// How long an event is pending on average, in nanoseconds.
const MEAN: f64 = 1e9;

/// An event list.
trait List {
    fn push(&mut self, at: u64, order: u64);
    fn pop(&mut self) -> u64;
}

impl List for RadixHeap<u64> {
    fn push(&mut self, at: u64, order: u64) {
        Self::push(self, Time(at), order, order);
    }

    fn pop(&mut self) -> u64 {
        Self::pop(self).expect("there is one for each that was taken out").0.0
    }
}

impl List for BinaryHeap<Reverse<(u64, u64)>> {
    fn push(&mut self, at: u64, order: u64) {
        Self::push(self, Reverse((at, order)));
    }

    fn pop(&mut self) -> u64 {
        let Reverse((at, _)) = Self::pop(self).expect("there is one for each that was taken out");
        at
    }
}

fn hold(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, pending: u64, mut list: impl List) {
    let mut luck = Dice::new(7).rng(Purpose::Work, pending);
    // The draws are made before: they would take as long as the list.
    let steps: Vec<u64> = (0..1 << 16)
        .map(|_| {
            let step = -(1.0 - luck.random::<f64>()).ln() * MEAN;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
            let step = step as u64;
            step
        })
        .collect();
    let step = |order: u64| steps[usize::try_from(mix(order) >> 48).expect("16 bits")];
    let mut order = 0;
    while order < pending {
        list.push(step(order), order);
        order += 1;
    }
    // Until those that were put in together are well mixed with others.
    for _ in 0..3 * pending {
        let now = list.pop();
        list.push(now + step(order), order);
        order += 1;
    }
    group.bench_function(BenchmarkId::new(name, pending), |b| {
        b.iter(|| {
            let now = list.pop();
            list.push(now + step(order), order);
            order += 1;
        });
    });
}

fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("event list, pending events");
    for pending in [30, 1_000, 100_000, 1_000_000] {
        hold(&mut group, "radix heap", pending, RadixHeap::new());
        hold(&mut group, "binary heap", pending, BinaryHeap::new());
    }
    group.finish();
}

criterion_group!(group, events);
criterion_main!(group);
