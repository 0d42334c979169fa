//! A sweep: a scenario at many points of a grid of settings, each strategy under several seeds.
//!
//! A [`Grid`] says what the points are; a [`SweepDir`] keeps those that are done, in any order and
//! across interruptions, and writes `sweep.csv` in the grid's order when all are; [`merge`] joins the
//! folders of shards. Nothing here runs anything.

mod error;
mod folder;
mod grid;
mod journal;
mod manifest;
mod merge;
mod outcome;
mod values;

pub use error::SweepError;
pub use folder::SweepDir;
pub use grid::{Grid, POINTS_MAX};
pub use manifest::{Shard, SweepManifest};
pub use merge::merge;
pub use outcome::{Outcome, PointRow, Range, StrategySummary, Turn};
pub use values::Axis;

#[cfg(test)]
mod tests;
