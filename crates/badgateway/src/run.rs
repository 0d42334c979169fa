//! `badgateway run`: a scenario, under one seed or several.

use clap::Args;

use crate::cli::{ScenarioArgs, StrategyArg};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::rounds::SeedArgs;
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
    seeds: SeedArgs,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load_with(&args.scenario, &args.strategy, output)?;
    let rounds = args.seeds.rounds(args.session.engine, &scenario)?;
    let mut session = Session::begin(&args.session, &scenario, &[], output)?;
    rounds.run(&mut session, vec![scenario])?;
    session.end(&args.session)
}
