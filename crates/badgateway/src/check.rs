//! `badgateway check`: whether a scenario is in order.

use clap::Args;
use topology::{NodeKind, Scenario};

use crate::cli::{ScenarioArgs, StrategyArg};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::scenario;

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    strategy: StrategyArg,
}

pub(crate) fn check(args: &CheckArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load_with(&args.scenario, &args.strategy, output)?;
    output::result(|out| writeln!(out, "ok: {}", contents(&scenario)))?;
    Ok(Exit::Well)
}

fn contents(scenario: &Scenario) -> String {
    let topology = &scenario.topology;
    let nodes = topology.nodes().filter(|(_, n)| !n.synthetic);
    let clients = topology.of_kind(NodeKind::Client).filter(|&c| !topology.node(c).synthetic);
    let edges = topology
        .edges()
        .filter(|(id, edge)| !edge.only_by_fault && !topology.node(topology.ends(*id).0).synthetic);
    [
        count(nodes.count(), "node"),
        count(edges.count(), "edge"),
        count(clients.count(), "client"),
        count(scenario.faults.len(), "fault"),
        count_as(scenario.strategies.len(), "strategy", "strategies"),
        count(scenario.thresholds.len(), "threshold"),
    ]
    .join(", ")
}

fn count(n: usize, what: &str) -> String {
    count_as(n, what, &format!("{what}s"))
}

fn count_as(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
