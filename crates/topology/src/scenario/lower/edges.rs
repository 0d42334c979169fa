//! Edges: names to nodes, chains to edges, replicas to all their pairs.

use super::super::file::{EdgeFile, EdgeOptions, ScenarioFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::super::source_map::shorten;
use super::build::{Build, Callee, EDGES_MAX};
use super::external;
use super::policy::{self, Around};
use super::rules::model_problem;
use super::text::{check_range, key_problem, request_path_problem};
use crate::rules::Pattern;
use crate::{Edge, EdgeId, NodeKind, Protocol};

/// The largest weight.
const WEIGHT_MAX: u32 = 1_000_000;

pub(super) fn lower(file: &mut ScenarioFile, build: &mut Build, problems: &mut Collector<'_>) {
    let all = Path::root().at("edges");
    if file.edges.is_empty() {
        build.sound = false;
        problems.key(&all).help("write who calls whom: `- client -> app`").say("there are no edges");
    }
    let mut links = Vec::with_capacity(file.edges.len());
    for (entry, EdgeFile { chain, options }) in file.edges.iter_mut().enumerate() {
        let at = all.at(entry);
        let inside = at.at(chain.as_str());
        let written = options.policy();
        policy::check(&written, &inside, problems);
        policy::check_stop_on(options, &inside, problems);
        check_range(&options.weight.0, &(1..=WEIGHT_MAX), || inside.at("weight"), problems);
        if let Some(problem) = request_path_problem(&options.path.0) {
            problems.value(&inside.at("path")).say(problem);
        }
        for (place, model) in options.models.iter().enumerate() {
            if let Some(problem) = model_problem(model) {
                problems.value(&inside.at("models").at(place)).say(problem);
            }
        }
        if let Some(problem) = options.key.0.as_deref().and_then(key_problem) {
            problems.value(&inside.at("key")).say(problem);
        }
        let names: Vec<&str> = chain.split("->").map(str::trim).collect();
        if names.len() < 2 || names.iter().any(|name| name.is_empty()) {
            build.sound = false;
            let help = "write it as `caller -> callee`";
            problems.key(&at).help(help).say(format!("`{}` is not an edge", shorten(chain)));
            continue;
        }
        let known = check_names(&names, &at, build, problems);
        let decides_itself = |caller: &&str| external::decides_itself(caller, build);
        let own: Vec<bool> = names.iter().map(decides_itself).collect();
        if own[..own.len() - 1].contains(&true) {
            external::check_edge(options, chain, &inside, problems);
        }
        let as_written = &*options;
        for (pair, &own) in names.windows(2).zip(&own) {
            let mut options = as_written.clone();
            let mut policy = written.clone();
            policy::fill_in_edge(
                &mut policy,
                build.profile(pair[0]),
                build.replicas(pair[1]),
                &inside,
                problems,
            );
            options.set_policy(policy);
            let link = Link { from: pair[0], to: pair[1], options: &options, entry };
            if known && check_link(&link, &at, build, problems) {
                if !add(&link, build) {
                    build.sound = false;
                    let message =
                        format!("a scenario has at most {EDGES_MAX} edges, those between replicas counted");
                    problems.key(&at).say(message);
                    return;
                }
            } else {
                build.sound = false;
            }
            // What a program does by itself is not written into the file.
            let chain = format!("{} -> {}", link.from, link.to);
            links.push(EdgeFile { chain, options: if own { as_written.clone() } else { options } });
        }
    }
    file.edges = links;
}

struct Link<'a> {
    from: &'a str,
    to: &'a str,
    options: &'a EdgeOptions,
    entry: usize,
}

/// Whether all names are nodes.
fn check_names(names: &[&str], at: &Path, build: &Build, problems: &mut Collector<'_>) -> bool {
    let mut known = true;
    for (i, name) in names.iter().enumerate() {
        if build.groups.contains_key(*name) || names[..i].contains(name) {
            continue;
        }
        known = false;
        let help = || match name.split_once('#') {
            Some((group, _)) if build.groups.contains_key(group) => {
                Some(format!("an edge to `{group}` goes to all its replicas"))
            }
            _ => did_you_mean(name, build.names(), "the nodes are"),
        };
        problems.key(at).word(name).maybe_help(help).say(format!("there is no node `{}`", shorten(name)));
    }
    known
}

/// Whether there can be such an edge.
fn check_link(link: &Link<'_>, at: &Path, build: &Build, problems: &mut Collector<'_>) -> bool {
    let Link { from, to, .. } = link;
    let caller = &build.groups[*from];
    if from == to {
        let help = "a fault can make a loop: `config: routing_loop`";
        problems.key(at).help(help).say(format!("`{from}` calls itself"));
        return false;
    }
    if let Some(first) = caller.callees.get(*to) {
        let first = problems.source().line_of(&Path::root().at("edges").at(first.entry));
        let help = format!("the first is on line {first}");
        problems.key(at).help(help).say(format!("the edge `{from} -> {to}` is given twice"));
        return false;
    }
    let foreign = [from, to].into_iter().find(|name| build.groups[**name].kind == NodeKind::External);
    if let Some(program) = foreign
        && link.options.protocol != Protocol::Http1
    {
        let help = "take `protocol` out";
        let message = format!("`{program}` is a program of its own: it is watched over HTTP/1.1 alone");
        problems.key(&at.at(format!("{from} -> {to}").as_str()).at("protocol")).help(help).say(message);
        return false;
    }
    if build.groups[*to].kind == NodeKind::Client {
        let help = format!("a client answers nobody; make `{to}` a gateway or a server");
        problems.key(at).word(to).help(help).say(format!("`{from}` calls the client `{to}`"));
        return false;
    }
    if build.groups[*from].nodes.iter().any(|node| build.topology.node(*node).llm.is_some()) {
        let help = "a model server answers by its own work: put a gateway before it";
        problems.key(at).word(from).help(help).say(format!("the model server `{from}` calls `{to}`"));
        return false;
    }
    true
}

/// Adds one edge for each pair of replicas; not if that is too many.
fn add(link: &Link<'_>, build: &mut Build) -> bool {
    let callees = build.groups[link.to].nodes.clone();
    let Build { topology, groups, .. } = build;
    let caller = &mut groups[link.from];
    if topology.edge_count() + caller.nodes.len() * callees.len() > EDGES_MAX {
        return false;
    }
    let replicas = u32::try_from(callees.len()).unwrap_or(u32::MAX);
    let around = Around { replicas, fallback: Vec::new() };
    let edge = Edge {
        policy: policy::own(&link.options.policy(), &around),
        stop_on: policy::stop_on(link.options),
        path: link.options.path.0.clone(),
        protocol: link.options.protocol,
        key: link.options.key.0.as_deref().map(Into::into),
        models: link.options.models.iter().cloned().map(Pattern).collect(),
        only_by_fault: false,
    };
    let edges: Vec<Vec<EdgeId>> = caller
        .nodes
        .iter()
        .map(|&from| callees.iter().map(|&to| topology.add_edge(from, to, edge.clone())).collect())
        .collect();
    let Link { options: EdgeOptions { weight, balance, .. }, entry, .. } = *link;
    caller.callees.insert(link.to.to_owned(), Callee { weight: weight.0, balance: *balance, edges, entry });
    true
}

impl Edge {
    /// One of which nothing is said: every default.
    pub fn plain() -> Self {
        let options = EdgeOptions::default();
        let policy = policy::own(&options.policy(), &Around::default());
        Self {
            policy,
            stop_on: None,
            path: options.path.0,
            protocol: options.protocol,
            key: None,
            models: [].into(),
            only_by_fault: false,
        }
    }
}
