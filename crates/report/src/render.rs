//! Reports for people and for programs. To add a format, add a file beside `render/terminal.rs` and
//! a variant to [`Format`].

mod agreement;
mod blocks;
mod comparison;
mod courses;
mod diagnosis;
pub(crate) mod diff;
mod document;
mod graph;
mod junit;
pub(crate) mod markdown;
pub(crate) mod means;
mod quantity;
mod spark;
mod sweep;
pub(crate) mod terminal;
pub(crate) mod width;

use std::io::{self, Write};

use crate::diagnosis::Diagnosis;
use crate::diff::Diff;
use crate::sweep::Outcome;
use crate::{Agreement, Report};

pub(crate) use blocks::{Block, Tone};
pub(crate) use comparison::{basis, collapsed, points};
pub(crate) use document::{aftermath, caveats, score, threshold};
pub(crate) use quantity::millis_or_none;
pub use quantity::{millis, percent};
pub use spark::{Charset, means, spark};
pub use width::shorten;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Tables for a terminal of 80 columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Tables in Markdown.
    Markdown,
}

/// What a terminal is taken to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// ANSI codes for colours.
    pub colour: bool,
    /// These characters.
    pub charset: Charset,
}

/// What a run's report can be written as for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// `JUnit`'s XML: a case for each threshold.
    Junit,
    /// The topology with its results for Graphviz.
    Dot,
    /// The same for Mermaid.
    Mermaid,
}

/// Writes a run's report for another program.
///
/// # Errors
/// If `out` takes no more.
pub fn export(report: &Report, export: Export, out: &mut dyn Write) -> io::Result<()> {
    match export {
        Export::Junit => junit::write(report, out),
        Export::Dot => graph::dot(report, out),
        Export::Mermaid => graph::mermaid(report, out),
    }
}

/// Writes a run's report.
///
/// Colours say nothing that the text does not say too.
///
/// # Errors
/// If `out` takes no more.
pub fn report(report: &Report, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&document::blocks(report), look, out),
        Format::Markdown => markdown::write(&document::blocks(report), out),
        Format::Json => json(report, out),
    }
}

/// Writes how far two engines agree, in the same way.
///
/// # Errors
/// If `out` takes no more.
pub fn agreement(agreement: &Agreement, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&agreement::blocks(agreement), look, out),
        Format::Markdown => markdown::write(&agreement::blocks(agreement), out),
        Format::Json => json(agreement, out),
    }
}

/// Writes what logs and traces show, likewise.
///
/// # Errors
/// If `out` takes no more.
pub fn diagnosis(diagnosis: &Diagnosis, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&diagnosis::blocks(diagnosis), look, out),
        Format::Markdown => markdown::write(&diagnosis::blocks(diagnosis), out),
        Format::Json => json(diagnosis, out),
    }
}

/// Writes what has changed between two runs, likewise.
///
/// # Errors
/// If `out` takes no more.
pub fn diff(diff: &Diff, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&diff::blocks(diff), look, out),
        Format::Markdown => markdown::write(&diff::blocks(diff), out),
        Format::Json => json(diff, out),
    }
}

/// Writes what a sweep has shown, likewise.
///
/// # Errors
/// If `out` takes no more.
pub fn sweep(outcome: &Outcome, format: Format, look: Look, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(&sweep::blocks(outcome), look, out),
        Format::Markdown => markdown::write(&sweep::blocks(outcome), out),
        Format::Json => json(outcome, out),
    }
}

/// Writes a value as one JSON document.
pub(crate) fn json(value: &impl serde::Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::example;
