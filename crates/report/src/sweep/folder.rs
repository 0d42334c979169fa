//! A sweep's folder: `sweep.json`, `scenario.yaml` and `points.jsonl` from the start, `sweep.csv` when
//! all points are there.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::SweepError;
use super::grid::Grid;
use super::journal::Journal;
use super::manifest::SweepManifest;
use super::outcome::Outcome;
use crate::sample::SampleRow;

const MANIFEST: &str = "sweep.json";
const SCENARIO: &str = "scenario.yaml";
const JOURNAL: &str = "points.jsonl";
const TABLE: &str = "sweep.csv";
/// What there may be where a sweep was cut off before it had begun.
const BEGUN: [&str; 3] = [SCENARIO, "scenario.new", "sweep.new"];

/// A sweep's folder.
#[derive(Debug)]
pub struct SweepDir {
    path: PathBuf,
    manifest: SweepManifest,
    grid: Grid,
    pub(super) journal: Journal,
}

impl SweepDir {
    /// The folder of this sweep, to begin it or to go on with it. `text` is the scenario's.
    ///
    /// # Errors
    /// If it holds anything else, another process is at work in it, or it cannot be written.
    pub fn create(path: &Path, manifest: SweepManifest, text: &str) -> Result<Self, SweepError> {
        std::fs::create_dir_all(path).map_err(SweepError::io("create", path))?;
        let file = path.join(MANIFEST);
        if file.exists() {
            let (found, found_text) = (read_manifest(path)?, read(&path.join(SCENARIO))?);
            let other = found.difference(&manifest);
            let other = other
                .or_else(|| (found_text != text).then(|| "the scenario's text has changed since".to_owned()));
            if let Some(difference) = other {
                return Err(SweepError::Other { path: path.to_owned(), difference });
            }
        } else {
            let mut entries = std::fs::read_dir(path).map_err(SweepError::io("read", path))?;
            if entries
                .any(|entry| entry.is_ok_and(|entry| !BEGUN.iter().any(|name| entry.file_name() == *name)))
            {
                return Err(SweepError::Occupied(path.to_owned()));
            }
            let mut json = serde_json::to_string_pretty(&manifest)
                .map_err(|error| SweepError::malformed(&file, &error))?;
            json.push('\n');
            // The manifest comes last: where it is, all is.
            replace(&path.join(SCENARIO), |out| out.write_all(text.as_bytes()))?;
            replace(&file, |out| out.write_all(json.as_bytes()))?;
        }
        let journal = Journal::append_to(&path.join(JOURNAL))?;
        Self::with(path, manifest, journal)
    }

    /// A folder that is there already, to read it.
    ///
    /// # Errors
    /// If it is none, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, SweepError> {
        if !path.join(MANIFEST).exists() {
            return Err(SweepError::NotASweep(path.to_owned()));
        }
        let journal = Journal::read_only(&path.join(JOURNAL))?;
        Self::with(path, read_manifest(path)?, journal)
    }

    fn with(path: &Path, manifest: SweepManifest, journal: Journal) -> Result<Self, SweepError> {
        let file = path.join(MANIFEST);
        let grid = manifest.grid().map_err(|reason| SweepError::malformed(&file, &reason))?;
        let sound = manifest.shard.is_sound();
        let dir = Self { path: path.to_owned(), manifest, grid, journal };
        if !sound || !dir.journal.points().all(|point| dir.is_own(point)) {
            return Err(SweepError::malformed(
                &path.join(JOURNAL),
                &"it has points that are not of this sweep",
            ));
        }
        Ok(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the sweep is.
    pub fn manifest(&self) -> &SweepManifest {
        &self.manifest
    }

    /// The scenario's text.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn scenario(&self) -> Result<String, SweepError> {
        read(&self.path.join(SCENARIO))
    }

    /// How many points the folder is for.
    pub fn points(&self) -> u64 {
        let shard = self.manifest.shard;
        (self.grid.points() + shard.of - shard.number) / shard.of
    }

    /// How many of them it has.
    pub fn done(&self) -> u64 {
        self.journal.len()
    }

    /// The points it does not have yet, in order.
    pub fn missing(&self) -> Vec<u64> {
        (0..self.grid.points()).filter(|&point| self.is_own(point) && !self.journal.has(point)).collect()
    }

    fn is_own(&self, point: u64) -> bool {
        point < self.grid.points() && self.manifest.shard.has(point)
    }

    /// Adds a finished point; it is on disk at once.
    ///
    /// # Errors
    /// If it cannot be written; nothing more may be added then.
    pub fn add(&mut self, point: u64, rows: Vec<SampleRow>) -> Result<(), SweepError> {
        self.journal.add(point, rows)
    }

    /// Has the disk keep what was added.
    ///
    /// # Errors
    /// If it does not.
    pub fn sync(&self) -> Result<(), SweepError> {
        self.journal.sync()
    }

    /// Writes `sweep.csv`, in the order of the grid; all points must be there.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn finish(&mut self) -> Result<Outcome, SweepError> {
        self.sync()?;
        let path = self.path.join(TABLE);
        let mut outcome = Outcome::new(self.manifest.clone(), self.points());
        let beside = beside(&path);
        let file = File::create(&beside).map_err(SweepError::io("create", &beside))?;
        let mut table = csv::Writer::from_writer(BufWriter::new(file));
        let put = |table: &mut csv::Writer<_>, fields: Vec<&str>| {
            table.write_record(fields).map_err(|error| SweepError::io("write", &path)(error.into()))
        };
        put(&mut table, self.grid.axes().iter().map(|axis| &*axis.path).chain(SampleRow::COLUMNS).collect())?;
        for point in self.journal.points().collect::<Vec<_>>() {
            for row in self.journal.rows(point)? {
                let fields = row.fields();
                put(
                    &mut table,
                    self.grid.values(point).chain(fields.iter().map(|field| &**field)).collect(),
                )?;
                outcome.add(&self.grid.places(point), row);
            }
        }
        let ended = table.into_inner().map_err(|error| error.into_error().to_string());
        let ended = ended.and_then(|buffer| buffer.into_inner().map_err(|error| error.to_string()));
        let written = ended.map_err(std::io::Error::other).and_then(|file| file.sync_data());
        let renamed = written.and_then(|()| std::fs::rename(&beside, &path));
        renamed.map_err(SweepError::io("write", &path))?;
        outcome.close();
        Ok(outcome)
    }
}

fn read(path: &Path) -> Result<String, SweepError> {
    std::fs::read_to_string(path).map_err(SweepError::io("read", path))
}

fn read_manifest(path: &Path) -> Result<SweepManifest, SweepError> {
    let file = path.join(MANIFEST);
    serde_json::from_str(&read(&file)?).map_err(|error| SweepError::malformed(&file, &error))
}

/// Where a file is written until it is whole.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Writes a file as a whole or not at all.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<(), SweepError> {
    let beside = beside(path);
    let written = File::create(&beside).and_then(|mut file| write(&mut file).and_then(|()| file.sync_data()));
    written.and_then(|()| std::fs::rename(&beside, path)).map_err(SweepError::io("write", path))
}
