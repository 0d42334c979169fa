//! The shape of a fault.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::short::{BareWord, OrNone};
use crate::fault::{Config, Crash, Network, Overload};
use crate::units::{DurationText, Share};

/// Something that goes wrong. Exactly one of the four causes is given, with its mechanism.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fault")]
pub(in crate::scenario) struct FaultFile {
    /// Its name. Default: made from the mechanism and the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) name: Option<String>,
    /// Where: a node, a replica `app#2`, an edge `a -> b`, or a list of these.
    pub(in crate::scenario) at: OneOrMore,
    /// More work than capacity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BareWord<Overload>>")]
    pub(in crate::scenario) overload: Option<Overload>,
    /// Something between two nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BareWord<Network>>")]
    pub(in crate::scenario) network: Option<Network>,
    /// A node is set up wrongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BareWord<Config>>")]
    pub(in crate::scenario) config: Option<Config>,
    /// A node's program fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BareWord<Crash>>")]
    pub(in crate::scenario) crash: Option<Crash>,
    /// When it begins.
    #[serde(default)]
    pub(in crate::scenario) start: DurationText,
    /// When it ends for good; `none` is with the run.
    #[serde(default)]
    pub(in crate::scenario) stop: OrNone<DurationText>,
    /// It comes again after so long, counted from its begin.
    #[serde(default)]
    pub(in crate::scenario) every: OrNone<DurationText>,
    /// How long it lasts each time. Default: until `stop`; an outage until the restart.
    #[serde(default, rename = "for")]
    pub(in crate::scenario) lasts: OrNone<DurationText>,
    /// How many of the attempts are hit.
    #[serde(default = "always")]
    pub(in crate::scenario) probability: Share,
    /// Only each call's first so many attempts at the place.
    #[serde(default)]
    pub(in crate::scenario) first: OrNone<u32>,
    /// Only the first so many attempts in the run.
    #[serde(default)]
    pub(in crate::scenario) count: OrNone<u64>,
    /// Only requests that are like this.
    #[serde(default, rename = "match")]
    pub(in crate::scenario) matches: MatchFile,
}

fn always() -> Share {
    Share::ONE
}

/// Which requests a fault is for; an empty one is for all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Match")]
pub(in crate::scenario) struct MatchFile {
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) method: Option<String>,
    /// How the path of the client's request begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) path_prefix: Option<String>,
    /// The calls of this client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) client: Option<String>,
}

/// A text, or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(in crate::scenario) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

impl Serialize for OneOrMore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => text.serialize(serializer),
            Self::More(texts) => texts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMoreVisitor)
    }
}

struct OneOrMoreVisitor;

impl<'de> Visitor<'de> for OneOrMoreVisitor {
    type Value = OneOrMore;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node `app`, an edge `a -> b`, or a list of these")
    }

    fn visit_str<E>(self, text: &str) -> Result<OneOrMore, E> {
        Ok(OneOrMore::One(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OneOrMore, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(OneOrMore::More)
    }
}

impl JsonSchema for OneOrMore {
    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A node, a replica `app#2`, an edge `a -> b`, or a list of these.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
        })
    }
}
