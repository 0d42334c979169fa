//! Fallbacks: whom a caller asks once a callee has failed it for good.

use super::super::file::{OrNone, ScenarioFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::{Build, Group};
use crate::{EdgeId, NodeKind};

/// Resolves the fallbacks of edges, and takes all fallbacks, those of strategies too, out of the
/// regular calls.
pub(super) fn lower(file: &ScenarioFile, build: &mut Build, problems: &mut Collector<'_>) {
    for edge in &file.edges {
        let Some(OrNone(Some(fallback))) = &edge.options.fallback else { continue };
        let Some((from, to)) = edge.chain.split_once(" -> ") else { continue };
        let Some(group) = build.groups.get_mut(from) else { continue };
        let at = || {
            let entry = group.callees.get(to).map_or(0, |callee| callee.entry);
            Path::root().at("edges").at(entry)
        };
        if let Some(problem) = problem(from, Some(to), fallback, group) {
            let callees = group.callees.keys().map(String::as_str).filter(|name| *name != to);
            let help = || did_you_mean(fallback, callees, "it calls");
            problems.key(&at()).word(fallback).maybe_help(help).say(problem);
            continue;
        }
        group.fallbacks.insert(fallback.clone());
        let edges: Vec<(EdgeId, Vec<EdgeId>)> = (0..group.nodes.len())
            .flat_map(|replica| {
                let by = group.callees[fallback].edges[replica].clone();
                group.callees[to].edges[replica].iter().map(move |edge| (*edge, by.clone()))
            })
            .collect();
        for (edge, fallback) in edges {
            build.topology.edge_mut(edge).policy.fallback = fallback;
        }
    }
    for (name, strategy) in &file.strategies {
        let Some(OrNone(Some(fallback))) = &strategy.fallback else { continue };
        let clients = build.groups.iter_mut().filter(|(_, group)| group.kind == NodeKind::Client);
        let mut any = false;
        for (_, group) in clients.filter(|(_, group)| group.callees.contains_key(fallback)) {
            group.fallbacks.insert(fallback.clone());
            any = true;
        }
        if !any {
            let at = Path::root().at("strategies").at(name.as_str()).at("fallback");
            let help = format!("write an edge `client -> {fallback}`");
            problems.value(&at).help(help).say(format!("no client has an edge to `{fallback}`"));
        }
    }
    for (name, group) in &build.groups {
        if !group.callees.is_empty() && group.callees.len() == group.fallbacks.len() {
            let at = Path::root().at("nodes").at(name.as_str());
            problems.key(&at).say(format!("`{name}` has only fallbacks, and nobody that they stand in for"));
        }
    }
}

fn problem(from: &str, to: Option<&str>, fallback: &str, group: &Group) -> Option<String> {
    if to == Some(fallback) {
        return Some(format!("`{fallback}` cannot stand in for itself"));
    }
    (!group.callees.contains_key(fallback))
        .then(|| format!("there is no edge `{from} -> {fallback}` that could be a fallback"))
}

/// The edges that stand in for a client's edge under a strategy with this fallback.
pub(super) fn of_client(build: &Build, edge: EdgeId, fallback: Option<&str>) -> Vec<EdgeId> {
    let (from, to) = build.topology.ends(edge);
    let name = |node| build.topology.node(node).declared_name.as_str();
    let group = build.groups.get(name(from));
    fallback
        .filter(|fallback| *fallback != name(to))
        .and_then(|fallback| group?.callees.get(fallback)?.edges.first().cloned())
        .unwrap_or_default()
}
