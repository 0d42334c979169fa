//! The mechanisms of overload, as a caller's socket sees them.

use std::sync::Arc;
use std::time::Duration;

use sim::live::{Stop, run};
use trace::Record;

use crate::support::{End, Shared, Up, scenario};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn slow_takes_so_many_times_as_long() {
    let got = Up::server("at: app, overload: { slow: { factor: 100 } }").get();
    assert_eq!(got.status(), Some(200));
    assert!(got.took >= MS(100), "{:?}", got.took);
}

#[test]
fn a_full_queue_is_a_503_at_once() {
    let got = Up::server("at: app, overload: queue_full").get();
    assert_eq!((got.status(), got.end), (Some(503), End::Whole));
}

#[test]
fn a_rate_limit_is_a_429_with_retry_after() {
    let up = Up::server("at: app, overload: { rate_limit: { rate: 0.5/s, burst: 2 } }");
    let mut socket = up.connect();
    let statuses: Vec<_> = (0..5).map(|_| socket.get()).collect();
    let codes: Vec<_> = statuses.iter().filter_map(crate::support::Got::status).collect();
    assert_eq!(codes, [200, 200, 200, 429, 429], "one token and a burst of two");
    assert_eq!(statuses[4].header("retry-after").as_deref(), Some("2"));
}

#[test]
fn concurrency_lets_fewer_in_at_once() {
    let up = Arc::new(Up::start(
        "
name: wire
duration: 60s
nodes:
  client: { kind: client }
  app: { kind: server, service_time: 200ms, workers: 8, queue: 1 }
edges: [client -> app]
load: [{ from: client, rate: 1/s }]
faults: [{ at: app, overload: { concurrency: { workers: 1 } } }]
",
    ));
    let ask = || {
        let up = up.clone();
        std::thread::spawn(move || up.get().status())
    };
    let asked: Vec<_> = (0..4).map(|_| ask()).collect();
    let mut codes: Vec<_> = asked.into_iter().filter_map(|t| t.join().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 200, 503, 503], "one at work, one in the queue");
}

/// Runs a scenario to its end; gives its records.
fn records(text: &str) -> Vec<Record> {
    let records = Shared::default();
    run(&scenario(text), &Stop::new(), records.clone(), |_| {}).unwrap();
    let records = records.0.lock().unwrap();
    records.clone()
}

#[test]
fn a_surge_takes_the_places_of_others() {
    let text = |faults: &str| {
        format!(
            "
name: wire
duration: 1s
nodes:
  client: {{ kind: client }}
  app: {{ kind: server, service_time: 10ms, workers: 2, queue: 1 }}
edges: [client -> app]
load: [{{ from: client, rate: 20/s }}]
faults: [{faults}]
"
        )
    };
    let refused = |records: &[Record]| {
        records
            .iter()
            .filter(|r| matches!(r, Record::Call(c) if c.call.load() == 0 && c.status == Some(503)))
            .count()
    };
    assert_eq!(refused(&records(&text(""))), 0);
    let surged = records(&text("{ at: app, overload: { surge: { rate: 2000/s } } }"));
    assert!(refused(&surged) > 5, "{} refused", refused(&surged));
}

/// How much of a processor this process has had.
fn burnt() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().unwrap()
}

#[test]
fn cpu_is_really_burnt_by_one_request_after_another() {
    let up = Arc::new(Up::server("at: app, overload: { cpu: { factor: 60 } }"));
    let begin = burnt();
    let ask = || {
        let up = up.clone();
        std::thread::spawn(move || up.get())
    };
    let asked: Vec<_> = (0..2).map(|_| ask()).collect();
    let got: Vec<_> = asked.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(got.iter().all(|got| got.status() == Some(200)), "{got:?}");
    let burnt = burnt().saturating_sub(begin);
    assert!(burnt >= MS(120), "{burnt:?}");
    assert!(got.iter().any(|got| got.took >= MS(120)), "{got:?}");
}

#[test]
fn burning_ends_with_the_run() {
    let up = Up::server("at: app, overload: { cpu: { factor: 1000000, threads: 2 } }");
    let mut socket = up.connect();
    socket.patience(MS(100));
    assert_eq!(socket.get().end, End::Silence, "it computes for a quarter of an hour");
    drop(up);
    // Tests beside this one burn some, but not all the time.
    let is_calm = || {
        let begin = burnt();
        std::thread::sleep(MS(100));
        burnt().saturating_sub(begin) < MS(70)
    };
    assert!((0..20).any(|_| is_calm()));
}

#[test]
fn in_virtual_time_processors_are_as_few() {
    let scenario = scenario(
        "
name: cpu
duration: 1s
nodes:
  client: { kind: client }
  app: { kind: server, service_time: 5ms }
edges: [client -> app]
load: [{ from: client, users: 5, think_time: 10s }]
faults: [{ at: app, overload: { cpu: { factor: 2, threads: 2 } } }]
",
    );
    let (_, records) = sim::des::run(&scenario, &Stop::new(), Vec::new(), |_| {}).unwrap();
    let took = records.iter().filter_map(|record| match record {
        Record::Served(served) => Some(served.finished.since(served.arrived).as_millis()),
        _ => None,
    });
    assert_eq!(took.collect::<Vec<_>>(), [10, 10, 20, 20, 30]);
}
