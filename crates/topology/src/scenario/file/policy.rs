//! The shapes of an edge, of its policy, and of a strategy that overrides it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::short::{OrNone, Short, seconds, short_forms, short_schema, status};
use crate::node::Balance;
use crate::policy::Jitter;
use crate::units::{DurationText, Share};

/// One entry of the edges: `a -> b`, or `a -> b: { ... }`; a chain `a -> b -> c` is two edges.
#[derive(Debug, Clone)]
pub(in crate::scenario) struct EdgeFile {
    /// As written.
    pub(in crate::scenario) chain: String,
    pub(in crate::scenario) options: EdgeOptions,
}

/// What a caller does about one callee.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::scenario) struct EdgeOptions {
    /// How long one attempt may take, from its start to the end of the response's body.
    pub(in crate::scenario) timeout: OrNone<DurationText>,
    /// How long a connection may take to be made.
    pub(in crate::scenario) connect_timeout: DurationText,
    /// How long all attempts of one call together may take, waits between them included.
    pub(in crate::scenario) deadline: OrNone<DurationText>,
    /// What is tried again, when, and how often. Default: one attempt, no retry.
    pub(in crate::scenario) retry: RetryFile,
    /// The connections that are kept.
    pub(in crate::scenario) pool: PoolFile,
    /// For a caller with `calls: weighted`: this callee's weight.
    pub(in crate::scenario) weight: u32,
    /// How one of the callee's replicas is chosen.
    pub(in crate::scenario) balance: Balance,
    /// A failure of this call does not fail the caller's own answer.
    pub(in crate::scenario) optional: bool,
    /// The path that the callee is asked for.
    pub(in crate::scenario) path: String,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            timeout: OrNone(Some(seconds(30))),
            connect_timeout: seconds(5),
            deadline: OrNone(None),
            retry: RetryFile::default(),
            pool: PoolFile::default(),
            weight: 1,
            balance: Balance::RoundRobin,
            optional: false,
            path: "/".to_owned(),
        }
    }
}

/// What is tried again, when, and how often.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry", transform = with_alias)]
pub(in crate::scenario) struct RetryFile {
    /// How many attempts in all, the first included; 1 is no retry.
    pub(in crate::scenario) max_attempts: u32,
    /// Which outcomes are tried again: statuses (`502`), classes (`5xx`), failures
    /// (`connection_refused`, ...), `connect` (no connection was made), `transport` (no whole
    /// response), `any` (whatever is no success).
    #[serde(default = "default_when", alias = "on")]
    pub(in crate::scenario) when: Vec<WhenItem>,
    /// Only idempotent methods, unless the request was surely not processed.
    #[serde(default)]
    pub(in crate::scenario) idempotent_only: bool,
    /// The wait before the next attempt.
    #[serde(default)]
    pub(in crate::scenario) backoff: BackoffFile,
    /// A `Retry-After` replaces the back-off, up to this; `none` ignores it.
    #[serde(default)]
    pub(in crate::scenario) retry_after_max: OrNone<DurationText>,
    /// At most this share of the recent requests may be retries: `10%`, or `{ ratio: 10% }`.
    #[serde(default)]
    pub(in crate::scenario) budget: OrNone<BudgetFile>,
}

impl Default for RetryFile {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            when: default_when(),
            idempotent_only: false,
            backoff: BackoffFile::default(),
            retry_after_max: OrNone(None),
            budget: OrNone(None),
        }
    }
}

/// `on` is `when`, which schemars does not know.
fn with_alias(schema: &mut Schema) {
    if let Some(properties) = schema.get_mut("properties").and_then(|p| p.as_object_mut()) {
        properties.extend(properties.get("when").cloned().map(|when| ("on".to_owned(), when)));
    }
}

fn default_when() -> Vec<WhenItem> {
    let statuses = [502, 503, 504].map(WhenItem::Status);
    statuses.into_iter().chain([WhenItem::Word("transport".to_owned())]).collect()
}

/// An outcome: a status, or a word for a failure or for several outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) enum WhenItem {
    Status(u16),
    Word(String),
}

/// Keep-alive connections towards one callee.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Pool")]
pub(in crate::scenario) struct PoolFile {
    /// How many connections may be open at once.
    pub(in crate::scenario) max_connections: OrNone<u32>,
    /// A connection that has been idle for so long is not used again.
    pub(in crate::scenario) idle_timeout: DurationText,
    /// Off: each attempt has a connection of its own.
    pub(in crate::scenario) reuse: bool,
}

impl Default for PoolFile {
    fn default() -> Self {
        Self { max_connections: OrNone(None), idle_timeout: seconds(60), reuse: true }
    }
}

/// The wait before the next attempt.
#[derive(Debug, Clone, Default)]
pub(in crate::scenario) enum BackoffFile {
    #[default]
    None,
    Some(BackoffLong),
}

/// A wait that there is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Backoff")]
pub(in crate::scenario) enum BackoffLong {
    /// The same each time.
    Constant {
        /// The wait.
        delay: DurationText,
    },
    /// `base`, twice `base`, three times `base`, ...
    Linear {
        /// The first wait.
        base: DurationText,
        /// The longest wait.
        #[serde(default = "default_max")]
        max: DurationText,
        /// How chance changes it.
        #[serde(default)]
        jitter: Jitter,
    },
    /// `base`, then `factor` times as long each time.
    Exponential {
        /// The first wait.
        base: DurationText,
        /// What each next one is multiplied by.
        #[serde(default = "default_factor")]
        factor: f64,
        /// The longest wait.
        #[serde(default = "default_max")]
        max: DurationText,
        /// How chance changes it.
        #[serde(default)]
        jitter: Jitter,
    },
}

fn default_max() -> DurationText {
    seconds(20)
}

fn default_factor() -> f64 {
    2.0
}

/// A retry budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct BudgetFile(pub(in crate::scenario) Share);

/// A retry budget, at length.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Budget")]
pub(super) struct BudgetLong {
    /// At most this share of the recent requests may be retries.
    ratio: Share,
}

/// What the clients' edges do instead of their own policy; `{}` is no retry. What is not given stays
/// as the edge has it, but for `retry`, which is then one attempt.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Strategy")]
pub(in crate::scenario) struct StrategyFile {
    /// A preset's name; the other keys override what it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) preset: Option<String>,
    /// How long one attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) timeout: Option<OrNone<DurationText>>,
    /// How long a connection may take to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) connect_timeout: Option<DurationText>,
    /// How long all attempts of one call together may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) deadline: Option<OrNone<DurationText>>,
    /// What is tried again, when, and how often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) retry: Option<RetryFile>,
    /// The connections that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) pool: Option<PoolFile>,
}

impl Short for WhenItem {
    /// There is none; an unknown key says so.
    type Long = NoLong;
    const EXPECTED: &'static str = "a status such as `502`, a class such as `5xx`, or a failure's name";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.parse().map_or_else(|_| Self::Word(text.to_owned()), Self::Status))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(status(number).map(Self::Status))
    }

    fn from_long(_: NoLong) -> Self {
        Self::Word(String::new())
    }
}

/// A mapping where none may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoLong {}

impl Short for BackoffFile {
    type Long = BackoffLong;
    const EXPECTED: &'static str = "`none`, a duration, or `{ exponential: { base: 50ms, max: 1s, jitter: full } }`, `linear` or `constant`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            text => Ok(Self::Some(BackoffLong::Constant { delay: text.parse()? })),
        }
    }

    fn from_long(long: BackoffLong) -> Self {
        Self::Some(long)
    }
}

impl Short for BudgetFile {
    type Long = BudgetLong;
    const EXPECTED: &'static str = "a share such as `10%`, or `none`";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Share::new(number).map(Self))
    }

    fn from_long(long: BudgetLong) -> Self {
        Self(long.ratio)
    }
}

short_forms!(WhenItem, BackoffFile, BudgetFile);

impl Serialize for WhenItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Status(status) => status.serialize(serializer),
            Self::Word(word) => word.serialize(serializer),
        }
    }
}

impl Serialize for BackoffFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Some(long) => long.serialize(serializer),
        }
    }
}

impl Serialize for BudgetFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BudgetLong { ratio: self.0 }.serialize(serializer)
    }
}

impl Serialize for EdgeFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(&self.chain, &self.options)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for EdgeFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EdgeVisitor)
    }
}

struct EdgeVisitor;

impl<'de> Visitor<'de> for EdgeVisitor {
    type Value = EdgeFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an edge such as `a -> b` or `a -> b: { timeout: 2s }`")
    }

    fn visit_str<E>(self, chain: &str) -> Result<EdgeFile, E> {
        Ok(EdgeFile { chain: chain.to_owned(), options: EdgeOptions::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EdgeFile, A::Error> {
        let Some(chain) = map.next_key::<String>()? else {
            return Err(serde::de::Error::invalid_type(
                serde::de::Unexpected::Other("an empty mapping"),
                &self,
            ));
        };
        let options = map.next_value()?;
        match map.next_key::<String>()? {
            None => Ok(EdgeFile { chain, options }),
            Some(extra) if extra.contains("->") => Err(serde::de::Error::custom(format!(
                "a second edge, `{extra}`, in the same entry: begin it with a `-` of its own"
            ))),
            Some(extra) => Err(serde::de::Error::custom(format!(
                "`{extra}` stands beside the edge, not in it: indent it further, or write `{chain}: {{ {extra}: ... }}`"
            ))),
        }
    }
}

impl JsonSchema for WhenItem {
    fn schema_name() -> Cow<'static, str> {
        "Outcome".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": Self::EXPECTED, "type": ["integer", "string"] })
    }
}

impl JsonSchema for BackoffFile {
    fn schema_name() -> Cow<'static, str> {
        "BackoffOrNone".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let duration = generator.subschema_for::<DurationText>();
        let short = short_schema(&json_schema!({ "const": "none" }), &duration);
        short_schema(&short, &generator.subschema_for::<BackoffLong>())
    }
}

impl JsonSchema for BudgetFile {
    fn schema_name() -> Cow<'static, str> {
        "BudgetOrShare".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&generator.subschema_for::<Share>(), &generator.subschema_for::<BudgetLong>())
    }
}

impl JsonSchema for EdgeFile {
    fn schema_name() -> Cow<'static, str> {
        "Edge".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pattern = "^[^>]+->[^>]+";
        let options = generator.subschema_for::<EdgeOptions>();
        json_schema!({
            "description": "`a -> b`, or `a -> b: { timeout: 2s }`; a chain `a -> b -> c` is two edges.",
            "anyOf": [
                { "type": "string", "pattern": pattern },
                {
                    "type": "object",
                    "patternProperties": { pattern: options },
                    "additionalProperties": false,
                    "minProperties": 1,
                    "maxProperties": 1
                }
            ]
        })
    }
}
