//! Scenarios of a shape and a size: chains, trees, meshes, and what production call graphs look like.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::ValueEnum;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// How services call each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Each calls the next.
    Chain,
    /// Each calls three others: at once, or in a tree of more than 1000 one of them.
    Tree,
    /// Layers: each calls one of two in the next layer.
    Mesh,
    /// Layers with fan-outs and fan-ins as in published production call graphs.
    Microservices,
}

/// How many hops a second the load is to make, about.
const HOPS_PER_S: f64 = 2000.0;
/// A scenario has at most 200 000 edges.
const EDGES: usize = 180_000;

/// Quantiles of the number of callees of a service that has any. Source: Meta's service graph of
/// 2022-12-21 (`facebookresearch/distributed_traces`, ATC 2023): p50 4, p75 7, p90 13, p99 93, p99.9
/// 1311, at most 5865.
const FAN_OUT: [(f64, f64); 7] =
    [(0.0, 1.0), (0.5, 4.0), (0.75, 7.0), (0.9, 13.0), (0.99, 93.0), (0.999, 1311.0), (1.0, 5865.0)];
/// The share of services that call nobody, and that nobody calls. Same source.
const LEAVES: f64 = 0.061;
const ENTRIES: f64 = 0.27;
/// How deep the graph is: request trees of production are 2 to 6 deep. Source: Alibaba's traces of
/// 2021 (TPDS 2022).
const LAYERS: usize = 6;

/// The scenario as YAML, of so many services beside the client.
pub(crate) fn scenario(name: &str, shape: Shape, services: usize, seed: u64) -> String {
    let mut text = format!(
        "# Made by `badgateway new {name} --shape {} --nodes {services} --seed {seed}`.\nname: {name}\n\
         description: {services} services, drawn.\nseed: {seed}\nduration: 10s\n\nnodes:\n",
        shape.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    );
    let graph = match shape {
        Shape::Chain => chain(services),
        Shape::Tree => tree(services),
        Shape::Mesh => mesh(services),
        Shape::Microservices => microservices(services, &mut Pcg64Mcg::seed_from_u64(seed)),
    };
    let entries = if graph.entries.len() > 1 { ", calls: weighted" } else { "" };
    let _ = writeln!(text, "  client: {{ kind: client{entries} }}");
    for (n, service) in graph.services.iter().enumerate() {
        let calls = calls(service);
        let _ = writeln!(text, "  s{n}: {{ kind: server{calls} }}");
    }
    text.push_str("\nedges:\n");
    for entry in &graph.entries {
        let _ = writeln!(text, "  - client -> s{entry}");
    }
    for (n, service) in graph.services.iter().enumerate() {
        for callee in service.groups.iter().flatten() {
            let _ = writeln!(text, "  - s{n} -> s{callee}");
        }
    }
    let rate = (HOPS_PER_S / graph.hops_per_call).clamp(0.1, 500.0);
    let _ = write!(text, "\nload:\n  - {{ from: client, rate: {rate:.1}/s, arrivals: poisson }}\n");
    let fault = graph.services.len() / 2;
    let _ =
        write!(text, "\nfaults:\n  - {{ name: flaky, at: s{fault}, crash: exception, probability: 10% }}\n");
    text
}

/// Whom a service calls for one request: one of each group, all groups at once.
#[derive(Debug, Clone, Default)]
struct Service {
    groups: Vec<Vec<usize>>,
}

struct Graph {
    services: Vec<Service>,
    /// Whom the client calls: one of them for each call.
    entries: Vec<usize>,
    /// About how many hops a call is.
    hops_per_call: f64,
}

fn calls(service: &Service) -> String {
    match service.groups.as_slice() {
        [] => String::new(),
        [only] if only.len() == 1 => String::new(),
        [_] => ", calls: weighted".to_owned(),
        groups if groups.iter().all(|group| group.len() == 1) => ", calls: parallel".to_owned(),
        groups => {
            let one = |group: &Vec<usize>| match group.as_slice() {
                [only] => format!("s{only}"),
                all => {
                    let weights: Vec<String> = all.iter().map(|callee| format!("s{callee}: 1")).collect();
                    format!("{{ weighted: {{ {} }} }}", weights.join(", "))
                }
            };
            let groups: Vec<String> = groups.iter().map(one).collect();
            format!(", calls: [{{ parallel: [{}] }}]", groups.join(", "))
        }
    }
}

fn chain(services: usize) -> Graph {
    let mut all = vec![Service::default(); services];
    for (n, service) in all.iter_mut().enumerate().take(services - 1) {
        service.groups.push(vec![n + 1]);
    }
    Graph { services: all, entries: vec![0], hops_per_call: services as f64 }
}

fn tree(services: usize) -> Graph {
    let mut all = vec![Service::default(); services];
    // To call all of many thousands for one request is not what anybody does.
    let at_once = services <= 1000;
    for n in 1..services {
        let groups = &mut all[(n - 1) / 3].groups;
        match groups.first_mut() {
            Some(only) if !at_once => only.push(n),
            _ => groups.push(vec![n]),
        }
    }
    let height = (services as f64).log(3.0).ceil().max(1.0);
    let hops_per_call = if at_once { services as f64 } else { height };
    Graph { services: all, entries: vec![0], hops_per_call }
}

fn mesh(services: usize) -> Graph {
    let width = (1..=services).find(|width| width * width >= services).unwrap_or(1);
    let mut all = vec![Service::default(); services];
    for (n, service) in all.iter_mut().enumerate() {
        let (layer, place) = (n / width, n % width);
        let below = |place: usize| (layer + 1) * width + place % width;
        let callees: BTreeSet<usize> =
            [below(place), below(place + 1)].into_iter().filter(|callee| *callee < services).collect();
        if !callees.is_empty() {
            service.groups.push(callees.into_iter().collect());
        }
    }
    // The last layer may be too short for everybody above it to have a callee, and that is fine.
    let layers = services.div_ceil(width);
    Graph { services: all, entries: (0..width.min(services)).collect(), hops_per_call: layers as f64 }
}

fn microservices(services: usize, rng: &mut Pcg64Mcg) -> Graph {
    // By layer: the first services are entries, the others follow in layers of equal size.
    let entries = part(services, ENTRIES).clamp(1, services);
    let layer_of = |n: usize| {
        if n < entries { 0 } else { 1 + (n - entries) * (LAYERS - 1) / (services - entries).max(1) }
    };
    let first_of: Vec<usize> =
        (0..=LAYERS).map(|layer| (0..services).find(|n| layer_of(*n) >= layer).unwrap_or(services)).collect();
    let degrees: Vec<usize> = (0..services)
        .map(|_| if rng.random::<f64>() < LEAVES { 0 } else { part(1, fan_out(rng.random())) })
        .collect();
    // What is over the limit on edges is thinned out evenly.
    let total: usize = degrees.iter().sum();
    let thin = (EDGES.saturating_sub(2 * services) as f64 / total.max(1) as f64).min(1.0);
    let mut callees: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); services];
    let mut called = vec![false; services];
    for n in 0..services {
        let below = first_of[layer_of(n) + 1]..services;
        let degree = if degrees[n] == 0 { 0 } else { part(degrees[n], thin).max(1) };
        for _ in 0..degree.min(below.len()) {
            // A few services are called by very many: fan-in has a long tail.
            let luck: f64 = rng.random::<f64>().powi(3);
            let callee = below.start + part(below.len(), luck).min(below.len() - 1);
            called[callee] |= callees[n].insert(callee);
        }
    }
    for n in entries..services {
        if !called[n] {
            let callers = first_of[layer_of(n)];
            callees[rng.random_range(0..callers)].insert(n);
        }
    }
    let all: Vec<Service> = callees.iter().map(|callees| Service { groups: groups(callees, rng) }).collect();
    // Each request calls 1.5 others on average, layer by layer.
    let hops = (0..LAYERS).map(|layer| 1.5_f64.powi(i32::try_from(layer).unwrap_or(0))).sum();
    Graph { services: all, entries: (0..entries).collect(), hops_per_call: hops }
}

/// Callees in one to three groups, each of which one request calls one of.
fn groups(callees: &BTreeSet<usize>, rng: &mut Pcg64Mcg) -> Vec<Vec<usize>> {
    let count = match rng.random_range(0..10) {
        0..=5 => 1,
        6..=8 => 2,
        _ => 3,
    };
    let mut groups = vec![Vec::new(); callees.len().min(count)];
    for (i, callee) in callees.iter().enumerate() {
        let place = i % groups.len();
        groups[place].push(*callee);
    }
    groups
}

/// The number of callees at a quantile in [0, 1), between the published ones on a logarithmic scale.
fn fan_out(quantile: f64) -> f64 {
    let above = FAN_OUT.iter().position(|(q, _)| *q > quantile).unwrap_or(FAN_OUT.len() - 1).max(1);
    let ((low, from), (high, to)) = (FAN_OUT[above - 1], FAN_OUT[above]);
    let share = (quantile - low) / (high - low);
    (from.ln() + share * (to.ln() - from.ln())).exp()
}

/// A share of a number, rounded.
fn part(whole: usize, share: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small number")]
    let part = (whole as f64 * share).round() as usize;
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use topology::{NodeKind, Scenario};

    const SHAPES: [Shape; 4] = [Shape::Chain, Shape::Tree, Shape::Mesh, Shape::Microservices];

    fn parse(shape: Shape, services: usize, seed: u64) -> Scenario {
        let text = scenario("x", shape, services, seed);
        Scenario::parse(&text, "x.yaml").unwrap_or_else(|problems| panic!("{shape:?} {services}: {problems}"))
    }

    #[test]
    fn every_shape_of_every_size_is_a_good_scenario() {
        for shape in SHAPES {
            for services in (1..40).chain([100, 999, 3000]) {
                let scenario = parse(shape, services, 7);
                assert_eq!(scenario.topology.node_count(), services + 1, "{shape:?}");
            }
        }
    }

    #[test]
    fn a_seed_repeats_itself() {
        let text = |seed| scenario("x", Shape::Microservices, 500, seed);
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
    }

    /// Half of the services that call anybody call at most four others, a tenth more than ten.
    #[test]
    fn fan_outs_have_the_published_quantiles() {
        let scenario = parse(Shape::Microservices, 5_000, 7);
        let topology = &scenario.topology;
        let mut degrees: Vec<usize> = topology
            .nodes()
            .filter(|(_, node)| node.kind != NodeKind::Client)
            .map(|(id, _)| topology.outgoing(id).len())
            .filter(|degree| *degree > 0)
            .collect();
        degrees.sort_unstable();
        let quantile = |q: f64| degrees[part(degrees.len(), q)];
        let (p50, p90, p99) = (quantile(0.5), quantile(0.9), quantile(0.99));
        assert!(
            (3..=5).contains(&p50) && (10..=16).contains(&p90) && (70..=120).contains(&p99),
            "{p50} {p90} {p99}"
        );
        let entries = topology.outgoing(topology.find("client").unwrap()).len();
        assert_eq!(entries, 1350);
    }
}
