//! Where everything in a document is: one walk over the parser's events.
//!
//! It also refuses, before the values are read, what would make reading them dangerous or doubtful:
//! keys given twice, tags, several documents, and aliases that unfold to a huge tree.

use granit_parser::{Event, Marker, Parser, Span};
use indexmap::IndexMap;
use indexmap::map::Entry;

use super::path::{Path, Segment};

/// How deep collections may be nested.
const DEPTH_MAX: usize = 64;
/// How many values a document may hold, each alias counted as what it stands for.
const VALUES_MAX: usize = 1_000_000;
/// How many duplicate keys are worth telling.
const FLAWS_MAX: usize = 50;

/// A stretch of the text, on one line. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// In characters; `usize::MAX` is to the line's end.
    pub(crate) length: usize,
    /// Where it begins, in bytes from the start of the text.
    pub(crate) byte: usize,
}

impl Range {
    /// The text's first character.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 1, byte: 0 };
}

/// Which part of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Key,
    Value,
}

/// What is wrong with a text as YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) range: Range,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Where every key and value of a document is.
#[derive(Debug, Default)]
pub(crate) struct SourceMap {
    /// The first is the root.
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    range: Range,
    children: Children,
}

#[derive(Debug)]
enum Children {
    None,
    List(Vec<usize>),
    Map(IndexMap<String, (Range, usize)>),
}

impl SourceMap {
    /// Reads where everything is. Some flaws leave the text readable; one that does not comes last in
    /// the error.
    pub(crate) fn scan(text: &str) -> Result<(Self, Vec<Flaw>), Vec<Flaw>> {
        let mut walk = Walk::default();
        let mut options = granit_parser::Options::default();
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| {
                let range = one(error.marker());
                walk.flaws_with(Flaw {
                    range,
                    message: format!("this is not YAML: {}", error.info()),
                    help: None,
                })
            })?;
            if let Err(fatal) = walk.event(&event, span) {
                return Err(walk.flaws_with(fatal));
            }
        }
        Ok((Self { values: walk.values }, walk.flaws))
    }

    /// Where a place is, and whether all of it was found: else it is the last known place on the
    /// way (the alias or the merge key that stands for the rest).
    pub(crate) fn locate(&self, path: &Path, spot: Spot) -> Option<(Range, bool)> {
        let mut value = self.values.first()?;
        let mut key = None;
        for (i, segment) in path.0.iter().enumerate() {
            let last = i + 1 == path.0.len();
            let child = match (&value.children, segment) {
                (Children::Map(entries), Segment::Key(name)) => match entries.get(name) {
                    Some((range, child)) => {
                        key = Some(*range);
                        *child
                    }
                    None => {
                        return Some((
                            entries.get("<<").map_or_else(|| key.unwrap_or(value.range), |e| e.0),
                            false,
                        ));
                    }
                },
                (Children::List(items), Segment::Index(index)) if *index < items.len() => {
                    key = None;
                    items[*index]
                }
                _ => return Some((key.unwrap_or(value.range), false)),
            };
            value = &self.values[child];
            if last && spot == Spot::Key && key.is_some() {
                return key.map(|k| (k, true));
            }
        }
        // A whole collection is best shown by its key.
        let shown = match &value.children {
            Children::None if value.range.length > 0 => value.range,
            // An entry of a list that begins with its first key.
            Children::Map(entries) if key.is_none() => {
                let first = entries.values().next().map(|(first, _)| *first);
                first.filter(|first| first.byte == value.range.byte).unwrap_or(value.range)
            }
            _ => key.unwrap_or(value.range),
        };
        Some((shown, true))
    }
}

/// A collection that is still open.
struct Open {
    value: usize,
    anchor: usize,
    values_before: usize,
    height: usize,
    key: Option<Key>,
}

/// A key that waits for its value.
enum Key {
    Good(String, Range),
    /// Its value is looked at, but put nowhere.
    Twice,
}

/// What an anchor stands for.
#[derive(Clone, Copy)]
struct Size {
    values: usize,
    height: usize,
}

#[derive(Default)]
struct Walk {
    values: Vec<Value>,
    open: Vec<Open>,
    /// By the anchor's id; `None` while the anchored collection is still open.
    anchors: IndexMap<usize, Option<Size>>,
    documents: usize,
    unfolded: usize,
    flaws: Vec<Flaw>,
}

impl Walk {
    fn flaws_with(&mut self, last: Flaw) -> Vec<Flaw> {
        self.flaws.push(last);
        std::mem::take(&mut self.flaws)
    }

    fn event(&mut self, event: &Event<'_>, span: Span) -> Result<(), Flaw> {
        if let Some(tag) = event.tag() {
            let range = span.tag_start().map_or_else(|| one(&span.start), |start| one(&start));
            return Err(flaw(
                range,
                format!("the tag `{}` is not understood", tag.original()),
                "leave it out",
            ));
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a second document begins here".to_owned();
                    return Err(flaw(
                        one(&span.start),
                        message,
                        "a scenario is one document: remove the `---`",
                    ));
                }
            }
            Event::Scalar(text, _, anchor, _) => {
                self.anchors.insert(*anchor, Some(Size { values: 1, height: 0 }));
                if let Some(Open { key: key @ None, value, .. }) = self.open.last_mut()
                    && let Children::Map(entries) = &self.values[*value].children
                {
                    let range = stretch(span);
                    *key = Some(match entries.get(text.as_ref()) {
                        None => Key::Good(text.to_string(), range),
                        Some((first, _)) => {
                            let message = format!("`{}` is given twice", shorten(text));
                            let help = format!("the first is on line {}", first.line);
                            if self.flaws.len() < FLAWS_MAX {
                                self.flaws.push(flaw(range, message, &help));
                            }
                            Key::Twice
                        }
                    });
                    return Ok(());
                }
                self.add(stretch(span), Children::None)?;
            }
            Event::SequenceStart(_, anchor, _) => self.begin(span, *anchor, Children::List(Vec::new()))?,
            Event::MappingStart(_, anchor, _) => self.begin(span, *anchor, Children::Map(IndexMap::new()))?,
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(*anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, span: Span, anchor: usize, children: Children) -> Result<(), Flaw> {
        let values_before = self.unfolded;
        let value = self.add(one(&span.start), children)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(one(&span.start)));
        }
        self.anchors.insert(anchor, None);
        self.open.push(Open { value, anchor, values_before, height: 0, key: None });
        Ok(())
    }

    fn end(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let size = Size { values: self.unfolded - closed.values_before, height: closed.height + 1 };
        self.anchors.insert(closed.anchor, Some(size));
        self.rise_to(size.height);
    }

    fn rise_to(&mut self, height: usize) {
        if let Some(parent) = self.open.last_mut() {
            parent.height = parent.height.max(height);
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Flaw> {
        let range = stretch(span);
        let Some(Some(size)) = self.anchors.get(&anchor).copied() else {
            return Err(flaw(range, "this alias stands for what it is in".to_owned(), "write it out"));
        };
        self.add(range, Children::None)?;
        self.unfolded = self.unfolded.saturating_add(size.values - 1);
        if self.open.len() + size.height > DEPTH_MAX {
            return Err(too_deep(range));
        }
        self.rise_to(size.height);
        self.check_size(range)
    }

    fn check_size(&self, range: Range) -> Result<(), Flaw> {
        if self.unfolded > VALUES_MAX {
            let message = format!("the file holds more than {VALUES_MAX} values, aliases unfolded");
            return Err(flaw(range, message, "a scenario is smaller than that"));
        }
        Ok(())
    }

    /// Puts a value where it belongs: under the key that waits for it, or at the end of the list.
    fn add(&mut self, range: Range, children: Children) -> Result<usize, Flaw> {
        self.unfolded = self.unfolded.saturating_add(1);
        self.check_size(range)?;
        let index = self.values.len();
        self.values.push(Value { range, children });
        let Some(parent) = self.open.last_mut() else { return Ok(index) };
        match &mut self.values[parent.value].children {
            Children::List(items) => items.push(index),
            Children::Map(entries) => match parent.key.take() {
                Some(Key::Good(key, at)) => {
                    if let Entry::Vacant(entry) = entries.entry(key) {
                        entry.insert((at, index));
                    }
                }
                Some(Key::Twice) => {}
                None => {
                    return Err(flaw(
                        range,
                        "a key is a text, not a collection or an alias".to_owned(),
                        "write the key out",
                    ));
                }
            },
            Children::None => {}
        }
        Ok(index)
    }
}

fn too_deep(range: Range) -> Flaw {
    flaw(range, format!("this is nested more than {DEPTH_MAX} levels deep"), "a scenario needs less than ten")
}

fn flaw(range: Range, message: String, help: &str) -> Flaw {
    Flaw { range, message, help: Some(help.to_owned()) }
}

fn one(marker: &Marker) -> Range {
    Range {
        line: marker.line().max(1),
        column: marker.col() + 1,
        length: 1,
        byte: marker.byte_offset().unwrap_or_default(),
    }
}

fn stretch(span: Span) -> Range {
    let length = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        usize::MAX
    };
    Range { length, ..one(&span.start) }
}

/// A text as a message can show it.
pub(crate) fn shorten(text: &str) -> String {
    const MAX: usize = 60;
    let mut shown: String =
        text.chars().take(MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX).is_some() {
        shown.push('…');
    }
    shown
}
