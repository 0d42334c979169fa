//! The shape of a node.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::calls::CallsFile;
use super::short::{OrNone, Short, Time, seconds, short_forms, short_schema, status};
use crate::node::{NodeKind, OnDisconnect};
use crate::profile::Profile;
use crate::units::{DurationText, Size};

/// A program in the chain. A client takes only `kind`, `calls` and `deadline`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Node")]
pub(in crate::scenario) struct NodeFile {
    /// What it is.
    pub(in crate::scenario) kind: NodeKind,
    /// Which gateway product it behaves like: how it turns failures into statuses. Default: rfc9209.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "profiles")]
    pub(in crate::scenario) profile: Option<String>,
    /// How many requests' own work it does at once. Default: 64 for a server, none for a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) workers: Option<OrNone<u32>>,
    /// How many requests may wait for a worker. Default: 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) queue: Option<u32>,
    /// How many requests may be inside in all, waiting for callees included. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) max_in_flight: Option<OrNone<u32>>,
    /// How long its own work on one request takes. Default: 5ms for a server, 0s for a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) service_time: Option<Time>,
    /// How many instances there are. With more than one they are called `name#1`, `name#2`, ...
    /// and an edge to the node is a choice among them. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) replicas: Option<u32>,
    /// What becomes of a request's work when its caller hangs up. Default: a server continues, a
    /// gateway cancels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) on_disconnect: Option<OnDisconnect>,
    /// How long all its attempts at answering one request together may take.
    #[serde(default)]
    pub(in crate::scenario) deadline: OrNone<DurationText>,
    /// What it answers when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) response: Option<ResponseFile>,
    /// For a server: what it answers attempt by attempt instead; the last entry repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) script: Option<Vec<ScriptFile>>,
    /// Whom it calls for one request, and in which order.
    #[serde(default)]
    pub(in crate::scenario) calls: CallsFile,
    /// It closes a connection that has been idle for so long. Default: 75s (as nginx).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) keep_alive: Option<DurationText>,
    /// The largest request head it accepts. Default: 16KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) header_limit: Option<Size>,
    /// The largest request body it accepts. Default: 1MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) body_limit: Option<Size>,
}

fn profiles(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Profile::ALL.iter().map(|p| p.name).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// A node's own response.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Response")]
pub(in crate::scenario) struct ResponseFile {
    /// The status.
    pub(in crate::scenario) status: u16,
    /// The size of the body.
    pub(in crate::scenario) body: Size,
    /// In how many pieces the body is sent.
    pub(in crate::scenario) chunks: u32,
    /// The pause between two pieces.
    pub(in crate::scenario) chunk_interval: DurationText,
}

impl Default for ResponseFile {
    fn default() -> Self {
        Self { status: 200, body: Size(100), chunks: 1, chunk_interval: seconds(0) }
    }
}

/// One entry of a server's script.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) enum ScriptFile {
    Answer(AnswerFile),
    Close(CloseWord),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Answer")]
pub(in crate::scenario) struct AnswerFile {
    /// The status.
    pub(in crate::scenario) status: u16,
    /// The value of `Retry-After`, if it is sent; whole seconds on the wire.
    #[serde(default)]
    pub(in crate::scenario) retry_after: OrNone<DurationText>,
}

/// How a connection ends instead of with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Close")]
pub(in crate::scenario) enum CloseWord {
    /// RST.
    ResetPeer,
    /// FIN.
    EmptyResponse,
    /// Silence.
    Timeout,
}

impl Short for ScriptFile {
    type Long = AnswerFile;
    const EXPECTED: &'static str = "a status such as `502`, `{ status: 429, retry_after: 2s }`, `reset_peer`, `empty_response` or `timeout`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "reset_peer" => Ok(Self::Close(CloseWord::ResetPeer)),
            "empty_response" => Ok(Self::Close(CloseWord::EmptyResponse)),
            "timeout" => Ok(Self::Close(CloseWord::Timeout)),
            other => Err(format!("`{other}` is no entry of a script")),
        }
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(status(number).map(|status| Self::Answer(AnswerFile { status, retry_after: OrNone(None) })))
    }

    fn from_long(answer: AnswerFile) -> Self {
        Self::Answer(answer)
    }
}

short_forms!(ScriptFile);

impl Serialize for ScriptFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Answer(answer) => answer.serialize(serializer),
            Self::Close(close) => close.serialize(serializer),
        }
    }
}

impl JsonSchema for ScriptFile {
    fn schema_name() -> Cow<'static, str> {
        "ScriptEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let status = json_schema!({ "type": "integer", "minimum": 200, "maximum": 599 });
        let short = short_schema(&status, &generator.subschema_for::<CloseWord>());
        short_schema(&short, &generator.subschema_for::<AnswerFile>())
    }
}
