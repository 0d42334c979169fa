//! HAProxy's HTTP log format. Source: HAProxy's configuration manual, sections 8.2.3 (the format) and 8.5
//! (the state at the end); what upstreams' failures look like in it was measured with 2.6.

use std::time::Duration;

use topology::{Failure, Refusal};
use trace::{Outcome, Sent, Time};

use super::{asked, ids};
use crate::moment;
use crate::observation::{Observation, Told, Try, Visit, failed};

/// More retries than anybody configures are not believed.
const RETRIES_MAX: u16 = 100;
/// What stands for a server where none was chosen.
const NO_SERVER: &str = "<NOSRV>";

/// Milliseconds; none where it did not come to that.
fn millis(text: &str) -> Option<Duration> {
    // `option logasap` notes a total that is not over yet.
    text.trim_start_matches('+').parse().ok().map(moment::millis)
}

/// A line in parts.
#[derive(Debug)]
struct Line<'a> {
    at: Time,
    backend: &'a str,
    server: &'a str,
    /// Until the request was there, in the queue, until the connection, until the head, in all.
    timers: [Option<Duration>; 5],
    status: Option<u16>,
    state: [char; 2],
    retries: u16,
    captured: Vec<&'a str>,
    request: &'a str,
}

/// Whether a line may be one: its times, counts and quoted request are there.
pub(super) fn is_one(line: &str) -> bool {
    parts(line).is_some()
}

/// Whether it is one in which HAProxy tells of itself, as on its standard error.
pub(super) fn is_message(line: &str) -> bool {
    let begins =
        ["[NOTICE]", "[WARNING]", "[ALERT]", "[INFO]", "[DEBUG]", "Server ", "Proxy ", "Connect from "];
    begins.iter().any(|begin| line.trim_start().starts_with(begin)) || !line.contains(" [")
}

fn parts(line: &str) -> Option<Line<'_>> {
    let open = line.find(" [")?;
    let (time, rest) = line[open + 2..].split_once("] ")?;
    let at = moment::haproxy(time)?;
    let (before, request) = match rest.split_once(" \"") {
        Some((before, request)) => (before, request.rsplit_once('"').map_or(request, |(request, _)| request)),
        None => (rest, ""),
    };
    let mut words = before.split_ascii_whitespace();
    let _frontend = words.next()?;
    let (backend, server) = words.next()?.split_once('/')?;
    let mut timers = words.next()?.split('/').map(millis);
    let timers = [timers.next()?, timers.next()?, timers.next()?, timers.next()?, timers.next()?];
    let status: i32 = words.next()?.parse().ok()?;
    let _bytes = words.next()?;
    let (_, _, state) = (words.next()?, words.next()?, words.next()?);
    let mut letters = state.chars();
    let state = [letters.next()?, letters.next()?];
    let counts = words.next()?.rsplit('/').next()?;
    let retries = counts.trim_start_matches('+').parse().ok()?;
    let captured = before.split('{').skip(1).filter_map(|part| part.split('}').next());
    let captured = captured.flat_map(|group| group.split('|')).filter(|text| !text.is_empty()).collect();
    Some(Line {
        at,
        backend,
        server,
        timers,
        status: u16::try_from(status).ok(),
        state,
        retries,
        captured,
        request,
    })
}

/// What became of the request to the server, by how the session ended: who ended it, and when.
fn outcome(line: &Line<'_>) -> Option<Outcome> {
    let after_head = |failure| Outcome::Failed { failure, status: line.status };
    Some(match (line.state[0], line.state[1]) {
        ('S', 'C') if line.server == NO_SERVER => failed(Failure::DestinationUnavailable),
        ('S', 'C') => failed(Failure::ConnectionRefused),
        ('s', 'C') => failed(Failure::ConnectionTimeout),
        ('s', 'H') => failed(Failure::HeadTimeout),
        ('P', 'H') => failed(Failure::ProtocolError),
        ('S' | 'D' | 'K', 'D' | 'L') => after_head(Failure::BodyIncomplete),
        ('s', 'D' | 'L') => after_head(Failure::BodyTimeout),
        ('S', 'H') | ('D' | 'K', _) => failed(Failure::ConnectionTerminated),
        ('C' | 'c', 'C' | 'H') => failed(Failure::Cancelled),
        ('C' | 'c', 'D' | 'L') => after_head(Failure::Cancelled),
        // It was not asked: the answer is HAProxy's own.
        _ if line.server == NO_SERVER || line.timers[2].is_none() || line.timers[3].is_none() => return None,
        _ => Outcome::Answered(line.status?),
    })
}

/// Why HAProxy answered by itself, where its state tells.
fn refusal(line: &Line<'_>) -> Option<Refusal> {
    match (line.state[0], line.state[1]) {
        ('s' | 'S', 'Q') | ('R', _) => Some(Refusal::QueueFull),
        ('P', 'R') if line.status == Some(429) => Some(Refusal::RateLimited),
        ('P', 'R') if matches!(line.status, Some(401 | 407)) => Some(Refusal::BadCredentials),
        _ => None,
    }
}

pub(super) fn line(node: &str, place: &str, text: &str) -> Result<Observation, String> {
    let line =
        parts(text).ok_or_else(|| "it is not of HAProxy's HTTP log format (`option httplog`)".to_owned())?;
    let [request, queue, _, _, total] = line.timers;
    let finished = line.at + total.unwrap_or_default();
    let mut visit = Visit::new(node, line.at, finished, line.status);
    ids::join(&mut visit, line.captured.iter().map(AsRef::as_ref));
    if visit.keys.is_empty() {
        visit.keys.push(place.to_owned());
    }
    let mut words = line.request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    visit.asked = asked(method, target);
    visit.tells_tries = true;
    if matches!(line.state[0], 'C' | 'c') {
        visit.caller_left();
    } else if matches!((line.state[0], line.state[1]), ('S' | 's' | 'D' | 'K', 'D' | 'L')) {
        visit.served.sent = Sent::Cut;
    }
    let mut tries = Vec::new();
    if let Some(outcome) = outcome(&line) {
        let start = line.at + request.unwrap_or_default() + queue.unwrap_or_default();
        // A connection that cannot be made is tried again; of other attempts nothing is noted.
        let again = if matches!(line.state, ['S' | 's', 'C']) { line.retries.min(RETRIES_MAX) } else { 0 };
        let each = finished.since(start) / (u32::from(again) + 1);
        for n in 0..=u32::from(again) {
            let end = if n == u32::from(again) { finished } else { start + each * (n + 1) };
            let mut made = Try::new(node, start + each * n, end, outcome);
            made.keys.clone_from(&visit.keys);
            made.asked.clone_from(&visit.asked);
            let peer = if line.server == NO_SERVER { line.backend } else { line.server };
            made.peer = Some(peer.to_owned());
            made.again = n > 0;
            tries.push(made);
        }
    } else if let Some(refusal) = refusal(&line) {
        visit.told = Told::Own(Some(refusal));
    }
    Ok(Observation::Visit(Box::new(visit), tries))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with these timers, status, state and retries.
    fn read(middle: &str) -> (Visit, Vec<Try>) {
        let text = format!(
            "Nov 24 22:55:56 lb haproxy[9]: 10.0.1.2:33317 [24/Nov/2026:22:55:55.655] in {middle} 1/1/0/0/{{}} 0/0 {{req-1|}} \"POST /v1?key=x HTTP/1.1\""
        );
        let text = text.replace("{}", if middle.contains("SC--") { "3" } else { "0" });
        match line("haproxy", "log:1", &text).unwrap() {
            Observation::Visit(visit, tries) => (*visit, tries),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_state_says_what_became_of_it() {
        let middle = |rest: &str| format!("out/app {rest}");
        for (text, outcome) in [
            (middle("0/0/1/15/17 200 2750 - - ----"), Outcome::Answered(200)),
            (middle("0/0/1/15/17 503 2750 - - ----"), Outcome::Answered(503)),
            (middle("0/0/-1/-1/3003 503 217 - - SC--"), failed(Failure::ConnectionRefused)),
            (middle("0/0/-1/-1/1003 503 217 - - sC--"), failed(Failure::ConnectionTimeout)),
            (middle("0/0/0/-1/3 502 217 - - SH--"), failed(Failure::ConnectionTerminated)),
            (middle("0/0/0/-1/500 504 217 - - sH--"), failed(Failure::HeadTimeout)),
            (middle("0/0/0/-1/5 502 217 - - PH--"), failed(Failure::ProtocolError)),
            (
                middle("0/0/0/5/9 200 217 - - SD--"),
                Outcome::Failed { failure: Failure::BodyIncomplete, status: Some(200) },
            ),
            (middle("0/0/0/-1/9 -1 0 - - CH--"), failed(Failure::Cancelled)),
            ("out/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC--".to_owned(), failed(Failure::DestinationUnavailable)),
        ] {
            let (visit, tries) = read(&text);
            let last = tries.last().unwrap();
            assert_eq!(last.attempt.outcome, outcome, "{text}");
            assert_eq!(visit.keys, ["req-1"]);
            assert_eq!(visit.asked, "POST /v1");
            assert_eq!(last.attempt.end, visit.served.finished);
        }
        assert_eq!(read(&middle("0/0/-1/-1/3003 503 217 - - SC--")).1.len(), 4);
    }

    #[test]
    fn what_was_not_asked_of_a_server_is_its_own() {
        let (visit, tries) = read("in/<NOSRV> 0/-1/-1/-1/0 403 217 - - PR--");
        assert!(tries.is_empty() && visit.told == Told::Nothing);
        let (visit, tries) = read("out/<NOSRV> 0/500/-1/-1/500 503 217 - - sQ--");
        assert!(tries.is_empty());
        assert_eq!(visit.told, Told::Own(Some(Refusal::QueueFull)));
    }
}
