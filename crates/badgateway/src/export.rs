//! `badgateway export`: what other tools are to know of a scenario.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use report::export::{self, Windows};
use topology::units::DurationText;

use crate::cli::ScenarioArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::scenario;

/// The arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What is made.
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The file it is written to; the standard output if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The shortest window of the alerts; all others, and how often is looked, follow from it.
    #[arg(long, value_name = "D", default_value = "5m")]
    shortest_window: DurationText,
    /// Where metrics are served: the address of `--metrics=ADDRESS`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    target: String,
    /// The file of the rules, as the configuration of Prometheus names it.
    #[arg(long, value_name = "FILE", default_value = "badgateway-rules.yml")]
    rules: PathBuf,
}

/// What can be made.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// Alert rules: where failures are born, retry storms, budgets, breakers, queues, the error budget.
    PrometheusRules,
    /// A configuration that scrapes a run, and evaluates the rules.
    PrometheusConfig,
    /// A dashboard to import.
    GrafanaDashboard,
}

pub(crate) fn export(args: &ExportArgs, output: &Output) -> Result<Exit, Failure> {
    let scenario = scenario::load(&args.scenario, output)?;
    let DurationText(shortest) = args.shortest_window;
    let windows = Windows::from_shortest(shortest).map_err(Failure::wrong)?;
    let text = match args.what {
        What::PrometheusRules => export::rules(&scenario, windows).map_err(Failure::failed)?,
        What::PrometheusConfig => {
            export::config(&scenario, windows, &args.target, &args.rules.display().to_string())
        }
        What::GrafanaDashboard => export::dashboard(&scenario).map_err(|e| Failure::failed(e.to_string()))?,
    };
    match &args.out {
        Some(file) => write(file, &text)?,
        None => output::result(|out| out.write_all(text.as_bytes()))?,
    }
    Ok(Exit::Well)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|e| Failure::failed(format!("cannot write {}: {e}", file.display())))
}
