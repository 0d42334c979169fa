//! What a document is made of, whatever its format.

use std::borrow::Cow;

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// A heading.
    Title(String),
    /// A table.
    Table(Table),
    /// A table whose rows have courses over time too, where there is room for them.
    Courses(Table, Courses),
    /// A sentence.
    Line(Tone, String),
    /// Preformatted text.
    Verbatim(String),
}

/// How a sentence is meant. Its words say so too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Warning,
}

/// A table; all cells are text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What goes along time, row by row: for a terminal alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Courses {
    /// What it is; nothing where the title says so.
    pub(crate) head: &'static str,
    /// Until when, from the start.
    pub(crate) until: String,
    /// Each row's, each on a scale of its own.
    pub(crate) rows: Vec<Vec<f64>>,
    /// The title of a table that is there for their sake: names give way to them, and where there are
    /// no courses there is no table.
    pub(crate) title: Option<&'static str>,
}

/// A table's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its heading; a line break in it is a space where there are no line breaks.
    pub(crate) head: Cow<'static, str>,
    /// What is in it.
    pub(crate) kind: Kind,
}

/// What is in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text that may be shortened.
    Name,
    /// Text that may not.
    Word,
    /// A number.
    Number,
}

impl Column {
    pub(crate) const fn name(head: &'static str) -> Self {
        Self { head: Cow::Borrowed(head), kind: Kind::Name }
    }

    pub(crate) const fn word(head: &'static str) -> Self {
        Self { head: Cow::Borrowed(head), kind: Kind::Word }
    }

    pub(crate) const fn number(head: &'static str) -> Self {
        Self { head: Cow::Borrowed(head), kind: Kind::Number }
    }
}
