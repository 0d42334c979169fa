//! Runs a scenario in virtual time and prints one line of JSON: how many calls that were, what they
//! took on average in virtual time, how long the run took, and the most memory it had.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use report::Recorder;
use sim::{Stop, des};
use topology::Scenario;
use trace::{Record, RunDir, Sink, Time};

/// Counts calls, and gives all records on, if anybody wants them.
#[derive(Debug)]
struct Counting<S> {
    calls: u64,
    latency: Duration,
    inner: Option<S>,
}

impl<S: Sink> Sink for Counting<S> {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        if let Record::Call(end) = &record {
            self.calls += 1;
            self.latency += end.latency();
        }
        match &mut self.inner {
            Some(inner) => inner.record(record),
            None => Ok(()),
        }
    }

    fn tick(&mut self, now: Time) -> std::io::Result<()> {
        self.inner.as_mut().map_or(Ok(()), |inner| inner.tick(now))
    }
}

fn main() -> anyhow::Result<()> {
    let (mut file, mut sink, mut seconds) = (None, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match argument.as_str() {
            "--scenario" => file = value,
            "--sink" => sink = value,
            "--seconds" => seconds = value.map(|text| text.parse()).transpose()?,
            other => bail!("`{other}` is not an option: --scenario FILE [--sink SINK] [--seconds N]"),
        }
    }
    let file = file.context("which scenario? --scenario FILE")?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let mut scenario = Scenario::parse(&text, &file)?;
    if let Some(seconds) = seconds {
        scenario.duration = Duration::from_secs(seconds);
        scenario.loads.iter_mut().for_each(|load| load.stop = scenario.duration);
    }
    let scenario = Arc::new(scenario);
    let scratch = tempfile::tempdir()?;
    let inner = match sink.as_deref().unwrap_or("dropped") {
        "dropped" => None,
        "counted" => Some(Recorder::new(scenario.clone())),
        "written" => {
            let dir = RunDir::create(scratch.path().join("run"))?;
            Some(Recorder::with_folder(scenario.clone(), &dir)?)
        }
        other => bail!("`{other}` is no sink: dropped, counted or written"),
    };

    let begin = Instant::now();
    let counting = Counting { calls: 0, latency: Duration::ZERO, inner };
    let (summary, Counting { calls, latency, inner }) = des::run(&scenario, &Stop::new(), counting, |_| {})?;
    if let Some(recorder) = inner {
        let matched: Vec<_> = summary.fault_counts.iter().map(|c| c.matched).collect();
        recorder.finish(&matched)?;
    }
    let seconds = begin.elapsed().as_secs_f64();

    let mean_ms = latency.as_secs_f64() * 1e3 / calls as f64;
    let memory_kib = memory_kib().unwrap_or(0);
    writeln!(
        std::io::stdout(),
        "{{\"calls\": {calls}, \"seconds\": {seconds:.4}, \"mean_ms\": {mean_ms:.4}, \"memory_kib\": {memory_kib}}}"
    )?;
    Ok(())
}

/// The most memory that this process has had resident, where the system tells.
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}
