//! The shape of a node.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::calls::CallsFile;
use super::external::{CommandFile, ConfigFile, ReadyFile};
use super::llm::ModelFile;
use super::rules::{ConsumerFile, LimitRuleFile, PlanFile};
use super::short::{OrNone, Short, Time, around_long, seconds, short_forms, short_schema, status};
use crate::node::{NodeKind, OnDisconnect, Order};
use crate::profile::Profile;
use crate::units::{DurationText, Share, Size};

/// A program in the chain. A client takes only `kind`, `calls` and `deadline`; an
/// external node only `kind`, `profile`, and what only it has.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Node")]
pub(in crate::scenario) struct NodeFile {
    /// What it is.
    pub(in crate::scenario) kind: NodeKind,
    /// Which gateway product it behaves like: how it turns failures into statuses; and, where nothing
    /// else is written, its limits and what its edges do. Default: rfc9209.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "profiles")]
    pub(in crate::scenario) profile: Option<String>,
    /// How many requests' own work it does at once. Default: 64 for a server, none for a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) workers: Option<OrNone<u32>>,
    /// How many requests may wait for a worker, and which of them is next. Default: 1024, fifo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) queue: Option<QueueFile>,
    /// How many requests may be inside in all, waiting for callees included. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) max_in_flight: Option<OrNone<u32>>,
    /// How long its own work on one request takes. Default: 5ms for a server, 0s for a gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) service_time: Option<Time>,
    /// How much longer that takes for each request that is worked on as it begins, itself included:
    /// what they share (locks, memory) gets slower. Default: 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) contention: Option<DurationText>,
    /// For a server: it is a model server, and answers token by token; by itself its service time is 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) llm: Option<ModelFile>,
    /// How many instances there are. With more than one they are called `name#1`, `name#2`, ...
    /// and an edge to the node is a choice among them. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) replicas: Option<u32>,
    /// What becomes of a request's work when its caller hangs up. Default: a server continues, a
    /// gateway cancels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) on_disconnect: Option<OnDisconnect>,
    /// The status that it answers, with its own `response`, where a call of it has failed: its `catch`, as
    /// API Connect's assemblies have one. A catch with 200 hides every failure behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) catch: Option<u16>,
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
    /// It closes a connection that has been idle for so long. Default: the profile's, or 75s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) keep_alive: Option<DurationText>,
    /// The largest request head it accepts. Default: the profile's, or 16KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) header_limit: Option<Size>,
    /// The largest request body it accepts. Default: the profile's, or 1MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) body_limit: Option<Size>,
    /// How much it lets in, of everybody: so many requests, tokens or so much cost in so long. Each is a rule
    /// by which it refuses, and which a verdict names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::scenario) limits: Vec<LimitRuleFile>,
    /// What consumers can subscribe to, by name: models, and limits for each of them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::scenario) plans: IndexMap<String, PlanFile>,
    /// Who may come, by name: each has a key, and a plan. Without any, anybody may.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(in crate::scenario) consumers: IndexMap<String, ConsumerFile>,
    /// The share of requests that it answers from its cache, without a callee: by chance, and the same
    /// requests in every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) cache: Option<Share>,
    /// For an external node: the program that is started, with its arguments. `{{listen}}`,
    /// `{{upstreams.NAME}}`, `{{dir}}` and `{{config}}` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) command: Option<CommandFile>,
    /// For an external node: a file that is written for the program; the same is filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) config: Option<ConfigFile>,
    /// For an external node that runs already: where, such as `http://127.0.0.1:8080`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) url: Option<String>,
    /// For an external node: when it is ready. Default: once it listens, within 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::scenario) ready: Option<ReadyFile>,
}

fn profiles(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Profile::ALL.iter().map(|p| p.name).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// The requests that wait for a worker; a bare number is `places`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct QueueFile(pub(in crate::scenario) QueueLong);

/// The requests that wait for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Queue")]
pub(in crate::scenario) struct QueueLong {
    /// How many of them there may be.
    pub(in crate::scenario) places: u32,
    /// Which of them is next.
    pub(in crate::scenario) order: Order,
    /// Controlled delay: who has waited too long is refused. A bare time is `target`.
    pub(in crate::scenario) codel: OrNone<CodelFile>,
}

impl Default for QueueLong {
    fn default() -> Self {
        Self { places: 1024, order: Order::Fifo, codel: OrNone(None) }
    }
}

/// Controlled delay; a bare time is `target`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct CodelFile(pub(in crate::scenario) CodelLong);

/// Refuses requests once every wait has been above `target` for `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Codel")]
pub(in crate::scenario) struct CodelLong {
    /// The wait that is aimed at.
    pub(in crate::scenario) target: DurationText,
    /// How long it may be above that.
    pub(in crate::scenario) interval: DurationText,
}

impl Default for CodelLong {
    fn default() -> Self {
        let ms = |ms| DurationText(std::time::Duration::from_millis(ms));
        Self { target: ms(5), interval: ms(100) }
    }
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

impl Short for QueueFile {
    type Long = QueueLong;
    const EXPECTED: &'static str = "a number of places, or `{ places: 128, order: lifo, codel: 5ms }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let places = text.parse().map_err(|_| format!("`{text}` is not a number of places"))?;
        Ok(Self(QueueLong { places, ..QueueLong::default() }))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: QueueLong) -> Self {
        Self(long)
    }
}

impl Short for CodelFile {
    type Long = CodelLong;
    const EXPECTED: &'static str = "`none`, a time, or `{ target: 5ms, interval: 100ms }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(CodelLong { target: text.parse()?, ..CodelLong::default() }))
    }

    fn from_long(long: CodelLong) -> Self {
        Self(long)
    }
}

short_forms!(ScriptFile, QueueFile, CodelFile);
around_long!(QueueFile, QueueLong, "QueueOrPlaces", |generator| {
    json_schema!({ "type": "integer", "minimum": 0 })
});
around_long!(CodelFile, CodelLong, "CodelOrTarget", |generator| generator.subschema_for::<DurationText>());

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
