//! `badgateway report`: the tables again from a run's folder.

use std::path::PathBuf;

use report::Report;
use report::render::{self, Format};
use trace::RunDir;

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

pub(crate) fn report(run: PathBuf, format: Format, output: &Output) -> Result<Exit, Failure> {
    let report = Report::read(&RunDir::open(run)?)?;
    output::result(|out| render::report(&report, format, output.result_colour(), out))?;
    Ok(Exit::Well)
}
