//! Whether two engines have made the same of one scenario under one seed.

mod injections;
mod lines;
mod side;

use std::time::Duration;

use serde::Serialize;
use topology::Scenario;
use trace::RunDir;

use crate::ReadError;
pub(crate) use injections::{Basis, Injection};
pub(crate) use lines::{Line, Unit};
use side::Side;

/// Two engines side by side: the live one, which is the truth, and the virtual one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    scenario: String,
    seed: u64,
    strategy: String,
    /// The worst of all lines.
    verdict: Judgement,
    /// The same in a sentence.
    sentence: String,
    pub(crate) figures: Vec<Line>,
    pub(crate) faults: Vec<Injection>,
    machine: Machine,
}

/// What a line, or all of them, come to; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Within the tolerance.
    Agrees,
    /// Beyond it, and the machine that the live engine ran on may be why.
    Undecided,
    /// Beyond it.
    Differs,
}

impl Judgement {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Undecided => "undecided",
            Self::Differs => "differs",
        }
    }
}

/// How the machine did that the live engine ran on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Machine {
    /// Why it was the limit rather than the scenario, if it was.
    pub limit: Option<String>,
    /// How late it began calls, the 99th percentile.
    #[serde(rename = "late_p99_ms", serialize_with = "as_ms")]
    pub lateness: Duration,
}

fn as_ms<S: serde::Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(crate::statistics::ms(*duration))
}

impl Agreement {
    /// Compares what a run of the scenario has left by each engine.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(
        scenario: &Scenario,
        live: &RunDir,
        virtual_time: &RunDir,
        machine: Machine,
    ) -> Result<Self, ReadError> {
        let (live, virtual_time) = (Side::read(scenario, live)?, Side::read(scenario, virtual_time)?);
        Ok(Self::of(scenario, &live, &virtual_time, machine))
    }

    fn of(scenario: &Scenario, live: &Side, virtual_time: &Side, machine: Machine) -> Self {
        let figures = lines::lines(live, virtual_time, &machine);
        let faults = injections::injections(scenario, live, virtual_time, &machine);
        let all = figures.iter().map(|line| line.verdict).chain(faults.iter().map(|fault| fault.verdict));
        let mut agreement = Self {
            scenario: scenario.name.clone(),
            seed: scenario.seed,
            strategy: scenario.strategy.clone(),
            verdict: all.max().unwrap_or(Judgement::Agrees),
            sentence: String::new(),
            figures,
            faults,
            machine,
        };
        agreement.sentence = agreement.conclude();
        agreement
    }

    /// What all lines come to.
    pub fn verdict(&self) -> Judgement {
        self.verdict
    }

    /// The same in a sentence.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    fn conclude(&self) -> String {
        let count = self.figures.len() + self.faults.len();
        let beyond = |verdict: Judgement| -> Vec<&str> {
            let figures = self.figures.iter().filter(|line| line.verdict == verdict).map(|line| &*line.what);
            let faults =
                self.faults.iter().filter(|fault| fault.verdict == verdict).map(|fault| &*fault.fault);
            figures.chain(faults).collect()
        };
        let listed = |names: &[&str]| format!("{} of {count} lines ({})", names.len(), names.join(", "));
        match self.verdict {
            Judgement::Agrees => format!("the engines agree in all {count} lines"),
            Judgement::Undecided => {
                let why = self.machine.limit.clone().unwrap_or_else(|| {
                    let late = crate::render::millis(crate::statistics::ms(self.machine.lateness));
                    format!("it began calls {late} late at p99")
                });
                format!(
                    "undecided: the engines differ in {}, and the live one may have met this machine's limit rather \
                     than the scenario's: {why}",
                    listed(&beyond(Judgement::Undecided))
                )
            }
            Judgement::Differs => format!("the engines differ in {}", listed(&beyond(Judgement::Differs))),
        }
    }
}

#[cfg(test)]
mod tests;
