//! Plans: whom a node calls for one request, from its `calls` and its edges.

use indexmap::IndexSet;

use super::super::file::{CallsFile, ChoiceFile, ChoiceLong, Order, ScenarioFile, StageFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::{Build, Callee, Group};
use super::text::check_range;
use crate::EdgeId;
use crate::node::{Balance, Choice, Plan, Stage};

/// How many edges all stages together may have to choose from.
const PLANNED_MAX: usize = 1_000_000;
/// The largest weight of a callee.
const WEIGHT_MAX: u32 = 1_000_000;

pub(super) fn lower(file: &ScenarioFile, build: &mut Build, problems: &mut Collector<'_>) {
    let nodes = Path::root().at("nodes");
    let mut planned = 0_usize;
    for (name, node) in &file.nodes {
        let Some(group) = build.groups.get(name) else { continue };
        let at = nodes.at(name.as_str()).at("calls");
        if let CallsFile::Stages(stages) = &node.calls {
            check(name, stages, group, &at, problems);
        }
        planned += group.nodes.len() * size(&node.calls, group);
        if planned > PLANNED_MAX {
            problems
                .key(&at)
                .say(format!("the calls of all nodes together choose among more than {PLANNED_MAX} edges"));
            return;
        }
        let plans = (0..group.nodes.len()).map(|replica| plan(&node.calls, group, replica));
        for (node, plan) in group.nodes.clone().into_iter().zip(plans.collect::<Vec<_>>()) {
            build.topology.node_mut(node).plan = plan;
        }
    }
}

/// How many edges the stages of one replica have to choose from.
fn size(calls: &CallsFile, group: &Group) -> usize {
    let of = |name: &String| group.callees.get(name).and_then(|c| c.edges.first()).map_or(0, Vec::len);
    let choice = |choice: &ChoiceFile| match choice {
        ChoiceFile::To(name) => of(name),
        ChoiceFile::Among(ChoiceLong::Weighted(weights)) => weights.keys().map(of).sum(),
        ChoiceFile::Among(ChoiceLong::RoundRobin(names) | ChoiceLong::LeastInFlight(names)) => {
            names.iter().map(of).sum()
        }
    };
    match calls {
        // Each edge once: their number has its own limit.
        CallsFile::All(_) => 0,
        CallsFile::Stages(stages) => stages
            .iter()
            .map(|stage| match stage {
                StageFile::One(one) => choice(one),
                StageFile::Parallel(all) => all.iter().map(choice).sum(),
            })
            .sum(),
    }
}

/// The plan of one replica. Names without an edge are passed over: `check` has told them.
fn plan(calls: &CallsFile, group: &Group, replica: usize) -> Plan {
    let regular = || {
        let regular = group.callees.iter().filter(|(name, _)| !group.fallbacks.contains(*name));
        regular.map(|(_, callee)| callee)
    };
    let each = || regular().map(|callee| to_one(callee, replica));
    let among_all = |balance| {
        let edges = regular().flat_map(|c| edges(c, replica, c.weight)).collect();
        vec![Choice { edges, balance }]
    };
    let stages: Vec<Vec<Choice>> = match calls {
        CallsFile::All(Order::Sequential) => each().map(|choice| vec![choice]).collect(),
        CallsFile::All(Order::Parallel) => vec![each().collect()],
        CallsFile::All(Order::Weighted) => vec![among_all(Balance::Weighted)],
        CallsFile::All(Order::RoundRobin) => vec![among_all(Balance::RoundRobin)],
        CallsFile::All(Order::LeastInFlight) => vec![among_all(Balance::LeastInFlight)],
        CallsFile::Stages(stages) => stages
            .iter()
            .map(|stage| match stage {
                StageFile::One(choice) => vec![to_choice(choice, group, replica)],
                StageFile::Parallel(all) => all.iter().map(|c| to_choice(c, group, replica)).collect(),
            })
            .collect(),
    };
    let filled = stages.into_iter().filter(|calls| calls.iter().any(|choice| !choice.edges.is_empty()));
    Plan { stages: filled.map(|calls| Stage { calls }).collect() }
}

fn to_one(callee: &Callee, replica: usize) -> Choice {
    Choice { edges: edges(callee, replica, callee.weight).collect(), balance: callee.balance }
}

fn to_choice(file: &ChoiceFile, group: &Group, replica: usize) -> Choice {
    let among = |names: &[String], balance| {
        let callees = names.iter().filter_map(|name| group.callees.get(name));
        Choice { edges: callees.flat_map(|c| edges(c, replica, c.weight)).collect(), balance }
    };
    match file {
        ChoiceFile::To(name) => {
            let nobody = Choice { edges: [].into(), balance: Balance::RoundRobin };
            group.callees.get(name).map_or(nobody, |callee| to_one(callee, replica))
        }
        ChoiceFile::Among(ChoiceLong::RoundRobin(names)) => among(names, Balance::RoundRobin),
        ChoiceFile::Among(ChoiceLong::LeastInFlight(names)) => among(names, Balance::LeastInFlight),
        ChoiceFile::Among(ChoiceLong::Weighted(weights)) => {
            let callees =
                weights.iter().filter_map(|(name, weight)| Some((group.callees.get(name)?, *weight)));
            let edges = callees.flat_map(|(callee, weight)| edges(callee, replica, weight)).collect();
            Choice { edges, balance: Balance::Weighted }
        }
    }
}

/// The edges to all replicas of a callee; the weight is that of each.
fn edges(callee: &Callee, replica: usize, weight: u32) -> impl Iterator<Item = (EdgeId, u32)> {
    callee.edges[replica].iter().map(move |&edge| (edge, weight))
}

/// Every name must be a callee, and every callee must be called.
fn check(name: &str, stages: &[StageFile], group: &Group, at: &Path, problems: &mut Collector<'_>) {
    let mut called = IndexSet::new();
    for (i, stage) in stages.iter().enumerate() {
        let at = at.at(i);
        match stage {
            StageFile::One(choice) => check_choice(name, choice, group, &at, &mut called, problems),
            StageFile::Parallel(choices) => {
                let at = at.at("parallel");
                if choices.is_empty() {
                    problems.value(&at).say("a stage without a call does nothing");
                }
                for (j, choice) in choices.iter().enumerate() {
                    check_choice(name, choice, group, &at.at(j), &mut called, problems);
                }
            }
        }
    }
    let is_forgotten = |callee: &&str| !called.contains(*callee) && !group.fallbacks.contains(*callee);
    let forgotten: Vec<&str> = group.callees.keys().map(String::as_str).filter(is_forgotten).collect();
    if let Some(first) = forgotten.first() {
        let help = format!("add it to `calls`, or take the edge `{name} -> {first}` out");
        problems.key(at).help(help).say(format!("`{name}` has an edge to `{first}`, but never calls it"));
    }
}

fn check_choice<'f>(
    node: &str,
    choice: &'f ChoiceFile,
    group: &Group,
    at: &Path,
    called: &mut IndexSet<&'f str>,
    problems: &mut Collector<'_>,
) {
    let mut check = |name: &'f str, at: &Path, problems: &mut Collector<'_>| {
        called.insert(name);
        if !group.callees.contains_key(name) {
            let callees = group.callees.keys().map(String::as_str);
            let help = || did_you_mean(name, callees, "its callees are");
            problems.key(at).maybe_help(help).say(format!("there is no edge `{node} -> {name}`"));
        }
    };
    match choice {
        ChoiceFile::To(name) => check(name, at, problems),
        ChoiceFile::Among(ChoiceLong::Weighted(weights)) => {
            let at = at.at("weighted");
            if weights.is_empty() {
                problems.value(&at).say("a choice among nobody");
            }
            for (name, weight) in weights {
                check(name, &at.at(name.as_str()), problems);
                check_range(weight, &(1..=WEIGHT_MAX), || at.at(name.as_str()), problems);
            }
        }
        ChoiceFile::Among(long @ (ChoiceLong::RoundRobin(names) | ChoiceLong::LeastInFlight(names))) => {
            let word =
                if matches!(long, ChoiceLong::RoundRobin(_)) { "round_robin" } else { "least_in_flight" };
            let at = at.at(word);
            if names.is_empty() {
                problems.value(&at).say("a choice among nobody");
            }
            for (i, name) in names.iter().enumerate() {
                check(name, &at.at(i), problems);
            }
        }
    }
}
