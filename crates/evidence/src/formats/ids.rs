//! Ids of requests, and the one header that is the same everywhere: `traceparent` (W3C Trace Context).

use crate::observation::Visit;

/// What joins lines, and the span that the request was made by, if the id says so.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Id {
    key: String,
    span: Option<String>,
}

/// Joins a request to others by its ids as they were logged.
pub(super) fn join<'a>(visit: &mut Visit, logged: impl IntoIterator<Item = &'a str>) {
    for Id { key, span } in logged.into_iter().filter_map(read) {
        if !visit.keys.contains(&key) {
            visit.keys.push(key);
        }
        visit.parent = visit.parent.take().or(span);
    }
}

/// Whether an id says that there is none: what has no trace is logged as zeros, or as `-`.
pub(super) fn is_none(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0' | b'-'))
}

/// An id as it was logged, if it is one.
fn read(text: &str) -> Option<Id> {
    let id = match traceparent(text) {
        Some((trace, span)) => Id { key: trace.to_owned(), span: Some(span.to_owned()) },
        None => Id { key: text.to_owned(), span: None },
    };
    (!is_none(&id.key)).then_some(id)
}

/// The trace and the parent of `00-<trace>-<parent>-<flags>`.
pub(super) fn traceparent(text: &str) -> Option<(&str, &str)> {
    let mut parts = text.split('-');
    let is_hex = |part: &&str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit());
    parts.next().filter(|part| is_hex(part, 2))?;
    let trace = parts.next().filter(|part| is_hex(part, 32))?;
    let span = parts.next().filter(|part| is_hex(part, 16))?;
    parts.next().filter(|part| is_hex(part, 2))?;
    Some((trace, span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_told_from_other_ids() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        assert_eq!(traceparent(&format!("00-{trace}-{span}-01")), Some((trace, span)));
        for other in ["4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "00-x-y-01"] {
            assert_eq!(traceparent(other), None);
            assert_eq!(read(other), Some(Id { key: other.to_owned(), span: None }));
        }
        for none in ["", "-", "00000000000000000000000000000000"] {
            assert_eq!(read(none), None);
        }
    }
}
