//! The response was whole as HTTP, and what it said was not: an error in the middle of a stream, a
//! stream without its end mark, cut JSON.

use topology::{Cause, Failure};
use trace::{Attempt, Sent};

use super::{Birth, Case, Finding, external};

/// Whether the callee itself wrote what was wrong.
pub(super) fn is_wrong(sent: Sent) -> bool {
    matches!(sent, Sent::Error | Sent::Incomplete | Sent::CutContent)
}

/// Who wrote it: who only passed it on leads to the hop that it came over.
pub(super) fn wrong(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let node = case.callee(attempt.edge);
    let callee = case.name(node);
    let Some(served) = case.served(attempt.hop) else {
        return Finding::Unexplained(attempt.hop);
    };
    if let Some(below) = served.source.hop() {
        return Finding::Below(below);
    }
    let here = |mechanism| Birth::at_node(node, Cause::Crash, mechanism);
    match served.sent {
        Sent::Error => here("stream_error").because(
            format!("{callee} answered 200, and told of an error in its stream after {} tokens", served.usage.completion),
            "the model server's log at that moment; a client has to look for error events, the status says nothing",
        ),
        Sent::Incomplete => here("stream_unterminated").because(
            format!("{callee} answered 200 and ended its stream without the mark that ends it"),
            "the model server's log at that moment; a client that does not look for the mark takes half an answer for a whole one",
        ),
        Sent::CutContent => here("truncated_json").because(
            format!("{callee} answered 200 with JSON that breaks off; the response itself was whole"),
            "what writes the body: a buffer or a column that is too small, a proxy that rewrites lengths",
        ),
        _ if external::is_program(case, attempt) => external::own(case, attempt, served, served.finished),
        Sent::Whole | Sent::Cut | Sent::Nothing | Sent::Malformed => {
            let mechanism = match attempt.outcome.failure() {
                Some(Failure::ContentIncomplete) => "limit_data",
                _ => "",
            };
            Birth::at_edge(attempt.edge, Cause::Network, mechanism).because(
                format!("{callee} wrote it whole, and what came was not"),
                "what lies between the two: a proxy that ends responses early as if they were whole",
            )
        }
    }
}
