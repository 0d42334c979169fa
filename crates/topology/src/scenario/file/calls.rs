//! The shape of a node's `calls`: whom it calls for one request, in which order.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::short::{Short, short_forms, short_schema};

/// Whom a node calls: a word about all its edges, or the stages one by one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) enum CallsFile {
    All(Order),
    Stages(Vec<StageFile>),
}

/// What a node does with all its callees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum Order {
    /// One after another, in the order of the edges.
    Sequential,
    /// All at once.
    Parallel,
    /// One of them, by chance, in proportion to the edges' weights.
    Weighted,
    /// One of them, in turn.
    RoundRobin,
    /// One of them, the one with the fewest attempts in flight from here.
    LeastInFlight,
}

/// Calls that are made at once.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) enum StageFile {
    One(ChoiceFile),
    Parallel(Vec<ChoiceFile>),
}

/// One call: to a node, or to one of several.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) enum ChoiceFile {
    To(String),
    Among(ChoiceLong),
}

/// One call, to one of several nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Choice")]
pub(in crate::scenario) enum ChoiceLong {
    /// By chance, in proportion to the weights.
    Weighted(IndexMap<String, u32>),
    /// In turn.
    RoundRobin(Vec<String>),
    /// The one with the fewest attempts in flight from here.
    LeastInFlight(Vec<String>),
}

/// Calls that are made at once, or a choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Stage")]
pub(super) enum StageLong {
    /// All at once.
    Parallel(Vec<ChoiceFile>),
    /// One, by chance, in proportion to the weights.
    Weighted(IndexMap<String, u32>),
    /// One, in turn.
    RoundRobin(Vec<String>),
    /// The one with the fewest attempts in flight from here.
    LeastInFlight(Vec<String>),
}

impl Default for CallsFile {
    fn default() -> Self {
        Self::All(Order::Sequential)
    }
}

impl Short for ChoiceFile {
    type Long = ChoiceLong;
    const EXPECTED: &'static str = "the name of a callee, or a choice such as `{ round_robin: [a, b] }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self::To(text.to_owned()))
    }

    fn from_long(long: ChoiceLong) -> Self {
        Self::Among(long)
    }
}

impl Short for StageFile {
    type Long = StageLong;
    const EXPECTED: &'static str = "the name of a callee, or a stage such as `{ parallel: [a, b] }`";

    fn from_text(text: &str) -> Result<Self, String> {
        ChoiceFile::from_text(text).map(Self::One)
    }

    fn from_long(long: StageLong) -> Self {
        match long {
            StageLong::Parallel(choices) => Self::Parallel(choices),
            StageLong::Weighted(weights) => Self::One(ChoiceFile::Among(ChoiceLong::Weighted(weights))),
            StageLong::RoundRobin(names) => Self::One(ChoiceFile::Among(ChoiceLong::RoundRobin(names))),
            StageLong::LeastInFlight(names) => Self::One(ChoiceFile::Among(ChoiceLong::LeastInFlight(names))),
        }
    }
}

short_forms!(ChoiceFile, StageFile);

impl Serialize for ChoiceFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::To(name) => name.serialize(serializer),
            Self::Among(choice) => choice.serialize(serializer),
        }
    }
}

impl Serialize for StageFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(choice) => choice.serialize(serializer),
            Self::Parallel(choices) => StageLong::Parallel(choices.clone()).serialize(serializer),
        }
    }
}

impl Serialize for CallsFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(order) => order.serialize(serializer),
            Self::Stages(stages) => stages.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CallsFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CallsVisitor)
    }
}

struct CallsVisitor;

impl<'de> Visitor<'de> for CallsVisitor {
    type Value = CallsFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word such as `sequential` or `parallel`, or a list of stages")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<CallsFile, E> {
        Order::deserialize(word.into_deserializer()).map(CallsFile::All)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<CallsFile, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(CallsFile::Stages)
    }
}

impl JsonSchema for ChoiceFile {
    fn schema_name() -> Cow<'static, str> {
        "Call".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&json_schema!({ "type": "string" }), &generator.subschema_for::<ChoiceLong>())
    }
}

impl JsonSchema for StageFile {
    fn schema_name() -> Cow<'static, str> {
        "StageOrCallee".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&json_schema!({ "type": "string" }), &generator.subschema_for::<StageLong>())
    }
}

impl JsonSchema for CallsFile {
    fn schema_name() -> Cow<'static, str> {
        "Calls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&generator.subschema_for::<Order>(), &generator.subschema_for::<Vec<StageFile>>())
    }
}
