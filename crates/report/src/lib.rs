//! What it means: from the calls that were put together to verdicts, figures, tables and pages.
//!
//! A [`Recorder`] takes an engine's records while a run goes on, has each failure attributed, and
//! writes the run's folder; a [`Series`] has several runs, one after another, recorded into one. What
//! they leave are [`Figures`]; with the run's manifest they make a [`Report`], which is also what is
//! read back from a folder. Nothing here knows an engine.

mod aftermath;
mod agreement;
mod anatomy;
mod as_before;
pub mod attribution;
mod comparison;
pub mod diagnosis;
pub mod diff;
mod error_type;
pub mod explain;
pub mod export;
mod external;
mod figures;
mod files;
pub mod lints;
mod log;
pub mod metrics;
mod names;
mod observer;
mod outcomes;
mod overview;
pub mod page;
pub mod parquet;
mod path;
mod places;
mod recorder;
pub mod render;
mod sample;
mod schema;
mod series;
mod sign;
pub mod spans;
mod statistics;
pub mod sweep;
mod tally;
#[cfg(test)]
mod testing;
mod thresholds;
mod timeline;
mod undecided;
mod verdict;
mod warm_up;
mod watch;

pub use agreement::{Agreement, Judgement, Machine};
pub use comparison::{Advice, Conclusion};
pub use figures::{Figures, ReadError, Report};
pub use files::Logs;
pub use observer::Observer;
pub use recorder::Recorder;
pub use sample::{Sample, SampleRow};
pub use schema::json_schema;
pub use series::Series;
pub use tally::Judged;
pub use verdict::Verdict;
pub use warm_up::WarmUp;
pub use watch::{CallSight, NodeSight, Sight, Watch};
