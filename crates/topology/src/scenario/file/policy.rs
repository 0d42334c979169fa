//! The shapes of an edge, of its policy, and of a strategy that overrides it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::breaker::BreakerFile;
use super::limits::{HedgeFile, LimitFile, ThrottleFile};
use super::retry::{RetryFile, WhenItem};
use super::short::{OrNone, seconds};
use crate::edge::Protocol;
use crate::node::Balance;
use crate::units::DurationText;

/// One entry of the edges: `a -> b`, or `a -> b: { ... }`; a chain `a -> b -> c` is two edges.
#[derive(Debug, Clone)]
pub(in crate::scenario) struct EdgeFile {
    /// As written.
    pub(in crate::scenario) chain: String,
    pub(in crate::scenario) options: EdgeOptions,
}

/// Declares a shape that has the keys of a policy, before its own. (Not `serde(flatten)`: it loses
/// where a value stands.)
macro_rules! with_policy {
    ($(#[$meta:meta])* $name:ident { $($(#[$own_meta:meta])* $own:ident: $type:ty,)* }) => {
        #[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        $(#[$meta])*
        pub(in crate::scenario) struct $name {
            /// A preset's name; the other keys override what it says.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) preset: Option<String>,
            /// How long one attempt may take, from its start to the end of the response's body.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) timeout: Option<OrNone<DurationText>>,
            /// How long the callee may take for the response's head, and then be silent between two pieces of
            /// its body.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) read_timeout: Option<OrNone<DurationText>>,
            /// How long a connection may take to be made.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) connect_timeout: Option<DurationText>,
            /// How long all attempts of one call together may take, waits between them included.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) deadline: Option<OrNone<DurationText>>,
            /// The callee is told how much time is left, and answers no later.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) propagate_deadline: Option<bool>,
            /// What is tried again, when, and how often.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) retry: Option<RetryFile>,
            /// When a second copy is sent although the first is not lost yet: `100ms`, or `p95` of the
            /// latest answers.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) hedge: Option<OrNone<HedgeFile>>,
            /// When a callee that fails is left alone: after `5` failures in a row, or by their share.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) breaker: Option<OrNone<BreakerFile>>,
            /// Adaptive throttling: how many times as many requests as are accepted are sent.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) throttle: Option<OrNone<ThrottleFile>>,
            /// How many attempts may be in flight at once: a number, `aimd` or `gradient`.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) concurrency: Option<OrNone<LimitFile>>,
            /// Who is asked once all of that has failed: a node that the caller has an edge to.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) fallback: Option<OrNone<String>>,
            /// The connections that are kept.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub(in crate::scenario) pool: Option<PoolFile>,
            $($(#[$own_meta])* pub(in crate::scenario) $own: $type,)*
        }
    };
}

with_policy! {
    /// What the clients' edges do instead of their own policy; `{}` is one attempt and nothing else.
    /// Time-outs and the pool that are not given stay as the edge has them.
    #[schemars(rename = "Strategy")]
    StrategyFile {}
}

with_policy! {
    /// What a caller does about one callee. Defaults: those of the caller's profile; else `timeout: 30s`,
    /// `connect_timeout: 5s`, one attempt, and nothing else.
    #[schemars(rename = "EdgeOptions")]
    EdgeOptions {
        /// For a caller with `calls: weighted`: this callee's weight. Default: 1.
        weight: Weight,
        /// How one of the callee's replicas is chosen. Default: in turn.
        balance: Balance,
        /// A failure of this call does not fail the caller's own answer.
        optional: bool,
        /// The failures of this call that fail the caller's own answer, in the words of a retry's `when`;
        /// all others are passed over, as API Connect's `stop-on-error` has it. Default: all, or with
        /// `optional` none.
        #[serde(skip_serializing_if = "Option::is_none")]
        stop_on: Option<Vec<WhenItem>>,
        /// The path that the callee is asked for. Default: /.
        path: RequestPath,
        /// What is spoken: `http/1.1` or `h2` (HTTP/2 by prior knowledge). Default: http/1.1.
        protocol: Protocol,
        /// The key that the caller presents. `none`: it passes on its own caller's.
        key: OrNone<String>,
        /// The models that are asked for over it: names, or beginnings such as `gpt-*`. None: all. A request
        /// for a model that no edge serves is refused: 404, or what the profile says.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        models: Vec<String>,
    }
}

impl EdgeOptions {
    /// Its policy alone.
    pub(in crate::scenario) fn policy(&self) -> StrategyFile {
        StrategyFile {
            preset: self.preset.clone(),
            timeout: self.timeout,
            read_timeout: self.read_timeout,
            connect_timeout: self.connect_timeout,
            deadline: self.deadline,
            propagate_deadline: self.propagate_deadline,
            retry: self.retry.clone(),
            hedge: self.hedge,
            breaker: self.breaker.clone(),
            throttle: self.throttle,
            concurrency: self.concurrency,
            fallback: self.fallback.clone(),
            pool: self.pool.clone(),
        }
    }

    /// Has this policy instead.
    pub(in crate::scenario) fn set_policy(&mut self, policy: StrategyFile) {
        self.preset = policy.preset;
        self.timeout = policy.timeout;
        self.read_timeout = policy.read_timeout;
        self.connect_timeout = policy.connect_timeout;
        self.deadline = policy.deadline;
        self.propagate_deadline = policy.propagate_deadline;
        self.retry = policy.retry;
        self.hedge = policy.hedge;
        self.breaker = policy.breaker;
        self.throttle = policy.throttle;
        self.concurrency = policy.concurrency;
        self.fallback = policy.fallback;
        self.pool = policy.pool;
    }
}

/// A weight; 1 if it is not given.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(in crate::scenario) struct Weight(pub(in crate::scenario) u32);

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

/// The path of a request; `/` if it is not given.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(in crate::scenario) struct RequestPath(pub(in crate::scenario) String);

impl Default for RequestPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

/// Keep-alive connections towards one callee.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Pool")]
pub(in crate::scenario) struct PoolFile {
    /// How many connections may be open at once.
    pub(in crate::scenario) max_connections: OrNone<u32>,
    /// Over HTTP/2: how many requests a connection carries at once; one more needs another connection.
    /// (100 is what RFC 9113 wants at least.)
    pub(in crate::scenario) max_concurrent_streams: u32,
    /// A connection that has been idle for so long is not used again.
    pub(in crate::scenario) idle_timeout: DurationText,
    /// Off: each attempt has a connection of its own.
    pub(in crate::scenario) reuse: bool,
    /// An idempotent request whose used connection was closed before a byte of an answer came is sent
    /// again at once; that is no retry.
    pub(in crate::scenario) resend: bool,
}

impl Default for PoolFile {
    fn default() -> Self {
        Self {
            max_connections: OrNone(None),
            max_concurrent_streams: 100,
            idle_timeout: seconds(60),
            reuse: true,
            resend: false,
        }
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
