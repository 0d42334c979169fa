//! `badgateway agree`: whether both engines make the same of a scenario.

use std::path::Path;

use clap::Args;
use report::{Agreement, Judgement, Logs, Machine, render};
use topology::Scenario;

use crate::cli::{FormatArgs, ScenarioArgs, StrategyArg};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::scenario;
use crate::session::{Engine, Finished, OutArg, Session};

/// The arguments of `agree`.
#[derive(Debug, Args)]
pub(crate) struct AgreeArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    #[command(flatten)]
    strategy: StrategyArg,
    #[command(flatten)]
    out: OutArg,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn agree(args: &AgreeArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load_with(&args.scenario, &args.strategy, output)?;
    Engine::Virtual.adapt(scenario.clone())?;
    let folder = args.out.folder(&scenario);
    let live = run(&folder, Engine::Live, &scenario, output)?;
    let virtual_time = run(&folder, Engine::Virtual, &scenario, output)?;
    let machine = live.summaries.first().map_or_else(Machine::default, |summary| Machine {
        limit: summary.limited_by_machine.clone(),
        lateness: summary.lateness_p99,
    });
    let agreement = Agreement::read(&scenario, &live.dir, &virtual_time.dir, machine)?;
    let (format, look) = (args.format.format.into(), output.result_look());
    output::result(|out| render::agreement(&agreement, format, look, out))?;
    output.hint(&format!("\nThe runs are in {}", folder.display()));
    Ok(match agreement.verdict() {
        Judgement::Agrees | Judgement::Undecided => Exit::Well,
        Judgement::Differs => Exit::Failed,
    })
}

/// Runs it by one engine, into a folder of that engine's name.
fn run(folder: &Path, engine: Engine, scenario: &Scenario, output: &Output) -> Result<Finished, Failure> {
    let folder = folder.join(engine.name());
    let mut session = Session::begin_in(folder, engine, Logs::default(), scenario, &[], output)?;
    let whole = session.run(scenario.clone())?;
    let finished = session.finish()?;
    if whole {
        Ok(finished)
    } else {
        Err(Failure::failed("interrupted: half a run by one engine says nothing about the other"))
    }
}
