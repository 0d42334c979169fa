//! The engines, from outside.

#![expect(clippy::unwrap_used, reason = "clippy knows tests only by their attribute, not their helpers")]

mod both;
mod outside;
mod peer_nginx;
mod support;
mod timing;
mod wire_config;
mod wire_crash;
mod wire_network;
mod wire_overload;
