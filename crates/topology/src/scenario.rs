//! A whole scenario: from YAML text to values that hold together.

mod de;
mod file;
mod hint;
mod lower;
mod overrides;
mod path;
mod placed;
pub mod presets;
mod problem;
mod read;
mod schema;
mod shape;
mod source;
mod source_map;
mod tree;
mod written;

use std::time::Duration;

pub use hint::nearest as nearest_name;
pub(crate) use path::{Path, Segment};
pub use placed::Placed;
pub use problem::{Problem, Problems};
pub(crate) use read::syntax;
pub use schema::json_schema;
pub(crate) use source::Source;
pub(crate) use source_map::{Flaw, Range, SourceMap, Spot};
pub(crate) use tree::Tree;
pub use written::Written;

use crate::load::Load;
use crate::policy::Policy;
use crate::{EdgeId, Fault, FaultId, NodeId, NodeKind, Topology};

/// A validated scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its name; the run's folder is called after it.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// The seed of all chance.
    pub seed: u64,
    /// How long the load goes on.
    pub duration: Duration,
    /// Calls that begin before this are left out of the figures.
    pub warmup: Duration,
    /// `warmup: auto`: it has still to be found how long the warm-up is, and until then it is zero.
    pub finds_warmup: bool,
    /// Who calls whom.
    pub topology: Topology,
    /// Who sends what.
    pub loads: Vec<Load>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// What is compared.
    pub strategies: Vec<Strategy>,
    /// The name of the strategy that is in force; empty if the clients' own policy is.
    pub strategy: String,
    /// What must hold at the end.
    pub thresholds: Vec<Threshold>,
    /// The lints that it goes against on purpose, by id.
    pub allowed: Vec<String>,
    /// The file it comes from, to write it out again; the default for one that comes from none.
    pub written: Written,
}

/// A named set of resilience policies: what the clients' edges do instead of their own policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    /// Its name.
    pub name: String,
    /// For each edge that leaves a client, its policy under this strategy.
    pub policies: Vec<(EdgeId, Policy)>,
}

/// A condition on a run's figures, such as `success_rate >= 99%`.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// As written.
    pub text: String,
    /// Which figure.
    pub metric: Metric,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what: a share as a fraction, a duration in milliseconds, a rate per second.
    pub value: f64,
}

/// A figure that a threshold can be about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// `success_rate`: the share of calls that succeeded.
    SuccessRate,
    /// `p(99)`: that percentile of the latency of all calls, in milliseconds.
    Percentile(f64),
    /// `max`: the longest latency, in milliseconds.
    Max,
    /// `amplification`: attempts that arrive at the deepest nodes, per call.
    Amplification,
    /// `attempts_per_call`
    AttemptsPerCall,
    /// `goodput`: calls that succeeded, per second.
    Goodput,
    /// `failed`: how many calls failed.
    Failed,
}

/// How a figure is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// Whether the figure meets it.
    pub fn holds(self, figure: f64, value: f64) -> bool {
        match self {
            Self::Below => figure < value,
            Self::AtMost => figure <= value,
            Self::Above => figure > value,
            Self::AtLeast => figure >= value,
        }
    }
}

impl Scenario {
    /// One that nothing has been said about.
    pub fn empty() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            seed: 1,
            duration: Duration::ZERO,
            warmup: Duration::ZERO,
            finds_warmup: false,
            topology: Topology::new(),
            loads: Vec::new(),
            faults: Vec::new(),
            strategies: Vec::new(),
            strategy: String::new(),
            thresholds: Vec::new(),
            allowed: Vec::new(),
            written: Written::default(),
        }
    }

    /// Reads a scenario's text. The file's name is for the messages only.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, Problems> {
        Ok(read::read(text, file_name, &[])?.scenario)
    }

    /// Reads a scenario's text with some values set: each a path such as `load[0].rate`, and a value
    /// such as `300/s`. A later one wins.
    ///
    /// # Errors
    /// Everything that is wrong with the text or the values.
    pub fn parse_with(text: &str, file_name: &str, overrides: &[(String, String)]) -> Result<Self, Problems> {
        Ok(read::read(text, file_name, overrides)?.scenario)
    }

    /// The same, with where everything stands in the text.
    ///
    /// # Errors
    /// Everything that is wrong with the text or the values.
    pub fn parse_placed<'a>(
        text: &'a str,
        file_name: &'a str,
        overrides: &[(String, String)],
    ) -> Result<(Self, Placed<'a>), Problems> {
        let read = read::read(text, file_name, overrides)?;
        Ok((read.scenario, Placed::new(read.source, &read.chains)))
    }

    /// The scenario as a file with every default written out and the strategy in force named: read
    /// again, it is the same scenario. Empty if it comes from no file.
    pub fn to_yaml(&self) -> String {
        self.written.to_yaml(self)
    }

    /// The same with gateways of the given profiles in the places of external programs: what virtual
    /// time runs instead.
    ///
    /// # Errors
    /// The name of a program without a profile.
    pub fn simulated(mut self) -> Result<Self, String> {
        let programs: Vec<NodeId> = self.topology.of_kind(NodeKind::External).collect();
        for id in programs {
            let node = self.topology.node_mut(id);
            if !node.external.take().is_some_and(|external| external.simulated) {
                return Err(node.name.clone());
            }
            node.kind = NodeKind::Gateway;
        }
        Ok(self)
    }

    /// A fault.
    pub fn fault(&self, id: FaultId) -> &Fault {
        &self.faults[usize::from(id.0)]
    }

    /// All faults with their ids.
    pub fn fault_ids(&self) -> impl Iterator<Item = (FaultId, &Fault)> {
        (0..).map(FaultId).zip(&self.faults)
    }

    /// The nodes that answer and call nobody: where retries pile up.
    pub fn deepest(&self) -> Vec<NodeId> {
        self.topology
            .nodes()
            .filter(|(_, n)| n.kind != NodeKind::Client && n.plan.stages.is_empty())
            .map(|(id, _)| id)
            .collect()
    }

    /// Puts a strategy in force, one of the scenario's or a preset: its policies replace those of the
    /// clients' edges.
    ///
    /// # Errors
    /// The names there are, if it is none of them.
    pub fn apply_strategy(&mut self, name: &str) -> Result<(), Vec<String>> {
        let own = self.strategies.iter().find(|s| s.name == name).cloned();
        let Some(strategy) = own.or_else(|| self.written.preset_strategy(name)) else {
            let own = self.strategies.iter().map(|s| s.name.clone());
            return Err(own.chain(presets::names().map(str::to_owned)).collect());
        };
        for (edge, policy) in strategy.policies {
            self.topology.edge_mut(edge).policy = policy;
        }
        self.strategy = strategy.name;
        Ok(())
    }
}
