//! Who drives time and sockets: the live engine, on tokio, axum and hyper; and the virtual one, on a
//! queue of events.
//!
//! An engine carries out what the `node` crate decides and decides nothing itself. It never sees a
//! fault, only the wire vocabulary of `topology::wire` that a fault lowers to.

pub mod des;
pub mod live;
mod llm;
mod load;
mod message;
mod pieces;
mod run;
mod shape;

pub use run::{Progress, RunError, Stop, Summary};
