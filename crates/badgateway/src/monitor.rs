//! Who is told of runs while they go on: receivers of traces.

mod otlp;

use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use report::Recorder;
use topology::Scenario;
use trace::RunKey;

use crate::exit::Failure;
use crate::output::Output;
use crate::session::Engine;
use otlp::{Exporter, To};

/// Who is told.
#[derive(Debug, Default, Args)]
pub(crate) struct MonitorArgs {
    /// Sends every hop as spans to the OpenTelemetry receiver there, such as `http://localhost:4318`; or
    /// writes them to a file, in lines of OTLP's JSON.
    #[arg(long, value_name = "URL|FILE")]
    otlp: Option<To>,
}

/// The receivers of a session's runs.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    engine: Engine,
    otlp: Option<Exporter>,
}

impl Monitor {
    /// One of runs of which nobody is told.
    pub(crate) fn silent(engine: Engine) -> Self {
        Self { engine, ..Self::default() }
    }

    /// Gets ready for runs by this engine.
    pub(crate) fn begin(args: &MonitorArgs, engine: Engine) -> Result<Self, Failure> {
        let otlp = args.otlp.as_ref().map(|to| Exporter::begin(to, engine)).transpose()?;
        Ok(Self { engine, otlp })
    }

    /// Has a run told of, whose clients are the scenario's or the user's own.
    pub(crate) fn observe(
        &self,
        scenario: &Arc<Scenario>,
        own_clients: bool,
        recorder: Recorder,
    ) -> Recorder {
        let run = match self.engine {
            Engine::Live => RunKey::drawn(unix_now()),
            // A seed repeats a virtual run to the byte.
            Engine::Virtual => RunKey::of(&scenario.strategy, scenario.seed),
        };
        let traces = self.otlp.iter().map(|otlp| otlp.observer(scenario, run, own_clients));
        recorder.observed(run, traces.collect())
    }

    /// Waits a little for what is under way, and says what has come of it.
    pub(crate) fn end(self, output: &Output) -> Result<(), Failure> {
        match self.otlp {
            Some(otlp) => otlp.end(output),
            None => Ok(()),
        }
    }
}

/// Nanoseconds since 1970.
fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
