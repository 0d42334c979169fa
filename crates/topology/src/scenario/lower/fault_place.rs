//! Places of faults: a text such as `app`, `app#2` or `gw -> app`, as nodes or edges.

use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::super::source_map::shorten;
use super::build::Build;
use crate::fault::{Mechanism, Site};
use crate::{EdgeId, NodeId, NodeKind, Target};

/// The targets of one text. None, once a problem has been told.
pub(super) fn resolve(
    text: &str,
    mechanism: &Mechanism,
    build: &Build,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Vec<Target> {
    match (text.split_once("->"), mechanism.site()) {
        (Some((from, to)), site) => {
            let edges = edges(from.trim(), to.trim(), build, at, problems);
            if site == Site::Node {
                if !edges.is_empty() {
                    let help = format!("write `at: {}`", to.trim());
                    let message = format!("`{}` happens in a node, not on the way to it", mechanism.name());
                    problems.value(at).help(help).say(message);
                }
                return Vec::new();
            }
            edges.into_iter().map(Target::Edge).collect()
        }
        (None, site) => {
            let nodes = nodes(text.trim(), build, at, problems);
            if let Some(client) = nodes.iter().find(|n| build.topology.node(**n).kind == NodeKind::Client) {
                at_a_client(*client, mechanism, build, at, problems);
                return Vec::new();
            }
            match site {
                Site::Node => nodes.into_iter().map(Target::Node).collect(),
                Site::Edge => {
                    nodes.into_iter().flat_map(|n| build.topology.incoming(n)).map(Target::Edge).collect()
                }
            }
        }
    }
}

fn at_a_client(
    client: NodeId,
    mechanism: &Mechanism,
    build: &Build,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let name = &build.topology.node(client).name;
    let edge = build.topology.outgoing(client).first().map(|e| build.topology.edge_name(*e));
    let message = format!("this can never match: no request arrives at the client `{name}`");
    let help = match mechanism.site() {
        Site::Edge => edge.map(|edge| format!("for its way out, write `at: {edge}`")),
        Site::Node => Some(format!("`{}` happens in a gateway or a server", mechanism.name())),
    };
    problems.value(at).maybe_help(help).say(message);
}

/// The nodes of a name: a node of the file with all its replicas, or one replica.
pub(super) fn nodes(name: &str, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Vec<NodeId> {
    if let Some(group) = build.groups.get(name) {
        return group.nodes.clone();
    }
    if let Some(replica) = build.topology.find(name) {
        return vec![replica];
    }
    let help = match name.split_once('#').and_then(|(group, _)| build.groups.get(group).map(|g| (group, g))) {
        Some((group, g)) if g.nodes.len() > 1 => {
            Some(format!("the replicas are `{group}#1` to `{group}#{}`", g.nodes.len()))
        }
        Some((group, _)) => Some(format!("`{group}` has no replicas: write `{group}`")),
        None => did_you_mean(name, build.names(), "the nodes are"),
    };
    problems.value(at).word(name).maybe_help(help).say(format!("there is no node `{}`", shorten(name)));
    Vec::new()
}

fn edges(from: &str, to: &str, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Vec<EdgeId> {
    let callers = nodes(from, build, at, problems);
    let callees = nodes(to, build, at, problems);
    let topology = &build.topology;
    let edges: Vec<EdgeId> = callers
        .iter()
        .flat_map(|caller| topology.outgoing(*caller))
        .filter(|edge| !topology.edge(*edge).only_by_fault && callees.contains(&topology.ends(*edge).1))
        .collect();
    if edges.is_empty() && !callers.is_empty() && !callees.is_empty() {
        let names: Vec<String> = build.groups.get(from).map_or_else(Vec::new, |group| {
            group.callees.keys().map(|callee| format!("{from} -> {callee}")).collect()
        });
        let names = names.iter().map(String::as_str);
        let back = build.groups.get(to).is_some_and(|group| group.callees.contains_key(from));
        let help = match back {
            true => Some(format!("the edge goes the other way: `{to} -> {from}`")),
            false => did_you_mean(&format!("{from} -> {to}"), names, "there are"),
        };
        problems.value(at).maybe_help(help).say(format!(
            "there is no edge `{} -> {}`",
            shorten(from),
            shorten(to)
        ));
    }
    edges
}
