//! Rules for the texts in a scenario, and for the ranges of its numbers.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::path::Path;
use super::super::problem::Collector;
use crate::units::DurationText;

/// How long a name may be, in bytes.
const NAME_MAX: usize = 100;

/// What is wrong with a node's name, if anything.
pub(super) fn node_name_problem(name: &str) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() {
        return Some("a node's name must not be empty".to_owned());
    }
    if name.len() > NAME_MAX {
        return Some(format!("a node's name has at most {NAME_MAX} characters"));
    }
    name.chars()
        .find(|c| !good(*c))
        .map(|c| format!("{c:?} cannot be part of a node's name: letters, digits, `_`, `.` and `-` can"))
}

/// What is wrong with a text that names something in the tables of a run, if anything.
pub(super) fn label_problem(label: &str) -> Option<String> {
    if label.trim().is_empty() || label.trim() != label {
        Some("a name must not be empty, nor begin or end with a blank".to_owned())
    } else if label.len() > NAME_MAX {
        Some(format!("a name has at most {NAME_MAX} bytes"))
    } else {
        label.chars().find(|c| c.is_control()).map(|c| format!("{c:?} cannot be part of a name"))
    }
}

/// What is wrong with the path of a request, if anything.
pub(super) fn request_path_problem(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some("a path begins with `/`".to_owned());
    }
    path.chars()
        .find(|c| !c.is_ascii_graphic() || *c == '#')
        .map(|c| format!("{c:?} cannot be part of a path: write it percent-encoded"))
}

/// What is wrong with an API key, if anything.
pub(super) fn key_problem(key: &str) -> Option<&'static str> {
    let good = !key.is_empty() && key.chars().all(|c| c.is_ascii_graphic());
    (!good).then_some("a key is printable ASCII without blanks")
}

/// Whether a text is a token of HTTP: RFC 9110 section 5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Says so if a number is out of its range.
pub(super) fn check_range<T: PartialOrd + Display>(
    value: &T,
    range: &RangeInclusive<T>,
    at: impl FnOnce() -> Path,
    problems: &mut Collector<'_>,
) {
    if !range.contains(value) {
        let message = format!("{value} is not between {} and {}", range.start(), range.end());
        problems.value(&at()).say(message);
    }
}

/// Says so if a time is zero where that makes no sense.
pub(super) fn check_above_zero(
    value: Option<DurationText>,
    help: &str,
    at: impl FnOnce() -> Path,
    problems: &mut Collector<'_>,
) {
    if value == Some(DurationText(Duration::ZERO)) {
        problems.value(&at()).help(help).say("0 leaves no time at all");
    }
}
