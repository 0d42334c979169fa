//! The live engine, from outside.

mod peer_nginx;
mod support;
mod timing;
mod wire_config;
mod wire_crash;
mod wire_network;
mod wire_overload;
