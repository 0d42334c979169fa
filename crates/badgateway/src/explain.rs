//! `badgateway explain`: one failed call, hop by hop.

use std::path::PathBuf;

use clap::Args;
use report::explain::{self, Selection};
use trace::{CallId, RunDir};

use crate::cli::FormatArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The run's folder.
    run: PathBuf,
    /// The call, as in calls.csv; without one, a failed call of each of the main origins.
    call: Option<CallId>,
    /// Of a comparison, the strategy that the call was made under; the first that failed if not given.
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Of a comparison over several seeds, the one that the call was made under.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn explain(args: ExplainArgs, output: &Output) -> Result<Exit, Failure> {
    let selection = Selection { call: args.call, strategy: args.strategy, seed: args.seed };
    let calls = explain::read(&RunDir::open(args.run)?, &selection)?;
    let format = args.format.format.into();
    output::result(|out| explain::write(&calls, format, output.result_look(), out))?;
    Ok(Exit::Well)
}
