//! Starts a scenario's nodes for a load generator outside: prints `entry http://...` when they are
//! up, and records every hop until standard input closes.

use std::io::{Read, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use report::Recorder;
use sim::live::{Stop, host};
use topology::Scenario;
use trace::RunDir;

fn main() -> anyhow::Result<()> {
    let mut scenario = None;
    let mut record = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next();
        match argument.as_str() {
            "--scenario" => scenario = value,
            "--record" => record = value,
            other => bail!("`{other}` is not an option: --scenario FILE [--record DIR]"),
        }
    }
    let file = scenario.context("which scenario? --scenario FILE")?;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let scenario = Arc::new(Scenario::parse(&text, &file)?);
    let recorder = match record {
        Some(path) => Recorder::with_folder(scenario.clone(), &RunDir::create(path)?)?,
        None => Recorder::new(scenario.clone()),
    };
    let stop = Stop::new();
    let told = stop.clone();
    std::thread::spawn(move || {
        // Whatever ends it, an end or an error, ends the host.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        told.now();
    });
    host(&scenario, &stop, recorder, |hosted| {
        for (_, address) in hosted.entries() {
            // The reader has gone: then it will not call either.
            let _ = writeln!(std::io::stdout(), "entry http://{address}/");
        }
    })?;
    Ok(())
}
