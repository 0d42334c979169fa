//! Places of faults: a text such as `app`, `app#2` or `gw -> app`, as nodes or edges.

use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::{Build, Group};
use super::external;
use crate::fault::{Mechanism, Site};
use crate::{EdgeId, NodeId, NodeKind, Protocol, Target};

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
            let found = edges.iter().find_map(|e| external::problem_at_edge(*e, mechanism, build));
            if let Some((message, help)) = found {
                problems.value(at).help(help).say(message);
            }
            check_protocol(&edges, mechanism, build, at, problems);
            edges.into_iter().map(Target::Edge).collect()
        }
        (None, site) => {
            let nodes = nodes(text.trim(), build, at, problems);
            if let Some(client) = nodes.iter().find(|n| build.topology.node(**n).kind == NodeKind::Client) {
                at_a_client(*client, mechanism, build, at, problems);
                return Vec::new();
            }
            let incoming: Vec<EdgeId> = nodes.iter().flat_map(|n| build.topology.incoming(*n)).collect();
            check_protocol(&incoming, mechanism, build, at, problems);
            match site {
                Site::Node => {
                    let found = nodes.iter().find_map(|n| external::problem_at_node(*n, mechanism, build));
                    if let Some((message, help)) = found {
                        problems.value(at).help(help).say(message);
                    }
                    nodes.into_iter().map(Target::Node).collect()
                }
                Site::Edge => incoming.into_iter().map(Target::Edge).collect(),
            }
        }
    }
}

/// Says where a mechanism is of another protocol than what is spoken.
fn check_protocol(
    edges: &[EdgeId],
    mechanism: &Mechanism,
    build: &Build,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let Some(only) = mechanism.only_over() else { return };
    let Some(other) = edges.iter().find(|e| build.topology.edge(**e).protocol != only) else { return };
    let edge = build.topology.edge_name(*other);
    let help = match only {
        Protocol::Http1 => {
            "over HTTP/2 there are `network: reset_stream` and `config: goaway`, and what ends or holds up a whole \
             exchange"
        }
        Protocol::H2 => "write `protocol: h2` at the edge",
    };
    let spoken = build.topology.edge(*other).protocol.name();
    let message = format!("`{}` is of {}, and `{edge}` speaks {spoken}", mechanism.name(), only.name());
    problems.value(at).help(help).say(message);
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
    problems.value(at).maybe_help(|| help).say(message);
}

/// A node of the file, or one replica of it.
struct Named<'b> {
    group: &'b Group,
    /// Which replica, from 0; all if none is named.
    replica: Option<usize>,
}

/// What a name stands for. None, once a problem has been told.
fn named<'b>(name: &str, build: &'b Build, at: &Path, problems: &mut Collector<'_>) -> Option<Named<'b>> {
    if let Some(group) = build.groups.get(name) {
        return Some(Named { group, replica: None });
    }
    let group = name.split_once('#').and_then(|(group, _)| Some((group, build.groups.get(group)?)));
    if let Some((_, group)) = group
        && let Some(node) = build.topology.find(name)
    {
        return Some(Named { group, replica: group.nodes.iter().position(|n| *n == node) });
    }
    let help = || match group {
        Some((name, group)) if group.nodes.len() > 1 => {
            Some(format!("the replicas are `{name}#1` to `{name}#{}`", group.nodes.len()))
        }
        Some((name, _)) => Some(format!("`{name}` has no replicas: write `{name}`")),
        None => did_you_mean(name, build.names(), "the nodes are"),
    };
    problems.value(at).word(name).maybe_help(help).say(format!("there is no node `{name}`"));
    None
}

/// The nodes of a name: a node of the file with all its replicas, or one replica.
pub(super) fn nodes(name: &str, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Vec<NodeId> {
    match named(name, build, at, problems) {
        Some(Named { group, replica: None }) => group.nodes.clone(),
        Some(Named { group, replica: Some(replica) }) => vec![group.nodes[replica]],
        None => Vec::new(),
    }
}

/// The edges between two names.
fn edges(from: &str, to: &str, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Vec<EdgeId> {
    let (Some(caller), Some(target)) = (named(from, build, at, problems), named(to, build, at, problems))
    else {
        return Vec::new();
    };
    let group = |name: &str| name.split('#').next().unwrap_or_default().to_owned();
    if let Some(callee) = caller.group.callees.get(&group(to)) {
        let one_or_all = |replica: Option<usize>, len| replica.map_or(0..len, |r| r..r + 1);
        return callee.edges[one_or_all(caller.replica, callee.edges.len())]
            .iter()
            .flat_map(|edges| &edges[one_or_all(target.replica, edges.len())])
            .copied()
            .collect();
    }
    let help = || {
        if target.group.callees.contains_key(&group(from)) {
            return Some(format!("the edge goes the other way: `{to} -> {from}`"));
        }
        let known: Vec<String> =
            caller.group.callees.keys().map(|callee| format!("{from} -> {callee}")).collect();
        did_you_mean(&format!("{from} -> {to}"), known.iter().map(String::as_str), "there are")
    };
    problems.value(at).maybe_help(help).say(format!("there is no edge `{from} -> {to}`"));
    Vec::new()
}
