//! Envoy's access log: its default format, Istio's, and JSON with the operators' names. Source: Envoy's
//! documentation of access logging, and of its response flags; what upstreams' failures look like was
//! measured with 1.40.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::{Failure, Refusal};
use trace::{Outcome, Sent, Time};

use super::{asked, ids};
use crate::moment;
use crate::observation::{Observation, Told, Try, Visit, failed};

/// A line in parts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Line {
    at: Time,
    asked: String,
    status: u16,
    flags: Vec<String>,
    /// `%RESPONSE_CODE_DETAILS%`, and why the upstream's connection failed.
    details: String,
    took: Duration,
    ids: Vec<String>,
    upstream: Option<String>,
}

/// What is told apart by blanks, quotes and brackets.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        let (word, left) = match close {
            Some(close) => rest[1..].split_once(close).unwrap_or((&rest[1..], "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word);
        rest = left.trim_start();
    }
    words
}

fn known(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "-")
}

fn flags(text: &str) -> Vec<String> {
    known(text).into_iter().flat_map(|text| text.split(',')).map(|flag| flag.trim().to_owned()).collect()
}

/// `[time] "METHOD path protocol" status flags [details termination "reason"] received sent took service
/// "forwarded-for" "agent" "request id" "authority" "upstream" ...`.
fn parts(line: &str) -> Option<Line> {
    if !line.starts_with('[') {
        return None;
    }
    let words = words(line);
    let mut words = words.into_iter().peekable();
    let at = moment::rfc3339(words.next()?)?;
    let mut request = words.next()?.split(' ');
    let asked = asked(request.next()?, request.next().unwrap_or_default());
    let status = words.next()?.parse().ok()?;
    let flags = flags(words.next()?);
    let mut details = String::new();
    if words.peek()?.parse::<u64>().is_err() {
        let (said, _, reason) = (words.next()?, words.next()?, words.next()?);
        details = format!("{said} {reason}");
    }
    let (_, _) = (words.next()?, words.next()?);
    let took = moment::millis(words.next()?.parse().ok()?);
    let (_, _, _) = (words.next()?, words.next()?, words.next()?);
    let id = words.next()?;
    let (_, upstream) = (words.next()?, words.next()?);
    Some(Line {
        at,
        asked,
        status,
        flags,
        details,
        took,
        ids: known(id).map(str::to_owned).into_iter().collect(),
        upstream: known(upstream).map(str::to_owned),
    })
}

pub(super) fn is_one(line: &str) -> bool {
    parts(line).is_some()
}

/// Whether it is one of Envoy's own log, which may share the output: `[2026-01-02 03:04:05.678][1][info]...`.
pub(super) fn is_message(line: &str) -> bool {
    line.split(']').nth(2).is_some_and(|part| part.starts_with('[')) || line.starts_with("  ")
}

pub(super) fn line(node: &str, place: &str, text: &str) -> Result<Observation, String> {
    let line = parts(text).ok_or_else(|| "it is not of Envoy's default format".to_owned())?;
    Ok(observed(node, place, line))
}

/// Whether fields, with lower-case names, are Envoy's.
pub(super) fn is_json(fields: &BTreeMap<String, String>) -> bool {
    fields.contains_key("response_flags") && fields.contains_key("response_code")
}

/// A line of JSON with the names of Envoy's operators, as Istio writes them.
pub(super) fn json(
    node: &str,
    place: &str,
    fields: &BTreeMap<String, String>,
) -> Result<Observation, String> {
    let get = |name: &str| fields.get(name).and_then(|text| known(text));
    let need = |name: &str| get(name).ok_or_else(|| format!("it has no `{name}`"));
    let at = moment::any(need("start_time")?).ok_or_else(|| "its `start_time` is no time".to_owned())?;
    let status = need("response_code")?;
    let reason = get("upstream_transport_failure_reason").unwrap_or_default();
    let ids = ["traceparent", "trace_id", "request_id", "x_request_id", "x-request-id"];
    let line = Line {
        at,
        asked: asked(get("method").unwrap_or_default(), get("path").unwrap_or_default()),
        status: status.parse().map_err(|_| format!("`{status}` is no status"))?,
        flags: flags(fields.get("response_flags").map_or("", String::as_str)),
        details: format!("{} {reason}", get("response_code_details").unwrap_or_default()),
        took: moment::millis(get("duration").and_then(|ms| ms.parse().ok()).unwrap_or_default()),
        ids: ids.iter().filter_map(|name| get(name)).map(str::to_owned).collect(),
        upstream: get("upstream_host").map(str::to_owned),
    };
    Ok(observed(node, place, line))
}

/// What a flag means for the request to the upstream, or for the answer.
enum Meaning {
    Upstream(Failure, bool),
    Own(Option<Refusal>),
    CallerLeft,
}

fn meaning(line: &Line) -> Option<Meaning> {
    let has = |flag: &str| line.flags.iter().any(|f| f == flag);
    let timed_out = line.details.contains("timeout");
    Some(if has("DC") || has("DPE") || has("DR") {
        Meaning::CallerLeft
    } else if has("UF") && line.details.contains("TLS_error") && line.details.contains("CERT") {
        Meaning::Upstream(Failure::TlsCertificateError, false)
    } else if has("UF") && line.details.contains("TLS_error") {
        Meaning::Upstream(Failure::TlsProtocolError, false)
    } else if has("UF") && timed_out {
        Meaning::Upstream(Failure::ConnectionTimeout, false)
    } else if has("UF") {
        Meaning::Upstream(Failure::ConnectionRefused, false)
    } else if has("UC") {
        Meaning::Upstream(Failure::ConnectionTerminated, line.details.contains("reset_by_peer"))
    } else if has("UR") || has("LR") {
        Meaning::Upstream(Failure::ConnectionTerminated, true)
    } else if has("UT") || has("SI") || has("DT") || has("UMSDR") {
        Meaning::Upstream(Failure::HeadTimeout, false)
    } else if has("UPE") {
        Meaning::Upstream(Failure::ProtocolError, false)
    } else if has("DF") {
        Meaning::Upstream(Failure::DnsError, false)
    } else if has("UO") {
        Meaning::Upstream(Failure::ConnectionLimitReached, false)
    } else if has("UH") || has("LH") {
        Meaning::Upstream(Failure::DestinationUnavailable, false)
    } else if has("NR") || has("NC") || has("NFCF") {
        Meaning::Own(Some(Refusal::NoRoute))
    } else if has("RL") || has("RLSE") {
        Meaning::Own(Some(Refusal::RateLimited))
    } else if has("UAEX") {
        Meaning::Own(Some(Refusal::BadCredentials))
    } else if has("OM") {
        Meaning::Own(Some(Refusal::QueueFull))
    } else if has("FI") || has("IH") {
        Meaning::Own(None)
    } else {
        return None;
    })
}

fn observed(node: &str, place: &str, line: Line) -> Observation {
    let finished = line.at + line.took;
    let status = Some(line.status).filter(|status| *status >= 100);
    let mut visit = Visit::new(node, line.at, finished, status);
    ids::join(&mut visit, line.ids.iter().map(AsRef::as_ref));
    if visit.keys.is_empty() {
        visit.keys.push(place.to_owned());
    }
    visit.asked.clone_from(&line.asked);
    visit.tells_tries = true;
    // Once a head has gone through the flag tells how the rest ended.
    let after_head = line.status < 400 || line.details.contains("after_response_started");
    let outcome = match meaning(&line) {
        Some(Meaning::CallerLeft) => {
            visit.caller_left();
            line.upstream.is_some().then_some((failed(Failure::Cancelled), false))
        }
        Some(Meaning::Own(refusal)) => {
            visit.told = Told::Own(refusal);
            None
        }
        Some(Meaning::Upstream(failure, reset)) if after_head && !failure.surely_unprocessed() => {
            visit.served.sent = Sent::Cut;
            let failure = match failure {
                Failure::HeadTimeout => Failure::BodyTimeout,
                _ => Failure::BodyIncomplete,
            };
            Some((Outcome::Failed { failure, status }, reset))
        }
        Some(Meaning::Upstream(failure, reset)) => Some((failed(failure), reset)),
        None => line.upstream.is_some().then_some((Outcome::Answered(line.status), false)),
    };
    let tries = outcome.map(|(outcome, reset)| {
        let mut made = Try::new(node, line.at, finished, outcome);
        made.keys.clone_from(&visit.keys);
        made.asked.clone_from(&visit.asked);
        made.peer = line.upstream;
        made.attempt.reset = reset;
        if !line.details.trim().is_empty() {
            made.attempt.exchange.get_or_insert_default().error = Some(line.details.trim().to_owned());
        }
        made
    });
    Observation::Visit(Box::new(visit), tries.into_iter().collect())
}
