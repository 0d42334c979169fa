//! `badgateway report`: the tables, and the page, again from a run's folder.

use std::path::PathBuf;

use report::Report;
use trace::RunDir;

use crate::cli::ReportFormatArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;

pub(crate) fn report(run: PathBuf, format: &ReportFormatArgs, output: &Output) -> Result<Exit, Failure> {
    let dir = RunDir::open(run)?;
    let report = Report::read(&dir)?;
    // That a folder cannot be written is no reason not to say what is in it.
    if let Err(error) = report::page::write(&dir, &report) {
        output.hint(&format!("no page: {error}"));
    }
    format.print(&report, &dir, output)?;
    Ok(Exit::Well)
}
