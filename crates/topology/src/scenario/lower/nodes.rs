//! Nodes: their settings, and their replicas.

use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::super::file::{
    CloseWord, NodeFile, OrNone, QueueFile, QueueLong, ResponseFile, ScenarioFile, ScriptFile, Time, seconds,
};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::{Build, Group, NODES_MAX};
use super::external;
use super::llm;
use super::rules;
use super::text::{check_above_zero, check_range, node_name_problem};
use crate::distribution::Distribution;
use crate::node::{Codel, Discipline, Node, NodeKind, OnDisconnect, Plan, Response, ScriptStep};
use crate::profile::Profile;
use crate::units::{DurationText, Size};
use crate::wire::Close;

/// How many pieces a response's body may come in.
const CHUNKS_MAX: u32 = 10_000;

pub(super) fn lower(file: &mut ScenarioFile, build: &mut Build, problems: &mut Collector<'_>) {
    let all = Path::root().at("nodes");
    if file.nodes.is_empty() {
        build.sound = false;
        problems.key(&all).say("there are no nodes");
    }
    for (name, node) in &mut file.nodes {
        let at = all.at(name.as_str());
        if let Some(problem) = node_name_problem(name) {
            build.sound = false;
            problems.key(&at).say(problem);
        }
        let count = replicas(node, &at, problems);
        if build.topology.node_count() + count > NODES_MAX {
            build.sound = false;
            problems.key(&at).say(format!("a scenario has at most {NODES_MAX} nodes, replicas counted"));
            return;
        }
        let single = settle(name, node, &at, problems);
        let add = |i| {
            let name = if count == 1 { name.clone() } else { format!("{name}#{}", i + 1) };
            build.topology.add_node(Node { name, ..single.clone() })
        };
        let nodes = (0..count).map(add).collect();
        let group = Group { kind: node.kind, nodes, callees: IndexMap::new(), fallbacks: IndexSet::new() };
        build.groups.insert(name.clone(), group);
    }
}

fn replicas(node: &mut NodeFile, at: &Path, problems: &mut Collector<'_>) -> usize {
    if matches!(node.kind, NodeKind::Client | NodeKind::External) {
        return 1;
    }
    let replicas = *node.replicas.get_or_insert(1);
    if replicas == 0 {
        problems.value(&at.at("replicas")).help("take the node out").say("0 replicas is no node");
    }
    replicas.max(1) as usize
}

/// Writes a node's defaults into its file, and reads it.
fn settle(name: &str, file: &mut NodeFile, at: &Path, problems: &mut Collector<'_>) -> Node {
    check_above_zero(file.deadline.0, "`none` is no limit", || at.at("deadline"), problems);
    external::check_keys(file, at, problems);
    let program = external::lower(file, at, problems);
    let mut settled = if file.kind == NodeKind::External {
        // How it answers is its own affair: nothing of that is written into its file.
        check_profile(file, at, problems);
        file.clone()
    } else if file.kind == NodeKind::Client {
        for key in answering_keys(file) {
            let help = "a client takes only `kind`, `calls` and `deadline`";
            problems
                .key(&at.at(key))
                .help(help)
                .say(format!("`{key}` means nothing at a client: it answers nobody"));
        }
        // What a client never uses is not written into its file.
        file.clone()
    } else {
        fill_in(file);
        check(file, at, problems);
        file.clone()
    };
    let rules = rules::lower(file, at, problems);
    fill_in(&mut settled);
    let response = settled.response.unwrap_or_default();
    let QueueFile(queue) = settled.queue.unwrap_or(QueueFile(QueueLong::default()));
    let script = settled.script.iter().flatten().map(script_step).collect();
    Node {
        name: name.to_owned(),
        declared_name: name.to_owned(),
        kind: settled.kind,
        profile: settled.profile.and_then(|p| Profile::find(&p)).unwrap_or(Profile::ALL[0]),
        workers: settled.workers.and_then(|w| w.0),
        queue: queue.places,
        discipline: Discipline {
            order: queue.order,
            codel: queue.codel.0.map(|c| Codel { target: c.0.target.0, interval: c.0.interval.0 }),
        },
        max_in_flight: settled.max_in_flight.and_then(|m| m.0),
        service_time: settled.service_time.map_or(Distribution::ZERO, |time| time.0),
        contention: settled.contention.unwrap_or_default().0,
        on_disconnect: settled.on_disconnect.unwrap_or(OnDisconnect::Cancel),
        deadline: settled.deadline.0.map(|d| d.0),
        response: Response {
            status: response.status,
            body: response.body.0,
            chunks: response.chunks,
            chunk_interval: response.chunk_interval.0,
        },
        script,
        catch: settled.catch,
        plan: Plan::default(),
        keep_alive: settled.keep_alive.unwrap_or_default().0,
        header_limit: settled.header_limit.unwrap_or_default().0,
        body_limit: settled.body_limit.unwrap_or_default().0,
        llm: settled.llm.as_ref().map(|model| Box::new(llm::model(model))),
        rules,
        external: program.map(Arc::new),
        synthetic: false,
    }
}

fn fill_in(file: &mut NodeFile) {
    let server = file.kind == NodeKind::Server;
    let profile = file.profile.get_or_insert_with(|| Profile::ALL[0].name.to_owned());
    // A server has a profile's statuses, a gateway its limits too.
    let limits = Profile::find(profile).filter(|_| !server).map_or(&Profile::ALL[0].limits, |p| &p.limits);
    file.workers.get_or_insert(OrNone(server.then_some(64)));
    file.queue.get_or_insert(QueueFile(QueueLong::default()));
    file.max_in_flight.get_or_insert(OrNone(None));
    file.service_time.get_or_insert(Time::millis(if server && file.llm.is_none() { 5 } else { 0 }));
    file.contention.get_or_insert(seconds(0));
    file.on_disconnect.get_or_insert(if server { OnDisconnect::Continue } else { OnDisconnect::Cancel });
    file.response.get_or_insert_default();
    file.keep_alive.get_or_insert(limits.keep_alive.map_or(seconds(75), DurationText));
    file.header_limit.get_or_insert(Size(limits.head.unwrap_or(16 << 10)));
    file.body_limit.get_or_insert(Size(limits.body.unwrap_or(1 << 20)));
}

/// The keys that say how a node answers, as far as they are given.
pub(super) fn answering_keys(file: &NodeFile) -> impl Iterator<Item = &'static str> {
    [
        ("profile", file.profile.is_some()),
        ("workers", file.workers.is_some()),
        ("queue", file.queue.is_some()),
        ("max_in_flight", file.max_in_flight.is_some()),
        ("service_time", file.service_time.is_some()),
        ("contention", file.contention.is_some()),
        ("llm", file.llm.is_some()),
        ("replicas", file.replicas.is_some()),
        ("on_disconnect", file.on_disconnect.is_some()),
        ("response", file.response.is_some()),
        ("script", file.script.is_some()),
        ("catch", file.catch.is_some()),
        ("keep_alive", file.keep_alive.is_some()),
        ("limits", !file.limits.is_empty()),
        ("plans", !file.plans.is_empty()),
        ("consumers", !file.consumers.is_empty()),
        ("cache", file.cache.is_some()),
        ("header_limit", file.header_limit.is_some()),
        ("body_limit", file.body_limit.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
}

fn check_profile(file: &NodeFile, at: &Path, problems: &mut Collector<'_>) {
    let Some(profile) = file.profile.as_deref() else { return };
    if Profile::find(profile).is_none() {
        let names = Profile::ALL.map(|p| p.name);
        let help = || did_you_mean(profile, names, "the profiles are");
        problems.value(&at.at("profile")).maybe_help(help).say(format!("there is no profile `{profile}`"));
    }
}

fn check(file: &NodeFile, at: &Path, problems: &mut Collector<'_>) {
    check_profile(file, at, problems);
    llm::check(file, at, problems);
    for (key, value) in [("workers", file.workers), ("max_in_flight", file.max_in_flight)] {
        if value == Some(OrNone(Some(0))) {
            problems.value(&at.at(key)).help("`none` is no limit").say("with 0 no request is ever answered");
        }
    }
    if let Some(codel) = file.queue.and_then(|queue| queue.0.codel.0) {
        let at = at.at("queue").at("codel");
        check_above_zero(Some(codel.0.target), "write `codel: none`", || at.at("target"), problems);
        check_above_zero(Some(codel.0.interval), "write `interval: 100ms`", || at.at("interval"), problems);
    }
    if let Some(problem) = file.service_time.as_ref().and_then(|time| time.0.problem()) {
        problems.key(&at.at("service_time")).say(problem);
    }
    if file.header_limit == Some(Size(0)) {
        problems.value(&at.at("header_limit")).say("with 0 every request is refused");
    }
    if let Some(status) = file.catch.filter(|status| !(200..=599).contains(status)) {
        let help = "a status between 200 and 599";
        problems.value(&at.at("catch")).help(help).say(format!("nobody can be answered with {status}"));
    }
    if let Some(response) = &file.response {
        check_response(response, &at.at("response"), problems);
    }
    let Some(script) = &file.script else { return };
    let at = at.at("script");
    if file.kind != NodeKind::Server {
        problems
            .key(&at)
            .help("a server can follow a script")
            .say("a gateway answers what its callees answer");
    }
    for (i, entry) in script.iter().enumerate() {
        if let ScriptFile::Answer(answer) = entry {
            check_range(&answer.status, &(200..=599), || at.at(i), problems);
        }
    }
}

fn check_response(response: &ResponseFile, at: &Path, problems: &mut Collector<'_>) {
    check_range(&response.status, &(200..=599), || at.at("status"), problems);
    check_range(&response.chunks, &(1..=CHUNKS_MAX), || at.at("chunks"), problems);
    if response.chunks > 1 && u64::from(response.chunks) > response.body.0 {
        let message = format!("a body of {} cannot come in {} pieces", response.body, response.chunks);
        problems.value(&at.at("chunks")).say(message);
    }
}

fn script_step(entry: &ScriptFile) -> ScriptStep {
    match entry {
        ScriptFile::Answer(answer) => {
            ScriptStep::Answer { status: answer.status, retry_after: answer.retry_after.0.map(|d| d.0) }
        }
        ScriptFile::Close(word) => ScriptStep::Close(match word {
            CloseWord::ResetPeer => Close::Reset,
            CloseWord::EmptyResponse => Close::Fin,
            CloseWord::Timeout => Close::Silence,
        }),
    }
}
