//! What commands that run scenarios share: the folder, the engine, the progress, the result.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::{Args, ValueEnum};
use report::{Figures, Logs, Recorder, Report, Series};
use sim::{Progress, Stop, Summary};
use topology::Scenario;
use trace::manifest::Records;
use trace::{Manifest, RunDir};

use crate::beside;
use crate::cli::ReportFormatArgs;
use crate::count_line::{CountLine, To};
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::logs::LogArgs;
use crate::manifest;
use crate::monitor::{Monitor, MonitorArgs};
use crate::output::Output;
use crate::shown::Shown;
use crate::warmup::{self, Found};

/// How scenarios are run, and where to.
#[derive(Debug, Args)]
pub(crate) struct SessionArgs {
    /// What drives time.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) engine: Engine,
    #[command(flatten)]
    out: OutArg,
    #[command(flatten)]
    logs: LogArgs,
    #[command(flatten)]
    monitor: MonitorArgs,
    #[command(flatten)]
    format: ReportFormatArgs,
}

/// Where to.
#[derive(Debug, Args)]
pub(crate) struct OutArg {
    /// The folder for what the run writes; `results/<scenario>/<time>-<seed>` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl OutArg {
    /// The folder for a run that begins now.
    pub(crate) fn folder(&self, scenario: &Scenario) -> PathBuf {
        let given = self.out.clone();
        given.unwrap_or_else(|| default_folder(Path::new("results"), scenario, SystemTime::now()))
    }
}

/// What drives time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Engine {
    /// Real sockets and the wall clock.
    #[default]
    Live,
    /// A clock of its own: nothing is waited for, and a seed repeats to the byte.
    Virtual,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Virtual => "virtual",
        }
    }

    /// The scenario as this engine runs it: virtual time has gateways in the places of programs.
    pub(crate) fn adapt(self, scenario: Scenario) -> Result<Scenario, Failure> {
        match self {
            Self::Live => Ok(scenario),
            Self::Virtual => scenario
                .simulated()
                .map_err(|node| Failure::wrong(sim::RunError::NotVirtual { node }.to_string())),
        }
    }

    /// Runs a scenario; external programs have their folders in `folder`.
    pub(crate) fn run(
        self,
        scenario: &Arc<Scenario>,
        stop: &Stop,
        recorder: Recorder,
        folder: Option<&Path>,
        progress: impl Fn(&Progress) + Send + 'static,
    ) -> Result<(Summary, Recorder), Failure> {
        match self {
            Self::Live => sim::live::run_in(folder, scenario, stop, recorder, progress),
            Self::Virtual => sim::des::run(scenario, stop, recorder, progress),
        }
        .map_err(|error| Failure::failed(error.to_string()))
    }
}

/// One or several runs into one folder.
pub(crate) struct Session<'a> {
    engine: Engine,
    output: &'a Output,
    pub(crate) dir: RunDir,
    manifest: Manifest,
    stop: Stop,
    shown: Shown,
    series: Series,
    summaries: Vec<Summary>,
    interrupted: bool,
    pub(crate) monitor: Monitor,
}

impl<'a> Session<'a> {
    /// Makes the folder, in which the scenario is written as it is here. `compared` are the strategies
    /// of each round, if it is not a single run.
    pub(crate) fn begin(
        args: &SessionArgs,
        scenario: &Scenario,
        compared: &[String],
        output: &'a Output,
    ) -> Result<Self, Failure> {
        let folder = args.out.folder(scenario);
        let logs = args.logs.logs(&folder);
        let mut session = Self::begin_in(folder, args.engine, logs, scenario, compared, output)?;
        session.monitor = Monitor::begin(&args.monitor, args.engine)?;
        if let Some(url) = session.monitor.metrics_url() {
            let line = format!("metrics  {url}");
            output.hint(&line);
            session.shown.entries(vec![line]);
        }
        Ok(session)
    }

    /// The same in this folder, by this engine, with these logs.
    pub(crate) fn begin_in(
        folder: PathBuf,
        engine: Engine,
        logs: Logs,
        scenario: &Scenario,
        compared: &[String],
        output: &'a Output,
    ) -> Result<Self, Failure> {
        warmup::check(engine, scenario)?;
        // Before anything is written.
        engine.adapt(scenario.clone())?;
        let dir = RunDir::create(folder)?;
        dir.write_scenario(&scenario.to_yaml())?;
        let manifest = Manifest {
            compared: compared.to_vec(),
            records: logs.records,
            ..manifest::begun(scenario, engine, SystemTime::now())
        };
        dir.write_manifest(&manifest)?;
        let series = Series::create(&dir, compared.len().max(1), logs)?;
        let stop = Stop::new();
        interrupt::on_interrupt(stop.clone())
            .map_err(|e| Failure::failed(format!("cannot listen for Ctrl-C: {e}")))?;
        Ok(Self {
            engine,
            output,
            dir,
            manifest,
            stop,
            shown: Shown::new(scenario, engine.name(), output),
            series,
            summaries: Vec::new(),
            interrupted: false,
            monitor: Monitor::silent(engine),
        })
    }

    /// Has the warm-up of these scenarios found and set, if that is asked for.
    pub(crate) fn find_warmup(&mut self, scenarios: &mut [Scenario], jobs: usize) -> Result<(), Failure> {
        let Some(found) = warmup::find(scenarios, &self.stop, jobs)? else { return Ok(()) };
        match &found {
            Found::Warmup(warmup) => {
                self.manifest.warmup_s = warmup.as_secs_f64();
                self.note(found.text());
            }
            Found::TooShort(_) => self.warn(found.text()),
        }
        Ok(())
    }

    /// Says whose turn it is.
    pub(crate) fn turn(&self, text: String) {
        self.shown.turn(text, self.output);
    }

    /// Where it is said how many of many runs are done.
    pub(crate) fn count_to(&self) -> To {
        self.shown.count_to(self.output)
    }

    /// Runs a scenario; whether there may be another run.
    pub(crate) fn run(&mut self, scenario: Scenario) -> Result<bool, Failure> {
        let scenario = Arc::new(self.engine.adapt(scenario)?);
        let recorder = self.monitor.observe(&scenario, true, self.series.begin(scenario.clone())?);
        let (recorder, summary) = self.drive(&scenario, recorder)?;
        self.series.end(recorder, &matched(&summary), summary.interrupted)?;
        self.keep(&scenario, summary);
        Ok(!self.interrupted)
    }

    /// Keeps its nodes up for the user's own client; `tell` is told where that is to call.
    pub(crate) fn up(
        &mut self,
        scenario: Scenario,
        up: &sim::live::Up<'_>,
        tell: impl FnOnce(&Scenario, &[(topology::EdgeId, std::net::SocketAddr)]) -> Vec<String>,
    ) -> Result<(), Failure> {
        // It goes on until it is stopped, and so do its figures; outages are planned for a day.
        let duration = up.lasts.unwrap_or(Duration::from_hours(24));
        let scenario = Arc::new(Scenario { duration, ..scenario });
        let recorder = self.monitor.observe(&scenario, false, self.series.begin(scenario.clone())?);
        let (recorder, shown) = self.shown.begin(&scenario, up.lasts, recorder);
        let ready = |hosted: &sim::live::Hosted| self.shown.entries(tell(&scenario, &hosted.calls()));
        let result = sim::live::up(up, &scenario, &self.stop, recorder, ready, shown.progress());
        shown.end();
        let (summary, recorder) = result.map_err(|error| Failure::failed(error.to_string()))?;
        self.series.end(recorder, &matched(&summary), false)?;
        self.keep(&scenario, summary);
        // That is how it ends.
        self.interrupted = false;
        Ok(())
    }

    /// Runs scenarios of one or several rounds in virtual time, so many at once. What comes of it does not
    /// depend on how many: after each round it is asked whether there is to be another, and if not, what
    /// has been run beyond it does not count. Whether there may be more.
    pub(crate) fn run_beside(
        &mut self,
        scenarios: Vec<Scenario>,
        jobs: usize,
        line: &CountLine,
        mut goes_on: impl FnMut(&mut Self) -> bool,
    ) -> Result<bool, Failure> {
        let adapted = scenarios.into_iter().map(|scenario| self.engine.adapt(scenario).map(Arc::new));
        let scenarios: Vec<_> = adapted.collect::<Result<_, _>>()?;
        let mut runs = Vec::with_capacity(scenarios.len());
        for scenario in &scenarios {
            let recorder = self.series.begin_beside(scenario.clone())?;
            runs.push((scenario, self.monitor.observe(scenario, true, recorder)));
        }
        let driven = beside::each(runs, jobs, |(scenario, recorder)| {
            let run = sim::des::run(scenario, &self.stop, recorder, |_| line.tick());
            line.done();
            run
        });
        for (scenario, run) in scenarios.iter().zip(driven) {
            let (summary, recorder) = run.map_err(|e| Failure::failed(e.to_string()))?;
            let interrupted = summary.interrupted;
            self.series.end_beside(recorder, &matched(&summary), interrupted)?;
            self.keep(scenario, summary);
            if interrupted || (self.series.is_between_rounds() && !goes_on(self)) {
                return Ok(false);
            }
        }
        Ok(!self.interrupted)
    }

    /// Whether all figures are known this well.
    pub(crate) fn is_known(&self, precision: f64) -> bool {
        self.series.is_known(precision)
    }

    /// What a reader of the figures should know too.
    pub(crate) fn note(&mut self, text: String) {
        self.manifest.notes.push(text);
    }

    /// Why the figures may not be what they seem.
    pub(crate) fn warn(&mut self, text: String) {
        self.manifest.warnings.push(text);
    }

    /// Keeps what a run has said of itself.
    fn keep(&mut self, scenario: &Scenario, mut summary: Summary) {
        if let Some(limit) =
            summary.limited_by_machine.as_mut().filter(|_| !self.manifest.compared.is_empty())
        {
            *limit = format!("under {}, seed {}: {limit}", name_of(&scenario.strategy), scenario.seed);
        }
        self.summaries.push(summary);
        self.shown.results(|| self.series.so_far());
        self.interrupted = self.stop.is_set();
    }

    /// Has the engine run the scenario.
    fn drive(&self, scenario: &Arc<Scenario>, recorder: Recorder) -> Result<(Recorder, Summary), Failure> {
        let (recorder, shown) = self.shown.begin(scenario, Some(scenario.duration), recorder);
        let folder = Some(self.dir.path());
        let result = self.engine.run(scenario, &self.stop, recorder, folder, shown.progress());
        shown.end();
        let (summary, recorder) = result?;
        Ok((recorder, summary))
    }

    /// Writes what has come of it.
    pub(crate) fn finish(self) -> Result<Finished, Failure> {
        drop(self.shown);
        let figures: Figures = self.series.finish()?;
        let report = Report::new(manifest::ended(self.manifest, &self.summaries, self.interrupted), figures);
        report.write(&self.dir)?;
        let page = report::page::write(&self.dir, &report)?;
        Ok(Finished { dir: self.dir, page, report, summaries: self.summaries })
    }

    /// Writes and prints what has come of it.
    pub(crate) fn end(mut self, args: &SessionArgs) -> Result<Exit, Failure> {
        let output = self.output;
        let monitor = std::mem::take(&mut self.monitor);
        let Finished { dir, page, report, .. } = self.finish()?;
        args.format.print(&report, &dir, output)?;
        output.hint(&format!("\nThe run is in {}", dir.path().display()));
        output.hint(&format!("page: {}", page.display()));
        monitor.end(output)?;
        if report.failed() > 0 && report.run.records != Records::None {
            output.hint(&format!("next: badgateway explain {}", dir.path().display()));
        }
        Ok(if report.thresholds_met() { Exit::Well } else { Exit::Missed })
    }
}

/// What a session leaves.
pub(crate) struct Finished {
    pub(crate) dir: RunDir,
    page: PathBuf,
    report: Report,
    pub(crate) summaries: Vec<Summary>,
}

/// For each fault, how many attempts it has matched.
fn matched(summary: &Summary) -> Vec<u64> {
    summary.fault_counts.iter().map(|counts| counts.matched).collect()
}

/// A strategy, as it is called in a sentence.
pub(crate) fn name_of(strategy: &str) -> &str {
    if strategy.is_empty() { "the clients' own policy" } else { strategy }
}

/// `<root>/<scenario>/<time>-<seed>`, with a number behind it where there is such a folder already.
pub(crate) fn default_folder(root: &Path, scenario: &Scenario, start: SystemTime) -> PathBuf {
    let well_formed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let name: String = scenario.name.chars().map(|c| if well_formed(c) { c } else { '-' }).collect();
    let time = humantime::format_rfc3339_seconds(start).to_string().replace(':', "-");
    let first = root.join(name).join(format!("{time}-{}", scenario.seed));
    let others = (2..).map(|n| PathBuf::from(format!("{}-{n}", first.display())));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}
