//! From text to a scenario: syntax first, then the shape, then the meaning. Each stage tells all that
//! it finds; a later one is asked only as far as it cannot talk nonsense.

use super::Scenario;
use super::lower::lower;
use super::overrides;
use super::problem::{Collector, Problems};
use super::shape::{self, Shaped};
use super::source::Source;
use super::source_map::{Flaw, Range, SourceMap};
use super::tree::Tree;

/// The largest text that is looked at, in bytes.
const TEXT_MAX: usize = 16 << 20;

/// What was read, with where it stands.
pub(super) struct Read<'a> {
    pub(super) scenario: Scenario,
    pub(super) source: Source<'a>,
    /// Each entry of the edges as written.
    pub(super) chains: Vec<String>,
}

pub(super) fn read<'a>(
    text: &'a str,
    file_name: &'a str,
    overrides: &[(String, String)],
) -> Result<Read<'a>, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut source = Source::new(file_name, text);
    let (map, flaws, mut tree) = syntax(text).map_err(|flaws| of_flaws(&source, flaws))?;
    source.map = map;
    let mut refused = Vec::new();
    for (path, value) in overrides {
        match overrides::apply(&mut tree, path, value) {
            Ok(done) => source.overrides.push(done),
            Err(problem) => refused.push(problem),
        }
    }
    let mut problems = Collector::new(&source);
    for flaw in flaws {
        problems.push(source.flaw(flaw));
    }
    for problem in refused {
        problems.push(*problem);
    }
    let mut chains = Vec::new();
    let scenario = match shape::read(&mut tree, &mut problems) {
        Some(Shaped { file, whole }) => {
            chains.extend(file.edges.iter().map(|edge| edge.chain.clone()));
            lower(file, whole, &mut problems)
        }
        None => None,
    };
    problems.finish()?;
    Ok(Read { scenario: scenario.expect("what cannot be lowered has a problem"), source, chains })
}

/// Where everything is, what is wrong with it so far, and the values.
pub(crate) fn syntax(text: &str) -> Result<(SourceMap, Vec<Flaw>, Tree), Vec<Flaw>> {
    if text.len() > TEXT_MAX {
        let message = format!("the file has {} MiB", text.len() >> 20);
        let help = Some(format!("a scenario has at most {} MiB", TEXT_MAX >> 20));
        return Err(vec![Flaw { range: Range::START, message, help }]);
    }
    let (map, flaws) = SourceMap::scan(text)?;
    match serde_yaml::from_str(text) {
        Ok(tree) => Ok((map, flaws, tree)),
        Err(error) => {
            let range = error.location().map_or(Range::START, |place| Range {
                line: place.line(),
                column: place.column(),
                length: 1,
                byte: place.index(),
            });
            Err(vec![Flaw { range, message: format!("this is not YAML: {error}"), help: None }])
        }
    }
}

fn of_flaws(source: &Source<'_>, flaws: Vec<Flaw>) -> Problems {
    let mut problems = Collector::new(source);
    for flaw in flaws {
        problems.push(source.flaw(flaw));
    }
    problems.finish().expect_err("there is at least one flaw")
}
