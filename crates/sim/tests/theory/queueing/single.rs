//! One server whose queue has no end.

use super::{CLOSED, EXPONENTIAL, PATIENT, SERVICE, lognormal, station, time};
use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

pub(crate) fn rows() -> Vec<Row> {
    let loads = [(0.5, 200_000), (0.7, 200_000), (0.8, 400_000), (0.9, 600_000), (0.95, 1_000_000)];
    let mut rows: Vec<Row> = loads.map(one_server).into();
    rows.extend(other_work());
    rows.push(bimodal());
    rows
}

/// M/M/1: the sojourn is exponential with rate 1 - rho.
fn one_server((rho, services): (f64, u64)) -> Row {
    const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    let mean = 1.0 / (1.0 - rho);
    // What is near saturation varies most, and slowly.
    let limit = if rho > 0.9 {
        0.03
    } else if rho > 0.8 {
        0.02
    } else {
        0.01
    };
    let mut figures = vec![Figure::new("mean", mean, limit, CLOSED)];
    // A run has too few long waits for its p99.9 where they come and go together.
    let quantiles = if rho > 0.9 { &QUANTILES[..3] } else { &QUANTILES };
    for &(name, share) in quantiles {
        let limit = if share > 0.99 { 4.0 } else { 2.0 } * limit;
        let figure = Figure::new(name, -mean * f64::ln(1.0 - share), limit, CLOSED);
        let is_rare = share > 0.99 || (share > 0.9 && rho > 0.8);
        figures.push(if is_rare { figure.rare() } else { figure });
    }
    // An arrival sees what is there on average: Poisson arrivals see time averages.
    figures.push(Figure::new("L, as arrivals see it", rho / (1.0 - rho), limit, CLOSED));
    let what = (format!("workers: 1, queue: 4000000, {EXPONENTIAL}"), PATIENT.to_owned(), rho);
    let quick = if rho > 0.9 { (20, 60_000) } else { (20, 20_000) };
    station(("Q1", format!("M/M/1, ρ = {rho}")), (quick, (40, services)), what, figures, |seen| {
        let mut values = vec![seen.mean() / SERVICE];
        values.extend(quantiles.iter().map(|(_, share)| seen.quantile(*share) / SERVICE));
        let server = seen.edge(0);
        values.push(server.found as f64 / server.arrived as f64 - 1.0);
        values
    })
}

/// M/G/1 by Pollaczek and Khinchine: T = 1 + rho (1 + cv^2) / (2 (1 - rho)).
fn other_work() -> Vec<Row> {
    let works = [
        ("M/D/1", "service_time: 500ms".to_owned(), 0.0, 0.01, 60_000),
        ("M/E₂/1", "service_time: { gamma: { mean: 500ms, shape: 2 } }".to_owned(), 0.5, 0.01, 100_000),
        ("M/M/1", EXPONENTIAL.to_owned(), 1.0, 0.01, 280_000),
        ("M/LN/1", lognormal(), 4.0, 0.03, 300_000),
    ];
    let mut rows: Vec<Row> = works
        .into_iter()
        .map(|(name, work, cv2, limit, full)| {
            let what = (format!("workers: 1, queue: 4000000, {work}"), PATIENT.to_owned(), 0.8);
            let figures =
                vec![Figure::new("mean", 1.0 + 0.8 * (1.0 + cv2) / 0.4, limit, "Pollaczek–Khinchine")];
            let model = format!("{name}, cv² = {cv2}, ρ = 0.8");
            station(("Q3", model), ((20, 20_000), (40, full)), what, figures, |seen| {
                vec![seen.mean() / SERVICE]
            })
        })
        .collect();
    rows.push(hyperexponential());
    rows
}

/// A tenth of the work takes 25.14 times as long as the rest, so that cv^2 = 10.
fn hyperexponential() -> Row {
    let factor = (1.98 + 6.48_f64.sqrt()) / 0.18;
    let figures = vec![Figure::new("mean", 23.0, 0.05, "Pollaczek–Khinchine")];
    let model = "M/H₂/1, cv² = 10, ρ = 0.8";
    Row::new("Q3", model, (20, 40_000), (40, 300_000), figures, move |seed, services| {
        let seconds = services as f64 * SERVICE;
        let seen = two_kinds(seed, seconds, SERVICE / (0.9 + 0.1 * factor), (0.1, factor), 0.8 / SERVICE);
        Outcome { calls: seen.calls(), values: vec![seen.mean() / SERVICE] }
    })
}

/// Exponential work, of which a share takes so many times as long.
fn two_kinds(seed: u64, seconds: f64, mean: f64, (share, factor): (f64, f64), rate: f64) -> Seen {
    let text = format!(
        "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes: {{ client: {{ kind: client }}, s: {{ kind: server, \
         workers: 1, queue: 4000000, service_time: {{ exponential: {{ mean: {} }} }} }} }}\n\
         edges: [{{ client -> s: {{ {PATIENT} }} }}]\nload: [{{ rate: {rate}/s, arrivals: poisson }}]\n\
         faults: [{{ at: s, overload: {{ slow: {{ factor: {factor} }} }}, probability: {share} }}]\n",
        time(mean)
    );
    Seen::of(&text, seconds * 0.1, seconds * 0.99)
}

/// One job in a thousand takes a hundred times as long.
fn bimodal() -> Row {
    let published = "20M Lindley steps";
    let figures = vec![
        Figure::new("mean", 4.113, 0.03, "Pollaczek–Khinchine").rare(),
        Figure::new("p50", 0.42, 0.05, published).give_or_take(0.005),
        Figure::new("p90", 14.1, 0.05, published).give_or_take(0.2).rare(),
        Figure::new("p99", 46.3, 0.05, published).give_or_take(0.5).rare(),
        Figure::new("P(T > 15 s)", 0.0935, 0.05, published).give_or_take(0.001).rare(),
    ];
    let model = "M/G/1, 99.9% Exp(0.1 s), 0.1% Exp(10 s), ρ = 0.8";
    Row::new("Q4", model, (20, 8_000), (40, 70_000), figures, |seed, seconds| {
        let mut seen = two_kinds(seed, seconds as f64, 0.1, (0.001, 100.0), 0.8 / 0.1099);
        let late = seen.latencies.iter().filter(|latency| **latency > 15.0).count() as f64;
        let mut values = vec![seen.mean()];
        values.extend([0.5, 0.9, 0.99].map(|share| seen.quantile(share)));
        values.push(late / seen.calls());
        Outcome { calls: seen.calls(), values }
    })
}
