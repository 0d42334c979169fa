//! `badgateway compare`: the same calls under each strategy.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use topology::Scenario;
use topology::units::DurationText;

use crate::cli::ScenarioArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::scenario;
use crate::session::{Engine, Session, SessionArgs, name_of};

/// How many seeds one comparison may have.
pub(crate) const SEEDS_MAX: i64 = 1000;

/// The arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// A strategy beside the scenario's own: a preset, or one of the scenario's. A scenario without
    /// strategies is compared with what its clients do by themselves. Can be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// How often it is repeated, each time with the next seed: the intervals are then those between
    /// seeds, which count what calls near each other have in common.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=SEEDS_MAX))]
    seeds: u32,
    /// How many strategies are run at once in virtual time; all processors if not given. The result does
    /// not depend on it.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn compare(args: &CompareArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load(&args.scenario, output)?;
    let mut strategies = strategies(&scenario, &args.strategies)?;
    let names: Vec<String> = strategies.iter().map(|under| under.strategy.clone()).collect();
    let seeds = u64::from(args.seeds);
    let last = scenario::last_seed(&scenario, seeds)?;
    let jobs = jobs(args)?;
    output.hint(&plan(&scenario, names.len(), seeds));
    let mut session = Session::begin(&args.session, &scenario, &names, output)?;
    session.find_warmup(&mut strategies, jobs)?;
    'all: for seed in scenario.seed..=last {
        let round = strategies.iter().map(|under| Scenario { seed, ..under.clone() });
        if jobs > 1 {
            if !session.run_beside(round.collect(), jobs)? {
                break;
            }
            continue;
        }
        for (i, under) in round.enumerate() {
            output.hint(&turn(&under.strategy, i + 1, names.len(), seed, seed - scenario.seed + 1, seeds));
            if !session.run(under)? {
                break 'all;
            }
        }
    }
    session.end(&args.session)
}

/// How many runs there are at once.
fn jobs(args: &CompareArgs) -> Result<usize, Failure> {
    match (args.session.engine, args.jobs) {
        (Engine::Virtual, Some(jobs)) => Ok(jobs.get()),
        (Engine::Virtual, None) => Ok(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        (Engine::Live, Some(jobs)) if jobs.get() > 1 => Err(Failure::wrong(format!(
            "--jobs {jobs} is for --engine virtual: live runs at the same time would take each other's processors, and \
             what one strategy costs would show in the figures of another"
        ))),
        (Engine::Live, _) => Ok(1),
    }
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
fn plan(scenario: &Scenario, strategies: usize, seeds: u64) -> String {
    let runs = seeds.saturating_mul(strategies as u64);
    let all = scenario.duration.saturating_mul(u32::try_from(runs).unwrap_or(u32::MAX));
    let seeds = if seeds == 1 { String::new() } else { format!(" x {seeds} seeds") };
    let each = DurationText(scenario.duration);
    format!(
        "{strategies} strategies{seeds}, {each} each: about {}s",
        all.max(Duration::from_secs(1)).as_secs()
    )
}

/// Whose turn it is.
fn turn(strategy: &str, place: usize, strategies: usize, seed: u64, round: u64, seeds: u64) -> String {
    let name = name_of(strategy);
    let seed = if seeds == 1 { String::new() } else { format!(", seed {seed} ({round} of {seeds})") };
    format!("strategy {place} of {strategies}: {name}{seed}")
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
