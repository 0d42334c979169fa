//! What is wrong with a scenario: every problem, each with its place.

use std::fmt::{self, Write as _};

use super::path::Path;
use super::source::Source;
use super::source_map::Spot;

/// How many problems are kept; the rest is only counted.
const PROBLEMS_MAX: usize = 100;

/// Something wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or `--set path=value`.
    pub file: String,
    /// The line, from 1; 0 if it is not in the file.
    pub line: usize,
    /// The column in characters, from 1; 0 if it is not in the file.
    pub column: usize,
    /// The line's text around the place; a long one is cut.
    pub excerpt: String,
    /// What of the excerpt is meant: the first character, and how many.
    pub marked: (usize, usize),
    /// Which value is meant: `nodes.app.workers`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The likely fix.
    pub help: Option<String>,
}

/// All that is wrong with a scenario; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    /// How many were found beyond those.
    more: usize,
}

impl Problems {
    /// One alone.
    pub(crate) fn one(problem: Problem) -> Self {
        Self { list: vec![problem], more: 0 }
    }

    /// Each problem, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len() + self.more
    }

    /// As a compiler shows its errors. With `color`, for a terminal that understands ANSI codes;
    /// the colours carry nothing that the text does not say.
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for problem in &self.list {
            // A String takes any text.
            let _ = render(problem, color, &mut out);
        }
        let count = self.count();
        let last = match (self.more, count) {
            (0, 1) => "error: the scenario has 1 problem".to_owned(),
            (0, _) => format!("error: the scenario has {count} problems"),
            (more, _) => format!("error: the scenario has {count} problems, {more} of them not shown"),
        };
        out.push_str(&paint(&last, "1;31", color));
        out.push('\n');
        out
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Problems {}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn render(problem: &Problem, color: bool, out: &mut String) -> fmt::Result {
    let Problem { file, line, column, excerpt, marked: (first, length), message, help, .. } = problem;
    let bar = |text: &str| paint(text, "1;34", color);
    writeln!(out, "{}{}", paint("error", "1;31", color), paint(&format!(": {message}"), "1", color))?;
    let margin = if *line == 0 { 1 } else { line.to_string().len() };
    if *line == 0 {
        writeln!(out, "{:margin$}{} {file}", "", bar("-->"))?;
    } else {
        writeln!(out, "{:margin$}{} {file}:{line}:{column}", "", bar("-->"))?;
        writeln!(out, "{:margin$} {}", "", bar("|"))?;
        writeln!(out, "{} {} {excerpt}", bar(&line.to_string()), bar("|"))?;
        let carets = paint(&"^".repeat((*length).max(1)), "1;31", color);
        writeln!(out, "{:margin$} {} {:first$}{carets}", "", bar("|"), "")?;
    }
    if let Some(help) = help {
        writeln!(out, "{:margin$} {} {}: {help}", "", bar("="), paint("help", "1", color))?;
    }
    out.push('\n');
    Ok(())
}

/// Takes problems as they are found.
#[derive(Debug)]
pub(super) struct Collector<'a> {
    source: &'a Source<'a>,
    list: Vec<Problem>,
    more: usize,
    /// In here something has the wrong shape already: what else is wrong may only follow from it.
    quiet: Vec<Path>,
}

/// A problem that is being described; [`Draft::say`] ends it.
#[derive(Debug)]
#[must_use]
pub(super) struct Draft<'c, 'a> {
    collector: &'c mut Collector<'a>,
    path: &'c Path,
    spot: Spot,
    word: Option<String>,
    help: Option<String>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self { source, list: Vec::new(), more: 0, quiet: Vec::new() }
    }

    /// Takes no more problems of this place.
    pub(super) fn hush(&mut self, path: Path) {
        self.quiet.push(path);
    }

    /// Whether a place is hushed, or something in it is.
    pub(super) fn is_hushed(&self, path: &Path) -> bool {
        self.quiet.iter().any(|q| q.contains(path) || path.contains(q))
    }

    /// Whether a further problem would only be counted.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= PROBLEMS_MAX
    }

    /// Something is wrong with a value.
    pub(super) fn value<'c>(&'c mut self, path: &'c Path) -> Draft<'c, 'a> {
        Draft { collector: self, path, spot: Spot::Value, word: None, help: None }
    }

    /// Something is wrong with a key, or with all that it holds.
    pub(super) fn key<'c>(&'c mut self, path: &'c Path) -> Draft<'c, 'a> {
        Draft { spot: Spot::Key, ..self.value(path) }
    }

    pub(super) fn source(&self) -> &'a Source<'a> {
        self.source
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn push(&mut self, mut problem: Problem) {
        for text in [&mut problem.file, &mut problem.path, &mut problem.message] {
            *text = fit_to_print(text);
        }
        problem.help = problem.help.as_deref().map(fit_to_print);
        if self.is_full() {
            self.more += 1;
        } else if !self.list.contains(&problem) {
            self.list.push(problem);
        }
    }

    /// All problems, if there are any.
    pub(super) fn finish(mut self) -> Result<(), Problems> {
        if self.list.is_empty() {
            return Ok(());
        }
        self.list.sort_by_key(|p| (p.line, p.column));
        Err(Problems { list: self.list, more: self.more })
    }
}

/// A text that may come from the scenario, without what would garble a terminal or fill it.
fn fit_to_print(text: &str) -> String {
    const MAX: usize = 500;
    let mut fit: String =
        text.chars().take(MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX).is_some() {
        fit.push('…');
    }
    fit
}

impl Draft<'_, '_> {
    /// The likely fix.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The likely fix, if there is one; it is only looked for if somebody will read it.
    pub(super) fn maybe_help(mut self, help: impl FnOnce() -> Option<String>) -> Self {
        if !self.collector.is_full() {
            self.help = help();
        }
        self
    }

    /// The part of the value's text that is meant.
    pub(super) fn word(mut self, word: &str) -> Self {
        self.word = Some(word.to_owned());
        self
    }

    /// What is wrong.
    pub(super) fn say(self, message: impl Into<String>) {
        let Self { collector, path, spot, word, help } = self;
        if collector.quiet.iter().any(|q| q.contains(path)) {
            return;
        }
        if collector.is_full() {
            collector.more += 1;
            return;
        }
        let place = collector.source.place(path, spot, word.as_deref());
        let (path, message) = (path.to_string(), message.into());
        collector.push(Problem { path, message, help, ..place });
    }
}
