//! One point of a sweep.

use std::sync::Arc;

use report::sweep::{Grid, SweepManifest};
use report::{Recorder, Sample, SampleRow};
use sim::Stop;
use topology::Scenario;

use crate::count_line::CountLine;
use crate::exit::Failure;
use crate::output::Output;
use crate::scenario::{self, Source};
use crate::session::{Engine, name_of};
use crate::warmup::{self, Found};

/// All that it takes to run any point.
pub(super) struct Points<'a> {
    pub(super) source: Source,
    pub(super) grid: Grid,
    pub(super) manifest: SweepManifest,
    /// How many strategies the scenario has as it is.
    pub(super) strategies: usize,
    pub(super) engine: Engine,
    pub(super) output: &'a Output,
}

impl Points<'_> {
    /// Whether a point can be run.
    pub(super) fn check(&self, point: u64) -> Result<(), Failure> {
        self.scenarios(point).map(drop)
    }

    /// The scenario at a point, under each strategy.
    fn scenarios(&self, point: u64) -> Result<Vec<Scenario>, Failure> {
        let scenario = self.source.scenario(&self.grid.settings(point), self.output)?;
        scenario::last_seed(&scenario, self.manifest.seeds)?;
        warmup::check(self.engine, &scenario)?;
        scenario::under_each(&self.engine.adapt(scenario)?, &self.manifest.strategies)
    }

    /// Runs a point: a row for each strategy, or none if it was interrupted.
    pub(super) fn run(
        &self,
        point: u64,
        stop: &Stop,
        progress: &Arc<CountLine>,
    ) -> Result<Option<Vec<SampleRow>>, Failure> {
        let mut strategies = self.scenarios(point)?;
        if let Some(found @ Found::TooShort(_)) = warmup::find(&mut strategies, stop, 1)? {
            self.output.hint(&format!("{}: {}", self.settings(point), found.text()));
        }
        let mut samples = vec![Sample::default(); strategies.len()];
        for round in 0..self.manifest.seeds {
            for (under, sample) in strategies.iter().zip(&mut samples) {
                let scenario = Arc::new(Scenario { seed: under.seed + round, ..under.clone() });
                let recorder = Recorder::new(scenario.clone());
                let ticked = progress.clone();
                let (summary, recorder) =
                    self.engine.run(&scenario, stop, recorder, None, move |_| ticked.tick())?;
                if stop.is_set() {
                    return Ok(None);
                }
                if let Some(limit) = &summary.limited_by_machine {
                    self.output.hint(&self.limited(point, &scenario, limit));
                }
                let matched: Vec<u64> = summary.fault_counts.iter().map(|counts| counts.matched).collect();
                for row in recorder.finish(&matched)?.strategies {
                    sample.add(row.of_seed(scenario.seed));
                }
                progress.tick();
            }
            if self.is_enough(&samples) {
                break;
            }
        }
        Ok(Some(samples.iter().map(Sample::row).collect()))
    }

    /// At which point this machine was the limit, and not the scenario.
    fn limited(&self, point: u64, scenario: &Scenario, limit: &str) -> String {
        let settings = self.settings(point);
        format!("{settings}, under {}, seed {}: {limit}", name_of(&scenario.strategy), scenario.seed)
    }

    /// A point, in words.
    fn settings(&self, point: u64) -> String {
        let settings = self.grid.settings(point).into_iter().map(|(path, value)| format!("{path}={value}"));
        settings.collect::<Vec<_>>().join(", ")
    }

    /// Whether the precision that was asked for is reached. All strategies have the same seeds.
    fn is_enough(&self, samples: &[Sample]) -> bool {
        self.manifest
            .precision
            .is_some_and(|precision| samples.iter().all(|sample| sample.is_known(precision.get())))
    }
}
