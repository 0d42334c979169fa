//! `badgateway compare`: the same calls under each strategy.

use std::time::Duration;

use clap::Args;
use topology::Scenario;
use topology::units::DurationText;

use crate::cli::ScenarioArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::rounds::{Rounds, SeedArgs};
use crate::scenario;
use crate::session::{Session, SessionArgs};

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// A strategy beside the scenario's own: a preset, or one of the scenario's. A scenario without
    /// strategies is compared with what its clients do by themselves. Can be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    #[command(flatten)]
    seeds: SeedArgs,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn compare(args: &CompareArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load(&args.scenario, output)?;
    let strategies = strategies(&scenario, &args.strategies)?;
    let names: Vec<String> = strategies.iter().map(|under| under.strategy.clone()).collect();
    let rounds = args.seeds.rounds(args.session.engine, &scenario)?;
    output.hint(&plan(&scenario, names.len(), rounds));
    let mut session = Session::begin(&args.session, &scenario, &names, output)?;
    rounds.run(&mut session, strategies)?;
    session.end(&args.session)
}

/// The scenario under each strategy to compare: two at least.
fn strategies(scenario: &Scenario, asked: &[String]) -> Result<Vec<Scenario>, Failure> {
    let all = scenario::under_each(scenario, asked)?;
    if all.len() > 1 {
        return Ok(all);
    }
    let has = match scenario.strategies.first() {
        Some(only) => format!("one strategy, `{}`", only.name),
        None => "no strategies".to_owned(),
    };
    Err(Failure::wrong(format!(
        "there is nothing to compare: the scenario has {has}; write at least two under `strategies:`, such as \
         `none: {{}}` and `eager: {{ retry: {{ max_attempts: 3 }} }}`, or add a preset with `--strategy python-requests-loop`"
    )))
}

/// What is going to be run.
fn plan(scenario: &Scenario, strategies: usize, rounds: Rounds) -> String {
    let seeds = rounds.seeds;
    let runs = seeds.saturating_mul(strategies as u64);
    let all = scenario.duration.saturating_mul(u32::try_from(runs).unwrap_or(u32::MAX));
    let at_most = if rounds.precision.is_some() { "at most " } else { "" };
    let seeds = if seeds == 1 { String::new() } else { format!(" x {at_most}{seeds} seeds") };
    let each = DurationText(scenario.duration);
    format!(
        "{strategies} strategies{seeds}, {each} each: about {}s",
        all.max(Duration::from_secs(1)).as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = "name: x
nodes: { c: { kind: client }, d: { kind: server } }
edges: [c -> d]
load: [{ rate: 1/s }]
";

    fn named(more: &str, asked: &[&str]) -> Result<Vec<String>, String> {
        let scenario = Scenario::parse(&format!("{CHAIN}{more}"), "x.yaml").unwrap();
        let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
        let all = strategies(&scenario, &asked).map_err(|failure| failure.text)?;
        Ok(all.into_iter().map(|under| under.strategy).collect())
    }

    #[test]
    fn the_scenarios_own_come_first_and_each_comes_once() {
        let two = "strategies: { none: {}, eager: { retry: { max_attempts: 3 } } }\n";
        assert_eq!(named(two, &[]).unwrap(), ["none", "eager"]);
        let asked = ["eager", "naive-article-loop", "python-requests-loop"];
        assert_eq!(named(two, &asked).unwrap(), ["none", "eager", "python-requests-loop"]);
        assert_eq!(named("", &["python-requests-loop"]).unwrap(), ["", "python-requests-loop"]);
    }

    #[test]
    fn what_is_missing_is_told_with_the_fix() {
        let told = named("", &[]).unwrap_err();
        assert!(
            told.contains("has no strategies; write at least two") && told.contains("--strategy"),
            "{told}"
        );
        let told = named("strategies: { only: {} }\n", &["only"]).unwrap_err();
        assert!(told.contains("one strategy, `only`"), "{told}");
        assert!(named("", &["nonsense"]).unwrap_err().contains("there is no strategy `nonsense`"));
    }
}
