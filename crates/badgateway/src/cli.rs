//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use report::Report;
use report::render::{self, Export, Format};
use topology::units::DurationText;
use trace::RunDir;

use crate::exit::{Exit, Failure};
use crate::output::{self, Output, ProgressName};
use crate::{
    agree, check, compare, diagnose, diff, explain, export, merge, new, presets, report_command, run, schema,
    sweep, up,
};

/// Where do my 502s come from, and what would a retry have done about them?
///
/// Exit codes: 0 well; 1 the run failed; 2 the scenario or the call is wrong; 99 a threshold was
/// missed.
#[derive(Debug, Parser)]
#[command(name = "badgateway", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print no progress and no hints, only results and errors.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print without colours; so does a non-empty `NO_COLOR` in the environment.
    #[arg(long, global = true)]
    no_color: bool,
    /// How it is shown, on stderr, how a run is going.
    #[arg(long, global = true, value_enum, value_name = "HOW", default_value_t)]
    progress: ProgressName,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run: progress while it goes, then where the 502s came from.
    Run(run::RunArgs),
    /// The same calls by both engines: whether virtual time can be trusted with a scenario.
    ///
    /// Exit codes: 0 nothing differs; 1 something does, or a run failed.
    Agree(agree::AgreeArgs),
    /// What in a configuration will make 502s, before anything runs.
    ///
    /// Exit codes: 0 nothing that is denied; 1 an error was found, or what `--deny` names; 2 the
    /// configuration cannot be read, or is no scenario.
    Check(check::CheckArgs),
    /// The same calls under each strategy, ranked, with confidence intervals.
    Compare(compare::CompareArgs),
    /// A grid of settings under each strategy, in virtual time: one row a point and strategy.
    Sweep(sweep::SweepArgs),
    /// The shards of a sweep as one.
    Merge(merge::MergeArgs),
    /// One failed call, hop by hop.
    Explain(explain::ExplainArgs),
    /// Where the failures in logs and traces of real systems were born.
    Diagnose(diagnose::DiagnoseArgs),
    /// What has changed between two runs.
    ///
    /// Exit codes: 0 nothing is worse; 99 something is, by more than the tolerance.
    Diff(diff::DiffArgs),
    /// The tables and the page (`report.html`) again from a run's folder.
    Report {
        /// The run's folder.
        run: PathBuf,
        #[command(flatten)]
        format: ReportFormatArgs,
    },
    /// The nodes alone, kept up: bring your own client.
    ///
    /// Prints where to call. Each request is a call of the scenario's client; requests with the same
    /// `x-request-id` or `traceparent` are attempts of one. Ctrl-C (or `--duration`) ends it, with the tables and files of a run.
    Up(up::UpArgs),
    /// Gateway profiles and retry presets, each with its source.
    Presets {
        /// One of them, to be shown whole.
        name: Option<String>,
    },
    /// What other tools are to know of a scenario: alert rules, a dashboard, a scrape configuration.
    Export(export::ExportArgs),
    /// A scenario to start from: writes NAME.yaml.
    New(new::NewArgs),
    /// The JSON Schema of a scenario, for editors, or of a report.
    Schema {
        /// Of what.
        #[arg(value_enum, default_value_t)]
        of: schema::What,
    },
}

/// Which scenario, and what of it is changed.
#[derive(Debug, Args)]
pub(crate) struct ScenarioArgs {
    /// The scenario's file.
    pub(crate) scenario: PathBuf,
    #[command(flatten)]
    pub(crate) changes: ChangeArgs,
}

/// What of a scenario is changed.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The seed of all chance.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How long the load goes on, such as `30s`.
    #[arg(long, value_name = "D")]
    pub(crate) duration: Option<DurationText>,
    /// Sets a value of the scenario, such as `load[0].rate=300/s`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = path_and_value)]
    pub(crate) overrides: Vec<(String, String)>,
}

/// Which strategy is in force.
#[derive(Debug, Args)]
pub(crate) struct StrategyArg {
    /// The clients' retry strategy: a preset, or one of the scenario's.
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<String>,
}

/// How results are printed.
#[derive(Debug, Args)]
pub(crate) struct FormatArgs {
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: FormatName,
}

/// The names of the output formats.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum FormatName {
    /// Tables for a terminal.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Tables in Markdown.
    Markdown,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Table => Self::Table,
            FormatName::Json => Self::Json,
            FormatName::Markdown => Self::Markdown,
        }
    }
}

/// How a run's results are printed.
#[derive(Debug, Args)]
pub(crate) struct ReportFormatArgs {
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormatName,
}

/// The names of the formats that a run's report can have.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ReportFormatName {
    /// Tables for a terminal.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Tables in Markdown.
    Markdown,
    /// XML as CI systems read it: a case for each threshold.
    Junit,
    /// The topology with its results, for Graphviz.
    Dot,
    /// The topology with its results, for Mermaid.
    Mermaid,
    /// Two files in the run's folder, `calls.parquet` and `hops.parquet`; prints where they are.
    Parquet,
}

impl ReportFormatArgs {
    /// Prints a run's report; what is of its calls and hops goes into its folder.
    pub(crate) fn print(&self, report: &Report, dir: &RunDir, output: &Output) -> Result<(), Failure> {
        let look = output.result_look();
        let files = match self.format {
            ReportFormatName::Parquet => report::parquet::write(dir)?.to_vec(),
            _ => Vec::new(),
        };
        output::result(|out| match self.format {
            ReportFormatName::Table => render::report(report, Format::Table, look, out),
            ReportFormatName::Json => render::report(report, Format::Json, look, out),
            ReportFormatName::Markdown => render::report(report, Format::Markdown, look, out),
            ReportFormatName::Junit => render::export(report, Export::Junit, out),
            ReportFormatName::Dot => render::export(report, Export::Dot, out),
            ReportFormatName::Mermaid => render::export(report, Export::Mermaid, out),
            ReportFormatName::Parquet => {
                files.iter().try_for_each(|file| writeln!(out, "{}", file.display()))
            }
        })
    }
}

fn path_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => {
            Ok((path.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write it as path=value, such as load[0].rate=300/s".to_owned()),
    }
}

/// Does what the command line asks for.
pub(crate) fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Where even this cannot be printed, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { Exit::Wrong } else { Exit::Well };
        }
    };
    let output = Output::new(cli.quiet, cli.no_color, cli.progress);
    match dispatch(cli.command, &output) {
        Ok(exit) => exit,
        Err(failure) => {
            output::error(&failure);
            failure.exit
        }
    }
}

fn dispatch(command: Command, output: &Output) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(&args, output),
        Command::Agree(args) => agree::agree(&args, output),
        Command::Check(args) => check::check(&args, output),
        Command::Compare(args) => compare::compare(&args, output),
        Command::Sweep(args) => sweep::sweep(args, output),
        Command::Merge(args) => merge::merge(&args, output),
        Command::Diagnose(args) => diagnose::diagnose(&args, output),
        Command::Diff(args) => diff::diff(args, output),
        Command::Up(args) => up::up(&args, output),
        Command::Export(args) => export::export(&args, output),
        Command::Explain(args) => explain::explain(args, output),
        Command::Report { run, format } => report_command::report(run, &format, output),
        Command::Presets { name } => presets::presets(name.as_deref()),
        Command::New(args) => new::new(&args, output),
        Command::Schema { of } => schema::schema(of),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        assert_eq!(path_and_value("a.b=c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert!(path_and_value("a.b").is_err());
        assert!(path_and_value("=1").is_err());
    }
}
