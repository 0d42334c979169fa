//! `badgateway merge`: the shards of a sweep as one.

use std::path::PathBuf;

use clap::Args;
use report::render;

use crate::cli::FormatArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

/// The arguments of `merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The shards' folders, in any order.
    #[arg(required = true, value_name = "DIR")]
    shards: Vec<PathBuf>,
    /// The folder for the whole.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn merge(args: &MergeArgs, output: &Output) -> Result<Exit, Failure> {
    let outcome = report::sweep::merge(&args.shards, &args.out)?;
    output::result(|out| render::sweep(&outcome, args.format.format.into(), output.result_look(), out))?;
    output.hint(&format!("\nThe sweep is in {}", args.out.display()));
    Ok(Exit::Well)
}
