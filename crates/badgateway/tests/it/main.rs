//! End to end.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows tests only by their attribute, not their helpers"
)]

mod access_log;
mod agree;
mod compare;
mod diagnose;
mod diff;
mod drawn;
mod external;
mod formats;
mod inputs;
mod interrupts;
mod lints;
mod metastable;
mod metrics;
#[path = "../../../topology/tests/it/misfit.rs"]
mod misfit;
mod models;
mod page;
mod parquet;
mod placed;
mod prometheus;
mod pty;
mod readme;
mod real_clients;
mod records;
mod roles;
mod runs;
mod sdks;
mod seeds;
mod strategies;
mod support;
mod sweep;
mod terminal;
mod traces;
mod up;
mod view;
mod virtual_time;
mod warmup;
