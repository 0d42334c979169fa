//! `badgateway diff`: what has changed between two runs.

use std::path::PathBuf;

use clap::Args;
use report::diff::{Diff, Setting, Tolerance};
use report::{Report, page, render};
use trace::RunDir;

use crate::cli::FormatArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

/// The arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The folder of the run to compare with.
    before: PathBuf,
    /// The folder of the run that is judged.
    after: PathBuf,
    /// How much worse a figure may be: `2%`, or for some figures `latency=15%` (success, latency, load,
    /// goodput). Can be given several times.
    #[arg(long, value_name = "[FIGURE=]SHARE")]
    tolerance: Vec<Setting>,
    /// Also writes a page to this file.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn diff(args: DiffArgs, output: &Output) -> Result<Exit, Failure> {
    let read = |folder: PathBuf| -> Result<Report, Failure> { Ok(Report::read(&RunDir::open(folder)?)?) };
    let (before, after) = (read(args.before)?, read(args.after)?);
    let diff = Diff::new(&before, &after, Tolerance::with(&args.tolerance));
    if let Some(file) = &args.page {
        std::fs::write(file, page::diff(&diff, &before, &after))
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    }
    let (format, look) = (args.format.format.into(), output.result_look());
    output::result(|out| render::diff(&diff, format, look, out))?;
    Ok(if diff.is_regression() { Exit::Missed } else { Exit::Well })
}
