//! The shapes of a node's rules: limits, plans, consumers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::short::{OrNone, Short, around_long, short_forms};
use crate::rules::Quota;
use crate::units::DurationText;

/// A limit: one of `requests`, `tokens` and `cost`, and in how long. Without `burst` it is counted in fixed
/// windows, which begin with the run; with it, it is a token bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limit")]
pub(in crate::scenario) struct LimitRuleFile {
    /// What it is called. Default: what it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) name: Option<String>,
    /// So many requests; over it: 429, or what the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) requests: Option<Quota>,
    /// So many tokens, of prompts and completions. They count once an answer has ended; a request is let
    /// in while some are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) tokens: Option<Quota>,
    /// So much cost, by the price of the model server that answers; counted as tokens are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) cost: Option<Quota>,
    /// How much may come at once, where it is given out evenly over time. `none`: fixed windows.
    #[serde(default)]
    pub(in crate::scenario) burst: OrNone<f64>,
    /// Whether each consumer has as much, or all have it together. Default: all; in a plan, each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) by: Option<By>,
    /// Who goes over it is let in all the same, and that is counted.
    #[serde(default)]
    pub(in crate::scenario) soft: bool,
}

/// Who has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum By {
    /// All together.
    All,
    /// Each consumer for itself.
    Consumer,
}

/// What a consumer subscribes to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Plan")]
pub(in crate::scenario) struct PlanFile {
    /// The models that may be asked: names, or beginnings such as `gpt-*`. None: all.
    pub(in crate::scenario) models: Vec<String>,
    /// How much each of its consumers may send.
    pub(in crate::scenario) limits: Vec<LimitRuleFile>,
}

/// Somebody who may come; a bare text is the `key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct ConsumerFile(pub(in crate::scenario) ConsumerLong);

/// Somebody who may come: an application, a team, another gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Consumer")]
pub(in crate::scenario) struct ConsumerLong {
    /// By which it is known: a load's or an edge's `key`, or the header field that carries one.
    pub(in crate::scenario) key: String,
    /// One of the node's `plans`.
    #[serde(default)]
    pub(in crate::scenario) plan: OrNone<String>,
    /// From this moment of the run on its key is no longer good, as that of a token that nobody renews.
    #[serde(default)]
    pub(in crate::scenario) expires: OrNone<DurationText>,
}

impl Short for ConsumerFile {
    type Long = ConsumerLong;
    const EXPECTED: &'static str = "a key, or `{ key: sk-a, plan: gold }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(ConsumerLong { key: text.to_owned(), plan: OrNone(None), expires: OrNone(None) }))
    }

    fn from_long(long: ConsumerLong) -> Self {
        Self(long)
    }
}

short_forms!(ConsumerFile);
around_long!(ConsumerFile, ConsumerLong, "ConsumerOrKey", |_generator| {
    schemars::json_schema!({ "type": "string" })
});
