//! Callers that go on to others, think, give up, or ask twice.

use super::{CLOSED, EXPONENTIAL, PATIENT, SERVICE, seen, station, time};
use crate::formulas::{closed, erlang_4_quantile};
use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![tandem()];
    rows.extend([(1, 0.2), (10, 11.45)].map(thinking_users));
    rows.extend([(0.8, 5.0), (0.8, 10.0), (1.2, 5.0), (0.5, 2.0)].map(impatient_callers));
    rows.extend([10.0, 20.0].map(callers_in_vain));
    rows.extend([0.5, 1.0, 2.0, 20_f64.ln()].map(hedges));
    rows.extend([fan_out(100, 0.01, (20, 100), (40, 1_000)), fan_out(2_000, 0.0001, (0, 0), (20, 500))]);
    rows
}

/// Four servers one after another (Jackson): the sojourn is the sum of four exponential ones.
fn tandem() -> Row {
    const QUANTILES: [(&str, f64); 5] =
        [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];
    let mut figures =
        vec![Figure::new("mean", 20.0, 0.01, CLOSED), Figure::new("deviation", 10.0, 0.02, CLOSED)];
    figures.extend(QUANTILES.map(|(name, share)| {
        let expected = erlang_4_quantile(5.0, share);
        if share > 0.99 {
            Figure::new(name, expected, 0.03, CLOSED).rare()
        } else {
            Figure::new(name, expected, 0.02, CLOSED)
        }
    }));
    let model = "4 × M/M/1 in tandem, ρ = 0.8";
    Row::new("Q7", model, (20, 25_000), (40, 150_000), figures, |seed, services| {
        let station = format!("workers: 1, queue: 4000000, {EXPONENTIAL}");
        let mut seen = seen(4, &station, PATIENT, 0.8, seed, services);
        let mean = seen.mean();
        let squares: f64 = seen.latencies.iter().map(|latency| (latency - mean).powi(2)).sum();
        let deviation = (squares / seen.latencies.len() as f64).sqrt();
        let mut values = vec![mean / SERVICE, deviation / SERVICE];
        values.extend(QUANTILES.map(|(_, share)| seen.quantile(share) / SERVICE));
        Outcome { calls: seen.calls(), values }
    })
}

/// M/M/1//N, of which each thinks for so many services. Here a service takes ten seconds.
fn thinking_users((users, think): (u32, f64)) -> Row {
    let (response, busy) = closed(users, think);
    let figures = vec![
        Figure::new("mean", response, 0.01, "mean value analysis"),
        Figure::new("utilisation", busy, 0.01, "mean value analysis"),
    ];
    let model = format!("M/M/1//{users}, thinking for {think}");
    Row::new("Q8", model, (20, 5_000), (40, 50_000), figures, move |seed, services| {
        let seconds = services as f64 * 10.0;
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
             workers: 1, queue: 100, service_time: {{ exponential: {{ mean: 10s }} }} }} }}\n\
             edges: [{{ client -> s: {{ {PATIENT} }} }}]\n\
             load: [{{ users: {users}, think_time: {{ exponential: {{ mean: {} }} }} }}]\n",
            time(think * 10.0)
        );
        let seen = Seen::of(&text, seconds * 0.1, seconds * 0.99);
        Outcome { calls: seen.calls(), values: vec![seen.mean() / 10.0, seen.edge(0).worked / seen.span()] }
    })
}

/// M/M/1 whose callers give up after so long, and whose server then drops the work: a finite dam. The
/// work that an arrival finds is distributed as without a limit, up to the limit; integrated over the
/// arrival's own work, (1 - rho) x / (1 - rho x) of them give up, with x = exp(-(1 - rho) d).
fn impatient_callers((rho, patience): (f64, f64)) -> Row {
    let x = f64::exp(-(1.0 - rho) * patience);
    let figures = vec![Figure::new("given up", (1.0 - rho) * x / (1.0 - rho * x), 0.02, "finite dam")];
    let what = (
        format!("workers: 1, queue: 4000000, on_disconnect: cancel, {EXPONENTIAL}"),
        format!("timeout: {}", time(patience * SERVICE)),
        rho,
    );
    let model = format!("M/M/1 + D, cancelled after {patience}, ρ = {rho}");
    station(("Q9", model), ((20, 15_000), (40, 150_000)), what, figures, |seen| vec![seen.failing()])
}

/// The same while the work is done all the same: the sojourn is as without callers that give up.
fn callers_in_vain(patience: f64) -> Row {
    let figures = vec![
        Figure::new("in time", 1.0 - f64::exp(-0.2 * patience), 0.01, CLOSED),
        Figure::new("load of the server", 0.8, 0.01, CLOSED),
    ];
    let what = (
        format!("workers: 1, queue: 4000000, on_disconnect: continue, {EXPONENTIAL}"),
        format!("timeout: {}", time(patience * SERVICE)),
        0.8,
    );
    let model = format!("M/M/1, ρ = 0.8, given up after {patience}, not cancelled");
    station(("Q10", model), ((20, 20_000), (40, 200_000)), what, figures, |seen| {
        vec![1.0 - seen.failing(), seen.edge(0).worked / seen.span()]
    })
}

/// A second copy after d, of which the loser is dropped; no queue. Here a service takes fifty seconds.
fn hedges(after: f64) -> Row {
    const UNIT: f64 = 50.0;
    let figures = vec![
        Figure::new("mean", 1.0 - f64::exp(-after) / 2.0, 0.01, CLOSED),
        Figure::new("p99", f64::midpoint(100_f64.ln(), after), 0.01, CLOSED),
        Figure::new("second copies", f64::exp(-after), 0.01, CLOSED),
    ];
    let model = format!("hedge after {after:.3}, Exp(1), no queue");
    Row::new("Q11", model, (20, 1_000), (40, 15_000), figures, move |seed, services| {
        let seconds = services as f64 * UNIT;
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
             workers: none, service_time: {{ exponential: {{ mean: {UNIT}s }} }} }} }}\n\
             edges: [{{ client -> s: {{ {PATIENT}, hedge: {{ after: {}, max_attempts: 2 }} }} }}]\n\
             load: [{{ rate: {}/s, arrivals: poisson }}]\n",
            time(after * UNIT),
            10.0 / UNIT
        );
        let mut seen = Seen::of(&text, seconds * 0.01, seconds * 0.98);
        let values = vec![seen.mean() / UNIT, seen.quantile(0.99) / UNIT, seen.attempts_per_call() - 1.0];
        Outcome { calls: seen.calls(), values }
    })
}

/// A call that waits for all of so many leaves, each of which is slow now and then.
fn fan_out(leaves: u32, slow: f64, quick: (u64, u64), full: (u64, u64)) -> Row {
    let expected = 1.0 - (1.0 - slow).powi(i32::try_from(leaves).unwrap());
    let figure = Figure::new("slow calls", expected, 0.05, "Dean, Barroso 2013");
    let figures = vec![if quick.0 == 0 { figure.rare() } else { figure }];
    let model = format!("all of {leaves} leaves, 1 in {:.0} slow", 1.0 / slow);
    Row::new("T1", model, quick, full, figures, move |seed, calls| {
        let names = || (0..leaves).map(|n| format!("l{n}"));
        let list = |of: fn(String) -> String| names().map(of).collect::<Vec<_>>().join(", ");
        let text = format!(
            "name: theory\nseed: {seed}\nduration: {}s\nnodes: {{ client: {{ kind: client }}, front: {{ kind: gateway, \
             calls: [{{ parallel: [{}] }}] }}, {} }}\nedges: [client -> front, {}]\nload: [{{ rate: 10/s }}]\n\
             faults: [{{ at: [{}], overload: {{ slow: {{ factor: 100 }} }}, probability: {slow} }}]\n",
            calls as f64 / 10.0,
            list(|leaf| leaf),
            list(|leaf| format!("{leaf}: {{ kind: server, workers: none, service_time: 10ms }}")),
            list(|leaf| format!("front -> {leaf}")),
            list(|leaf| leaf),
        );
        let seen = Seen::whole(&text);
        let slow = seen.latencies.iter().filter(|latency| **latency > 0.5).count() as f64;
        Outcome { calls: seen.calls(), values: vec![slow / seen.calls()] }
    })
}
