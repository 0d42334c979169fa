//! Who is told of runs while they go on: receivers of traces, and who asks for metrics.

mod endpoint;
mod otlp;

use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use report::Recorder;
use report::metrics::Metrics;
use topology::Scenario;
use trace::RunKey;

use crate::exit::Failure;
use crate::output::Output;
use crate::session::Engine;
use endpoint::{Endpoint, Listen};
use otlp::{Exporter, To};

/// Who is told.
#[derive(Debug, Default, Args)]
pub(crate) struct MonitorArgs {
    /// Sends every hop as spans to the OpenTelemetry receiver there, such as `http://localhost:4318`; or
    /// writes them to a file, in lines of OTLP's JSON.
    #[arg(long, value_name = "URL|FILE")]
    otlp: Option<To>,
    /// Serves metrics for Prometheus at `/metrics`: at a free port of this machine's own, or at ADDRESS, such
    /// as `9464` or `0.0.0.0:9464`. `up` does by itself.
    #[expect(clippy::option_option, reason = "clap's own shape of a flag that may have a value")]
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true)]
    metrics: Option<Option<Listen>>,
}

/// The receivers of a session's runs.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    engine: Engine,
    otlp: Option<Exporter>,
    metrics: Option<(Arc<Metrics>, Endpoint)>,
}

impl Monitor {
    /// One of runs of which nobody is told.
    pub(crate) fn silent(engine: Engine) -> Self {
        Self { engine, ..Self::default() }
    }

    /// Gets ready for runs by this engine.
    pub(crate) fn begin(args: &MonitorArgs, engine: Engine) -> Result<Self, Failure> {
        if args.metrics.is_some() && engine == Engine::Virtual {
            return Err(Failure::wrong(
                "a virtual run is over before anyone could ask for its metrics: take `--metrics` out, or \
                 `--engine virtual`",
            ));
        }
        let otlp = args.otlp.as_ref().map(|to| Exporter::begin(to, engine)).transpose()?;
        let mut monitor = Self { engine, otlp, metrics: None };
        if let Some(listen) = args.metrics {
            monitor.serve(listen.unwrap_or_default())?;
        }
        Ok(monitor)
    }

    fn serve(&mut self, listen: Listen) -> Result<(), Failure> {
        let metrics = Arc::new(Metrics::default());
        let endpoint = Endpoint::open(listen, metrics.clone())?;
        self.metrics = Some((metrics, endpoint));
        Ok(())
    }

    /// Serves metrics in any case.
    pub(crate) fn serve_anyhow(&mut self) -> Result<(), Failure> {
        if self.metrics.is_some() { Ok(()) } else { self.serve(Listen::default()) }
    }

    /// Where metrics are served, if they are.
    pub(crate) fn metrics_url(&self) -> Option<String> {
        self.metrics.as_ref().map(|(_, endpoint)| endpoint.url())
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
        let metrics = self.metrics.iter().map(|(metrics, _)| metrics.observer(scenario));
        recorder.observed(run, traces.chain(metrics).collect())
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
