//! The virtual engine beside what queueing theory knows in closed form.
//!
//! Means over ten seeds: within 3.3 standard errors of the theory (two-sided, one in a thousand), and
//! the standard error small enough for that to say something. Time is counted in services: one takes
//! 500 ms on average, beside which the microseconds of the virtual network are nothing.
//! `THEORY=20` runs thirty times as long, which shows whether means are right to a few thousandths.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows tests only by their attribute, not their helpers"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sim::{Stop, des};
use topology::Scenario;
use trace::{Record, Sink, Time};

const SEEDS: u64 = 10;

/// How long a service takes, in seconds.
const SERVICE: f64 = 0.5;

/// How many times as long as usual to run.
fn longer() -> u64 {
    std::env::var("THEORY").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// The latencies of the calls that began after the warm-up; and how many were refused.
#[derive(Debug, Default)]
struct Calls {
    warm: f64,
    latencies: Vec<f64>,
    refused: u64,
}

impl Sink for Calls {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        if let Record::Call(end) = record
            && end.start.since_start().as_secs_f64() >= self.warm
        {
            if end.is_ok() {
                self.latencies.push(end.latency().as_secs_f64() / SERVICE);
            } else {
                self.refused += 1;
            }
        }
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

impl Calls {
    fn mean(&self) -> f64 {
        self.latencies.iter().sum::<f64>() / self.latencies.len() as f64
    }

    fn p99(&mut self) -> f64 {
        let place = self.latencies.len() * 99 / 100;
        *self.latencies.select_nth_unstable_by(place, f64::total_cmp).1
    }

    fn blocked(&self) -> f64 {
        self.refused as f64 / (self.refused as f64 + self.latencies.len() as f64)
    }
}

/// Runs it under each seed, two at a time; gives a figure of each run.
fn under_each_seed<T: Send>(
    text: impl Fn(u64) -> String + Sync,
    figure: impl Fn(Calls) -> T + Sync,
) -> Vec<T> {
    let next = AtomicU64::new(1);
    let figures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > SEEDS {
                        return;
                    }
                    let scenario = Scenario::parse(&text(seed), "theory").unwrap_or_else(|e| panic!("{e}"));
                    let scenario = Arc::new(scenario);
                    let sink = Calls { warm: scenario.warmup.as_secs_f64(), ..Calls::default() };
                    let (_, calls) = des::run(&scenario, &Stop::new(), sink, |_| {}).unwrap();
                    let figure = figure(calls);
                    figures.lock().unwrap().push(figure);
                }
            });
        }
    });
    figures.into_inner().unwrap()
}

/// Holds the mean over the seeds to what is expected; the standard error must be below this share.
fn expect(what: &str, figures: &[f64], expected: f64, precision: f64) {
    let n = figures.len() as f64;
    let mean = figures.iter().sum::<f64>() / n;
    let variance = figures.iter().map(|f| (f - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    println!("{what}: {mean:.4}, expected {expected:.4}; standard error {:.2}%", 100.0 * error / expected);
    assert!(error < precision * expected, "{what}: the standard error is {error}");
    assert!((mean - expected).abs() < 3.3 * error, "{what}: {mean}, expected {expected}, error {error}");
}

/// Servers one after another, each with `workers`, `queue` and `service`; `rate` calls in the time of
/// a service, for the time of so many of them.
fn tandem(stations: usize, station: &str, rate: f64, services: u64) -> impl Fn(u64) -> String + Sync {
    let station = station.to_owned();
    let (ms, rate) = (services * 500 * longer(), rate / SERVICE);
    move |seed| {
        let nodes = (1..=stations).map(|n| format!("  s{n}: {{ kind: server, {station} }}\n"));
        let edges = (1..=stations).map(|n| format!("{{ client -> s{n}: {{ timeout: 1000000s }} }}"));
        format!(
            "name: theory\nseed: {seed}\nduration: {ms}ms\nwarmup: {}ms\nnodes:\n  client: {{ kind: client }}\n{}\
             edges: [{}]\nload: [{{ rate: {rate}/s, arrivals: poisson }}]\n",
            ms / 10,
            nodes.collect::<String>(),
            edges.collect::<Vec<_>>().join(", ")
        )
    }
}

/// P(wait) in M/M/c: Erlang's C, from Erlang's B by its recursion.
fn erlang_c(servers: u32, load: f64) -> f64 {
    let blocked = (1..=servers).fold(1.0, |b, n| load * b / (f64::from(n) + load * b));
    let rho = load / f64::from(servers);
    blocked / (1.0 - rho * (1.0 - blocked))
}

const EXPONENTIAL: &str = "service_time: { exponential: { mean: 500ms } }";

/// M/M/1: the sojourn is exponential with rate 1 - rho.
#[test]
fn one_server() {
    for (rho, services) in [(0.5, 60_000), (0.8, 150_000)] {
        let station = format!("workers: 1, queue: 1000000, {EXPONENTIAL}");
        let figures = under_each_seed(tandem(1, &station, rho, services), |mut c| (c.mean(), c.p99()));
        let (means, p99s): (Vec<_>, Vec<_>) = figures.into_iter().unzip();
        expect(&format!("M/M/1 at {rho}, mean"), &means, 1.0 / (1.0 - rho), 0.02);
        expect(&format!("M/M/1 at {rho}, p99"), &p99s, 100_f64.ln() / (1.0 - rho), 0.03);
    }
}

/// M/M/c at 80%: T = 1 + C / (c (1 - rho)).
#[test]
fn several_servers() {
    for servers in [2, 4, 10] {
        let rate = 0.8 * f64::from(servers);
        let station = format!("workers: {servers}, queue: 1000000, {EXPONENTIAL}");
        let means = under_each_seed(tandem(1, &station, rate, 100_000 / u64::from(servers)), |c| c.mean());
        let expected = 1.0 + erlang_c(servers, rate) / (f64::from(servers) * 0.2);
        expect(&format!("M/M/{servers}, mean"), &means, expected, 0.02);
    }
}

/// M/G/1 by Pollaczek and Khinchine: T = 1 + rho (1 + cv^2) / (2 (1 - rho)).
#[test]
fn one_server_whose_work_is_not_exponential() {
    for (name, service, cv2) in [
        ("M/D/1", "service_time: 500ms", 0.0),
        // Evenly between 0 and 2: the variance is 1/3.
        ("M/U/1", "service_time: { uniform: { min: 0s, max: 1s } }", 1.0 / 3.0),
    ] {
        let station = format!("workers: 1, queue: 1000000, {service}");
        let means = under_each_seed(tandem(1, &station, 0.8, 50_000), |c| c.mean());
        expect(name, &means, 1.0 + 0.8 * (1.0 + cv2) / 0.4, 0.02);
    }
}

/// M/M/1/K, of which K - 1 wait: the share that is refused is (1 - rho) rho^K / (1 - rho^(K + 1)).
#[test]
fn a_bounded_queue() {
    for (rho, places) in [(0.8, 1), (0.8, 5), (1.2, 10)] {
        let station = format!("workers: 1, queue: {}, {EXPONENTIAL}", places - 1);
        let blocked = under_each_seed(tandem(1, &station, rho, 40_000), |c| c.blocked());
        let expected = (1.0 - rho) * f64::powi(rho, places) / (1.0 - f64::powi(rho, places + 1));
        expect(&format!("M/M/1/{places} at {rho}, refused"), &blocked, expected, 0.02);
    }
}

/// M/M/c/c: Erlang's B, whatever the distribution of the work.
#[test]
fn no_queue_at_all() {
    for service in [EXPONENTIAL, "service_time: 500ms", "service_time: { uniform: { min: 0s, max: 1s } }"] {
        let station = format!("workers: 5, queue: 0, {service}");
        let blocked = under_each_seed(tandem(1, &station, 4.0, 10_000), |c| c.blocked());
        expect(&format!("5 servers, load 4, {service}, refused"), &blocked, 0.1991, 0.02);
    }
}

/// Four servers one after another (Jackson): the sojourn is the sum of four exponential ones.
#[test]
fn four_servers_in_tandem() {
    let station = format!("workers: 1, queue: 1000000, {EXPONENTIAL}");
    let figures = under_each_seed(tandem(4, &station, 0.8, 50_000), |mut c| (c.mean(), c.p99()));
    let (means, p99s): (Vec<_>, Vec<_>) = figures.into_iter().unzip();
    expect("four in tandem, mean", &means, 20.0, 0.02);
    expect("four in tandem, p99", &p99s, 50.23, 0.03);
}

/// M/M/1 whose caller waits no longer than d while the work is done all the same: the sojourn is as
/// without it, so that exp(-(1 - rho) d) of the calls are too late.
#[test]
fn an_impatient_caller() {
    for patience in [5_u32, 10] {
        let station = format!("workers: 1, queue: 1000000, on_disconnect: continue, {EXPONENTIAL}");
        let text = tandem(1, &station, 0.8, 100_000);
        let text = |seed| text(seed).replace("1000000s", &format!("{}ms", patience * 500));
        let late = under_each_seed(text, |c| c.blocked());
        let expected = f64::exp(-0.2 * f64::from(patience));
        expect(&format!("M/M/1 within {patience}, late"), &late, expected, 0.05);
    }
}

/// A second copy after a while, of which the loser is dropped; no queue.
#[test]
fn a_hedge() {
    let station = format!("workers: 100000, {EXPONENTIAL}");
    let text = tandem(1, &station, 10.0, 4_000);
    let text = |seed| {
        text(seed).replace("timeout: 1000000s", "timeout: 1000000s, hedge: { after: 500ms, max_attempts: 2 }")
    };
    let means = under_each_seed(text, |c| c.mean());
    expect("hedged after the mean", &means, 1.0 - f64::exp(-1.0) / 2.0, 0.01);
}

/// Ten users that think: M/M/1//N by mean value analysis.
#[test]
fn a_closed_loop() {
    let think = 11.45_f64;
    let mut length = 0.0;
    let mut response = 0.0;
    for users in 1..=10 {
        response = 1.0 + length;
        length = f64::from(users) / (response + think) * response;
    }
    let (duration, warmup) = (30_000 * longer(), 2_500 * longer());
    let text = |seed| {
        format!(
            "name: theory\nseed: {seed}\nduration: {duration}s\nwarmup: {warmup}s\nnodes: {{ client: {{ kind: client }}, \
             s: {{ kind: server, workers: 1, queue: 100, {EXPONENTIAL} }} }}\nedges: [{{ client -> s: {{ timeout: 100000s }} }}]\n\
             load: [{{ users: 10, think_time: {{ exponential: {{ mean: {}ms }} }} }}]\n",
            think * 500.0
        )
    };
    let means = under_each_seed(text, |c| c.mean());
    expect("ten users", &means, response, 0.01);
}
