//! The live engine: every node a real axum server on its own loopback port.

mod clock;
mod driver;
mod exchange;
mod headers;
mod host;
mod load;
mod pool;
mod ports;
mod records;
mod relay;
mod server;
mod shape;
mod supervisor;
mod wire;
mod world;

use std::sync::Arc;
use std::time::Duration;

pub use host::{Hosted, host};
use topology::Scenario;
use trace::Sink;

pub use crate::run::{Progress, RunError, Stop, Summary};

/// Runs a scenario to its end. Blocking; builds its own runtime.
///
/// `progress` is called a few times a second. The sink is given back at the end.
///
/// # Errors
/// If a socket cannot be had, or the sink fails.
pub fn run<S: Sink + Send + 'static>(
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    let runtime = runtime()?;
    let result = runtime.block_on(host::run(scenario.clone(), stop.clone(), sink, progress));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}

fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(RunError::io("cannot start the runtime"))
}
