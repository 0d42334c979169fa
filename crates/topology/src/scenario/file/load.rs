//! The shape of a load.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::llm::AskFile;
use super::short::{OrNone, Short, Time, short_forms, short_schema};
use crate::units::{DurationText, Rate, Size};

/// What one client sends, and when: at a `rate`, or by so many `users`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Load")]
pub(in crate::scenario) struct LoadFile {
    /// The client. Need not be given if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) from: Option<String>,
    /// Open loop: so many calls begin, whatever the answers do. With `stages`, the rate at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) rate: Option<Rate>,
    /// How the calls of an open loop are spaced. Default: constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) arrivals: Option<Spacing>,
    /// How the rate changes; after the last stage it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) stages: Option<Vec<LoadStageFile>>,
    /// Closed loop: so many users, each of whom waits for its answer, thinks, and calls again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) users: Option<u32>,
    /// The pause between an answer and a user's next call. Default: 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) think_time: Option<Time>,
    /// When the load begins.
    #[serde(default)]
    pub(in crate::scenario) start: DurationText,
    /// When the load ends; `none` is with the run.
    #[serde(default)]
    pub(in crate::scenario) stop: OrNone<DurationText>,
    /// What is sent.
    #[serde(default)]
    pub(in crate::scenario) request: RequestFile,
}

/// How calls are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Spacing {
    /// Evenly.
    Constant,
    /// By chance, independent of each other.
    Poisson,
}

/// A part of a rate's course: hold a `rate`, or go evenly `to` one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LoadStage")]
pub(in crate::scenario) struct LoadStageFile {
    /// Jump to this rate and hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) rate: Option<Rate>,
    /// Go evenly from the rate before to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) to: Option<Rate>,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: DurationText,
}

/// What a client sends.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Request")]
pub(in crate::scenario) struct RequestFile {
    /// The method.
    pub(in crate::scenario) method: String,
    /// The path.
    pub(in crate::scenario) path: String,
    /// Further header fields.
    pub(in crate::scenario) headers: IndexMap<String, String>,
    /// The body: a text, or `{ size: 10KiB }` of filler.
    pub(in crate::scenario) body: BodyFile,
    /// How much it matters, 0 to 9: where a queue is full, the lowest is shed first.
    pub(in crate::scenario) priority: u8,
    /// A completion is asked for: method, path and body follow from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) llm: Option<AskFile>,
}

impl Default for RequestFile {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: IndexMap::new(),
            body: BodyFile::default(),
            priority: 5,
            llm: None,
        }
    }
}

/// A request's body.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) enum BodyFile {
    Text(String),
    Filler(Size),
}

impl Default for BodyFile {
    fn default() -> Self {
        Self::Filler(Size(0))
    }
}

/// So many bytes of filler.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Body")]
pub(super) struct BodyLong {
    /// How many.
    size: Size,
}

impl Short for BodyFile {
    type Long = BodyLong;
    const EXPECTED: &'static str = "a text, or `{ size: 10KiB }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::Text(text.to_owned()))
    }

    fn from_long(long: BodyLong) -> Self {
        Self::Filler(long.size)
    }
}

short_forms!(BodyFile);

impl Serialize for BodyFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Filler(size) => BodyLong { size: *size }.serialize(serializer),
        }
    }
}

impl JsonSchema for BodyFile {
    fn schema_name() -> Cow<'static, str> {
        "BodyOrText".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&json_schema!({ "type": "string" }), &generator.subschema_for::<BodyLong>())
    }
}
