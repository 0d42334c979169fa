//! Strategies: what the clients' edges do under each.

use super::super::Strategy;
use super::super::file::{ScenarioFile, StrategyFile};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::presets;
use super::super::problem::Collector;
use super::policy::{check_strategy, overridden};
use super::text::label_problem;
use crate::policy::Policy;
use crate::{EdgeId, NodeKind, Topology};

/// How many policies all strategies together may have.
const POLICIES_MAX: usize = 500_000;

/// The own policies of the edges that leave a client.
pub(super) fn own_policies(topology: &Topology) -> Vec<(EdgeId, Policy)> {
    topology
        .edges()
        .filter(|(id, _)| topology.node(topology.ends(*id).0).kind == NodeKind::Client)
        .map(|(id, edge)| (id, edge.policy.clone()))
        .collect()
}

pub(super) fn lower(
    file: &mut ScenarioFile,
    own: &[(EdgeId, Policy)],
    problems: &mut Collector<'_>,
) -> Vec<Strategy> {
    let all = Path::root().at("strategies");
    let mut strategies = Vec::with_capacity(file.strategies.len());
    if file.strategies.len().saturating_mul(own.len().max(1)) > POLICIES_MAX {
        let message =
            format!("{} strategies for {} edges of clients are too many", file.strategies.len(), own.len());
        problems.key(&all).say(message);
        return strategies;
    }
    for (name, strategy) in &mut file.strategies {
        let at = all.at(name.as_str());
        if let Some(problem) = label_problem(name) {
            problems.key(&at).say(problem);
        }
        fill_in(strategy, &at, problems);
        check_strategy(strategy, &at, problems);
        let policies = own.iter().map(|(edge, own)| (*edge, overridden(own, strategy))).collect();
        strategies.push(Strategy { name: name.clone(), policies });
    }
    if let Some(name) = &file.strategy
        && !file.strategies.contains_key(name)
        && presets::find(name).is_none()
    {
        let names: Vec<&str> =
            file.strategies.keys().map(String::as_str).chain(presets::ALL.iter().map(|p| p.name)).collect();
        let help = || did_you_mean(name, names.iter().copied(), "there are");
        problems
            .value(&Path::root().at("strategy"))
            .maybe_help(help)
            .say(format!("there is no strategy `{name}`"));
    }
    strategies
}

/// Writes what a preset says, and that no `retry` is one attempt, into the file.
fn fill_in(file: &mut StrategyFile, at: &Path, problems: &mut Collector<'_>) {
    let mut preset = StrategyFile::default();
    if let Some(name) = &file.preset {
        if let Some(found) = presets::find(name) {
            preset = found.strategy();
        } else {
            let help = || did_you_mean(name, presets::ALL.iter().map(|p| p.name), "the presets are");
            problems.value(&at.at("preset")).maybe_help(help).say(format!("there is no preset `{name}`"));
        }
    }
    file.timeout = file.timeout.or(preset.timeout);
    file.connect_timeout = file.connect_timeout.or(preset.connect_timeout);
    file.deadline = file.deadline.or(preset.deadline);
    file.retry = Some(file.retry.take().or(preset.retry).unwrap_or_default());
    file.pool = file.pool.take().or(preset.pool);
}
