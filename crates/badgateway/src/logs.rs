//! What a run writes of each call.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use report::Logs;
use trace::manifest::Records;
use trace::run_dir::ACCESS;

/// What is written of each call.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Which calls are written, with their hops. The figures count all calls in any case.
    #[arg(long, value_enum, value_name = "WHICH", default_value_t)]
    records: RecordsName,
    /// An access log too: each attempt over each edge as one JSON object a line, with URL, headers and
    /// what both sides saw; secrets are redacted. Into `access.jsonl` in the run's folder, or into FILE.
    #[expect(clippy::option_option, reason = "clap's own shape of a flag that may have a value")]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    access_log: Option<Option<PathBuf>>,
}

impl LogArgs {
    /// What is written, for a run with this folder.
    pub(crate) fn logs(&self, folder: &Path) -> Logs {
        let file = |given: &Option<PathBuf>| given.clone().unwrap_or_else(|| folder.join(ACCESS));
        Logs { records: self.records.into(), access: self.access_log.as_ref().map(file) }
    }
}

/// The names of what may be written of calls.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum RecordsName {
    /// No call: for runs of many millions.
    None,
    /// The calls in which something failed, be it that a retry, a hedge or a fallback masked it.
    Failed,
    /// Every call.
    #[default]
    All,
}

impl From<RecordsName> for Records {
    fn from(name: RecordsName) -> Self {
        match name {
            RecordsName::None => Self::None,
            RecordsName::Failed => Self::Failed,
            RecordsName::All => Self::All,
        }
    }
}
