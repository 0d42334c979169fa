//! What a run has shown, as plain data for whoever prints it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use trace::manifest::{Aftermath, Manifest, Score, ThresholdVerdict};
use trace::overview::{Overview, StrategyOverview};
use trace::rows::{FaultRow, LayerRow, OriginRow, SeedRow, StrategyRow};
use trace::{RunDir, RunDirError};

use crate::comparison::{Conclusion, conclude};
use crate::sample::{Sample, SampleRow};

/// What the calls of a run add up to, those of the warm-up and of surges left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// Where failures were born, those that hurt most first.
    pub origins: Vec<OriginRow>,
    /// What each node made of its requests.
    pub layers: Vec<LayerRow>,
    /// What became of each fault.
    pub faults: Vec<FaultRow>,
    /// Each strategy's figures; a plain run has one.
    pub strategies: Vec<StrategyRow>,
    /// The thresholds, each with its verdict.
    pub thresholds: Vec<ThresholdVerdict>,
    /// How often the blind verdicts were right.
    pub score: Score,
    /// External programs that were the limit, each in a sentence.
    pub limits: Vec<String>,
    /// Faults that matched nothing.
    pub unmatched: Vec<String>,
    /// How many seeds they are over.
    pub seeds: u64,
    /// What each strategy has shown under each of them.
    pub by_seed: Vec<SeedRow>,
    /// What came after each strategy's trigger, if that was over before the load.
    pub aftermaths: Vec<Aftermath>,
    /// The shape of each strategy's calls, if a page is to be drawn.
    pub overview: Vec<StrategyOverview>,
}

impl Figures {
    /// The figures of several strategies, each with its own, as one.
    pub(crate) fn join(each: Vec<Self>) -> Self {
        let mut each = each.into_iter();
        let mut joined = each.next().unwrap_or_default();
        for figures in each {
            joined.origins.extend(figures.origins);
            joined.layers.extend(figures.layers);
            joined.faults.extend(figures.faults);
            joined.strategies.extend(figures.strategies);
            joined.by_seed.extend(figures.by_seed);
            joined.aftermaths.extend(figures.aftermaths);
            joined.thresholds.extend(figures.thresholds);
            joined.score.add(figures.score);
            joined.limits.extend(figures.limits);
            joined.overview.extend(figures.overview);
            joined.unmatched.retain(|fault| figures.unmatched.contains(fault));
        }
        joined
    }
}

/// A run and its figures: all that tables are made of.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// The run.
    pub run: Manifest,
    /// Where failures were born, those that hurt most first.
    pub origins: Vec<OriginRow>,
    /// What each node made of its requests.
    pub layers: Vec<LayerRow>,
    /// What became of each fault.
    pub faults: Vec<FaultRow>,
    /// Each strategy's figures.
    pub strategies: Vec<StrategyRow>,
    /// What each strategy has shown under each seed.
    pub by_seed: Vec<SeedRow>,
    /// The means over the seeds, with their intervals; empty if there is one seed.
    pub means: Vec<SampleRow>,
    /// What follows, if there are several strategies.
    pub conclusion: Option<Conclusion>,
    /// The shape of the calls; none in a folder from before format 1.2.
    #[serde(skip)]
    pub overview: Option<Overview>,
}

impl Report {
    /// A run and its figures; thresholds, score, seeds and unmatched faults go into the manifest.
    pub fn new(run: Manifest, figures: Figures) -> Self {
        let Figures {
            origins,
            layers,
            faults,
            strategies,
            thresholds,
            score,
            limits,
            unmatched,
            seeds,
            by_seed,
            aftermaths,
            overview,
        } = figures;
        let mut run = run;
        run.warnings.extend(limits);
        let run = Manifest { thresholds, score, unmatched, seeds, aftermaths, ..run };
        let conclusion = conclude(&strategies, &deepest(&run));
        let means = means(&strategies, &by_seed);
        let overview = Some(Overview { strategies: overview });
        Self { run, origins, layers, faults, strategies, by_seed, means, conclusion, overview }
    }

    /// Writes the tables and the manifest into the run's folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, dir: &RunDir) -> Result<(), RunDirError> {
        dir.write_rows(&self.origins)?;
        dir.write_rows(&self.layers)?;
        dir.write_rows(&self.faults)?;
        dir.write_rows(&self.strategies)?;
        dir.write_rows(&self.by_seed)?;
        if let Some(overview) = &self.overview {
            dir.write_overview(overview)?;
        }
        dir.write_manifest(&self.run)
    }

    /// Reads it back from a run's folder.
    ///
    /// # Errors
    /// If a file cannot be read, or the run has not come to its end.
    pub fn read(dir: &RunDir) -> Result<Self, ReadError> {
        let run = dir.read_manifest()?;
        if !run.finished {
            return Err(ReadError::Unfinished(dir.path().display().to_string()));
        }
        let strategies: Vec<StrategyRow> = dir.read_rows()?;
        // Before format 1.2 there is none.
        let by_seed = if dir.has::<SeedRow>() { dir.read_rows()? } else { Vec::new() };
        Ok(Self {
            origins: dir.read_rows()?,
            layers: dir.read_rows()?,
            faults: dir.read_rows()?,
            conclusion: conclude(&strategies, &deepest(&run)),
            means: means(&strategies, &by_seed),
            strategies,
            overview: dir.read_overview()?,
            by_seed,
            run,
        })
    }

    /// The same with the success rates of several seeds as these show them: their mean, with the interval
    /// between them. That of all calls is too narrow, for calls near each other have much in common.
    pub(crate) fn between_seeds(&self) -> Self {
        let mut report = self.clone();
        for row in &mut report.strategies {
            if let Some(mean) = self.means.iter().find(|mean| *mean.strategy == *row.strategy) {
                row.success_rate = mean.success_rate;
                row.success_low = mean.success_low;
                row.success_high = mean.success_high;
            }
        }
        report
    }

    /// How many calls failed, over all strategies.
    pub fn failed(&self) -> u64 {
        self.strategies.iter().map(|s| s.calls - s.succeeded).sum()
    }

    /// Whether every threshold was met; of several strategies, by the one that comes first.
    pub fn thresholds_met(&self) -> bool {
        let counts = |strategy: &str| self.conclusion.as_ref().is_none_or(|c| c.strategy == strategy);
        self.run.thresholds.iter().filter(|t| counts(&t.strategy)).all(|t| t.met)
    }
}

/// The means over the seeds, if there are several.
fn means(strategies: &[StrategyRow], by_seed: &[SeedRow]) -> Vec<SampleRow> {
    let samples = strategies.iter().map(|row| Sample::of(by_seed, &row.strategy));
    samples.filter(|sample| sample.seeds() > 1).map(|sample| sample.row()).collect()
}

/// The nodes that call nobody, as they are called in a sentence.
pub(crate) fn deepest(run: &Manifest) -> String {
    let callers: BTreeSet<&str> = run.edges.iter().map(|edge| edge.from.as_str()).collect();
    let calls = |name: &str| callers.contains(name);
    let deepest = run.nodes.iter().filter(|node| node.kind != "client" && !calls(&node.name));
    // Replicas are one.
    let mut names: Vec<&str> =
        deepest.map(|node| node.name.split_once('#').map_or(&*node.name, |(name, _)| name)).collect();
    names.dedup();
    match names.as_slice() {
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        _ => "the deepest nodes".to_owned(),
    }
}

/// Why a run's figures could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] RunDirError),
    /// The run was cut off before its figures were written.
    #[error("the run in {0} did not come to its end: it has calls, but no figures")]
    Unfinished(String),
}
