//! Faults hit the same calls in every run, and as many as was asked for.

use std::collections::BTreeSet;

use sim::live::{Stop, run};
use trace::{CallId, Record};

use crate::support::{Shared, scenario};

/// Runs, and gives the calls whose first attempt the fault has hit, out of the first `calls`.
fn hit(load: &str, retry: &str, seed: u64, calls: u64) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let text = format!(
        "
name: same
seed: {seed}
duration: 10s
nodes:
  client: {{ kind: client }}
  gw: {{ kind: gateway }}
  app: {{ kind: server, service_time: 1ms }}
edges:
  - client -> gw: {{ {retry} }}
  - gw -> app
load: [{{ from: client, {load} }}]
faults: [{{ at: gw -> app, network: reset_peer, probability: 15% }}]
"
    );
    let records = Shared::default();
    let stop = Stop::new();
    let (told, seen) = (stop.clone(), records.clone());
    let watch = std::thread::spawn(move || {
        // Enough calls, or long enough for a machine that is far too slow.
        for _ in 0..2000 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let records = seen.0.lock().unwrap();
            let ended = records.iter().filter(|r| matches!(r, Record::Call(_))).count() as u64;
            drop(records);
            if ended >= calls + 200 {
                break;
            }
        }
        told.now();
    });
    run(&scenario(&text), &stop, records.clone(), |_| {}).unwrap();
    watch.join().unwrap();
    let records = records.0.lock().unwrap();
    let first = |call: CallId| call.number() < calls;
    let mut hit = BTreeSet::new();
    let mut made = BTreeSet::new();
    for record in records.iter() {
        if let Record::Attempt(attempt) = record
            && attempt.edge.0 == 1
            && first(attempt.call)
            && attempt.outcome.failure() != Some(topology::Failure::Cancelled)
        {
            let root = trace::HopId::root(attempt.call);
            // The hop of the first attempt of all: its identity is derived from the client's first.
            if attempt.hop == root.child(0, 0, 1).child(0, 1, 1) {
                made.insert(attempt.call.number());
                if !attempt.faults.is_empty() {
                    hit.insert(attempt.call.number());
                }
            }
        }
    }
    (made, hit)
}

#[test]
fn the_same_seed_hits_the_same_calls_whatever_the_load_and_the_retries() {
    const CALLS: u64 = 1000;
    let (made, first) = hit("users: 4", "retry: { max_attempts: 1 }", 7, CALLS);
    assert_eq!(made.len() as u64, CALLS);
    // Asked 15%: inside 3.9 standard deviations of the binomial, one run in ten thousand is not;
    // and the seed is fixed, so this run is.
    let share = first.len() as f64 / CALLS as f64;
    assert!((share - 0.15).abs() < 3.9 * (0.15_f64 * 0.85 / CALLS as f64).sqrt(), "{share}");
    for (load, retry) in [
        ("users: 4", "retry: { max_attempts: 1 }"),
        ("users: 32", "retry: { max_attempts: 1 }"),
        ("rate: 400/s, arrivals: poisson", "retry: { max_attempts: 3, backoff: 5ms }"),
    ] {
        let (made, again) = hit(load, retry, 7, CALLS);
        assert_eq!(made.len() as u64, CALLS, "{load}");
        assert_eq!(again, first, "{load}, {retry}");
    }
    let (_, other) = hit("users: 4", "retry: { max_attempts: 1 }", 8, CALLS);
    assert_ne!(other, first, "another seed hits others");
}
