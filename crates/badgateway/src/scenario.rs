//! Reading the scenario that the user names.

use std::path::Path;

use topology::Scenario;

use crate::cli::{ScenarioArgs, StrategyArg};
use crate::exit::Failure;
use crate::output::Output;

/// The largest scenario file that is read, in bytes: far more than anyone writes by hand.
const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// The scenario, as the command line changes it.
pub(crate) fn load(args: &ScenarioArgs, output: &Output) -> Result<Scenario, Failure> {
    let text = read(&args.scenario)?;
    let mut overrides = args.overrides.clone();
    overrides.extend(args.seed.map(|seed| ("seed".to_owned(), seed.to_string())));
    overrides.extend(args.duration.map(|duration| ("duration".to_owned(), duration.to_string())));
    let file_name = args.scenario.display().to_string();
    Scenario::parse_with(&text, &file_name, &overrides)
        .map_err(|problems| Failure::problems(problems.render(output.diagnostic_colour())))
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

fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Failure::wrong(format!("cannot read the scenario {}: {reason}", path.display()))
    };
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
