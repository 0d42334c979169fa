//! `run.json`: what a run was, and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which shape a run's folder has.
///
/// Readers take the same major and any minor: a newer minor only adds columns and fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FormatVersion {
    /// Counts changes that older readers cannot follow.
    pub major: u32,
    /// Counts additions.
    pub minor: u32,
}

/// The format that this version writes.
pub const FORMAT: FormatVersion = FormatVersion { major: 1, minor: 3 };

impl std::fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// `run.json`. It is written when the run begins and again when it ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// What wrote the folder.
    pub versions: Versions,
    /// The scenario's name.
    pub scenario: String,
    /// `live` or `virtual`.
    pub engine: String,
    /// The seed of all chance.
    pub seed: u64,
    /// The strategy in force; empty if the clients' own policy was.
    pub strategy: String,
    /// When the run began: RFC 3339, UTC.
    pub start: String,
    /// How long it took, in seconds; 0 as long as it has not ended.
    pub elapsed_s: f64,
    /// Calls that began so many seconds after the start are left out of the figures.
    pub warmup_s: f64,
    /// It ended, in whichever way, and all its files are written.
    pub finished: bool,
    /// It was stopped before its time; the figures are those of the part that ran.
    pub interrupted: bool,
    /// Why this machine, rather than the scenario, set the limits, if it did.
    pub machine_limit: Option<String>,
    /// What else a reader of the figures should know.
    pub notes: Vec<String>,
    /// The thresholds, each with its verdict.
    pub thresholds: Vec<ThresholdVerdict>,
    /// How often the blind verdicts were right.
    pub score: Score,
    /// Faults that matched nothing.
    pub unmatched: Vec<String>,
    /// The nodes, in the order of the scenario.
    pub nodes: Vec<NodeEntry>,
    /// The edges, likewise.
    pub edges: Vec<EdgeEntry>,
    /// The strategies that were to be compared, in order; none in a plain run.
    #[serde(default)]
    pub compared: Vec<String>,
    /// How many seeds the figures are over, from `seed` on.
    #[serde(default = "one")]
    pub seeds: u64,
    /// Which calls have rows in `calls.csv` and `hops.csv`; before format 1.2 all.
    #[serde(default)]
    pub records: Records,
    /// Why the figures may not be what they seem.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What came after the faults and waves of load that were over before the load was.
    #[serde(default)]
    pub aftermaths: Vec<Aftermath>,
}

/// What runs of format 1.0 have.
fn one() -> u64 {
    1
}

/// Which calls have rows of their own, with their hops. The figures count all calls in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Records {
    /// None.
    None,
    /// Those in which something failed: calls that failed, and calls of which a failure was masked.
    Failed,
    /// All.
    #[default]
    All,
}

/// What wrote a run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// The tool.
    pub tool: String,
    /// The folder's format.
    pub format: FormatVersion,
}

/// What came after a trigger that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Aftermath {
    /// The strategy in force.
    pub strategy: String,
    /// The fault or the load that was over last.
    pub trigger: String,
    /// When it was.
    pub ended_s: f64,
    /// How long it then took until calls succeeded as before; none if they do not.
    pub recovered_after_s: Option<f64>,
    /// Calls still fail, although nothing is wrong and no more is asked for.
    pub collapsed: bool,
    /// The same in sentences: what keeps it up, and what is known to help.
    pub words: Vec<String>,
}

/// A threshold and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdVerdict {
    /// As written.
    pub text: String,
    /// The figure it is about: a share as a fraction, a duration in milliseconds, a rate a second;
    /// `None` if there was no call to take it from.
    pub figure: Option<f64>,
    /// Whether it was met; without a figure it was not.
    pub met: bool,
    /// The strategy whose figure it is.
    #[serde(default)]
    pub strategy: String,
}

/// How often the blind verdicts agree with the injector's marks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// Failed calls on whose hops exactly one fault has left its mark.
    pub single: Hits,
    /// Those with the marks of several: right if the verdict agrees with any of them.
    pub multiple: Hits,
    /// Those without a mark, about which the marks say nothing.
    pub unmarked: u64,
    /// Some of the wrong verdicts.
    pub misses: Vec<Miss>,
}

impl Score {
    /// All verdicts that could be scored.
    pub fn scored(&self) -> Hits {
        Hits {
            right: self.single.right + self.multiple.right,
            total: self.single.total + self.multiple.total,
        }
    }

    /// Adds what another one counts.
    pub fn add(&mut self, other: Self) {
        self.single.add(other.single);
        self.multiple.add(other.multiple);
        self.unmarked += other.unmarked;
        self.misses.extend(other.misses);
    }
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Hits {
    /// So many.
    pub right: u64,
    /// Of so many.
    pub total: u64,
}

impl Hits {
    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.total += other.total;
    }
}

/// A verdict that does not agree with the marks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Miss {
    /// The call, as in `calls.csv`.
    pub call: String,
    /// What the verdict said.
    pub said: String,
    /// What the marks say.
    pub truth: String,
}

/// A node's name and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeEntry {
    /// The name.
    pub name: String,
    /// The kind, as in a scenario.
    pub kind: String,
}

/// An edge's two ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EdgeEntry {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
}
