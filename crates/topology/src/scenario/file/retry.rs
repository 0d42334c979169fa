//! The shape of retries: what is tried again, how often, after which wait.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::backoff::{BackoffFile, JitterFile};
use super::budget::BudgetFile;
use super::short::{OrNone, Short, around_long, short_forms, short_schema, status};
use crate::policy::OverMax;
use crate::units::DurationText;

/// What is tried again, when, and how often.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry", transform = with_alias)]
pub(in crate::scenario) struct RetryFile {
    /// How many attempts in all, the first included; 1 is no retry. `unlimited` is 1000,
    /// `per_replica` one for each replica of the callee.
    pub(in crate::scenario) max_attempts: AttemptsFile,
    /// Which outcomes are tried again: statuses (`502`), classes (`5xx`), but not (`"!501"`), failures
    /// (`connection_refused`, ...), `connect` (no connection was made), `tls` (its handshake failed),
    /// `reset` (it ended before the response's head was whole), `timeout`, `truncated`, `malformed`, `unsent` (the
    /// request surely never arrived), `transport` (no whole response), `any` (whatever is no
    /// success), Envoy's `gateway-error`, `connect-failure`, `retriable-4xx`.
    #[serde(default = "default_when", alias = "on")]
    pub(in crate::scenario) when: Vec<WhenItem>,
    /// Statuses that are tried again only if the response has `Retry-After`.
    #[serde(default)]
    pub(in crate::scenario) when_retry_after: Vec<WhenItem>,
    /// Only idempotent methods: `true` unless the request was surely not processed, `statuses` only
    /// after a status, `always`.
    #[serde(default)]
    pub(in crate::scenario) idempotent_only: IdempotentFile,
    /// The wait before the next attempt.
    #[serde(default)]
    pub(in crate::scenario) backoff: BackoffFile,
    /// Only these outcomes are waited after, the others are tried again at once. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) backoff_for: Option<Vec<WhenItem>>,
    /// `Retry-After` replaces the back-off: up to `60s`, `unlimited`, or `none` to ignore it.
    #[serde(default)]
    pub(in crate::scenario) retry_after: OrNone<RetryAfterFile>,
    /// How much may be tried again in all: `10%` of the calls, `tokens`, or `concurrent`.
    #[serde(default)]
    pub(in crate::scenario) budget: OrNone<BudgetFile>,
    /// It also waits after the last attempt, for nothing.
    #[serde(default)]
    pub(in crate::scenario) sleep_after_last: bool,
}

impl Default for RetryFile {
    fn default() -> Self {
        Self {
            max_attempts: AttemptsFile::Count(1),
            when: default_when(),
            when_retry_after: Vec::new(),
            idempotent_only: IdempotentFile::False,
            backoff: BackoffFile::default(),
            backoff_for: None,
            retry_after: OrNone(None),
            budget: OrNone(None),
            sleep_after_last: false,
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

/// How many attempts in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) enum AttemptsFile {
    Count(u32),
    Unlimited,
    PerReplica,
}

/// An outcome: a status, or a word for a failure or for several outcomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) enum WhenItem {
    Status(u16),
    Word(String),
}

/// When the method matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::scenario) enum IdempotentFile {
    #[default]
    False,
    True,
    Statuses,
    Always,
}

/// What `Retry-After` does to the wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RetryAfter")]
pub(in crate::scenario) struct RetryAfterLong {
    /// The longest that is obeyed.
    pub(in crate::scenario) max: OrNone<DurationText>,
    /// What becomes of a longer one.
    pub(in crate::scenario) over_max: OverMax,
    /// Its statuses. Default: all that are tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) statuses: Option<Vec<WhenItem>>,
    /// The longer of it and the back-off is waited.
    pub(in crate::scenario) at_least_backoff: bool,
    /// How chance changes it.
    pub(in crate::scenario) jitter: JitterFile,
}

impl Default for RetryAfterLong {
    fn default() -> Self {
        Self {
            max: OrNone(None),
            over_max: OverMax::Ignore,
            statuses: None,
            at_least_backoff: false,
            jitter: JitterFile::default(),
        }
    }
}

/// The same, or the longest that is obeyed.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct RetryAfterFile(pub(in crate::scenario) RetryAfterLong);

/// A mapping where none may be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoLong {}

impl Short for AttemptsFile {
    /// There is none; an unknown key says so.
    type Long = NoLong;
    const EXPECTED: &'static str = "a number, `unlimited` or `per_replica`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "unlimited" => Ok(Self::Unlimited),
            "per_replica" => Ok(Self::PerReplica),
            text => {
                text.parse().map(Self::Count).map_err(|_| format!("`{text}` is not a number of attempts"))
            }
        }
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(_: NoLong) -> Self {
        Self::Count(1)
    }
}

impl Short for IdempotentFile {
    /// There is none; an unknown key says so.
    type Long = NoLong;
    const EXPECTED: &'static str = "`true`, `false`, `statuses` or `always`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "statuses" => Ok(Self::Statuses),
            "always" => Ok(Self::Always),
            other => Err(format!("`{other}` is no such word")),
        }
    }

    fn from_bool(value: bool) -> Option<Self> {
        Some(if value { Self::True } else { Self::False })
    }

    fn from_long(_: NoLong) -> Self {
        Self::False
    }
}

impl Short for RetryAfterFile {
    type Long = RetryAfterLong;
    const EXPECTED: &'static str = "`none`, `unlimited`, a duration, or `{ max: 60s, over_max: clamp }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let max = if text == "unlimited" { None } else { Some(text.parse()?) };
        Ok(Self(RetryAfterLong { max: OrNone(max), ..RetryAfterLong::default() }))
    }

    fn from_long(long: RetryAfterLong) -> Self {
        Self(long)
    }
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

short_forms!(AttemptsFile, WhenItem, IdempotentFile, RetryAfterFile);
around_long!(RetryAfterFile, RetryAfterLong, "RetryAfterOrMax", |generator| {
    let duration = generator.subschema_for::<DurationText>();
    short_schema(&json_schema!({ "const": "unlimited" }), &duration)
});

impl Serialize for AttemptsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => count.serialize(serializer),
            Self::Unlimited => serializer.serialize_str("unlimited"),
            Self::PerReplica => serializer.serialize_str("per_replica"),
        }
    }
}

impl Serialize for WhenItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Status(status) => status.serialize(serializer),
            Self::Word(word) => word.serialize(serializer),
        }
    }
}

impl Serialize for IdempotentFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::False => serializer.serialize_bool(false),
            Self::True => serializer.serialize_bool(true),
            Self::Statuses => serializer.serialize_str("statuses"),
            Self::Always => serializer.serialize_str("always"),
        }
    }
}

impl JsonSchema for AttemptsFile {
    fn schema_name() -> Cow<'static, str> {
        "Attempts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 1000 },
            { "enum": ["unlimited", "per_replica"] }
        ] })
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

impl JsonSchema for IdempotentFile {
    fn schema_name() -> Cow<'static, str> {
        "IdempotentOnly".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "statuses", "always"] })
    }
}
