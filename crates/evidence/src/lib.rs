//! What others have seen: logs and traces of real systems, read as records.
//!
//! Each format has a reader in `formats/` that turns its lines into observations: a request that a node
//! served, an attempt that it made. Observations of one request are put together by the ids they share
//! (`group.rs`), linked by spans, addresses and times (`link.rs`), and become calls over a topology that
//! shows in them (`tree.rs`, `build.rs`): the same records that a run emits, so that the same attribution
//! reads them. Nothing here judges. What a side has not told is not made up: a node without a log is a node
//! that keeps no records.

mod build;
mod calls;
mod formats;
mod group;
mod link;
mod moment;
mod observation;
mod tree;
mod usual;
mod words;

pub use build::Calls;
pub use formats::{Bad, FileRead, Format, Input, Options, ReadError};

/// What was read, and what came of it.
#[derive(Debug)]
pub struct Evidence {
    /// The calls.
    pub calls: Calls,
    /// The files.
    pub files: Vec<FileRead>,
    /// The first lines that could not be read.
    pub bad: Vec<Bad>,
}

/// Reads files of one system, as one chain.
///
/// # Errors
/// If a file's format is none that is known, or the `log_format` cannot be used.
pub fn read(inputs: &[Input<'_>], options: &Options) -> Result<Evidence, ReadError> {
    let formats::Everything { observations, known, files, bad, .. } = formats::read(inputs, options)?;
    Ok(Evidence { calls: build::build(observations, &known), files, bad })
}
