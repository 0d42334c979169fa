//! `badgateway new`: a scenario to start from.

mod shape;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use clap::Args;
use shape::Shape;

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

/// The scenario; `NAME` stands for its name.
const STARTER: &str = include_str!("new/starter.yaml");

/// How many services a scenario may have: one node is the client.
const SERVICES_MAX: usize = 99_999;

/// The arguments of `new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The scenario's name.
    name: String,
    /// How its services call each other. Without it: a client, a gateway and a server.
    #[arg(long, value_enum)]
    shape: Option<Shape>,
    /// With `--shape`: how many services there are.
    #[arg(long, value_name = "N", default_value_t = 10, requires = "shape")]
    nodes: usize,
    /// With `--shape`: what chance is drawn from, for the graph and for its runs.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "shape")]
    seed: u64,
}

pub(crate) fn new(args: &NewArgs, output: &Output) -> Result<Exit, Failure> {
    let name = args.name.as_str();
    if !(1..=SERVICES_MAX).contains(&args.nodes) {
        return Err(Failure::wrong(format!("--nodes {} is not between 1 and {SERVICES_MAX}", args.nodes)));
    }
    let well_formed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(well_formed) {
        return Err(Failure::wrong(format!(
            "`{name}` cannot be a scenario's name: use letters, digits, `-` and `_`"
        )));
    }
    let file = format!("{name}.yaml");
    let mut opened =
        OpenOptions::new().write(true).create_new(true).open(&file).map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                Failure::wrong(format!("{file} is there already: choose another name"))
            }
            _ => Failure::failed(format!("cannot create {file}: {e}")),
        })?;
    opened
        .write_all(text(args).as_bytes())
        .map_err(|e| Failure::failed(format!("cannot write {file}: {e}")))?;
    output::result(|out| writeln!(out, "{file}"))?;
    output.hint(&format!("next: badgateway run {file}"));
    Ok(Exit::Well)
}

fn text(args: &NewArgs) -> String {
    match args.shape {
        None => starter(&args.name),
        Some(shape) => shape::scenario(&args.name, shape, args.nodes, args.seed),
    }
}

fn starter(name: &str) -> String {
    STARTER.replace("NAME", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starter_is_a_good_scenario() {
        let scenario = topology::Scenario::parse(&starter("shop"), "shop.yaml")
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(scenario.name, "shop");
        assert!(!scenario.faults.is_empty());
    }
}
