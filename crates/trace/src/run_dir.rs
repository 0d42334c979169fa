//! A run's folder: writer, reader and format version side by side.
//!
//! `calls.csv`, `hops.csv`, `timeline.csv`, `examples.jsonl` and `access.jsonl` are streamed while the run goes on
//! ([`RunDir::stream`], [`RunDir::example_stream`]); the tables of figures are written at its end
//! ([`RunDir::write_rows`]).

mod stream;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::manifest::{FORMAT, FormatVersion, Manifest};
use crate::rows::{CallRow, FaultRow, HopRow, LayerRow, OriginRow, Row, SeedRow, StrategyRow, TimelineRow};
use crate::{Exchange, HopId, Overview, Step};

pub use stream::{JsonStream, RowStream};

const MANIFEST: &str = "run.json";
const SCENARIO: &str = "scenario.yaml";
const EXAMPLES: &str = "examples.jsonl";
/// The access log, if one is written.
pub const ACCESS: &str = "access.jsonl";
const OVERVIEW: &str = "overview.json";
const PAGE: &str = "report.html";
/// The folder in which external programs have theirs.
pub const EXTERNAL: &str = "external";
/// The folder of the parts.
const PARTS: &str = "parts";

/// Every file that a run's folder may hold.
pub const FILES: [&str; 11] = [
    MANIFEST,
    SCENARIO,
    EXAMPLES,
    OriginRow::FILE,
    LayerRow::FILE,
    FaultRow::FILE,
    StrategyRow::FILE,
    CallRow::FILE,
    HopRow::FILE,
    TimelineRow::FILE,
    SeedRow::FILE,
];

/// What is drawn from, what is drawn, the access log, and what is made of the rows; a folder may be without.
const OPTIONAL: [&str; 5] = [OVERVIEW, PAGE, ACCESS, "calls.parquet", "hops.parquet"];

/// How many bytes of rows are gathered before they go to the file.
const BUFFER: usize = 64 * 1024;

/// Why a run's folder could not be written or read. Each says which file.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// The file system did not let us.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done: `create`, `write`, `read`.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it could not be done.
        source: io::Error,
    },
    /// The folder holds something else.
    #[error("{} is not empty and not a run's folder: choose another", .0.display())]
    Occupied(PathBuf),
    /// There is no run there.
    #[error("{} is not a run's folder: it has no {MANIFEST}", .0.display())]
    NotARun(PathBuf),
    /// The folder was written by a version from the future.
    #[error("{} has format {found}, and this version reads {FORMAT}: use the version that wrote it", path.display())]
    Format {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: FormatVersion,
    },
    /// A file is not what it should be.
    #[error("cannot read {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<RunDirError> for io::Error {
    fn from(error: RunDirError) -> Self {
        let kind = match &error {
            RunDirError::Io { source, .. } => source.kind(),
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

/// One call, kept for people to look at: one that failed, or succeeded and is worth it all the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The call, as in `calls.csv`.
    pub call: String,
    /// What was on the wire, hop by hop; nothing in virtual time, which has none.
    pub hops: Vec<ExampleHop>,
    /// The strategy that the call was made under; in format 1.0 it is not told.
    #[serde(default)]
    pub strategy: Option<String>,
    /// The seed, likewise.
    #[serde(default)]
    pub seed: u64,
    /// Its row, whichever calls have rows in `calls.csv`; before format 1.2 it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<CallRow>,
    /// All its hops as both sides saw them, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Why it was kept, if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
}

/// Why a call is looked at that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// It took longer than almost all.
    Slow,
    /// A failure was hidden from its client, by a retry, a hedge or a fallback: one that was born so, as in
    /// `origins.csv`.
    Saved {
        /// The node or edge.
        origin: String,
        /// Its cause.
        cause: String,
        /// Its mechanism.
        mechanism: String,
        /// The hop at which it was born, as in `hops.csv`.
        hop: String,
    },
}

/// What was on the wire in one hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleHop {
    /// The hop, as in `hops.csv`.
    pub hop: String,
    /// What was sent and received.
    pub exchange: Exchange,
}

impl ExampleHop {
    /// A hop's exchange.
    pub fn new(hop: HopId, exchange: Exchange) -> Self {
        Self { hop: hop.to_string(), exchange }
    }
}

/// A run's folder.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Makes a folder for a new run, with all folders above it. An older run's files in it are
    /// removed.
    ///
    /// # Errors
    /// If it cannot be made, or holds anything that is not a run's.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, RunDirError> {
        let dir = Self { path: path.into() };
        std::fs::create_dir_all(&dir.path).map_err(|e| io_error("create", &dir.path, e))?;
        let mut entries = std::fs::read_dir(&dir.path).map_err(|e| io_error("read", &dir.path, e))?;
        if entries.next().is_none() {
            return Ok(dir);
        }
        if !dir.file(MANIFEST).exists() {
            return Err(RunDirError::Occupied(dir.path));
        }
        for name in FILES.into_iter().chain(OPTIONAL) {
            match std::fs::remove_file(dir.file(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", &dir.file(name), error));
                }
                _ => {}
            }
        }
        dir.remove_folder(EXTERNAL)?;
        dir.remove_parts()?;
        Ok(dir)
    }

    /// A folder within this one, for the files of a run that goes on beside others until the streams
    /// here take them in.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn part(&self, number: usize) -> Result<Self, RunDirError> {
        let path = self.file(PARTS).join(number.to_string());
        std::fs::create_dir_all(&path).map_err(|e| io_error("create", &path, e))?;
        Ok(Self { path })
    }

    /// Removes all parts, if there are any.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn remove_parts(&self) -> Result<(), RunDirError> {
        self.remove_folder(PARTS)
    }

    fn remove_folder(&self, name: &str) -> Result<(), RunDirError> {
        let path = self.file(name);
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// An existing run's folder.
    ///
    /// # Errors
    /// If there is none, or its format is not one that this version reads.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RunDirError> {
        /// As much of `run.json` as every format has.
        #[derive(Deserialize)]
        struct Header {
            versions: HeaderVersions,
        }
        #[derive(Deserialize)]
        struct HeaderVersions {
            format: FormatVersion,
        }
        let dir = Self { path: path.into() };
        if !dir.file(MANIFEST).exists() {
            return Err(RunDirError::NotARun(dir.path));
        }
        let found = dir.read_json::<Header>()?.versions.format;
        if found.major != FORMAT.major {
            return Err(RunDirError::Format { path: dir.path, found });
        }
        Ok(dir)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// If it cannot be written; an older one is then still whole.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), RunDirError> {
        let path = self.file(MANIFEST);
        let mut json = serde_json::to_string_pretty(manifest)
            .map_err(|e| RunDirError::Malformed { path: path.clone(), reason: e.to_string() })?;
        json.push('\n');
        let beside = self.file("run.json.new");
        std::fs::write(&beside, json).map_err(|e| io_error("write", &path, e))?;
        std::fs::rename(&beside, &path).map_err(|e| io_error("write", &path, e))
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_manifest(&self) -> Result<Manifest, RunDirError> {
        self.read_json()
    }

    /// Writes `overview.json`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_overview(&self, overview: &Overview) -> Result<(), RunDirError> {
        let path = self.file(OVERVIEW);
        let json = serde_json::to_string(overview)
            .map_err(|e| RunDirError::Malformed { path: path.clone(), reason: e.to_string() })?;
        std::fs::write(&path, json + "\n").map_err(|e| io_error("write", &path, e))
    }

    /// Reads `overview.json`; none in a folder from before format 1.2.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub fn read_overview(&self) -> Result<Option<Overview>, RunDirError> {
        if self.file(OVERVIEW).exists() { self.read_json_of(OVERVIEW).map(Some) } else { Ok(None) }
    }

    /// Writes `report.html`; where it is.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_page(&self, html: &str) -> Result<PathBuf, RunDirError> {
        let path = self.file(PAGE);
        std::fs::write(&path, html).map_err(|e| io_error("write", &path, e))?;
        Ok(path)
    }

    fn read_json<T: for<'de> Deserialize<'de>>(&self) -> Result<T, RunDirError> {
        self.read_json_of(MANIFEST)
    }

    fn read_json_of<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, RunDirError> {
        let path = self.file(name);
        let text = std::fs::read_to_string(&path).map_err(|e| io_error("read", &path, e))?;
        serde_json::from_str(&text).map_err(|e| RunDirError::Malformed { path, reason: e.to_string() })
    }

    /// Writes `scenario.yaml`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_scenario(&self, yaml: &str) -> Result<(), RunDirError> {
        let path = self.file(SCENARIO);
        std::fs::write(&path, yaml).map_err(|e| io_error("write", &path, e))
    }

    /// Reads `scenario.yaml`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_scenario(&self) -> Result<String, RunDirError> {
        let path = self.file(SCENARIO);
        std::fs::read_to_string(&path).map_err(|e| io_error("read", &path, e))
    }

    /// Begins one of the CSV files: its header is there at once.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn stream<R: Row>(&self) -> Result<RowStream<R>, RunDirError> {
        RowStream::create(self.file(R::FILE))
    }

    /// Writes one of the CSV files as a whole.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_rows<R: Row>(&self, rows: &[R]) -> Result<(), RunDirError> {
        let mut stream = self.stream()?;
        for row in rows {
            stream.push(row)?;
        }
        stream.flush()
    }

    /// Whether one of the CSV files is there: later versions have more of them.
    pub fn has<R: Row>(&self) -> bool {
        self.file(R::FILE).exists()
    }

    /// Where the Parquet file of the same rows is, if it has been made.
    pub fn parquet<R: Row>(&self) -> PathBuf {
        self.file(R::FILE).with_extension("parquet")
    }

    /// Reads one of the CSV files, row by row.
    ///
    /// # Errors
    /// If it is not there; then, row by row, if one is not as it should be.
    pub fn rows<R: Row>(&self) -> Result<impl Iterator<Item = Result<R, RunDirError>> + use<R>, RunDirError> {
        let path = self.file(R::FILE);
        let file = File::open(&path).map_err(|e| io_error("read", &path, e))?;
        let reader = csv::ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(file);
        Ok(reader.into_deserialize().map(move |row| row.map_err(|e| csv_error(&path, e))))
    }

    /// Reads one of the CSV files as a whole.
    ///
    /// # Errors
    /// As [`RunDir::rows`].
    pub fn read_rows<R: Row>(&self) -> Result<Vec<R>, RunDirError> {
        self.rows()?.collect()
    }

    /// Begins `examples.jsonl`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn example_stream(&self) -> Result<JsonStream<Example>, RunDirError> {
        JsonStream::create(self.file(EXAMPLES))
    }

    /// Where the access log is, if it is in the folder.
    pub fn access_log(&self) -> PathBuf {
        self.file(ACCESS)
    }

    /// Reads `examples.jsonl`.
    ///
    /// # Errors
    /// If it cannot be read. That it is not there is not an error: there are none then.
    pub fn read_examples(&self) -> Result<Vec<Example>, RunDirError> {
        let path = self.file(EXAMPLES);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io_error("read", &path, e)),
        };
        let example = |line: io::Result<String>| {
            let line = line.map_err(|e| io_error("read", &path, e))?;
            serde_json::from_str(&line)
                .map_err(|e| RunDirError::Malformed { path: path.clone(), reason: e.to_string() })
        };
        BufReader::new(file).lines().map(example).collect()
    }
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> RunDirError {
    RunDirError::Io { doing, path: path.to_owned(), source }
}

fn csv_error(path: &Path, error: csv::Error) -> RunDirError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => io_error("read", path, source),
        _ => RunDirError::Malformed { path: path.to_owned(), reason },
    }
}
