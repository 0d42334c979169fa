//! What a run has shown, as plain data for whoever prints it.

use serde::Serialize;
use trace::manifest::{Manifest, Score, ThresholdVerdict};
use trace::rows::{FaultRow, LayerRow, OriginRow, StrategyRow};
use trace::{RunDir, RunDirError};

/// What the calls of a run add up to, those of the warm-up and of surges left out.
#[derive(Debug, Clone, PartialEq)]
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
    /// Faults that matched nothing.
    pub unmatched: Vec<String>,
}

/// A run and its figures: all that tables are made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
}

impl Report {
    /// A run and its figures; thresholds, score and unmatched faults go into the manifest.
    pub fn new(run: Manifest, figures: Figures) -> Self {
        let Figures { origins, layers, faults, strategies, thresholds, score, unmatched } = figures;
        Self { run: Manifest { thresholds, score, unmatched, ..run }, origins, layers, faults, strategies }
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
        Ok(Self {
            run,
            origins: dir.read_rows()?,
            layers: dir.read_rows()?,
            faults: dir.read_rows()?,
            strategies: dir.read_rows()?,
        })
    }

    /// How many calls failed, over all strategies.
    pub fn failed(&self) -> u64 {
        self.strategies.iter().map(|s| s.calls - s.succeeded).sum()
    }

    /// Whether every threshold was met.
    pub fn thresholds_met(&self) -> bool {
        self.run.thresholds.iter().all(|t| t.met)
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
