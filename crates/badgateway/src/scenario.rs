//! Reading the scenario that the user names.

use std::path::Path;

use topology::Scenario;
use topology::gateways::ConfigFile;
use topology::scenario::Placed;

use crate::cli::{ChangeArgs, ScenarioArgs, StrategyArg};
use crate::exit::Failure;
use crate::output::Output;

/// The largest scenario file that is read, in bytes: far more than anyone writes by hand.
const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// A scenario's text, and what the command line changes in it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    file_name: String,
    pub(crate) overrides: Vec<(String, String)>,
}

impl Source {
    pub(crate) fn read(file: &Path, changes: &ChangeArgs) -> Result<Self, Failure> {
        let mut overrides = changes.overrides.clone();
        overrides.extend(changes.seed.map(|seed| ("seed".to_owned(), seed.to_string())));
        overrides.extend(changes.duration.map(|duration| ("duration".to_owned(), duration.to_string())));
        Ok(Self { text: read(file)?, file_name: file.display().to_string(), overrides })
    }

    /// The file as it is.
    pub(crate) fn file(&self) -> ConfigFile<'_> {
        ConfigFile { name: &self.file_name, text: &self.text }
    }

    /// The scenario, with where everything stands.
    pub(crate) fn placed(&self, output: &Output) -> Result<(Scenario, Placed<'_>), Failure> {
        Scenario::parse_placed(&self.text, &self.file_name, &self.overrides)
            .map_err(|problems| Failure::problems(problems.render(output.diagnostic_colour())))
    }

    /// The scenario, with these changes on top.
    pub(crate) fn scenario(&self, more: &[(String, String)], output: &Output) -> Result<Scenario, Failure> {
        let overrides: Vec<_> = self.overrides.iter().chain(more).cloned().collect();
        Scenario::parse_with(&self.text, &self.file_name, &overrides)
            .map_err(|problems| Failure::problems(problems.render(output.diagnostic_colour())))
    }
}

/// The scenario, as the command line changes it.
pub(crate) fn load(args: &ScenarioArgs, output: &Output) -> Result<Scenario, Failure> {
    Source::read(&args.scenario, &args.changes)?.scenario(&[], output)
}

/// The same with a strategy in force, if one was asked for.
pub(crate) fn load_with(
    args: &ScenarioArgs,
    strategy: &StrategyArg,
    output: &Output,
) -> Result<Scenario, Failure> {
    let scenario = load(args, output)?;
    match &strategy.strategy {
        Some(name) => under(scenario, name),
        None => Ok(scenario),
    }
}

/// A scenario with this strategy in force.
pub(crate) fn under(mut scenario: Scenario, name: &str) -> Result<Scenario, Failure> {
    scenario.apply_strategy(name).map_err(|names| unknown_strategy(name, &names))?;
    Ok(scenario)
}

/// The scenario under each of its strategies, in the order of the file, or as its clients are by
/// themselves; then under those that were asked for.
pub(crate) fn under_each(scenario: &Scenario, asked: &[String]) -> Result<Vec<Scenario>, Failure> {
    let mut all: Vec<Scenario> = Vec::new();
    if scenario.strategies.is_empty() {
        all.push(scenario.clone());
    }
    for name in scenario.strategies.iter().map(|strategy| &strategy.name).chain(asked) {
        let under = under(scenario.clone(), name)?;
        // Asked for twice, or by another name of the same preset.
        if all.iter().all(|other| other.strategy != under.strategy) {
            all.push(under);
        }
    }
    Ok(all)
}

/// The last of so many seeds from the scenario's own on.
pub(crate) fn last_seed(scenario: &Scenario, seeds: u64) -> Result<u64, Failure> {
    scenario.seed.checked_add(seeds - 1).ok_or_else(|| {
        Failure::wrong(format!(
            "there are no {seeds} seeds from {} on: choose a smaller --seed",
            scenario.seed
        ))
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    let wrong =
        |reason: &dyn std::fmt::Display| Failure::wrong(format!("cannot read {}: {reason}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| wrong(&e))?.len();
    if size > SIZE_MAX {
        return Err(wrong(&format!("it has {size} bytes, and a scenario has at most {SIZE_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(|e| wrong(&e))?;
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Err(wrong(&"it is a binary file, not YAML text")),
        Ok(text) => Ok(text),
        Err(error) => {
            let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n');
            Err(wrong(&format!("it is not UTF-8 text, from line {} on", line.count() + 1)))
        }
    }
}

fn unknown_strategy(name: &str, names: &[String]) -> Failure {
    Failure::wrong(if names.is_empty() {
        format!("there is no strategy `{name}`: the scenario has none")
    } else {
        format!("there is no strategy `{name}`: there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn what_is_no_text_is_told_in_one_sentence() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("s.yaml");
        let cases: [(&[u8], &str); 2] =
            [(b"name: x\n\xff\xfe", "not UTF-8 text, from line 2 on"), (b"name: \0", "a binary file")];
        for (bytes, reason) in cases {
            std::fs::write(&file, bytes).unwrap();
            let failure = read(&file).unwrap_err();
            assert_eq!(failure.exit, Exit::Wrong);
            assert!(failure.text.contains(reason) && !failure.text.contains('\n'), "{}", failure.text);
        }
        assert!(read(&temp.path().join("none.yaml")).unwrap_err().text.contains("No such file"));
        assert!(read(temp.path()).is_err());
    }
}
