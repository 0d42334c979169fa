//! `badgateway diagnose`: logs and traces of real systems in, origins out.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use evidence::{Evidence, Format, Input, Options};
use report::diagnosis::{self, Diagnosis};
use report::{Report, explain, render};
use trace::rows::{OriginRow, Row};
use trace::{Manifest, RunDir};

use crate::exit::{Exit, Failure};
use crate::manifest;
use crate::output::{self, Output};

/// The arguments of `diagnose`.
#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// Logs and traces of one system, as one chain; `-` is the standard input. `NAME=FILE` says what the
    /// node is called whose log it is.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The format of all files, which is otherwise told from what is in them.
    #[arg(long = "as", value_name = "FORMAT", value_parser = format)]
    format_of: Option<Format>,
    /// The `log_format` of nginx's access logs, if it is not `combined`, as it is in nginx.conf; or give the
    /// file nginx.conf itself among the files.
    #[arg(long, value_name = "LOG_FORMAT", conflicts_with = "format_of")]
    log_format: Option<String>,
    /// What an address is called: of an upstream that has no log here, or has one by another name.
    #[arg(long = "name", value_name = "ADDRESS=NAME", value_parser = address_and_name)]
    names: Vec<(String, String)>,
    /// Show this request alone, hop by hop: its trace id or request id.
    #[arg(long, value_name = "ID", conflicts_with = "out")]
    request: Option<String>,
    /// A folder for the requests and their hops, as of a run: for `explain`, `report` and the page.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t)]
    format: FormatName,
}

/// The names of the output formats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Tables for a terminal.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Tables in Markdown.
    Markdown,
    /// The origins, as in `origins.csv`.
    Csv,
}

fn format(name: &str) -> Result<Format, String> {
    let names = || Format::ALL.into_iter().map(Format::name);
    Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
        let all: Vec<_> = names().collect();
        match topology::scenario::nearest_name(name, names()) {
            Some(near) => format!("there is no format `{name}`: did you mean `{near}`?"),
            None => format!("there is no format `{name}`: there are {}", all.join(", ")),
        }
    })
}

fn address_and_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((address, name)) if !address.is_empty() && !name.is_empty() => {
            Ok((address.to_owned(), name.to_owned()))
        }
        _ => Err("write it as ADDRESS=NAME, such as 10.0.0.5:8080=app".to_owned()),
    }
}

/// A file that was read.
struct File {
    name: String,
    node: Option<String>,
    bytes: Vec<u8>,
}

fn read(argument: &str) -> Result<File, Failure> {
    // A file may have an equals sign in its name.
    let (node, path) = match argument.split_once('=') {
        Some((node, path)) if !Path::new(argument).exists() && !node.contains('/') => (Some(node), path),
        _ => (None, argument),
    };
    let mut bytes = Vec::new();
    let read = match path {
        "-" => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        path => std::fs::read(path).map(|read| bytes = read),
    };
    read.map_err(|error| Failure::wrong(format!("cannot read {path}: {error}")))?;
    let name = if path == "-" { "stdin" } else { path };
    Ok(File { name: name.to_owned(), node: node.map(str::to_owned), bytes })
}

pub(crate) fn diagnose(args: &DiagnoseArgs, output: &Output) -> Result<Exit, Failure> {
    let files: Vec<File> = args.files.iter().map(|file| read(file)).collect::<Result<_, _>>()?;
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|file| Input { name: &file.name, node: file.node.as_deref(), bytes: &file.bytes })
        .collect();
    let log_format = args.log_format.clone();
    let options = Options { format: args.format_of, log_format, names: args.names.clone() };
    let evidence = evidence::read(&inputs, &options).map_err(|error| Failure::wrong(error.to_string()))?;
    if let Some(id) = &args.request {
        return one(args, evidence, id, output);
    }
    let dir = args.out.as_ref().map(RunDir::create).transpose()?;
    let manifest = manifest::of_logs(&evidence.calls.scenario, SystemTime::now());
    let (found, figures) = diagnosis::diagnose(evidence, dir.as_ref())?;
    print(args, &found, output)?;
    if let Some(dir) = dir {
        let report = Report::new(Manifest { finished: true, ..manifest }, figures);
        report.write(&dir)?;
        let page = report::page::write(&dir, &report)?;
        output.hint(&format!("\npage: {}", page.display()));
        if report.failed() > 0 {
            output.hint(&format!("next: badgateway explain {}", dir.path().display()));
        }
    }
    Ok(Exit::Well)
}

fn print(args: &DiagnoseArgs, found: &Diagnosis, output: &Output) -> Result<(), Failure> {
    let look = output.result_look();
    let format = match args.format {
        FormatName::Table => render::Format::Table,
        FormatName::Json => render::Format::Json,
        FormatName::Markdown => render::Format::Markdown,
        FormatName::Csv => return output::result(|out| out.write_all(&csv(found))),
    };
    output::result(|out| render::diagnosis(found, format, look, out))
}

fn csv(found: &Diagnosis) -> Vec<u8> {
    let mut lines = OriginRow::COLUMNS.join(",").into_bytes();
    lines.push(b'\n');
    for row in &found.origins {
        row.write(&mut lines);
    }
    lines
}

fn one(args: &DiagnoseArgs, evidence: Evidence, id: &str, output: &Output) -> Result<Exit, Failure> {
    let format = match args.format {
        FormatName::Table => render::Format::Table,
        FormatName::Json => render::Format::Json,
        FormatName::Markdown => render::Format::Markdown,
        FormatName::Csv => return Err(Failure::wrong("one request is no table: leave `--format csv` out")),
    };
    let calls = diagnosis::explain(evidence, id)?;
    if calls.is_empty() {
        return Err(Failure::wrong(format!("no request has the id `{id}`")));
    }
    output::result(|out| explain::write(&calls, format, output.result_look(), out))?;
    Ok(Exit::Well)
}
