//! What attribution costs: a million hops of failed calls, each followed to its origin.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use report::attribution::{Lifecycle, attribute};
use topology::wire::Dial;
use topology::{EdgeId, Failure, FaultSet, NodeId};
use trace::{Attempt, CallEnd, CallId, CallTrace, HopId, Outcome, Sent, Served, ServedEnd, Source, Time};

/// A call over four hops whose last one was refused: 502 all the way up.
fn failed_call(n: u64) -> CallTrace {
    let call = CallId::new(0, n);
    let mut parent = HopId::root(call);
    let mut trace = CallTrace {
        end: CallEnd {
            call,
            client: NodeId(0),
            start: Time(n),
            end: Time(n + 1_000),
            status: Some(502),
            failure: None,
            attempts: 1,
            decisive: None,
            parent: None,
        },
        attempts: Vec::new(),
        served: Vec::new(),
        idle_closed: Vec::new(),
    };
    for edge in 0..4 {
        let hop = parent.child(0, edge, 1);
        let refused = Outcome::Failed { failure: Failure::ConnectionRefused, status: None };
        trace.end.decisive.get_or_insert(hop);
        trace.attempts.push(Attempt {
            call,
            hop,
            parent,
            edge: EdgeId(edge),
            attempt: 1,
            start: Time(n),
            end: Time(n + 1_000 - u64::from(edge)),
            outcome: if edge == 3 { refused } else { Outcome::Answered(502) },
            reset: false,
            reused: true,
            idle: Duration::ZERO,
            dialed: Dial::Callee,
            timeout: None,
            wrong_path: false,
            bad_credentials: false,
            bytes: 0,
            ends_by_close: false,
            unconnected: false,
            faults: FaultSet::EMPTY,
            crowd: None,
            exchange: None,
        });
        if edge < 3 {
            let below = hop.child(0, edge + 1, 1);
            let source = if edge == 2 {
                Source::Translated(below, Failure::ConnectionRefused)
            } else {
                Source::Relayed(below)
            };
            trace.served.push(Served {
                call,
                hop,
                edge: EdgeId(edge),
                arrived: Time(n),
                started: Some(Time(n)),
                worked: Duration::ZERO,
                finished: Time(n + 900),
                status: Some(502),
                source,
                sent: Sent::Whole,
                end: ServedEnd::Answered,
                in_flight: 1,
                queued: 0,
                usage: trace::Usage::default(),
                held_up: None,
                ruled: None,
                faults: FaultSet::EMPTY,
            });
        }
        parent = hop;
    }
    trace
}

fn attribution(c: &mut Criterion) {
    const CALLS: u64 = 250_000;
    let scenario = benches::chain("{ from: client, rate: 100/s }", "[]");
    let lifecycle = Lifecycle::default();
    let mut group = c.benchmark_group("attribution");
    group.throughput(Throughput::Elements(CALLS * 4)).sample_size(10);
    group.bench_function("a million hops of failed calls", |b| {
        b.iter_batched(
            || (0..CALLS).map(failed_call).collect::<Vec<_>>(),
            |traces| {
                for trace in &traces {
                    black_box(attribute(&scenario, &lifecycle, trace));
                }
                traces
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(group, attribution);
criterion_main!(group);
