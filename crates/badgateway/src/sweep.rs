//! `badgateway sweep`: a grid of settings under each strategy.

mod point;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use clap::Args;
use report::render;
use report::sweep::{Axis, Grid, Shard, SweepDir, SweepManifest};
use sim::Stop;
use topology::units::Share;

use crate::cli::{FormatArgs, ScenarioArgs};
use crate::count_line::{CountLine, To};
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{self, Output};
use crate::rounds::{self, SEEDS_MAX, seeds_max};
use crate::scenario::{Source, under_each};
use crate::session::{Engine, default_folder};
use point::Points;

/// A grid of up to so many points is checked whole before anything runs; of a larger one each value.
const CHECKED_WHOLE: u64 = 1000;

/// The arguments of `sweep`.
#[derive(Debug, Args)]
pub(crate) struct SweepArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Varies a value of the scenario. PATH is as in `--set`; VALUES is a list such as
    /// `none,10%,20%`, or a range FROM..TO/POINTS of evenly spaced values, both ends included, whose
    /// unit is kept: `100..2000/20`, `10ms..100ms/10`, `1%..5%/5`. Given several times, all
    /// combinations are run.
    #[arg(long, value_name = "PATH=VALUES", required = true)]
    vary: Vec<Axis>,
    /// A strategy beside the scenario's own: a preset, or one of the scenario's. A scenario without
    /// strategies is run with what its clients do by themselves. Can be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// How often each strategy is run at each point, each time with the next seed; the seeds are the
    /// same everywhere. 1 if not given; with `--precision` at most 1000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(SEEDS_MAX)))]
    seeds: Option<u32>,
    /// No more seeds than it takes, but at least ten, until all figures with intervals of all strategies
    /// are known this well: how far a mean may be off, as a fraction of it.
    #[arg(long, value_name = "SHARE")]
    precision: Option<Share>,
    /// Only every Nth point, from the Kth on: one of N parts that `merge` joins.
    #[arg(long, value_name = "K/N", default_value_t = Shard::WHOLE)]
    shard: Shard,
    /// How many points are run at once; as many as there are cores if not given.
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// What drives time.
    #[arg(long, value_enum, default_value_t = Engine::Virtual)]
    engine: Engine,
    /// The folder for what is written. Where it holds a part of the same sweep already, the sweep goes
    /// on with what is missing. `results/<scenario>/<time>-<seed>` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn sweep(args: SweepArgs, output: &Output) -> Result<Exit, Failure> {
    let jobs = rounds::jobs(args.engine, args.jobs)?;
    let source = Source::read(&args.scenario.scenario, &args.scenario.changes)?;
    let scenario = source.scenario(&[], output)?;
    if args.vary.iter().any(|axis| axis.path == "strategy") {
        return Err(Failure::wrong("every strategy is run at each point: name them by --strategy"));
    }
    let grid = Grid::new(args.vary).map_err(Failure::wrong)?;
    let manifest = SweepManifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        engine: args.engine.name().to_owned(),
        set: source.overrides.clone(),
        vary: grid.axes().to_vec(),
        strategies: args.strategies,
        seeds: seeds_max(args.seeds, args.precision),
        precision: args.precision,
        shard: args.shard,
    };
    let text = source.text.clone();
    let strategies = under_each(&scenario, &manifest.strategies)?.len();
    let points = Points { source, grid, manifest, strategies, engine: args.engine, output };
    for point in points.grid.cover(CHECKED_WHOLE) {
        points.check(point)?;
    }
    let start = SystemTime::now();
    let path = args.out.unwrap_or_else(|| default_folder("results".as_ref(), &scenario, start));
    let mut dir = SweepDir::create(&path, points.manifest.clone(), &text)?;
    let stop = Stop::new();
    interrupt::on_interrupt(stop.clone())
        .map_err(|e| Failure::failed(format!("cannot listen for Ctrl-C: {e}")))?;
    output.hint(&plan(&points, &dir, jobs));
    work(&points, &mut dir, jobs, &stop)?;
    if dir.done() < dir.points() {
        dir.sync()?;
        return Err(Failure::failed(format!(
            "interrupted with {} of {} points done: the same command with `--out {}` goes on",
            dir.done(),
            dir.points(),
            path.display()
        )));
    }
    let outcome = dir.finish()?;
    output::result(|out| render::sweep(&outcome, args.format.format.into(), output.result_look(), out))?;
    output.hint(&format!("\nThe sweep is in {}", path.display()));
    Ok(Exit::Well)
}

/// What is going to be run.
fn plan(points: &Points<'_>, dir: &SweepDir, jobs: usize) -> String {
    let manifest = dir.manifest();
    let counted = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let part =
        if manifest.shard == Shard::WHOLE { String::new() } else { format!(" of shard {}", manifest.shard) };
    let at_most = if manifest.precision.is_some() { "at most " } else { "" };
    let there = if dir.done() > 0 { format!(" ({} are there already)", dir.done()) } else { String::new() };
    format!(
        "{}{part}{there} x {} x {at_most}{}, {jobs} at once",
        counted(dir.points(), "point", "points"),
        counted(points.strategies as u64, "strategy", "strategies"),
        counted(manifest.seeds, "seed", "seeds")
    )
}

/// What the threads share: what is still to do, and where it goes.
struct Desk<'a> {
    missing: std::vec::IntoIter<u64>,
    dir: &'a mut SweepDir,
    failure: Option<Failure>,
}

/// Runs all points that are missing, until the end or an interruption.
fn work(points: &Points<'_>, dir: &mut SweepDir, jobs: usize, stop: &Stop) -> Result<(), Failure> {
    let missing = dir.missing();
    let progress = Arc::new(CountLine::new("points", dir.done(), dir.points(), To::stderr(points.output)));
    let jobs = jobs.min(missing.len());
    let desk = Mutex::new(Desk { missing: missing.into_iter(), dir, failure: None });
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(point) = next(&desk, stop) {
                    let rows = points.run(point, stop, &progress);
                    let Ok(mut desk) = desk.lock() else { return };
                    let added = match rows {
                        // After a failure the journal takes nothing more.
                        Ok(Some(rows)) if desk.failure.is_none() => {
                            desk.dir.add(point, rows).map_err(Failure::from)
                        }
                        Ok(_) => return,
                        Err(failure) => Err(failure),
                    };
                    match added {
                        Ok(()) => progress.done(),
                        Err(failure) => {
                            desk.failure.get_or_insert(failure);
                            stop.now();
                            return;
                        }
                    }
                }
            });
        }
    });
    progress.clear();
    let failure = desk.into_inner().ok().and_then(|desk| desk.failure);
    failure.map_or(Ok(()), Err)
}

fn next(desk: &Mutex<Desk<'_>>, stop: &Stop) -> Option<u64> {
    let mut desk = desk.lock().ok()?;
    if stop.is_set() { None } else { desk.missing.next() }
}
