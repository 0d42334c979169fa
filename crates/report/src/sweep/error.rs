//! Why a sweep's folder could not be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a sweep's folder could not be written, read or joined. Each says which.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
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
    #[error("{} is not empty and not a sweep's folder: choose another", .0.display())]
    Occupied(PathBuf),
    /// There is no sweep there.
    #[error("{} is not a sweep's folder: it has no sweep.json", .0.display())]
    NotASweep(PathBuf),
    /// The folder is another sweep's.
    #[error("{} holds another sweep: {difference}; choose another folder, or give the same arguments", path.display())]
    Other {
        /// The folder.
        path: PathBuf,
        /// The first thing that differs.
        difference: String,
    },
    /// Somebody else is writing there.
    #[error("another process is at work in {}", .0.display())]
    Busy(PathBuf),
    /// A file is not what it should be.
    #[error("cannot read {}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The shards do not make a whole.
    #[error("{0}")]
    Shards(String),
}

impl SweepError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    pub(super) fn malformed(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), reason: reason.to_string() }
    }
}
