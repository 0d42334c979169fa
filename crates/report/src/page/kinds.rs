//! The kinds of failures on a page: what a click filters by.

use trace::rows::OriginRow;

/// Failures that were born at one place in one way. A kind's number is its place in the list.
#[derive(Debug)]
pub(super) struct Kinds(Vec<Kind>);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) origin: String,
    pub(super) cause: String,
    pub(super) mechanism: String,
}

impl Kinds {
    /// Those of all strategies.
    pub(super) fn new(rows: &[OriginRow]) -> Self {
        let mut kinds = Self(Vec::new());
        for row in rows {
            if kinds.id(&row.origin, &row.cause, &row.mechanism).is_none() {
                kinds.0.push(Kind {
                    origin: row.origin.to_string(),
                    cause: row.cause.to_string(),
                    mechanism: row.mechanism.to_string(),
                });
            }
        }
        kinds
    }

    pub(super) fn id(&self, origin: &str, cause: &str, mechanism: &str) -> Option<usize> {
        let is_it = |kind: &Kind| kind.origin == origin && kind.cause == cause && kind.mechanism == mechanism;
        self.0.iter().position(is_it)
    }

    pub(super) fn get(&self, id: usize) -> Option<&Kind> {
        self.0.get(id)
    }

    /// Those that were born at a place, as an attribute's value: numbers separated by blanks.
    pub(super) fn at(&self, place: &str) -> Option<String> {
        let ids = self.0.iter().enumerate().filter(|(_, kind)| kind.origin == place);
        let ids: Vec<String> = ids.map(|(id, _)| id.to_string()).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

impl Kind {
    /// What it is, and where it was born.
    pub(super) fn title(&self) -> String {
        format!("{} at {}", self.what(), self.origin)
    }

    /// What it is.
    pub(super) fn what(&self) -> String {
        what(&self.cause, &self.mechanism)
    }
}

pub(super) fn what(cause: &str, mechanism: &str) -> String {
    if mechanism.is_empty() { cause.to_owned() } else { format!("{cause}: {mechanism}") }
}
