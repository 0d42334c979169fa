//! The live engine: every node a real axum server on its own loopback port.

mod clock;
mod driver;
mod entries;
mod exchange;
mod failure;
mod front;
mod gate;
mod headers;
mod host;
mod line;
mod load;
mod multiplex;
mod pool;
mod ports;
mod processors;
mod program;
mod ready;
mod records;
mod relay;
mod server;
mod shape;
mod sharing;
mod supervisor;
mod tap;
mod tls;
mod wire;
mod witness;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use host::{Hosted, Up, host};
use program::Programs;
use topology::Scenario;
use trace::Sink;

pub use crate::run::{Progress, RunError, Stop, Summary};

/// Runs a scenario to its end. Blocking; builds its own runtime.
///
/// `progress` is called a few times a second. The sink is given back at the end.
///
/// # Errors
/// If a socket or an external program cannot be had, or the sink fails.
pub fn run<S: Sink + Send + 'static>(
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    run_in(None, scenario, stop, sink, progress)
}

/// The same with a folder in which external programs have theirs.
///
/// # Errors
/// As [`run`].
pub fn run_in<S: Sink + Send + 'static>(
    folder: Option<&Path>,
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    // Whatever ends the run, this ends them.
    let programs = Programs::default();
    let runtime = runtime()?;
    let result =
        runtime.block_on(host::run(scenario.clone(), stop.clone(), sink, &programs, folder, progress));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

/// Starts a scenario's nodes for the user's own client, and keeps them up until `stop`, or for so long
/// from the first request. Blocking; builds its own runtime.
///
/// `ready` is told where to call. The rest is as for [`run_in`].
///
/// # Errors
/// As [`run`].
pub fn up<S: Sink + Send + 'static>(
    up: &Up<'_>,
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    ready: impl FnOnce(&Hosted),
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    let programs = Programs::default();
    let runtime = runtime()?;
    let result =
        runtime.block_on(host::up(up, scenario.clone(), stop.clone(), sink, &programs, ready, progress));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(RunError::io("cannot start the runtime"))
}
