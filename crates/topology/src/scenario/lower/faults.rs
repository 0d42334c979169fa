//! Faults: what goes wrong, where, when and how often.

use std::collections::BTreeSet;
use std::time::Duration;

use indexmap::IndexSet;

use super::super::file::{FaultFile, MatchFile, OrNone, ScenarioFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use super::text::{is_token, label_problem};
use super::{external, fault_place, side_effects};
use crate::fault::{Crash, Effect, FAULTS_MAX, Fault, Match, Mechanism, Schedule};
use crate::load::Load;
use crate::units::{DurationText, Share};
use crate::{EdgeId, NodeKind, Target};

pub(super) fn lower(
    file: &mut ScenarioFile,
    build: &mut Build,
    loads: &mut Vec<Load>,
    problems: &mut Collector<'_>,
) -> Vec<Fault> {
    let all = Path::root().at("faults");
    if file.faults.len() > FAULTS_MAX {
        let message = format!("there are {} faults; a scenario has at most {FAULTS_MAX}", file.faults.len());
        problems.key(&all).say(message);
        return Vec::new();
    }
    name_all(&mut file.faults, &all, problems);
    let duration = file.duration.0;
    let mut faults = Vec::with_capacity(file.faults.len());
    for (i, fault) in file.faults.iter_mut().enumerate() {
        let at = all.at(i);
        let Some(mechanism) = mechanism(fault, &at, problems) else { continue };
        let targets = targets(fault, &mechanism, build, &at, problems);
        let schedule = schedule(fault, &mechanism, duration, &at, problems);
        let is_state = |target: &Target| match target {
            Target::Edge(edge) => external::is_state_of_edge(*edge, &mechanism, build),
            Target::Node(_) => false,
        };
        let for_all = targets.iter().any(is_state);
        check_share(fault, &mechanism, for_all, &at, problems);
        let matches = matches(&fault.matches, build, &at.at("match"), problems);
        let mut fault = Fault {
            name: fault.name.clone().unwrap_or_default(),
            at: fault.at.as_slice().join(", "),
            targets,
            edges: Vec::new(),
            mechanism,
            schedule,
            probability: fault.probability,
            first: fault.first.0,
            count: fault.count.0,
            matches,
            loop_edges: Vec::new(),
        };
        side_effects::add_loop(&mut fault, build, &at, problems);
        side_effects::add_surge(&fault, duration, build, loads, &at, problems);
        faults.push(fault);
    }
    // Last, because loops and surges add edges.
    for fault in &mut faults {
        fault.edges = edges(&fault.targets, build);
    }
    faults
}

/// Over which edges an attempt can meet it.
fn edges(targets: &[Target], build: &Build) -> Vec<EdgeId> {
    let edges: BTreeSet<EdgeId> = targets
        .iter()
        .flat_map(|target| match target {
            Target::Edge(edge) => vec![*edge],
            Target::Node(node) => build.topology.incoming(*node),
        })
        .collect();
    edges.into_iter().collect()
}

/// Gives those without a name one, made from the mechanism and the place.
fn name_all(faults: &mut [FaultFile], all: &Path, problems: &mut Collector<'_>) {
    let mut taken: IndexSet<String> = IndexSet::new();
    for (i, fault) in faults.iter().enumerate() {
        let Some(name) = &fault.name else { continue };
        let at = all.at(i).at("name");
        if let Some(problem) = label_problem(name) {
            problems.value(&at).say(problem);
        }
        if !taken.insert(name.clone()) {
            problems.value(&at).say(format!("two faults are called `{name}`"));
        }
    }
    for fault in faults {
        if fault.name.is_some() {
            continue;
        }
        let mechanism = given(fault).first().map_or("fault", |(_, mechanism)| mechanism.name());
        let base = format!("{mechanism}@{}", fault.at.as_slice().join(","));
        let mut name = base.clone();
        for i in 2_u32.. {
            if !taken.contains(&name) {
                break;
            }
            name = format!("{base}({i})");
        }
        taken.insert(name.clone());
        fault.name = Some(name);
    }
}

/// The causes that are given, with their mechanisms.
fn given(fault: &FaultFile) -> Vec<(&'static str, Mechanism)> {
    [
        fault.overload.clone().map(|m| ("overload", Mechanism::Overload(m))),
        fault.network.clone().map(|m| ("network", Mechanism::Network(m))),
        fault.config.clone().map(|m| ("config", Mechanism::Config(m))),
        fault.crash.clone().map(|m| ("crash", Mechanism::Crash(m))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn mechanism(fault: &FaultFile, at: &Path, problems: &mut Collector<'_>) -> Option<Mechanism> {
    let mut given = given(fault);
    match given.as_slice() {
        [] => {
            let help = "one of `overload`, `network`, `config`, `crash`, such as `network: reset_peer`";
            problems.key(at).help(help).say("the fault does not say what goes wrong");
            return None;
        }
        [(cause, mechanism)] => {
            if let Some(problem) = mechanism.problem() {
                problems.key(&at.at(*cause)).say(problem);
            }
        }
        [_, (second, _), ..] => {
            let help = "write one fault for each";
            problems.key(&at.at(*second)).help(help).say("a fault has one cause, this is a second one");
        }
    }
    given.pop().map(|(_, mechanism)| mechanism)
}

fn targets(
    fault: &FaultFile,
    mechanism: &Mechanism,
    build: &Build,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Vec<Target> {
    let at = at.at("at");
    let places = fault.at.as_slice();
    if places.is_empty() {
        problems.value(&at).say("an empty list is nowhere: the fault can never match");
    }
    if !build.sound {
        return Vec::new();
    }
    let mut targets: IndexSet<Target> = IndexSet::new();
    let mut seen = IndexSet::new();
    for (i, place) in places.iter().enumerate().filter(|(_, place)| seen.insert(*place)) {
        let at = if places.len() == 1 { at.clone() } else { at.at(i) };
        targets.extend(fault_place::resolve(place, mechanism, build, &at, problems));
        let is_model = |target: &Target| match target {
            Target::Node(node) => build.topology.node(*node).llm.is_some(),
            Target::Edge(_) => false,
        };
        if mechanism.is_of_models() && !targets.iter().all(is_model) {
            let help = "write `llm: openai` at that server, or another mechanism";
            let message = format!("`{place}` is no model server: it cannot have `{}`", mechanism.name());
            problems.value(&at).help(help).say(message);
        }
    }
    targets.into_iter().collect()
}

fn schedule(
    fault: &mut FaultFile,
    mechanism: &Mechanism,
    duration: Duration,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Schedule {
    let start = fault.start.0;
    let stop = fault.stop.0.map(|stop| stop.0);
    if start >= duration {
        let message = format!("this can never match: the run ends after {}", DurationText(duration));
        problems.value(&at.at("start")).help("make `duration` longer").say(message);
    }
    if stop.is_some_and(|stop| stop <= start) {
        problems.value(&at.at("stop")).say("this can never match: the fault ends before it has begun");
    }
    let outage = match mechanism {
        Mechanism::Crash(Crash::Down { restart_after }) => Some(*restart_after),
        Mechanism::Crash(Crash::SlowStart { restart_after, ramp, .. }) => {
            Some(DurationText(restart_after.0 + ramp.0))
        }
        _ => None,
    };
    match (outage, fault.lasts.0) {
        (Some(outage), Some(lasts)) if lasts != outage => {
            let help = format!("leave `for` out, or change `restart_after` in `{}`", mechanism.name());
            let message = format!("`{}` lasts until the restart, {outage} here", mechanism.name());
            problems.value(&at.at("for")).help(help).say(message);
        }
        (Some(outage), None) => fault.lasts = OrNone(Some(outage)),
        (None, None) if fault.every.0.is_some() => {
            let help = "write `for: 1s` beside it";
            let message = "a fault that comes again must end: `for` is missing";
            problems.key(&at.at("every")).help(help).say(message);
        }
        (_, Some(DurationText(Duration::ZERO))) => {
            problems.value(&at.at("for")).say("this can never match: it lasts no time at all");
        }
        _ => {}
    }
    let lasts = fault.lasts.0.map(|lasts| lasts.0);
    if let Some(every) = fault.every.0 {
        let at = at.at("every");
        if every.0.is_zero() {
            problems.value(&at).help("`none` is once").say("a fault cannot come again after no time");
        } else if lasts.is_some_and(|lasts| lasts > every.0) {
            let help = "leave `every` out for a fault that is always there";
            problems.value(&at).help(help).say("the fault would come again before it has ended");
        }
    }
    Schedule { start, stop: stop.unwrap_or(Duration::MAX), every: fault.every.0.map(|e| e.0), lasts }
}

/// How much of what matches is hit.
fn check_share(
    fault: &FaultFile,
    mechanism: &Mechanism,
    for_all: bool,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let partial = [
        ("probability", fault.probability != Share::ONE, fault.probability == Share::ZERO),
        ("first", fault.first.0.is_some(), fault.first.0 == Some(0)),
        ("count", fault.count.0.is_some(), fault.count.0 == Some(0)),
        ("match", fault.matches != MatchFile::default(), false),
    ];
    for (key, given, never) in partial {
        let at = at.at(key);
        if given && mechanism.effect() == Effect::State {
            let help = "say when with `start`, `for` and `every`";
            let message = format!("`{}` is a state of the node, for every request alike", mechanism.name());
            problems.key(&at).help(help).say(message);
        } else if given && for_all {
            let help = "say when with `start`, `for` and `every`";
            let message = format!(
                "`{}` behind an external program holds for all of its connections or for none",
                mechanism.name()
            );
            problems.key(&at).help(help).say(message);
        } else if never {
            problems.value(&at).say("this can never match");
        }
    }
}

fn matches(file: &MatchFile, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Match {
    if let Some(method) = &file.method
        && !is_token(method)
    {
        problems.value(&at.at("method")).say("this can never match: it is not a method");
    }
    if let Some(prefix) = &file.path_prefix
        && !prefix.starts_with('/')
    {
        problems.value(&at.at("path_prefix")).say("this can never match: a path begins with `/`");
    }
    let client = file.client.as_ref().and_then(|name| {
        let group = build.groups.get(name).filter(|group| group.kind == NodeKind::Client);
        if group.is_none() && build.sound {
            let help = || did_you_mean(name, build.names_of(NodeKind::Client), "the clients are");
            problems.value(&at.at("client")).maybe_help(help).say(format!("there is no client `{name}`"));
        }
        group?.nodes.first().copied()
    });
    Match { method: file.method.clone(), path_prefix: file.path_prefix.clone(), client }
}
