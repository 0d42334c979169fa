//! Strategies: what the clients' edges do under each.

use super::super::Strategy;
use super::super::file::ScenarioFile;
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::presets;
use super::super::problem::Collector;
use super::build::Build;
use super::fallback;
use super::policy::{self, Around, overridden};
use super::text::label_problem;
use crate::policy::Policy;
use crate::{EdgeId, NodeKind};

/// How many policies all strategies together may have.
const POLICIES_MAX: usize = 500_000;

/// The own policies of the edges that leave a client.
pub(super) fn own_policies(build: &Build) -> Vec<(EdgeId, Policy, Around)> {
    let topology = &build.topology;
    let replicas = |edge| {
        let callee = &topology.node(topology.ends(edge).1).declared_name;
        let group = build.groups.get(callee).map_or(1, |group| group.nodes.len());
        u32::try_from(group).unwrap_or(u32::MAX)
    };
    topology
        .edges()
        .filter(|(id, _)| topology.node(topology.ends(*id).0).kind == NodeKind::Client)
        .map(|(id, edge)| {
            let around = Around { replicas: replicas(id), fallback: Vec::new() };
            (id, edge.policy.clone(), around)
        })
        .collect()
}

pub(super) fn lower(
    file: &mut ScenarioFile,
    build: &Build,
    own: &[(EdgeId, Policy, Around)],
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
        policy::check(strategy, &at, problems);
        policy::fill_in(strategy, &at, problems);
        let stand_in = strategy.fallback.as_ref().and_then(|f| f.0.as_deref());
        let policies = own.iter().map(|(edge, own, around)| {
            let fallback = fallback::of_client(build, *edge, stand_in);
            (*edge, overridden(own, strategy, &Around { fallback, ..around.clone() }))
        });
        let policies = policies.collect();
        strategies.push(Strategy { name: name.clone(), policies });
    }
    if let Some(name) = &file.strategy
        && !file.strategies.contains_key(name)
        && presets::find(name).is_none()
    {
        let own: Vec<&str> = file.strategies.keys().map(String::as_str).collect();
        let all = own.iter().copied().chain(presets::names().map(|name| name as &str));
        let help = || did_you_mean(name, all, "there are");
        problems
            .value(&Path::root().at("strategy"))
            .maybe_help(help)
            .say(format!("there is no strategy `{name}`"));
    }
    strategies
}
