//! A node's rules: names to places, and what cannot be meant.

use std::collections::HashSet;

use indexmap::IndexMap;

use super::super::file::{By, ConsumerFile, LimitRuleFile, NodeFile, PlanFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use super::text::{check_above_zero, check_range, key_problem, label_problem};
use crate::NodeId;
use crate::rules::{Consumer, Limit, Measure, Pattern, Plan, Rules};

/// How many of a kind a node may have.
const RULES_MAX: usize = 10_000;
/// The largest burst.
const BURST_MAX: f64 = 1e12;

/// Reads a node's rules; none if it has none. What a limit's name and owner are is written into the file.
pub(super) fn lower(file: &mut NodeFile, at: &Path, problems: &mut Collector<'_>) -> Option<Box<Rules>> {
    let is_plain =
        file.limits.is_empty() && file.plans.is_empty() && file.consumers.is_empty() && file.cache.is_none();
    let counts = [file.limits.len(), file.plans.len(), file.consumers.len()];
    if is_plain || counts.iter().any(|count| *count > RULES_MAX) {
        if !is_plain {
            problems.key(at).say(format!("a node has at most {RULES_MAX} limits, plans and consumers each"));
        }
        return None;
    }
    let mut rules = Rules { cache: file.cache.unwrap_or_default(), ..Rules::default() };
    let mut names = HashSet::new();
    let has_consumers = !file.consumers.is_empty();
    for (place, limit) in file.limits.iter_mut().enumerate() {
        let owner = Owner { plan: None, has_consumers };
        rules.limits.extend(lower_limit(limit, owner, &at.at("limits").at(place), problems, &mut names));
    }
    for (number, (name, plan)) in (0..).zip(&mut file.plans) {
        let at = at.at("plans").at(name.as_str());
        if let Some(problem) = label_problem(name) {
            problems.key(&at).say(problem);
        }
        lower_models(plan, &at.at("models"), problems);
        let models = plan.models.iter().cloned().map(Pattern).collect();
        rules.plans.push(Plan { name: name.clone(), models });
        let mut own_names = HashSet::new();
        for (place, limit) in plan.limits.iter_mut().enumerate() {
            let owner = Owner { plan: Some(number), has_consumers };
            let at = at.at("limits").at(place);
            rules.limits.extend(lower_limit(limit, owner, &at, problems, &mut own_names));
        }
    }
    if rules.limits.len() > RULES_MAX {
        problems.key(at).say(format!("a node has at most {RULES_MAX} limits, those of its plans included"));
        return None;
    }
    lower_consumers(&file.consumers, &file.plans, &mut rules, &at.at("consumers"), problems);
    if !has_consumers && let Some(plan) = file.plans.keys().next() {
        let help = format!("write who has it: `consumers: {{ app: {{ key: sk-app, plan: {plan} }} }}`");
        problems.key(&at.at("plans")).help(help).say("there are plans, and no consumers to have them");
    }
    Some(Box::new(rules))
}

/// Whose limit it is.
#[derive(Clone, Copy)]
struct Owner {
    plan: Option<u16>,
    has_consumers: bool,
}

fn lower_limit(
    file: &mut LimitRuleFile,
    owner: Owner,
    at: &Path,
    problems: &mut Collector<'_>,
    names: &mut HashSet<String>,
) -> Option<Limit> {
    let given = [
        (Measure::Requests, "requests", file.requests),
        (Measure::Tokens, "tokens", file.tokens),
        (Measure::Cost, "cost", file.cost),
    ];
    let mut given = given.into_iter().filter_map(|(of, key, quota)| Some((of, key, quota?)));
    let Some((of, key, quota)) = given.next() else {
        let help = "write `requests: 100/min`, `tokens: 40000/min` or `cost: 5/day`";
        problems.key(at).help(help).say("a limit says of what there is so much");
        return None;
    };
    if let Some((_, other, _)) = given.next() {
        let message = format!("a limit is of {key} or of {other}, not of both");
        problems.key(&at.at(other)).help("write a limit for each").say(message);
        return None;
    }
    if quota.amount <= 0.0 {
        problems.value(&at.at(key)).say("with 0 no request is ever let in");
    }
    if let Some(burst) = file.burst.0 {
        check_range(&burst, &(f64::MIN_POSITIVE..=BURST_MAX), || at.at("burst"), problems);
    }
    let name = file.name.get_or_insert_with(|| key.to_owned()).clone();
    if let Some(problem) = label_problem(&name) {
        problems.value(&at.at("name")).say(problem);
    } else if !names.insert(name.clone()) {
        let help = "a verdict names the limit that refused: give it a `name` of its own";
        problems.key(at).help(help).say(format!("the limit `{name}` is given twice"));
    }
    let usual = if owner.plan.is_some() { By::Consumer } else { By::All };
    let by = *file.by.get_or_insert(usual);
    if by == By::Consumer && !owner.has_consumers {
        let help = "write who they are: `consumers: { app: sk-app }`";
        problems.key(at).help(help).say("each consumer has this limit, and there are no consumers");
    }
    Some(Limit {
        name,
        of,
        quota,
        burst: file.burst.0,
        per_consumer: by == By::Consumer,
        soft: file.soft,
        plan: owner.plan,
    })
}

fn lower_models(plan: &PlanFile, at: &Path, problems: &mut Collector<'_>) {
    for (place, model) in plan.models.iter().enumerate() {
        if let Some(problem) = model_problem(model) {
            problems.value(&at.at(place)).say(problem);
        }
    }
}

/// What is wrong with a model's name or the beginning of names, if anything.
pub(super) fn model_problem(pattern: &str) -> Option<String> {
    let stem = pattern.strip_suffix('*').unwrap_or(pattern);
    if stem.contains('*') {
        return Some(format!("`{}`: a `*` only stands at the end", pattern.escape_debug()));
    }
    (pattern.is_empty() || !stem.chars().all(|c| c.is_ascii_graphic() && c != '"'))
        .then(|| format!("`{}` is no model's name", pattern.escape_debug()))
}

fn lower_consumers(
    consumers: &IndexMap<String, ConsumerFile>,
    plans: &IndexMap<String, PlanFile>,
    rules: &mut Rules,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let mut owners: IndexMap<&str, &str> = IndexMap::new();
    for (name, ConsumerFile(consumer)) in consumers {
        let at = at.at(name.as_str());
        if let Some(problem) = label_problem(name) {
            problems.key(&at).say(problem);
        }
        if let Some(problem) = key_problem(&consumer.key) {
            problems.value(&at.at("key")).say(problem);
        } else if let Some(first) = owners.insert(&consumer.key, name) {
            problems.key(&at).say(format!("`{first}` has the same key"));
        }
        check_above_zero(
            consumer.expires.0,
            "take the consumer out: its key is never good",
            || at.at("expires"),
            problems,
        );
        let place = consumer.plan.0.as_deref().map(|plan| (plan, plans.get_index_of(plan)));
        if let Some((plan, None)) = place {
            let help = || did_you_mean(plan, plans.keys().map(String::as_str), "the plans are");
            problems.value(&at.at("plan")).maybe_help(help).say(format!("there is no plan `{plan}`"));
        }
        rules.consumers.push(Consumer {
            name: name.clone(),
            key: consumer.key.as_str().into(),
            plan: place.and_then(|(_, place)| u16::try_from(place?).ok()),
            expires: consumer.expires.0.map(|time| time.0),
        });
    }
}

/// Marks the nodes some of whose edges are for some models alone.
pub(super) fn mark_routes(build: &mut Build) {
    let topology = &mut build.topology;
    let routed: Vec<NodeId> = topology
        .edges()
        .filter(|(_, edge)| !edge.models.is_empty())
        .map(|(id, _)| topology.ends(id).0)
        .collect();
    for node in routed {
        topology.node_mut(node).rules.get_or_insert_default().routes = true;
    }
}
