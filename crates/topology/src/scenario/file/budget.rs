//! The shape of retry budgets.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::short::{Short, around_long, seconds, short_forms};
use crate::units::{DurationText, Share};

/// A retry budget; a bare share is a `ratio`.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct BudgetFile(pub(in crate::scenario) BudgetLong);

/// How much may be tried again in all: one of `ratio`, `tokens`, `concurrent` and `failing`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Budget")]
pub(in crate::scenario) struct BudgetLong {
    /// At most so many retries per call, in any `window`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) ratio: Option<Share>,
    /// With `ratio`: so many retries a second are allowed however few calls there are.
    pub(in crate::scenario) min_per_s: f64,
    /// With `ratio`: the time that is looked back on.
    pub(in crate::scenario) window: DurationText,
    /// A bucket of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) tokens: Option<TokensFile>,
    /// A limit on the retries under way: a number, or a share of the calls in flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) concurrent: Option<ConcurrentFile>,
    /// Only while no more than this share of attempts per call has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) failing: Option<Share>,
}

impl Default for BudgetLong {
    fn default() -> Self {
        Self {
            ratio: None,
            min_per_s: 0.0,
            window: seconds(10),
            tokens: None,
            concurrent: None,
            failing: None,
        }
    }
}

/// A bucket of tokens, full at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tokens")]
pub(in crate::scenario) struct TokensFile {
    /// The most that it holds.
    pub(in crate::scenario) capacity: f64,
    /// What a retry takes.
    #[serde(default = "one")]
    pub(in crate::scenario) cost: f64,
    /// What a retry takes after a time-out. Default: `cost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) timeout_cost: Option<f64>,
    /// What a retry takes after a 429. Default: `cost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) throttled_cost: Option<f64>,
    /// A retry is only made while it holds more than this.
    #[serde(default)]
    pub(in crate::scenario) above: f64,
    /// What each call puts in as it begins.
    #[serde(default)]
    pub(in crate::scenario) per_call: f64,
    /// What a call that succeeds at its first attempt puts in.
    #[serde(default)]
    pub(in crate::scenario) per_success: f64,
    /// What a call puts in that succeeds at a later one; `last_cost` is what its last retry has
    /// taken. Default: `per_success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) after_retry: Option<RefundFile>,
    /// What each attempt takes that fails so that it would be tried again.
    #[serde(default)]
    pub(in crate::scenario) per_failure: f64,
}

fn one() -> f64 {
    1.0
}

/// What a call puts in that succeeds after a retry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) enum RefundFile {
    Tokens(f64),
    LastCost,
}

/// A limit on the retries under way; a bare number is `at_least`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct ConcurrentFile(pub(in crate::scenario) ConcurrentLong);

/// Fewer retries under way than this share of the calls in flight, or than a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Concurrent")]
pub(in crate::scenario) struct ConcurrentLong {
    /// Of the calls in flight.
    pub(in crate::scenario) share: Share,
    /// So many are always allowed.
    pub(in crate::scenario) at_least: u32,
}

impl Default for ConcurrentLong {
    fn default() -> Self {
        Self { share: Share::ZERO, at_least: 3 }
    }
}

impl Short for BudgetFile {
    type Long = BudgetLong;
    const EXPECTED: &'static str = "a share such as `10%`, `none`, `{ ratio: 10% }`, `{ tokens: { ... } }`, `{ concurrent: 3 }` or `{ failing: 10% }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(BudgetLong { ratio: Some(text.parse()?), ..BudgetLong::default() }))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        let ratio = |share| Self(BudgetLong { ratio: Some(share), ..BudgetLong::default() });
        Some(Share::new(number).map(ratio))
    }

    fn from_long(long: BudgetLong) -> Self {
        Self(long)
    }
}

impl Short for RefundFile {
    type Long = super::retry::NoLong;
    const EXPECTED: &'static str = "a number or `last_cost`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "last_cost" => Ok(Self::LastCost),
            text => text.parse().map(Self::Tokens).map_err(|_| format!("`{text}` is not a number")),
        }
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Ok(Self::Tokens(number)))
    }

    fn from_long(_: super::retry::NoLong) -> Self {
        Self::LastCost
    }
}

impl Short for ConcurrentFile {
    type Long = ConcurrentLong;
    const EXPECTED: &'static str = "a number, or `{ share: 20%, at_least: 3 }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let at_least = text.parse().map_err(|_| format!("`{text}` is not a number of retries"))?;
        Ok(Self(ConcurrentLong { share: Share::ZERO, at_least }))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: ConcurrentLong) -> Self {
        Self(long)
    }
}

short_forms!(BudgetFile, RefundFile, ConcurrentFile);
around_long!(BudgetFile, BudgetLong, "BudgetOrShare", |generator| generator.subschema_for::<Share>());
around_long!(ConcurrentFile, ConcurrentLong, "ConcurrentOrNumber", |generator| {
    json_schema!({ "type": "integer", "minimum": 0 })
});

impl Serialize for RefundFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tokens(tokens) => tokens.serialize(serializer),
            Self::LastCost => serializer.serialize_str("last_cost"),
        }
    }
}

impl JsonSchema for RefundFile {
    fn schema_name() -> Cow<'static, str> {
        "Refund".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "const": "last_cost" }] })
    }
}
