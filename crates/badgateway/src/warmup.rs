//! `warmup: auto`: how much of a run is warm-up is found by a run before it.

use std::sync::Arc;
use std::time::Duration;

use report::WarmUp;
use sim::{RunError, Stop};
use topology::Scenario;

use crate::beside;
use crate::exit::Failure;
use crate::session::Engine;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Calls that begin before this are left out.
    Warmup(Duration),
    /// Under this strategy there is none, or the run is too short to see it.
    TooShort(String),
}

impl Found {
    /// What is to be told of it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Warmup(warmup) if warmup.is_zero() => {
                "there is no warm-up to be left out (MSER-5)".to_owned()
            }
            Self::Warmup(warmup) => {
                format!("the first {:.1}s are left out as warm-up (MSER-5)", warmup.as_secs_f64())
            }
            Self::TooShort(strategy) => {
                let under = if strategy.is_empty() { String::new() } else { format!(" under `{strategy}`") };
                format!(
                    "nothing is left out as warm-up: the run{under} is too short for one to be found (MSER-5), or it tends to \
                     no steady state"
                )
            }
        }
    }
}

/// Whether this engine can run the scenario.
pub(crate) fn check(engine: Engine, scenario: &Scenario) -> Result<(), Failure> {
    if scenario.finds_warmup && engine == Engine::Live {
        return Err(Failure::wrong(
            "`warmup: auto` is for --engine virtual, which finds the warm-up by a run before the one that counts: write \
             how long it is, such as `warmup: 2s`",
        ));
    }
    Ok(())
}

/// Finds the warm-up of the same scenario under several strategies, if that is asked for, and sets it: the
/// longest, so that all leave out the same calls.
pub(crate) fn find(scenarios: &mut [Scenario], stop: &Stop, jobs: usize) -> Result<Option<Found>, Failure> {
    if !scenarios.iter().all(|scenario| scenario.finds_warmup) {
        return Ok(None);
    }
    let pilots = scenarios.iter().cloned().map(|scenario| Engine::Virtual.adapt(scenario).map(Arc::new));
    let pilots: Vec<_> = pilots.collect::<Result<_, _>>()?;
    let over = beside::each(pilots, jobs, |scenario| pilot(&scenario, stop));
    let mut warmup = Duration::ZERO;
    for (scenario, over) in scenarios.iter().zip(over) {
        match over.map_err(|error| Failure::failed(error.to_string()))? {
            Some(over) if over < scenario.duration => warmup = warmup.max(over),
            _ => return Ok(Some(Found::TooShort(scenario.strategy.clone()))),
        }
    }
    for scenario in scenarios {
        scenario.warmup = warmup;
    }
    Ok(Some(Found::Warmup(warmup)))
}

/// When the warm-up of a run is over.
fn pilot(scenario: &Arc<Scenario>, stop: &Stop) -> Result<Option<Duration>, RunError> {
    let (_, calls) = sim::des::run(scenario, stop, WarmUp::new(scenario.clone()), |_| {})?;
    Ok(calls.over().map(trace::Time::since_start))
}
