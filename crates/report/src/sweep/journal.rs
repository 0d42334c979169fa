//! `points.jsonl`: finished points, one a line, in the order in which they were finished.
//!
//! A line goes to the file in one piece. What a crash has torn off the last line is dropped when the
//! file is opened again; the point is then computed anew.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::SweepError;
use crate::sample::SampleRow;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    point: u64,
    rows: Vec<SampleRow>,
}

/// The finished points on disk. Memory holds where each is, not what it says.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// For each point the begin and the length of its line.
    index: BTreeMap<u64, (u64, usize)>,
    end: u64,
}

impl Journal {
    /// The journal to go on with; it is made if there is none.
    pub(super) fn append_to(path: &Path) -> Result<Self, SweepError> {
        let options = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = options.map_err(SweepError::io("create", path))?;
        // Where the file system knows no locks, nobody is kept out.
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(SweepError::Busy(path.parent().unwrap_or(path).to_owned()));
        }
        let journal = Self::index(path, file)?;
        journal.file.set_len(journal.end).map_err(SweepError::io("write", path))?;
        Ok(journal)
    }

    /// The journal to read.
    pub(super) fn read_only(path: &Path) -> Result<Self, SweepError> {
        Self::index(path, File::open(path).map_err(SweepError::io("read", path))?)
    }

    fn index(path: &Path, file: File) -> Result<Self, SweepError> {
        let mut journal = Self { path: path.to_owned(), file, index: BTreeMap::new(), end: 0 };
        let mut reader = BufReader::new(&journal.file);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text).map_err(SweepError::io("read", path))? > 0 {
            match serde_json::from_slice::<Line>(&text) {
                Ok(line) if text.ends_with(b"\n") => {
                    if journal.index.insert(line.point, (journal.end, text.len())).is_some() {
                        return Err(SweepError::malformed(
                            path,
                            &format!("it has point {} twice", line.point),
                        ));
                    }
                    journal.end += text.len() as u64;
                    text.clear();
                }
                unread => {
                    let mut rest = [0];
                    if reader.read(&mut rest).map_err(SweepError::io("read", path))? == 0 {
                        break;
                    }
                    let number = journal.index.len() + 1;
                    let reason = unread.err().map(|error| error.to_string()).unwrap_or_default();
                    return Err(SweepError::malformed(path, &format!("line {number}: {reason}")));
                }
            }
        }
        Ok(journal)
    }

    pub(super) fn has(&self, point: u64) -> bool {
        self.index.contains_key(&point)
    }

    pub(super) fn points(&self) -> impl Iterator<Item = u64> {
        self.index.keys().copied()
    }

    pub(super) fn len(&self) -> u64 {
        self.index.len() as u64
    }

    /// Adds a point that it does not have.
    pub(super) fn add(&mut self, point: u64, rows: Vec<SampleRow>) -> Result<(), SweepError> {
        let mut text = serde_json::to_vec(&Line { point, rows })
            .map_err(|error| SweepError::malformed(&self.path, &error))?;
        text.push(b'\n');
        self.add_line(point, &text)
    }

    /// Adds a point as another journal has it, to the byte.
    pub(super) fn copy(&mut self, point: u64, from: &mut Self) -> Result<(), SweepError> {
        let text = from.line(point)?;
        self.add_line(point, &text)
    }

    fn add_line(&mut self, point: u64, text: &[u8]) -> Result<(), SweepError> {
        let written = self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(text));
        written.map_err(SweepError::io("write", &self.path))?;
        self.index.insert(point, (self.end, text.len()));
        self.end += text.len() as u64;
        Ok(())
    }

    /// Sees to it that a crash of the machine loses nothing either.
    pub(super) fn sync(&self) -> Result<(), SweepError> {
        self.file.sync_data().map_err(SweepError::io("write", &self.path))
    }

    /// A point that it has.
    pub(super) fn rows(&mut self, point: u64) -> Result<Vec<SampleRow>, SweepError> {
        let text = self.line(point)?;
        let line: Line =
            serde_json::from_slice(&text).map_err(|error| SweepError::malformed(&self.path, &error))?;
        Ok(line.rows)
    }

    fn line(&mut self, point: u64) -> Result<Vec<u8>, SweepError> {
        let Some(&(begin, length)) = self.index.get(&point) else {
            return Err(SweepError::malformed(&self.path, &format!("it has no point {point}")));
        };
        let mut text = vec![0; length];
        let read = self.file.seek(SeekFrom::Start(begin)).and_then(|_| self.file.read_exact(&mut text));
        read.map_err(SweepError::io("read", &self.path))?;
        Ok(text)
    }
}
