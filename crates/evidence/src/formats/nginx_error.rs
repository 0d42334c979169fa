//! nginx's error log: why an upstream could not be used, which no access log says.

use std::collections::HashMap;
use std::time::Duration;

use topology::Failure;
use trace::{Outcome, Time};

use crate::moment;
use crate::observation::{Observation, Try};
use crate::words;

/// What a line says of a request to an upstream.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    at: Time,
    upstream: String,
    /// `METHOD path`, as it was asked for.
    asked: String,
    failure: Failure,
    reset: bool,
    /// The head had come.
    after_head: bool,
    words: String,
}

/// The value of `name: value` or `name: "value"` among those at a line's end.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let at = line.rfind(&format!(", {name}: "))?;
    let rest = &line[at + name.len() + 4..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(", ").next(),
    }
}

/// Whether it is a line of such a log: `2026/01/02 03:04:05 [error] 123#123: ...`.
pub(super) fn is_one(line: &str) -> bool {
    line.get(..19).is_some_and(|time| moment::nginx_error(time).is_some()) && line[19..].starts_with(" [")
}

/// What a line says of an upstream; none if it is about something else.
pub(super) fn line(line: &str) -> Result<Option<Trouble>, String> {
    let time = line.get(..19).and_then(moment::nginx_error);
    let at = time.ok_or_else(|| "it does not begin with a time, as 2026/01/02 03:04:05".to_owned())?;
    let Some(upstream) = value(line, "upstream") else { return Ok(None) };
    let words = line[19..].split_once(": ").map_or("", |(_, words)| words);
    let words = words
        .split(", client: ")
        .next()
        .unwrap_or(words)
        .trim_start_matches(|c: char| c == '*' || c == ' ' || c.is_ascii_digit());
    let reading_body = words.contains("while reading upstream");
    let Some(meant) = words::failure(words) else { return Ok(None) };
    let failure = match meant.failure {
        _ if words.contains("timed out") && words.contains("while connecting") => Failure::ConnectionTimeout,
        _ if words.contains("timed out") && words.contains("SSL handshaking") => Failure::ConnectionTimeout,
        _ if words.contains("timed out") && reading_body => Failure::BodyTimeout,
        _ if words.contains("timed out") => Failure::HeadTimeout,
        Failure::ConnectionTerminated if reading_body => Failure::BodyIncomplete,
        other => other,
    };
    let request = value(line, "request").unwrap_or_default();
    let mut parts = request.split(' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let address = upstream.split_once("://").map_or(upstream, |(_, rest)| rest);
    Ok(Some(Trouble {
        at,
        upstream: address.split('/').next().unwrap_or(address).to_owned(),
        asked: super::asked(method, target),
        failure,
        reset: meant.reset,
        after_head: reading_body,
        words: words.to_owned(),
    }))
}

/// Has the tries say what the error log knows better: of those to that upstream, for the same thing and over
/// at that moment, the first that has gone wrong.
pub(super) fn tell(observations: &mut [Observation], mut troubles: Vec<Trouble>) {
    troubles.sort_by_key(|trouble| trouble.at);
    // By upstream, and by the second in which they ended.
    let mut ended: HashMap<(String, u64), Vec<(usize, usize)>> = HashMap::new();
    for (place, observation) in observations.iter().enumerate() {
        let Observation::Visit(_, tries) = observation else { continue };
        for (n, made) in tries.iter().enumerate() {
            if let Some(peer) = &made.peer {
                ended.entry((peer.clone(), second(made.attempt.end))).or_default().push((place, n));
            }
        }
    }
    let zone = zone(&troubles, &ended);
    let mut taken = std::collections::HashSet::new();
    for trouble in troubles {
        let at = second(trouble.at).saturating_add_signed(zone);
        // A log's time is nginx's own idea of it, which may be a little old; the second is cut off.
        let near = [at, at + 1, at.saturating_sub(1)];
        let candidates = near.iter().filter_map(|s| ended.get(&(trouble.upstream.clone(), *s))).flatten();
        let found = candidates.copied().find(|key| {
            !taken.contains(key)
                && try_at(observations, *key).is_some_and(|made| {
                    (made.asked == trouble.asked || made.asked.is_empty()) && is_of(made, &trouble)
                })
        });
        let Some(key) = found else { continue };
        taken.insert(key);
        if let Observation::Visit(_, tries) = &mut observations[key.0] {
            say(&mut tries[key.1], trouble);
        }
    }
}

/// By how much the log's clock, which does not say its zone, is behind: of all zones the one in which most
/// lines meet a request, rather none.
fn zone(troubles: &[Trouble], ended: &HashMap<(String, u64), Vec<(usize, usize)>>) -> i64 {
    let met = |zone: i64| {
        let meets = |trouble: &&Trouble| {
            ended.contains_key(&(trouble.upstream.clone(), second(trouble.at).saturating_add_signed(zone)))
        };
        troubles.iter().take(200).filter(meets).count()
    };
    let zones = (-56..=56).map(|quarter| quarter * 900);
    zones.max_by_key(|zone| (met(*zone), std::cmp::Reverse(zone.abs()))).unwrap_or(0)
}

fn second(at: Time) -> u64 {
    at.0 / 1_000_000_000
}

fn try_at(observations: &[Observation], key: (usize, usize)) -> Option<&Try> {
    match observations.get(key.0)? {
        Observation::Visit(_, tries) => tries.get(key.1),
        _ => None,
    }
}

/// Whether what was noted of a try can be what the line tells of.
fn is_of(made: &Try, trouble: &Trouble) -> bool {
    let outcome = made.attempt.outcome;
    if trouble.after_head {
        // The status was out by then.
        return outcome.failure().is_none();
    }
    match outcome {
        Outcome::Answered(status) => matches!(status, 502 | 504) && made.advice.is_some(),
        Outcome::Failed { failure, .. } => failure != Failure::Cancelled,
    }
}

fn say(made: &mut Try, trouble: Trouble) {
    let status = made.attempt.outcome.status().filter(|_| trouble.after_head);
    made.attempt.outcome = Outcome::Failed { failure: trouble.failure, status };
    made.attempt.reset = trouble.reset;
    let took = made.attempt.end.since(made.attempt.start);
    made.attempt.timeout = (trouble.failure.is_timeout() && took > Duration::ZERO).then_some(took);
    made.advice = None;
    let exchange = made.attempt.exchange.get_or_insert_default();
    exchange.error = Some(trouble.words);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> (Failure, bool, bool) {
        let text = format!(
            "2026/11/24 22:55:55 [error] 12#12: *17 {words}, client: 127.0.0.1, server: , request: \"POST /v1/x?a=1 HTTP/1.1\", upstream: \"http://127.0.0.1:8080/v1/x?a=1\", host: \"h\""
        );
        let trouble = line(&text).unwrap().unwrap();
        assert_eq!((&*trouble.upstream, &*trouble.asked), ("127.0.0.1:8080", "POST /v1/x"));
        assert_eq!(trouble.words, words);
        (trouble.failure, trouble.reset, trouble.after_head)
    }

    #[test]
    fn each_trouble_is_known_by_its_words() {
        for (words, expected) in [
            (
                "connect() failed (111: Connection refused) while connecting to upstream",
                (Failure::ConnectionRefused, false, false),
            ),
            (
                "connect() failed (113: No route to host) while connecting to upstream",
                (Failure::ConnectionTimeout, false, false),
            ),
            (
                "upstream timed out (110: Connection timed out) while connecting to upstream",
                (Failure::ConnectionTimeout, false, false),
            ),
            (
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                (Failure::HeadTimeout, false, false),
            ),
            (
                "upstream timed out (110: Connection timed out) while reading upstream",
                (Failure::BodyTimeout, false, true),
            ),
            (
                "recv() failed (104: Connection reset by peer) while reading response header from upstream",
                (Failure::ConnectionTerminated, true, false),
            ),
            (
                "upstream prematurely closed connection while reading response header from upstream",
                (Failure::ConnectionTerminated, false, false),
            ),
            (
                "upstream prematurely closed connection while reading upstream",
                (Failure::BodyIncomplete, false, true),
            ),
            (
                "readv() failed (104: Connection reset by peer) while reading upstream",
                (Failure::BodyIncomplete, true, true),
            ),
            (
                "upstream sent no valid HTTP/1.0 header while reading response header from upstream",
                (Failure::ProtocolError, false, false),
            ),
            (
                "upstream sent too big header while reading response header from upstream",
                (Failure::HeadTooLarge, false, false),
            ),
            (
                "no live upstreams while connecting to upstream",
                (Failure::DestinationUnavailable, false, false),
            ),
            (
                "upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream",
                (Failure::TlsCertificateError, false, false),
            ),
            (
                "SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream",
                (Failure::TlsProtocolError, false, false),
            ),
        ] {
            assert_eq!(read(words), expected, "{words}");
        }
        assert!(line("2026/11/24 22:55:55 [notice] 12#12: start worker processes").unwrap().is_none());
        assert!(line("yesterday").is_err());
    }
}
