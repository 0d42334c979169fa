//! A failure's way from where it was born up to the client, in one line.

use topology::{Failure, Scenario};
use trace::{Attempt, CallTrace, HopId};

/// The way of a failure, such as `reset@app -> 502@llm-gateway -> 502@api-connect`: what was seen
/// of each node, from the deepest hop of the lineage to the client's own.
pub(crate) fn path(scenario: &Scenario, trace: &CallTrace, lineage: &[HopId]) -> String {
    let mut text = String::new();
    for attempt in lineage.iter().rev().filter_map(|&hop| trace.attempt(hop)) {
        if !text.is_empty() {
            text.push_str(" -> ");
        }
        let callee = &scenario.topology.node(scenario.topology.ends(attempt.edge).1).name;
        seen(attempt, &mut text);
        text.push('@');
        text.push_str(callee);
    }
    text
}

/// What a caller saw: a status, or a word for what it saw instead.
fn seen(attempt: &Attempt, text: &mut String) {
    use std::fmt::Write as _;
    match attempt.outcome.failure() {
        Some(failure) => text.push_str(word(failure, attempt.reset)),
        None => {
            if let Some(status) = attempt.outcome.status() {
                let _ = write!(text, "{status}");
            }
        }
    }
}

fn word(failure: Failure, reset: bool) -> &'static str {
    match failure {
        Failure::StreamRefused => "refused-stream",
        Failure::StreamReset => "reset-stream",
        Failure::ConnectionTerminated | Failure::HeadIncomplete | Failure::BodyIncomplete if reset => "reset",
        Failure::ConnectionRefused => "refused",
        Failure::ConnectionTimeout => "unreachable",
        Failure::DnsError => "no-address",
        Failure::TlsProtocolError => "no-tls",
        Failure::TlsCertificateError => "bad-certificate",
        Failure::ConnectionTerminated => "closed",
        Failure::HeadIncomplete => "cut-head",
        Failure::BodyIncomplete => "cut-body",
        Failure::HeadTimeout => "timeout",
        Failure::BodyTimeout => "body-timeout",
        Failure::StreamError => "stream-error",
        Failure::ContentIncomplete => "incomplete",
        Failure::ProtocolError => "not-http",
        Failure::HeadTooLarge => "head-too-large",
        Failure::ConnectionLimitReached => "no-connection",
        Failure::DestinationUnavailable => "not-asked",
        Failure::Cancelled => "cancelled",
    }
}
