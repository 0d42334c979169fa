//! `badgateway run`: one run of a scenario.

use clap::Args;

use crate::cli::{ScenarioArgs, StrategyArg};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::scenario;
use crate::session::{Session, SessionArgs};

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    strategy: StrategyArg,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<Exit, Failure> {
    let mut scenario = scenario::load_with(&args.scenario, &args.strategy, output)?;
    let mut session = Session::begin(&args.session, &scenario, &[], output)?;
    session.find_warmup(std::slice::from_mut(&mut scenario), 1)?;
    session.run(scenario)?;
    session.end(&args.session)
}
