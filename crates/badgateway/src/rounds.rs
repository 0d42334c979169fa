//! The same under several seeds: a round of all strategies under one seed, then the next.

use std::num::NonZeroUsize;

use clap::Args;
use topology::Scenario;
use topology::units::Share;

use crate::count_line::CountLine;
use crate::exit::Failure;
use crate::scenario;
use crate::session::{Engine, Session, name_of};

/// How many seeds there may be.
pub(crate) const SEEDS_MAX: u32 = 1000;
/// How many runs there are, for each that goes on at once, until the files are put together: one that
/// takes long then holds up few, and little is on disk twice.
const RUNS_A_JOB: usize = 4;

/// How often, and how many at once.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// How often it is repeated, each time with the next seed: the intervals are then those between
    /// seeds, which count what calls near each other have in common. 1 if not given; with
    /// `--precision` at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SEEDS_MAX)))]
    pub(crate) seeds: Option<u32>,
    /// No more seeds than it takes, but at least ten, until all figures with intervals are known this
    /// well: how far a mean may be off, as a fraction of it.
    #[arg(long, value_name = "SHARE")]
    pub(crate) precision: Option<Share>,
    /// How many runs there are at once in virtual time; all processors if not given. The result does
    /// not depend on it.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) seeds: u64,
    pub(crate) precision: Option<f64>,
    pub(crate) jobs: usize,
}

/// How many seeds there are at most.
pub(crate) fn seeds_max(seeds: Option<u32>, precision: Option<Share>) -> u64 {
    let otherwise = if precision.is_some() { SEEDS_MAX } else { 1 };
    u64::from(seeds.unwrap_or(otherwise))
}

impl SeedArgs {
    /// What they ask for of a scenario, if the engine can do it.
    pub(crate) fn rounds(&self, engine: Engine, scenario: &Scenario) -> Result<Rounds, Failure> {
        let seeds = seeds_max(self.seeds, self.precision);
        scenario::last_seed(scenario, seeds)?;
        let precision = self.precision.map(Share::get);
        Ok(Rounds { seeds, precision, jobs: jobs(engine, self.jobs)? })
    }
}

/// How many runs there are at once: in virtual time as many as asked for, or as there are processors.
pub(crate) fn jobs(engine: Engine, asked: Option<NonZeroUsize>) -> Result<usize, Failure> {
    match (engine, asked.map(NonZeroUsize::get)) {
        (Engine::Virtual, Some(jobs)) => Ok(jobs),
        (Engine::Virtual, None) => Ok(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        (Engine::Live, None | Some(1)) => Ok(1),
        (Engine::Live, Some(jobs)) => Err(Failure::wrong(format!(
            "--jobs {jobs} is for --engine virtual: live runs at once would take each other's processors, and \
             what one costs would show in the figures of another"
        ))),
    }
}

impl Rounds {
    /// Runs the same scenario under these strategies, seed after seed, until all are done, enough is
    /// known, or the user has had enough.
    pub(crate) fn run(self, session: &mut Session<'_>, mut strategies: Vec<Scenario>) -> Result<(), Failure> {
        session.find_warmup(&mut strategies, self.jobs)?;
        if self.jobs > 1 && self.seeds.saturating_mul(strategies.len() as u64) > 1 {
            self.beside(session, &strategies)
        } else {
            self.in_turn(session, &strategies)
        }
    }

    fn in_turn(self, session: &mut Session<'_>, strategies: &[Scenario]) -> Result<(), Failure> {
        for round in 0..self.seeds {
            for (i, under) in strategies.iter().enumerate() {
                let scenario = of_round(under, round);
                if strategies.len() > 1 || self.seeds > 1 {
                    session.turn(self.turn(&scenario, i + 1, strategies.len(), round + 1));
                }
                if !session.run(scenario)? {
                    return Ok(());
                }
            }
            if self.is_enough(session, round + 1) {
                break;
            }
        }
        Ok(())
    }

    fn beside(self, session: &mut Session<'_>, strategies: &[Scenario]) -> Result<(), Failure> {
        // What is run beyond the precision is for nothing: then only as much as keeps all threads at work.
        let runs = if self.precision.is_some() { self.jobs } else { RUNS_A_JOB * self.jobs };
        let rounds = runs.div_ceil(strategies.len()) as u64;
        let all = self.seeds * strategies.len() as u64;
        let what = if self.precision.is_some() { "runs at most" } else { "runs" };
        let line = CountLine::new(what, 0, all, session.count_to());
        let mut done = 0;
        let mut goes_on = true;
        while goes_on && done < self.seeds {
            let next = (done + rounds).min(self.seeds);
            let scenarios = (done..next).flat_map(|round| strategies.iter().map(move |s| of_round(s, round)));
            goes_on = session.run_beside(scenarios.collect(), self.jobs, &line, |session| {
                done += 1;
                !self.is_enough(session, done)
            })?;
        }
        line.clear();
        Ok(())
    }

    /// Whether so many rounds are enough; if they are, or are the last, the report says so.
    fn is_enough(self, session: &mut Session<'_>, rounds: u64) -> bool {
        let Some(precision) = self.precision else { return false };
        let is_known = session.is_known(precision);
        let percent = 100.0 * precision;
        if is_known {
            session
                .note(format!("after {rounds} seeds all figures are known to {percent}%: no more were run"));
        } else if rounds == self.seeds {
            session.warn(format!("after {rounds} seeds not all figures are known to {percent}%"));
        }
        is_known
    }

    /// Whose turn it is.
    fn turn(self, scenario: &Scenario, place: usize, strategies: usize, round: u64) -> String {
        let seed = format!("seed {} ({round} of {})", scenario.seed, self.seeds);
        let strategy = format!("strategy {place} of {strategies}: {}", name_of(&scenario.strategy));
        match (strategies, self.seeds) {
            (1, _) => seed,
            (_, 1) => strategy,
            _ => format!("{strategy}, {seed}"),
        }
    }
}

/// A scenario in a later round.
fn of_round(scenario: &Scenario, round: u64) -> Scenario {
    Scenario { seed: scenario.seed + round, ..scenario.clone() }
}
