//! `badgateway run`: one run of a scenario.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use report::{Recorder, Report, render};
use sim::live::{Stop, Summary};
use topology::{NodeKind, Scenario};
use trace::manifest::{EdgeEntry, FORMAT, NodeEntry, Score, Versions};
use trace::{Manifest, RunDir};

use crate::cli::{FormatArgs, ScenarioArgs};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::progress::ProgressLine;
use crate::{interrupt, scenario};

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// What drives time.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// The folder for what the run writes; `results/<scenario>/<time>-<seed>` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

/// What drives time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Engine {
    /// Real sockets and the wall clock.
    #[default]
    Live,
    /// A clock of its own: nothing is waited for, and a seed repeats to the byte.
    Virtual,
}

impl Engine {
    fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Virtual => "virtual",
        }
    }
}

pub(crate) fn run(args: &RunArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = Arc::new(scenario::load(&args.scenario, output)?);
    let start = SystemTime::now();
    let path = args.out.clone().unwrap_or_else(|| default_folder(Path::new("results"), &scenario, start));
    let dir = RunDir::create(path)?;
    dir.write_scenario(&scenario.to_yaml())?;
    let manifest = manifest(&scenario, args.engine, start);
    dir.write_manifest(&manifest)?;

    let recorder = Recorder::with_folder(scenario.clone(), &dir)?;
    let (recorder, summary) = drive(args.engine, &scenario, recorder, output)?;
    let matched: Vec<u64> = summary.fault_counts.iter().map(|counts| counts.matched).collect();
    let figures = recorder.finish(&matched)?;

    let report = Report::new(ended(manifest, &summary), figures);
    report.write(&dir)?;
    output::result(|out| render::report(&report, args.format.format.into(), output.result_colour(), out))?;
    output.hint(&format!("\nThe run is in {}", dir.path().display()));
    if report.failed() > 0 {
        output.hint(&format!("next: badgateway explain {}", dir.path().display()));
    }
    Ok(if report.thresholds_met() { Exit::Well } else { Exit::Missed })
}

/// Has the engine run the scenario.
fn drive(
    engine: Engine,
    scenario: &Arc<Scenario>,
    recorder: Recorder,
    output: &Output,
) -> Result<(Recorder, Summary), Failure> {
    let stop = Stop::new();
    interrupt::on_interrupt(stop.clone())
        .map_err(|e| Failure::failed(format!("cannot listen for Ctrl-C: {e}")))?;
    let line = (!output.quiet).then(|| Arc::new(ProgressLine::new(scenario.duration)));
    let shown = line.clone();
    let progress = move |now: &_| {
        if let Some(line) = &shown {
            line.show(now);
        }
    };
    let result = match engine {
        Engine::Live => sim::live::run(scenario, &stop, recorder, progress),
        Engine::Virtual => sim::des::run(scenario, &stop, recorder, progress),
    };
    if let Some(line) = line {
        line.clear();
    }
    let (summary, recorder) = result.map_err(|e| Failure::failed(e.to_string()))?;
    Ok((recorder, summary))
}

/// `<root>/<scenario>/<time>-<seed>`, with a number behind it where there is such a folder already.
fn default_folder(root: &Path, scenario: &Scenario, start: SystemTime) -> PathBuf {
    let well_formed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let name: String = scenario.name.chars().map(|c| if well_formed(c) { c } else { '-' }).collect();
    let time = humantime::format_rfc3339_seconds(start).to_string().replace(':', "-");
    let first = root.join(name).join(format!("{time}-{}", scenario.seed));
    let others = (2..).map(|n| PathBuf::from(format!("{}-{n}", first.display())));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

/// What is known of a run when it begins.
fn manifest(scenario: &Scenario, engine: Engine, start: SystemTime) -> Manifest {
    let topology = &scenario.topology;
    let name = |node| topology.node(node).name.clone();
    let nodes = topology.nodes().filter(|(_, node)| !node.synthetic);
    let edges = topology.edges().map(|(id, _)| topology.ends(id));
    Manifest {
        versions: Versions { tool: env!("CARGO_PKG_VERSION").to_owned(), format: FORMAT },
        scenario: scenario.name.clone(),
        engine: engine.name().to_owned(),
        seed: scenario.seed,
        strategy: scenario.strategy.clone(),
        start: humantime::format_rfc3339_seconds(start).to_string(),
        elapsed_s: 0.0,
        warmup_s: scenario.warmup.as_secs_f64(),
        finished: false,
        interrupted: false,
        machine_limit: None,
        notes: Vec::new(),
        thresholds: Vec::new(),
        score: Score::default(),
        unmatched: Vec::new(),
        nodes: nodes
            .map(|(_, node)| NodeEntry { name: node.name.clone(), kind: kind(node.kind).to_owned() })
            .collect(),
        edges: edges
            .filter(|(from, _)| !topology.node(*from).synthetic)
            .map(|(from, to)| EdgeEntry { from: name(from), to: name(to) })
            .collect(),
    }
}

fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Client => "client",
        NodeKind::Gateway => "gateway",
        NodeKind::Server => "server",
    }
}

/// The same with what is known when it has ended.
fn ended(manifest: Manifest, summary: &Summary) -> Manifest {
    let note = || {
        format!(
            "this machine began calls {} late at the median, {} at p99",
            late(summary.lateness_p50),
            late(summary.lateness_p99)
        )
    };
    let notes = if manifest.engine == Engine::Live.name() { vec![note()] } else { Vec::new() };
    Manifest {
        elapsed_s: (summary.elapsed.as_secs_f64() * 1e3).round() / 1e3,
        finished: true,
        interrupted: summary.interrupted,
        machine_limit: summary.limited_by_machine.clone(),
        notes,
        ..manifest
    }
}

fn late(duration: Duration) -> String {
    format!("{:.2}ms", duration.as_secs_f64() * 1e3)
}
