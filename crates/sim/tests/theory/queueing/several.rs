//! Several servers, and queues that end.

use super::{CLOSED, EXPONENTIAL, PATIENT, SERVICE, lognormal, station};
use crate::formulas::{erlang_b, erlang_c, mmc_quantile, mmck};
use crate::row::{Figure, Row};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> =
        [1, 2, 4, 5, 8, 10, 16, 50, 100].map(|servers| several_servers("Q2", servers, 0.8)).into();
    rows.extend([5, 10].map(|servers| several_servers("Q2b", servers, 0.5)));
    for rho in [0.8, 1.2] {
        rows.extend([1, 2, 5, 10, 20].map(|places| bounded_queue(places, rho)));
    }
    rows.push(bounded_queue(10, 2.0));
    rows.extend([(2, 6, 0.8), (5, 10, 0.8), (5, 10, 1.2)].map(bounded_queue_of_several));
    rows.extend(no_queue());
    rows
}

/// M/M/c: T = 1 + C / (c (1 - rho)).
fn several_servers(id: &'static str, servers: u32, rho: f64) -> Row {
    let c = f64::from(servers);
    let waits = erlang_c(servers, rho * c);
    let figures = vec![
        Figure::new("mean", 1.0 + waits / (c * (1.0 - rho)), 0.01, CLOSED),
        Figure::new("P(wait)", waits, if waits < 0.05 { 0.1 } else { 0.02 }, "Erlang C"),
        Figure::new("p99", mmc_quantile(servers, rho, 0.99), 0.02, CLOSED),
    ];
    let calls = |calls: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of services")]
        let services = (calls / (rho * c)) as u64;
        (40, services)
    };
    let what = (format!("workers: {servers}, queue: 4000000, {EXPONENTIAL}"), PATIENT.to_owned(), rho * c);
    let full = match servers {
        1 => 220_000.0,
        2..50 => 100_000.0,
        _ => 200_000.0,
    };
    let sizes = (calls(10_000.0 + 100.0 * c), calls(full));
    station((id, format!("M/M/{servers}, ρ = {rho}")), sizes, what, figures, |seen| {
        let server = seen.edge(0);
        let waits = server.waited as f64 / server.arrived as f64;
        vec![seen.mean() / SERVICE, waits, seen.quantile(0.99) / SERVICE]
    })
}

/// M/M/1/K, of which K - 1 wait.
fn bounded_queue(places: u32, rho: f64) -> Row {
    let refused = mmck(1, places, rho).0;
    // The rarer it is, the longer it takes to see it.
    let limit = match refused {
        r if r < 0.01 => 0.1,
        r if r < 0.05 => 0.05,
        _ => 0.02,
    };
    let figures = vec![Figure::new("refused", refused, limit, CLOSED)];
    let what = (format!("workers: 1, queue: {}, {EXPONENTIAL}", places - 1), PATIENT.to_owned(), rho);
    let sizes =
        if places == 20 && rho < 1.0 { ((40, 40_000), (40, 300_000)) } else { ((20, 8_000), (40, 30_000)) };
    station(("Q5", format!("M/M/1/{places}, ρ = {rho}")), sizes, what, figures, |seen| vec![seen.failing()])
}

/// M/M/c/K, of which K - c wait.
fn bounded_queue_of_several((servers, places, rho): (u32, u32, f64)) -> Row {
    let load = rho * f64::from(servers);
    let (refused, mean) = mmck(servers, places, load);
    let figures = vec![
        Figure::new("refused", refused, 0.02, CLOSED),
        Figure::new("mean of the others", mean, 0.01, CLOSED),
    ];
    let what =
        (format!("workers: {servers}, queue: {}, {EXPONENTIAL}", places - servers), PATIENT.to_owned(), load);
    let model = format!("M/M/{servers}/{places}, ρ = {rho}");
    station(("Q5b", model), ((20, 8_000), (40, 60_000)), what, figures, |seen| {
        vec![seen.failing(), seen.mean() / SERVICE]
    })
}

/// M/G/c/c: Erlang's B, whatever the distribution of the work.
fn no_queue() -> Vec<Row> {
    let lognormal = lognormal();
    let works = [("M/M", EXPONENTIAL), ("M/D", "service_time: 500ms"), ("M/LN", &lognormal)];
    let sizes = [(5, 4.0), (10, 8.0), (10, 10.0), (50, 45.0), (100, 90.0)];
    let mut rows = Vec::new();
    for (servers, load) in sizes {
        for (name, work) in works {
            let figures = vec![Figure::new(
                "refused",
                erlang_b(servers, load),
                if servers > 10 { 0.03 } else { 0.01 },
                "Erlang B",
            )];
            let what = (format!("workers: {servers}, queue: 0, {work}"), PATIENT.to_owned(), load);
            let length = |calls: u64| (20, calls / u64::from(servers));
            // The rarer it is, the longer it takes to see it.
            let full = length(if servers > 10 { 200_000 } else { 100_000 });
            let model = format!("{name}/{servers}/{servers}, a = {load}");
            rows.push(station(("Q6", model), (length(12_000), full), what, figures, |seen| {
                vec![seen.failing()]
            }));
        }
    }
    rows
}
