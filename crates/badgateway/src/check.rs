//! `badgateway check`: what in a configuration will make 502s, before anything runs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use report::lints::{self, Checked, Format};
use topology::gateways::{self, ConfigFile, Product};
use topology::lint::{self, Finding, RULES, Rule, Severity};
use topology::{NodeKind, Scenario};

use crate::cli::{ChangeArgs, StrategyArg};
use crate::exit::{Exit, Failure};
use crate::output::{self, Output};
use crate::scenario::{self, Source};

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A scenario; or configurations of nginx, HAProxy and Envoy, several as one chain, the
    /// outermost first: who calls whom is known by the ports.
    #[arg(required_unless_present_any = ["rules", "explain"])]
    files: Vec<PathBuf>,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    strategy: StrategyArg,
    /// What is not let pass beside errors.
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// A rule that says nothing, by its id or code.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    allow: Vec<&'static Rule>,
    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    format: FormatName,
    /// List all rules.
    #[arg(long, conflicts_with_all = ["files", "explain"])]
    rules: bool,
    /// Say all about one rule.
    #[arg(long, value_name = "RULE", value_parser = rule, conflicts_with = "files")]
    explain: Option<&'static Rule>,
}

/// What is not let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Errors and warnings.
    Warnings,
    /// Whatever is found.
    Infos,
}

/// The names of the output formats.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum FormatName {
    /// Text for a terminal.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Markdown.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Table => Self::Table,
            FormatName::Json => Self::Json,
            FormatName::Markdown => Self::Markdown,
            FormatName::Sarif => Self::Sarif,
        }
    }
}

/// A rule by its id or its code.
fn rule(name: &str) -> Result<&'static Rule, String> {
    lint::find(name).ok_or_else(|| {
        let ids = RULES.iter().map(|rule| rule.id);
        match topology::scenario::nearest_name(name, ids) {
            Some(near) => format!("there is no rule `{name}`: did you mean `{near}`?"),
            None => format!("there is no rule `{name}`: `badgateway check --rules` lists them"),
        }
    })
}

pub(crate) fn check(args: &CheckArgs, output: &Output) -> Result<Exit, Failure> {
    if let Some(rule) = args.explain {
        output::result(|out| lints::explain(rule, output.result_colour(), out))?;
        return Ok(Exit::Well);
    }
    if args.rules {
        output::result(lints::list)?;
        return Ok(Exit::Well);
    }
    let sources: Vec<Source> =
        args.files.iter().map(|file| Source::read(file, &args.changes)).collect::<Result<_, _>>()?;
    let files: Vec<ConfigFile<'_>> = sources.iter().map(Source::file).collect();
    let Looked { mut findings, contents } = match (sources.as_slice(), files.as_slice()) {
        ([source], [file]) if Product::of(*file).is_none() => look_at_scenario(source, args, output)?,
        _ => look_at_gateways(&files, args, output)?,
    };
    findings.retain(|finding| args.allow.iter().all(|allowed| allowed.id != finding.rule.id));
    let passed = !findings.iter().any(|finding| is_denied(finding, args.deny));
    let checked = Checked {
        file: files.first().map_or("", |file| file.name),
        contents: &contents,
        findings: &findings,
        passed,
        version: env!("CARGO_PKG_VERSION"),
    };
    output::result(|out| lints::write(&checked, args.format.into(), output.result_colour(), out))?;
    Ok(if passed { Exit::Well } else { Exit::Failed })
}

/// What was looked at, and what was found.
struct Looked {
    findings: Vec<Finding>,
    contents: String,
}

fn look_at_scenario(source: &Source, args: &CheckArgs, output: &Output) -> Result<Looked, Failure> {
    let (mut scenario, places) = source.placed(output)?;
    if let Some(strategy) = &args.strategy.strategy {
        scenario = scenario::under(scenario, strategy)?;
    }
    Ok(Looked { findings: lint::check(&scenario, &places), contents: contents(&scenario) })
}

fn look_at_gateways(files: &[ConfigFile<'_>], args: &CheckArgs, output: &Output) -> Result<Looked, Failure> {
    if let Some(other) = files.iter().find(|file| Product::of(**file).is_none()) {
        return Err(Failure::wrong(format!(
            "{} is no configuration of nginx, HAProxy or Envoy: scenarios are checked one at a time",
            other.name
        )));
    }
    let changes = &args.changes;
    if !changes.overrides.is_empty() || changes.seed.is_some() || changes.duration.is_some() {
        return Err(Failure::wrong("only a scenario can be changed by `--set`, `--seed` and `--duration`"));
    }
    if let Some(strategy) = &args.strategy.strategy {
        return Err(Failure::wrong(format!("a gateway's configuration has no strategy `{strategy}`")));
    }
    for (file, included) in
        files.iter().flat_map(|file| gateways::includes(*file).map(|name| (file.name, name)))
    {
        output.hint(&format!("note: {file} includes {included}, which is not looked at: name it too"));
    }
    let (scenario, chain) = gateways::read(files)
        .map_err(|problems| Failure::problems(problems.render(output.diagnostic_colour())))?;
    let topology = &scenario.topology;
    let links = topology.edges().map(|(id, _)| topology.ends(id).1);
    let known = links.filter(|&to| topology.node(to).kind == NodeKind::Gateway).count();
    let contents = [
        count(files.len(), "file"),
        count(chain.gateways(), "gateway"),
        count(topology.edge_count(), "edge"),
        format!("{known} of them from one to another"),
    ];
    Ok(Looked { findings: lint::check(&scenario, &chain), contents: contents.join(", ") })
}

fn is_denied(finding: &Finding, deny: Option<Deny>) -> bool {
    match finding.severity {
        Severity::Error => true,
        Severity::Warning => deny.is_some(),
        Severity::Info => deny == Some(Deny::Infos),
    }
}

fn contents(scenario: &Scenario) -> String {
    let topology = &scenario.topology;
    let nodes = topology.nodes().filter(|(_, n)| !n.synthetic);
    let clients = topology.of_kind(NodeKind::Client).filter(|&c| !topology.node(c).synthetic);
    let edges = topology
        .edges()
        .filter(|(id, edge)| !edge.only_by_fault && !topology.node(topology.ends(*id).0).synthetic);
    [
        count(nodes.count(), "node"),
        count(edges.count(), "edge"),
        count(clients.count(), "client"),
        count(scenario.faults.len(), "fault"),
        count_as(scenario.strategies.len(), "strategy", "strategies"),
        count(scenario.thresholds.len(), "threshold"),
    ]
    .join(", ")
}

fn count(n: usize, what: &str) -> String {
    count_as(n, what, &format!("{what}s"))
}

fn count_as(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
