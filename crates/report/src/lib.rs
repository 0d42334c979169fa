//! What it means: from the calls that were put together to verdicts, figures, tables and pages.
//!
//! A [`Recorder`] takes an engine's records while a run goes on, has each failure attributed, and
//! writes the run's folder. What it leaves are [`Figures`]; with the run's manifest they make a
//! [`Report`], which is also what is read back from a folder. Nothing here knows an engine.

mod anatomy;
pub mod attribution;
pub mod explain;
mod figures;
mod log;
mod names;
mod path;
mod recorder;
pub mod render;
mod statistics;
mod tally;
#[cfg(test)]
mod testing;
mod thresholds;
mod timeline;
mod verdict;

pub use figures::{Figures, ReadError, Report};
pub use recorder::Recorder;
pub use verdict::Verdict;
