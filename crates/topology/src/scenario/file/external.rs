//! The shapes of what only an external node has.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use super::short::{OrNone, Short, around_long, seconds, short_forms};
use crate::units::DurationText;

/// A program and its arguments: a list, or a text that is split at blanks outside quotes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(in crate::scenario) struct CommandFile(pub(in crate::scenario) Vec<String>);

impl<'de> Deserialize<'de> for CommandFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CommandVisitor)
    }
}

struct CommandVisitor;

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = CommandFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a program with its arguments: `nginx -c {{config}}`, or a list of these words")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<CommandFile, E> {
        shlex::split(text)
            .map(CommandFile)
            .ok_or_else(|| E::invalid_value(Unexpected::Other("a quote is not closed"), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<CommandFile, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(CommandFile)
    }
}

impl JsonSchema for CommandFile {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A program and its arguments: a text that is split at blanks outside quotes, or a list.",
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
        })
    }
}

/// A file that is written for the program; a bare text is a file beside the scenario, or, with more
/// than one line, what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct ConfigFile(pub(in crate::scenario) ConfigLong);

/// A file that is written for the program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ProgramConfig")]
pub(in crate::scenario) struct ConfigLong {
    /// The file that it is made from, beside the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) file: Option<String>,
    /// What is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) text: Option<String>,
    /// What it is called. Default: as `file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) name: Option<String>,
}

impl Short for ConfigFile {
    type Long = ConfigLong;
    const EXPECTED: &'static str =
        "a file such as `nginx.conf`, its text, or `{ name: nginx.conf, text: ... }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let given = Some(text.to_owned());
        Ok(Self(if text.contains('\n') {
            ConfigLong { text: given, ..ConfigLong::default() }
        } else {
            ConfigLong { file: given, ..ConfigLong::default() }
        }))
    }

    fn from_long(long: ConfigLong) -> Self {
        Self(long)
    }
}

/// When the program is ready; a bare text is `path`, a bare time `within`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct ReadyFile(pub(in crate::scenario) ReadyLong);

/// When the program is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Ready")]
pub(in crate::scenario) struct ReadyLong {
    /// A GET of this path is answered with a status below 400; `none`: it listens.
    pub(in crate::scenario) path: OrNone<String>,
    /// No later than so long after its start.
    pub(in crate::scenario) within: DurationText,
}

impl Default for ReadyLong {
    fn default() -> Self {
        Self { path: OrNone(None), within: seconds(10) }
    }
}

impl Short for ReadyFile {
    type Long = ReadyLong;
    const EXPECTED: &'static str = "a path such as `/health`, a time, or `{ path: /health, within: 10s }`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self(ReadyLong { path: OrNone(Some(text.to_owned())), ..ReadyLong::default() }));
        }
        Ok(Self(ReadyLong { within: text.parse()?, ..ReadyLong::default() }))
    }

    fn from_long(long: ReadyLong) -> Self {
        Self(long)
    }
}

short_forms!(ConfigFile, ReadyFile);
around_long!(ConfigFile, ConfigLong, "ConfigOrFile", |_generator| json_schema!({ "type": "string" }));
around_long!(ReadyFile, ReadyLong, "ReadyOrPath", |_generator| json_schema!({ "type": "string" }));
