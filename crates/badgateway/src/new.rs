//! `badgateway new`: a scenario to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use crate::exit::{Exit, Failure};
use crate::output::{self, Output};

/// The scenario; `NAME` stands for its name.
const STARTER: &str = include_str!("new/starter.yaml");

pub(crate) fn new(name: &str, output: &Output) -> Result<Exit, Failure> {
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
        .write_all(starter(name).as_bytes())
        .map_err(|e| Failure::failed(format!("cannot write {file}: {e}")))?;
    output::result(|out| writeln!(out, "{file}"))?;
    output.hint(&format!("next: badgateway run {file}"));
    Ok(Exit::Well)
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
