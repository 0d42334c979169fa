//! What people write: the shapes of a scenario file, with every default that depends on nothing
//! else. Names are still texts here; [`super::lower`] says what they mean, and fills in the rest.

mod backoff;
mod breaker;
mod budget;
mod calls;
mod external;
mod fault;
mod limits;
mod llm;
mod load;
mod node;
mod policy;
mod retry;
mod rules;
mod short;
mod warmup;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use backoff::{BackoffFile, BackoffLong, JitterFile, JitterLong};
pub(super) use breaker::BreakerFile;
pub(super) use budget::{BudgetFile, RefundFile};
pub(super) use calls::{CallsFile, ChoiceFile, ChoiceLong, Order, StageFile};
pub(super) use external::{ConfigFile, ConfigLong, ReadyFile, ReadyLong};
pub(super) use fault::{FaultFile, MatchFile};
pub(super) use limits::{AdaptiveFile, AfterFile, HedgeFile, LimitFile, ThrottleFile};
pub(super) use llm::{AskFile, AskLong, ModelFile, ModelLong, TokensFile};
pub(super) use load::{BodyFile, LoadFile, RequestFile, Spacing};
pub(super) use node::{CloseWord, NodeFile, QueueFile, QueueLong, ResponseFile, ScriptFile};
pub(super) use policy::{EdgeFile, EdgeOptions, PoolFile, StrategyFile};
pub(super) use retry::{AttemptsFile, IdempotentFile, RetryAfterFile, RetryFile, WhenItem};
pub(super) use rules::{By, ConsumerFile, LimitRuleFile, PlanFile};
pub(super) use short::{OrNone, Time, seconds};
pub(super) use warmup::WarmupFile;

use crate::units::DurationText;

/// A scenario: an API call chain, the load on it, what goes wrong, and what is compared.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Scenario")]
pub(super) struct ScenarioFile {
    /// Its name; the folder of its runs is called after it.
    pub(super) name: String,
    /// What it shows.
    #[serde(default)]
    pub(super) description: String,
    /// The seed of all chance.
    #[serde(default = "default_seed")]
    pub(super) seed: u64,
    /// How long the load goes on.
    #[serde(default = "default_duration")]
    pub(super) duration: DurationText,
    /// Calls that begin before this are left out of the figures. `auto`: in virtual time it is found
    /// by MSER-5; nothing else may change while the run goes on.
    #[serde(default)]
    pub(super) warmup: WarmupFile,
    /// The programs in the chain, by name.
    pub(super) nodes: IndexMap<String, NodeFile>,
    /// Who calls whom.
    pub(super) edges: Vec<EdgeFile>,
    /// Who sends what.
    pub(super) load: Vec<LoadFile>,
    /// What goes wrong.
    #[serde(default)]
    pub(super) faults: Vec<FaultFile>,
    /// What is compared: each overrides the policy of the edges that leave a client.
    #[serde(default)]
    pub(super) strategies: IndexMap<String, StrategyFile>,
    /// The strategy that is in force: one of `strategies`, or a preset. None: the edges' own policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) strategy: Option<String>,
    /// What must hold at the end: `success_rate >= 99%`, `p(99) < 800ms`.
    #[serde(default)]
    pub(super) thresholds: Vec<String>,
    /// How `badgateway check` looks at it.
    #[serde(default, skip_serializing_if = "LintsFile::is_default")]
    pub(super) lints: LintsFile,
}

/// How `badgateway check` looks at a scenario.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lints")]
pub(super) struct LintsFile {
    /// What is meant to be as it is: the rules that say nothing, by id (`badgateway check --rules`).
    #[serde(default)]
    pub(super) allow: Vec<String>,
}

impl LintsFile {
    fn is_default(&self) -> bool {
        self.allow.is_empty()
    }
}

fn default_seed() -> u64 {
    1
}

fn default_duration() -> DurationText {
    seconds(10)
}
