//! The text that a scenario was read from, to show places in it.

use super::path::Path;
use super::problem::Problem;
use super::source_map::{Flaw, Range, SourceMap, Spot};

/// How much of a long line is shown, in characters.
const EXCERPT_MAX: usize = 120;
/// How much of a long line is shown before the place.
const BEFORE_MAX: usize = 40;

/// A scenario's text, and what the command line changes in it.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    file_name: &'a str,
    text: &'a str,
    pub(crate) map: SourceMap,
    pub(crate) overrides: Vec<Override>,
}

/// A value that the command line has set.
#[derive(Debug)]
pub(crate) struct Override {
    /// Which value.
    pub(crate) path: Path,
    /// As typed: `--set path=value`.
    pub(crate) typed: String,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file_name: &'a str, text: &'a str) -> Self {
        Self { file_name, text, map: SourceMap::default(), overrides: Vec::new() }
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> &std::path::Path {
        std::path::Path::new(self.file_name).parent().unwrap_or(std::path::Path::new(""))
    }

    /// The place of a value, as a problem that says nothing yet.
    pub(crate) fn place(&self, path: &Path, spot: Spot, word: Option<&str>) -> Problem {
        if let Some(by) = self.overrides.iter().rev().find(|o| o.path.contains(path)) {
            return Self::typed(&by.typed);
        }
        let located = self.map.locate(path, spot);
        // What an override has added on its way to its value is on no line.
        let adder = self.overrides.iter().rev().find(|o| path.contains(&o.path));
        match (located, adder) {
            (Some((_, false)) | None, Some(by)) => Self::typed(&by.typed),
            (Some((range, _)), _) => self.at(self.narrow(range, word)),
            (None, None) => self.at(Range::START),
        }
    }

    /// The line on which a value is, for messages that name a second place.
    pub(crate) fn line_of(&self, path: &Path) -> usize {
        self.place(path, Spot::Key, None).line
    }

    /// A problem with the text itself.
    pub(crate) fn flaw(&self, flaw: Flaw) -> Problem {
        Problem { message: flaw.message, help: flaw.help, ..self.at(flaw.range) }
    }

    /// The place of what was typed on the command line.
    pub(crate) fn typed(typed: &str) -> Problem {
        Problem {
            file: typed.to_owned(),
            line: 0,
            column: 0,
            excerpt: String::new(),
            marked: (0, 0),
            path: String::new(),
            message: String::new(),
            help: None,
        }
    }

    /// The file's name.
    pub(crate) fn file_name(&self) -> &str {
        self.file_name
    }

    /// The text's begin, as a problem that says nothing yet.
    pub(crate) fn start(&self) -> Problem {
        self.at(Range::START)
    }

    /// The text from a place on, to the line's end.
    fn rest_of_line(&self, byte: usize) -> impl Iterator<Item = char> {
        let rest = self.text.get(byte..).unwrap_or_default();
        rest.chars().take_while(|c| !matches!(c, '\n' | '\r'))
    }

    /// Narrows a range to a word in it, if the word is there as written.
    fn narrow(&self, range: Range, word: Option<&str>) -> Range {
        let Some(word) = word.filter(|w| !w.is_empty()) else { return range };
        let text: String = self.rest_of_line(range.byte).take(range.length.min(10 * EXCERPT_MAX)).collect();
        match find_word(&text, word) {
            Some(at) => Range {
                column: range.column + text[..at].chars().count(),
                length: word.chars().count(),
                byte: range.byte + at,
                ..range
            },
            None => range,
        }
    }

    /// Costs no more than the excerpt is long, however long the line.
    pub(crate) fn at(&self, range: Range) -> Problem {
        let before = self.text.get(..range.byte).unwrap_or_default().chars().rev();
        let before = before.take_while(|c| !matches!(c, '\n' | '\r'));
        let fits = range.column <= EXCERPT_MAX - BEFORE_MAX;
        let shown = if fits { EXCERPT_MAX } else { BEFORE_MAX };
        let mut excerpt: Vec<char> = before.take(shown).map(visible).collect();
        if !fits {
            excerpt.push('…');
        }
        excerpt.reverse();
        let first = excerpt.len();
        let mut rest = self.rest_of_line(range.byte);
        excerpt.extend(rest.by_ref().take(EXCERPT_MAX - first).map(visible));
        while excerpt.last().is_some_and(|c| *c == ' ') {
            excerpt.pop();
        }
        let room = excerpt.len().saturating_sub(first);
        if rest.next().is_some() {
            excerpt.push('…');
        }
        Problem {
            file: self.file_name.to_owned(),
            line: range.line,
            column: range.column,
            excerpt: excerpt.into_iter().collect(),
            marked: (first, range.length.min(room).max(1)),
            path: String::new(),
            message: String::new(),
            help: None,
        }
    }
}

/// Where a word is in a text; rather as a whole word than as a part of a longer one.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '#' | '-');
    let whole = |at: usize| {
        let (before, after) = (&text[..at], text[at + word.len()..].trim_start_matches("->"));
        !before.ends_with(of_name) && !after.starts_with(of_name)
    };
    let places = || text.match_indices(word).map(|(at, _)| at);
    places().find(|&at| whole(at)).or_else(|| places().next())
}

/// A character that takes one column of a terminal and does nothing to it.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}
