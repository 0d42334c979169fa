//! Loads: who sends what, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::file::{BodyFile, LoadFile, RequestFile, ScenarioFile, Spacing, Time};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use super::llm;
use super::text::{check_range, is_token, request_path_problem};
use crate::llm::Ask;
use crate::load::{Arrivals, Body, Load, RateStage, Request};
use crate::{NodeId, NodeKind};

/// How many users one load may have.
const USERS_MAX: u32 = 100_000;
/// How many loads a scenario may have.
const LOADS_MAX: usize = 1000;
/// Header fields that say where a message ends, or whether its connection does.
const FRAMING: [&str; 5] = ["content-length", "transfer-encoding", "connection", "upgrade", "host"];

pub(super) fn lower(file: &mut ScenarioFile, build: &Build, problems: &mut Collector<'_>) -> Vec<Load> {
    let all = Path::root().at("load");
    if file.load.is_empty() {
        let help = "write who sends what: `- { from: client, rate: 100/s }`";
        problems.key(&all).help(help).say("there is no load");
    }
    if file.load.len() > LOADS_MAX {
        problems
            .key(&all)
            .say(format!("there are {} loads; a scenario has at most {LOADS_MAX}", file.load.len()));
        return Vec::new();
    }
    let duration = file.duration.0;
    let mut loads = Vec::with_capacity(file.load.len());
    let mut all_known = true;
    for (i, load) in file.load.iter_mut().enumerate() {
        let at = all.at(i);
        let from = client(load, build, &at, problems);
        all_known &= from.is_some();
        let (start, stop) = window(load, duration, &at, problems);
        let arrivals = arrivals(load, duration, &at, problems);
        let ask = llm::ask(&mut load.request, &at.at("request"), problems);
        check_request(&load.request, &at.at("request"), problems);
        if let (Some(from), Some(arrivals)) = (from, arrivals) {
            loads.push(Load { from, arrivals, start, stop, request: request(&load.request, ask) });
        }
    }
    let senders: BTreeSet<NodeId> = loads.iter().map(|load| load.from).collect();
    if build.sound && all_known && loads.len() == file.load.len() && !loads.is_empty() {
        for (name, group) in build.groups.iter().filter(|(_, group)| group.kind == NodeKind::Client) {
            if !group.nodes.iter().any(|node| senders.contains(node)) {
                let at = Path::root().at("nodes").at(name.as_str());
                let help = format!("add it to the load: `- {{ from: {name}, rate: 100/s }}`");
                problems.key(&at).help(help).say(format!("the client `{name}` sends nothing"));
            }
        }
    }
    loads
}

/// The client that a load is from.
fn client(load: &mut LoadFile, build: &Build, at: &Path, problems: &mut Collector<'_>) -> Option<NodeId> {
    let mut clients = build.names_of(NodeKind::Client);
    let name = match (&load.from, clients.next(), clients.next()) {
        (Some(name), ..) => name.clone(),
        (None, Some(only), None) => only.to_owned(),
        (None, ..) if !build.sound => return None,
        (None, None, _) => return None,
        (None, Some(_), Some(_)) => {
            let names = super::super::hint::list(build.names_of(NodeKind::Client));
            let message = "there are several clients, and the load does not say which is meant";
            problems.key(at).help(format!("write `from: ...` with one of {names}")).say(message);
            return None;
        }
    };
    load.from = Some(name.clone());
    if problems.is_hushed(&Path::root().at("nodes").at(name.as_str())) {
        return None;
    }
    let at = at.at("from");
    match build.groups.get(&name) {
        Some(group) if group.kind == NodeKind::Client => group.nodes.first().copied(),
        Some(_) => {
            let help = || did_you_mean(&name, build.names_of(NodeKind::Client), "the clients are");
            problems.value(&at).maybe_help(help).say(format!("`{name}` is not a client"));
            None
        }
        None => {
            let help = || did_you_mean(&name, build.names_of(NodeKind::Client), "the clients are");
            problems.value(&at).maybe_help(help).say(format!("there is no client `{name}`"));
            None
        }
    }
}

fn window(
    load: &LoadFile,
    duration: Duration,
    at: &Path,
    problems: &mut Collector<'_>,
) -> (Duration, Duration) {
    let start = load.start.0;
    let stop = load.stop.0.map_or(duration, |stop| stop.0.min(duration));
    if start >= duration {
        let message = "the load begins when the run has ended";
        problems.value(&at.at("start")).help("make `duration` longer").say(message);
    } else if stop <= start {
        problems.value(&at.at("stop")).say("the load ends before it has begun");
    }
    (start, stop)
}

fn arrivals(
    load: &mut LoadFile,
    duration: Duration,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Option<Arrivals> {
    let open = load.rate.is_some() || load.stages.is_some();
    match (open, load.users) {
        (true, Some(_)) => {
            let help = "a rate is an open loop, users are a closed one: write two loads, or take one out";
            problems.key(&at.at("users")).help(help).say("a load has a rate or users, not both");
            None
        }
        (false, None) => {
            let help = "write `rate: 100/s`, or `users: 50`";
            problems
                .key(at)
                .help(help)
                .say("the load says neither how many calls a second nor how many users");
            None
        }
        (true, None) => open_loop(load, duration, at, problems),
        (false, Some(users)) => closed_loop(load, users, at, problems),
    }
}

fn open_loop(
    load: &mut LoadFile,
    duration: Duration,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Option<Arrivals> {
    if load.think_time.is_some() {
        problems
            .key(&at.at("think_time"))
            .help("write `users: 50`")
            .say("only users think: a rate goes by the clock");
    }
    let poisson = *load.arrivals.get_or_insert(Spacing::Constant) == Spacing::Poisson;
    let rate = load.rate.map_or(0.0, crate::units::Rate::get);
    let Some(files) = &load.stages else {
        if rate <= 0.0 {
            problems.value(&at.at("rate")).say("a load of 0/s sends nothing");
            return None;
        }
        let stages = vec![RateStage { from_per_s: rate, to_per_s: rate, lasts: duration }];
        return Some(Arrivals::Open { stages, poisson });
    };
    let at = at.at("stages");
    let mut stages = Vec::with_capacity(files.len());
    let mut before = rate;
    for (i, stage) in files.iter().enumerate() {
        let at = at.at(i);
        let (from, to) = match (stage.rate, stage.to) {
            (Some(rate), None) => (rate.get(), rate.get()),
            (None, Some(to)) => (before, to.get()),
            _ => {
                problems
                    .key(&at)
                    .say("a stage has either a `rate` that it holds, or a rate that it goes `to`");
                continue;
            }
        };
        if stage.lasts.0.is_zero() {
            problems.value(&at.at("for")).say("a stage of 0s does nothing");
        }
        before = to;
        stages.push(RateStage { from_per_s: from, to_per_s: to, lasts: stage.lasts.0 });
    }
    if stages.iter().all(|stage| stage.from_per_s <= 0.0 && stage.to_per_s <= 0.0) {
        problems.key(&at).say("the stages never rise above 0/s: the load sends nothing");
        return None;
    }
    Some(Arrivals::Open { stages, poisson })
}

fn closed_loop(load: &mut LoadFile, users: u32, at: &Path, problems: &mut Collector<'_>) -> Option<Arrivals> {
    if load.arrivals.is_some() {
        let help = "write `rate: 100/s`, or take `arrivals` out";
        problems
            .key(&at.at("arrivals"))
            .help(help)
            .say("users call when they have their answer, not by the clock");
    }
    if !(1..=USERS_MAX).contains(&users) {
        problems.value(&at.at("users")).say(format!("{users} is not between 1 and {USERS_MAX}"));
        return None;
    }
    let think_time = load.think_time.get_or_insert(Time::millis(0)).0.clone();
    if let Some(problem) = think_time.problem() {
        problems.key(&at.at("think_time")).say(problem);
    }
    Some(Arrivals::Closed { users, think_time })
}

fn check_request(file: &RequestFile, at: &Path, problems: &mut Collector<'_>) {
    let method = &file.method;
    let upper = method.to_ascii_uppercase();
    if !is_token(method) || method.len() > 32 {
        problems.value(&at.at("method")).say(format!("`{}` is not a method", method.escape_debug()));
    } else if *method != upper
        && matches!(upper.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")
    {
        let help = format!("did you mean `{upper}`?");
        problems.value(&at.at("method")).help(help).say("methods are written in capitals");
    }
    if let Some(problem) = request_path_problem(&file.path) {
        problems.value(&at.at("path")).say(problem);
    }
    check_range(&file.priority, &(0..=9), || at.at("priority"), problems);
    for (name, value) in &file.headers {
        let at = at.at("headers").at(name.as_str());
        if !is_token(name) {
            problems.key(&at).say(format!("`{}` is not the name of a header field", name.escape_debug()));
        } else if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
            problems.key(&at).help("take it out").say(format!("`{name}` is set by the client itself"));
        }
        if let Some(bad) = value.chars().find(|c| !c.is_ascii_graphic() && *c != ' ') {
            problems.value(&at).say(format!("{bad:?} cannot be part of a header field"));
        }
    }
}

fn request(file: &RequestFile, llm: Option<Ask>) -> Request {
    Request {
        method: file.method.clone(),
        path: file.path.clone(),
        headers: file.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        body: match &file.body {
            BodyFile::Text(text) => Body::Text(text.clone()),
            BodyFile::Filler(size) => Body::Size(size.0),
        },
        priority: file.priority,
        llm,
    }
}
