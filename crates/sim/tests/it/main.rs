//! The engines, from outside.

#![expect(clippy::unwrap_used, reason = "clippy knows tests only by their attribute, not their helpers")]

mod both;
mod models;
mod outside;
mod peers;
mod support;
mod timing;
mod wire_config;
mod wire_crash;
mod wire_http2;
mod wire_network;
mod wire_overload;
