//! Files of a run's folder that grow while the run goes on.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{BUFFER, RunDirError, io_error};
use crate::rows::Row;

/// A CSV file that is being written. What has not been flushed when it is dropped is lost.
#[derive(Debug)]
pub struct RowStream<R> {
    file: File,
    lines: Vec<u8>,
    path: PathBuf,
    rows: PhantomData<fn(&R)>,
}

impl<R: Row> RowStream<R> {
    /// Begins one: its header is there at once.
    pub(super) fn create(path: PathBuf) -> Result<Self, RunDirError> {
        let file = File::create(&path).map_err(|e| io_error("create", &path, e))?;
        let mut lines = Vec::with_capacity(2 * BUFFER);
        lines.extend_from_slice(R::COLUMNS.join(",").as_bytes());
        lines.push(b'\n');
        let mut stream = Self { file, lines, path, rows: PhantomData };
        stream.flush()?;
        Ok(stream)
    }

    /// Adds a row; it is in the file after the next [`RowStream::flush`] at the latest.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, row: &R) -> Result<(), RunDirError> {
        row.write(&mut self.lines);
        if self.lines.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Hands all rows so far to the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), RunDirError> {
        self.file.write_all(&self.lines).map_err(|e| io_error("write", &self.path, e))?;
        self.lines.clear();
        Ok(())
    }

    /// Adds all rows of a part's file, which is then removed.
    ///
    /// # Errors
    /// If one of the files cannot be read or written.
    pub fn take_in(&mut self, mut part: Self) -> Result<(), RunDirError> {
        part.flush()?;
        self.flush()?;
        let head = R::COLUMNS.join(",").len() as u64 + 1;
        copy(&part.path, head, &mut self.file, &self.path)?;
        remove(&part.path)
    }

    /// How long the file is with all rows so far.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn length(&mut self) -> Result<u64, RunDirError> {
        self.flush()?;
        self.file.stream_position().map_err(|e| io_error("write", &self.path, e))
    }

    /// Takes back what came after the file had this length.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn take_back(&mut self, length: u64) -> Result<(), RunDirError> {
        self.lines.clear();
        cut(&mut self.file, length).map_err(|e| io_error("write", &self.path, e))
    }
}

/// Adds a part's file from this byte on.
fn copy(part: &Path, from: u64, to: &mut impl Write, path: &Path) -> Result<(), RunDirError> {
    let mut file = File::open(part).map_err(|e| io_error("read", part, e))?;
    file.seek(SeekFrom::Start(from)).map_err(|e| io_error("read", part, e))?;
    io::copy(&mut file, to).map(drop).map_err(|e| io_error("write", path, e))
}

fn remove(path: &Path) -> Result<(), RunDirError> {
    std::fs::remove_file(path).map_err(|e| io_error("remove", path, e))
}

/// Shortens a file; what is written next comes at its new end.
fn cut(file: &mut File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.seek(SeekFrom::Start(length)).map(drop)
}

/// A file of one JSON object a line that is being written.
#[derive(Debug)]
pub struct JsonStream<T> {
    writer: BufWriter<File>,
    path: PathBuf,
    /// Where it is a pipe, what has been written cannot be taken back.
    is_file: bool,
    lines: PhantomData<fn(&T)>,
}

impl<T: Serialize> JsonStream<T> {
    /// Begins one.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: PathBuf) -> Result<Self, RunDirError> {
        let file = File::create(&path).map_err(|e| io_error("create", &path, e))?;
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        Ok(Self { writer: BufWriter::with_capacity(BUFFER, file), path, is_file, lines: PhantomData })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn push(&mut self, line: &T) -> Result<(), RunDirError> {
        serde_json::to_writer(&mut self.writer, line)
            .map_err(io::Error::from)
            .and_then(|()| self.writer.write_all(b"\n"))
            .map_err(|e| io_error("write", &self.path, e))
    }

    /// Hands all lines so far to the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn flush(&mut self) -> Result<(), RunDirError> {
        self.writer.flush().map_err(|e| io_error("write", &self.path, e))
    }

    /// Adds all lines of a part's file, which is then removed.
    ///
    /// # Errors
    /// If one of the files cannot be read or written.
    pub fn take_in(&mut self, mut part: Self) -> Result<(), RunDirError> {
        part.flush()?;
        copy(&part.path, 0, &mut self.writer, &self.path)?;
        remove(&part.path)
    }

    /// How long the file is with all lines so far.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn length(&mut self) -> Result<u64, RunDirError> {
        if !self.is_file {
            return self.flush().map(|()| 0);
        }
        self.writer.stream_position().map_err(|e| io_error("write", &self.path, e))
    }

    /// Takes back what came after the file had this length.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn take_back(&mut self, length: u64) -> Result<(), RunDirError> {
        if !self.is_file {
            return Ok(());
        }
        let cut_off = self.writer.flush().and_then(|()| cut(self.writer.get_mut(), length));
        cut_off.map_err(|e| io_error("write", &self.path, e))
    }
}
