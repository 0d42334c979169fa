//! Queues whose figures are known in closed form. The unit of time is a service, which takes 500 ms:
//! beside it the 60 microseconds of the virtual network are nothing.

pub(crate) mod callers;
pub(crate) mod several;
pub(crate) mod single;

use crate::row::{Figure, Outcome, Row};
use crate::seen::Seen;

/// How long a service takes, in seconds.
const SERVICE: f64 = 0.5;
const EXPONENTIAL: &str = "service_time: { exponential: { mean: 500ms } }";
const CLOSED: &str = "closed form";
const PATIENT: &str = "timeout: 2000000s";

/// A whole number of nanoseconds, as a scenario writes it.
fn time(seconds: f64) -> String {
    format!("{:.0}ns", seconds * 1e9)
}

/// Servers one after another, all alike, `rate` calls in the time of a service, for so many services.
fn seen(stations: usize, station: &str, edge: &str, rate: f64, seed: u64, services: u64) -> Seen {
    let seconds = services as f64 * SERVICE;
    let nodes: Vec<String> =
        (1..=stations).map(|n| format!("  s{n}: {{ kind: server, {station} }}\n")).collect();
    let edges: Vec<String> = (1..=stations).map(|n| format!("{{ client -> s{n}: {{ {edge} }} }}")).collect();
    let text = format!(
        "name: theory\nseed: {seed}\nduration: {seconds}s\nnodes:\n  client: {{ kind: client }}\n{}\
         edges: [{}]\nload: [{{ rate: {}/s, arrivals: poisson }}]\n",
        nodes.concat(),
        edges.join(", "),
        rate / SERVICE
    );
    Seen::of(&text, seconds * 0.1, seconds * 0.99)
}

/// A row of which each run is one of [`seen`] with one station.
fn station(
    (id, model): (&'static str, String),
    (quick, full): ((u64, u64), (u64, u64)),
    (station, edge, rate): (String, String, f64),
    figures: Vec<Figure>,
    values: impl Fn(&mut Seen) -> Vec<f64> + Sync + 'static,
) -> Row {
    Row::new(id, model, quick, full, figures, move |seed, services| {
        let mut seen = seen(1, &station, &edge, rate, seed, services);
        Outcome { calls: seen.calls(), values: values(&mut seen) }
    })
}

/// Work of a service on average, whose squared coefficient of variation is 4: the median of a lognormal
/// time is its mean over the root of 1 + cv^2.
fn lognormal() -> String {
    let p50 = SERVICE / 5_f64.sqrt();
    let p99 = p50 * (2.326_347_874_040_841 * 5_f64.ln().sqrt()).exp();
    format!("service_time: {{ lognormal: {{ p50: {}, p99: {} }} }}", time(p50), time(p99))
}
