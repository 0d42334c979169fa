//! Several configurations as one chain: who calls whom, by port.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

use super::Product;
use super::model::{Address, Entry, Route, Written, profile};
use crate::lint::{At, Places};
use crate::node::{Balance, Choice, Node, NodeKind, Plan, Stage};
use crate::policy::ATTEMPTS_MAX;
use crate::scenario::{Problem, Problems, Range, Source};
use crate::units::{DURATION_MAX, DurationText};
use crate::{Edge, EdgeId, NodeId, Protocol, Scenario, Topology};

/// Where the parts of a chain stand in its files.
#[derive(Debug)]
pub struct Chain<'a> {
    sources: Vec<Source<'a>>,
    nodes: BTreeMap<NodeId, Place>,
    edges: BTreeMap<EdgeId, Place>,
}

#[derive(Debug)]
struct Place {
    product: Product,
    file: usize,
    at: Range,
    written: Written,
}

pub(super) fn build<'a>(
    entries: &[Entry],
    sources: Vec<Source<'a>>,
) -> Result<(Scenario, Chain<'a>), Problems> {
    let mut topology = Topology::new();
    let mut chain = Chain { sources, nodes: BTreeMap::new(), edges: BTreeMap::new() };
    let names: Vec<String> = entries.iter().map(|entry| name(entry, entries, &chain.sources)).collect();
    let gateways: Vec<NodeId> =
        entries.iter().zip(&names).map(|(entry, name)| topology.add_node(gateway(entry, name))).collect();
    let mut servers: BTreeMap<Address, NodeId> = BTreeMap::new();
    for (entry, &from) in entries.iter().zip(&gateways) {
        let mut all = Vec::new();
        for (i, route) in entry.routes.iter().enumerate() {
            for address in &route.servers {
                let to = listening(entries, entry, route, address).map_or_else(
                    || {
                        *servers
                            .entry(address.clone())
                            .or_insert_with(|| topology.add_node(unknown(address, &route.name)))
                    },
                    |place| gateways[place],
                );
                // No more than a scenario may have: the lints count on it.
                let mut policy = route.policy.clone();
                policy.retry.max_attempts = policy.retry.max_attempts.min(ATTEMPTS_MAX);
                policy.timeout = policy.timeout.map(|time| time.min(DURATION_MAX));
                policy.deadline = policy.deadline.map(|time| time.min(DURATION_MAX));
                // Two routes to the same servers are two edges.
                let edge = Edge {
                    policy,
                    stop_on: None,
                    path: format!("/{i}"),
                    protocol: Protocol::Http1,
                    key: None,
                    models: [].into(),
                    only_by_fault: false,
                };
                let id = topology.add_edge(from, to, edge);
                let place = Place {
                    product: entry.product,
                    file: entry.file,
                    at: route.at,
                    written: route.written.clone(),
                };
                chain.edges.insert(id, place);
                all.push((id, 1));
            }
        }
        let edges: Arc<[(EdgeId, u32)]> = all.into();
        if !edges.is_empty() {
            let choice = Choice { edges, balance: Balance::Weighted };
            topology.node_mut(from).plan = Plan { stages: vec![Stage { calls: vec![choice] }] };
        }
        let written = entry.written.clone();
        chain.nodes.insert(from, Place { product: entry.product, file: entry.file, at: entry.at, written });
    }
    if let Err(cycle) = petgraph::algo::toposort(topology.graph(), None) {
        let node = NodeId(u32::try_from(cycle.node_id().index()).unwrap_or_default());
        let name = &topology.node(node).name;
        let message = format!("requests go in a circle: what `{name}` sends on comes back to it");
        let help = "have one of them send its requests to another port".to_owned();
        let place =
            chain.nodes.get(&node).map_or_else(|| chain.sources[0].start(), |place| chain.show(place, ""));
        return Err(Problems::one(Problem { message, help: Some(help), ..place }));
    }
    Ok((scenario(topology), chain))
}

/// Who takes what this caller sends over a route to an address. Of several that share it, the one that is
/// for this host; else another than the caller.
fn listening(entries: &[Entry], caller: &Entry, route: &Route, address: &Address) -> Option<usize> {
    let host = route.name.rsplit_once(':').map_or(&*route.name, |(host, _)| host);
    let all = entries.iter().enumerate().filter(|(_, entry)| listens(caller, entry, address));
    all.min_by_key(|(_, entry)| (!entry.names.iter().any(|name| name == host), std::ptr::eq(*entry, caller)))
        .map(|(place, _)| place)
}

/// Whether what this caller sends to an address comes to that gateway. A host's name says little about
/// whose it is: on this machine any file may be meant, elsewhere one that comes after the caller's.
fn listens(caller: &Entry, callee: &Entry, address: &Address) -> bool {
    let here = |host: &str| matches!(host, "localhost" | "::1") || host.starts_with("127.");
    callee.listens.iter().any(|listen| {
        let same_host = listen.host == address.host || here(&address.host);
        listen.port == address.port && (same_host || callee.file > caller.file)
    })
}

/// The file's name, with the port where the file has several that listen, and the host where they share it.
fn name(entry: &Entry, all: &[Entry], sources: &[Source<'_>]) -> String {
    let file = sources.get(entry.file).map_or("", |source| source.file_name());
    let short = FilePath::new(file).file_name().and_then(|name| name.to_str()).unwrap_or(file);
    let same_name =
        sources.iter().filter(|source| FilePath::new(source.file_name()).ends_with(short)).count() > 1;
    let shown = if same_name { file } else { short };
    let others = || all.iter().filter(|other| other.file == entry.file && !std::ptr::eq(*other, entry));
    let Some(listen) = entry.listens.first().filter(|_| others().next().is_some()) else {
        return shown.to_owned();
    };
    let shares = others().any(|other| other.listens.iter().any(|other| other.port == listen.port));
    match entry.names.first() {
        Some(host) if shares => format!("{shown}:{} ({host})", listen.port),
        _ => format!("{shown}:{}", listen.port),
    }
}

fn gateway(entry: &Entry, name: &str) -> Node {
    Node {
        name: name.to_owned(),
        declared_name: name.to_owned(),
        kind: NodeKind::Gateway,
        profile: profile(entry.product),
        keep_alive: entry.keep_alive,
        header_limit: entry.head,
        body_limit: entry.body,
        ..Node::bare(name.to_owned(), NodeKind::Gateway)
    }
}

/// A server of which nothing is known.
fn unknown(address: &Address, group: &str) -> Node {
    let name = format!("{}:{}", address.host, address.port);
    Node { declared_name: group.to_owned(), ..Node::bare(name, NodeKind::Server) }
}

fn scenario(topology: Topology) -> Scenario {
    Scenario { topology, ..Scenario::empty() }
}

impl Chain<'_> {
    /// The names of the gateways that were read.
    pub fn gateways(&self) -> usize {
        self.nodes.len()
    }

    fn show(&self, place: &Place, key: &str) -> Problem {
        let mut keys = std::iter::successors(Some(key), |key| key.rsplit_once('.').map(|(outer, _)| outer));
        let range = keys.find_map(|key| place.written.get(key)).copied().unwrap_or(place.at);
        Problem { path: key.to_owned(), ..self.sources[place.file].at(range) }
    }

    fn place_of(&self, at: At) -> Option<&Place> {
        match at {
            At::Node(node) => self.nodes.get(&node),
            At::Edge(edge) => self.edges.get(&edge),
            At::Load(_) | At::Fault(_) => None,
        }
    }
}

impl Places for Chain<'_> {
    fn place(&self, _: &Scenario, at: At, key: &str) -> Problem {
        self.place_of(at).map_or_else(|| self.sources[0].start(), |place| self.show(place, key))
    }

    fn advice(&self, at: At, key: &str, value: &str) -> Option<String> {
        let product = self.place_of(at)?.product;
        if let Some(sentence) = sentence(product, key) {
            return Some(sentence.to_owned());
        }
        let is_one_of_several = self.place_of(at)?.written.contains_key("retry");
        let word = match (product, key) {
            // With retries the route's time-out is that of all attempts.
            (Product::Envoy, "timeout") if is_one_of_several => "per_try_timeout",
            _ => word(product, key)?,
        };
        let value = value_of(product, value);
        Some(match product {
            Product::Nginx => format!("write `{word} {value};`"),
            Product::Haproxy => format!("write `{word} {value}`"),
            Product::Envoy => format!("write `{word}: {value}`"),
        })
    }
}

/// What a product has in the place of a key, where that is another thing.
fn sentence(product: Product, key: &str) -> Option<&'static str> {
    Some(match (product, key) {
        (Product::Nginx, "retry.max_attempts") => "write `proxy_next_upstream off;`",
        (Product::Haproxy, "retry.max_attempts") => "write `retry-on conn-failure`",
        (Product::Envoy, "retry.max_attempts") => "take `retry_policy` out",
        (Product::Nginx, "retry.budget") => "write `proxy_next_upstream_tries 2;`: nginx has no budget",
        (Product::Nginx, "retry.idempotent_only") => "take `non_idempotent` out of `proxy_next_upstream`",
        (Product::Haproxy, "retry.budget") => "write `retries 1`: HAProxy has no budget",
        (Product::Haproxy, "retry.idempotent_only") => {
            "write `http-request disable-l7-retry if METH_POST`, or `retry-on conn-failure`"
        }
        (Product::Haproxy, "breaker") => "write `check` at each server, and `option redispatch`",
        (Product::Envoy, "retry.budget") => {
            "write `retry_budget: { budget_percent: { value: 10 } }` in the cluster's `circuit_breakers`"
        }
        (Product::Envoy, "retry.idempotent_only") => "write `retry_on: connect-failure`",
        (Product::Envoy, "breaker") => "write `outlier_detection: {}` at the cluster",
        _ => return None,
    })
}

/// What a key of a scenario is called by a product, if it has such a thing.
fn word(product: Product, key: &str) -> Option<&'static str> {
    Some(match (product, key) {
        (Product::Nginx, "timeout") => "proxy_read_timeout",
        (Product::Nginx, "pool.idle_timeout" | "keep_alive") => "keepalive_timeout",
        (Product::Nginx, "body_limit") => "client_max_body_size",
        (Product::Nginx, "header_limit") => "large_client_header_buffers 4",
        (Product::Haproxy, "timeout") => "timeout server",
        (Product::Haproxy, "keep_alive") => "timeout http-keep-alive",
        (Product::Haproxy, "header_limit") => "tune.bufsize",
        (Product::Envoy, "timeout" | "deadline") => "timeout",
        (Product::Envoy, "pool.idle_timeout" | "keep_alive") => "common_http_protocol_options.idle_timeout",
        _ => return None,
    })
}

/// A time or a size as a product reads it.
fn value_of(product: Product, value: &str) -> String {
    if let Ok(DurationText(time)) = value.parse() {
        return match product {
            Product::Envoy => format!("{}s", time.as_secs_f64()),
            // Neither takes a fraction.
            Product::Nginx | Product::Haproxy => match time.as_millis() {
                ms if ms % 1000 == 0 => format!("{}s", ms / 1000),
                ms => format!("{ms}ms"),
            },
        };
    }
    match product {
        Product::Nginx => value.replace("KiB", "k").replace("MiB", "m").replace("GiB", "g").replace('B', ""),
        Product::Haproxy | Product::Envoy => value.to_owned(),
    }
}
