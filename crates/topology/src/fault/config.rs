//! Configuration: a node is set up wrongly.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Lowering, Site};
use crate::edge::Protocol;
use crate::units::{DurationText, Size};
use crate::wire::{Dial, Refusal};

/// The mechanisms of configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Config {
    /// The caller dials another port of the callee's host, where nobody listens.
    WrongPort {},
    /// The caller dials another host, where nobody listens.
    WrongHost {},
    /// The caller speaks TLS to the callee, which expects plain HTTP.
    TlsMismatch {},
    /// The callee's certificate is self-signed: the caller does not trust it.
    BadCertificate {},
    /// The node has no route for the request: it answers 404 by itself.
    MissingRoute {},
    /// The caller asks for a path that the callee does not serve.
    WrongPath {},
    /// The caller's credentials are not those that the callee accepts.
    BadCredentials {},
    /// The caller waits shorter than the callee usually takes.
    TimeoutTooShort {
        /// How long it waits.
        #[serde(default = "default_timeout")]
        timeout: DurationText,
    },
    /// The callee's idle time-out is below the caller's: a reused connection that has been idle
    /// for at least `idle` closes as the next request arrives. A fresh connection is not hit.
    KeepaliveRace {
        /// The callee's idle time-out.
        #[serde(default)]
        idle: DurationText,
    },
    /// The callee ends its HTTP/2 connection as the request arrives (its connections may grow only so
    /// old, or carry only so many requests; a rolling restart): GOAWAY, whose last stream is the one
    /// before. The request was not processed; those before it are answered.
    Goaway {},
    /// The node accepts only so large a request head.
    HeaderLimit {
        /// How large.
        #[serde(default = "default_header_limit")]
        limit: Size,
    },
    /// The node accepts only so large a request body.
    BodyLimit {
        /// How large.
        #[serde(default)]
        limit: Size,
    },
    /// A model server takes only so many tokens, prompt and completion together.
    ContextTooLong {
        /// How many.
        #[serde(default = "default_context")]
        limit: u32,
    },
    /// The node sends the request back to itself (or to `to`, a node before it).
    RoutingLoop {
        /// Where it sends the request; the node itself if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
}

fn default_timeout() -> DurationText {
    DurationText(Duration::from_millis(1))
}

fn default_header_limit() -> Size {
    Size(64)
}

fn default_context() -> u32 {
    16
}

impl Config {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::WrongPort {} => "wrong_port",
            Self::WrongHost {} => "wrong_host",
            Self::TlsMismatch {} => "tls_mismatch",
            Self::BadCertificate {} => "bad_certificate",
            Self::MissingRoute {} => "missing_route",
            Self::WrongPath {} => "wrong_path",
            Self::BadCredentials {} => "bad_credentials",
            Self::TimeoutTooShort { .. } => "timeout_too_short",
            Self::KeepaliveRace { .. } => "keepalive_race",
            Self::Goaway {} => "goaway",
            Self::HeaderLimit { .. } => "header_limit",
            Self::BodyLimit { .. } => "body_limit",
            Self::ContextTooLong { .. } => "context_too_long",
            Self::RoutingLoop { .. } => "routing_loop",
        }
    }

    /// Whether it is how the caller itself is set up.
    pub(super) fn is_of_caller(&self) -> bool {
        match self {
            Self::WrongPort {}
            | Self::WrongHost {}
            | Self::TlsMismatch {}
            | Self::BadCertificate {}
            | Self::WrongPath {}
            | Self::BadCredentials {}
            | Self::TimeoutTooShort { .. } => true,
            Self::MissingRoute {}
            | Self::KeepaliveRace { .. }
            | Self::Goaway {}
            | Self::HeaderLimit { .. }
            | Self::BodyLimit { .. }
            | Self::ContextTooLong { .. }
            | Self::RoutingLoop { .. } => false,
        }
    }

    pub(super) fn site(&self) -> Site {
        match self {
            Self::MissingRoute {}
            | Self::HeaderLimit { .. }
            | Self::BodyLimit { .. }
            | Self::ContextTooLong { .. }
            | Self::RoutingLoop { .. } => Site::Node,
            _ => Site::Edge,
        }
    }

    /// The only protocol that it is of, if it is of one.
    pub(super) fn only_over(&self) -> Option<Protocol> {
        match self {
            Self::KeepaliveRace { .. } => Some(Protocol::Http1),
            Self::Goaway {} => Some(Protocol::H2),
            _ => None,
        }
    }

    #[expect(clippy::unused_self, reason = "every cause answers the same questions")]
    pub(super) fn effect(&self) -> Effect {
        Effect::Abort
    }

    pub(super) fn lower(&self, to: &mut Lowering<'_>) {
        let outbound = &mut to.disturbance.outbound;
        let process = &mut to.disturbance.process;
        match self {
            Self::WrongPort {} => outbound.dial = Dial::WrongPort,
            Self::WrongHost {} => outbound.dial = Dial::WrongHost,
            Self::TlsMismatch {} => outbound.dial = Dial::TlsToPlain,
            Self::BadCertificate {} => outbound.dial = Dial::BadCertificate,
            Self::MissingRoute {} => process.refuse = Some(Refusal::NoRoute),
            Self::WrongPath {} => outbound.wrong_path = true,
            Self::BadCredentials {} => outbound.bad_credentials = true,
            Self::TimeoutTooShort { timeout } => outbound.timeout = Some(timeout.0),
            Self::KeepaliveRace { idle } => to.disturbance.link.idle_race = Some(idle.0),
            Self::Goaway {} => to.disturbance.link.goaway = true,
            Self::HeaderLimit { limit } => process.header_limit = Some(limit.0),
            Self::BodyLimit { limit } => process.body_limit = Some(limit.0),
            Self::ContextTooLong { limit } => process.context_limit = Some(*limit),
            Self::RoutingLoop { .. } => process.reroute = to.loop_edge,
        }
    }
}
