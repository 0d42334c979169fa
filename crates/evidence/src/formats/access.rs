//! Our own access log, `access.jsonl`.

use std::time::Duration;

use topology::Failure;
use trace::access::{self, AccessLine, CallLine, HopLine, ServedLine, Stamp};
use trace::{Outcome, Served, Time};

use super::Reading;
use crate::moment;
use crate::observation::{Call, Observation, Told, Try, Visit, failed};

fn us(us: u64) -> Duration {
    moment::micros(us)
}

/// When the run began: what the line says of itself in two ways.
fn began(stamp: &Stamp) -> Result<Time, String> {
    let time = moment::rfc3339(&stamp.time).ok_or_else(|| format!("`{}` is no time", stamp.time))?;
    Ok(moment::before(time, us(stamp.at_us)))
}

/// The trace; those of several strategies or seeds have the same.
fn key(stamp: &Stamp, trace: &str) -> String {
    if stamp.strategy.is_empty() { trace.to_owned() } else { format!("{trace} ({})", stamp.strategy) }
}

pub(super) fn line(reading: &mut Reading<'_>, value: serde_json::Value) -> Result<(), String> {
    let line: AccessLine = serde_json::from_value(value).map_err(|error| error.to_string())?;
    match line {
        AccessLine::Hop(line) => hop(reading, &line),
        AccessLine::Call(line) => call(reading, &line),
        AccessLine::Process(line) => {
            let at = began(&line.stamp)? + us(line.stamp.at_us);
            let kind = line.kind().ok_or_else(|| format!("`{}` is no event of a process", line.event))?;
            reading.supervised(&line.node);
            reading.add(Observation::Process { node: line.node, at, kind });
            Ok(())
        }
        AccessLine::Link(line) => {
            let at = began(&line.stamp)? + us(line.stamp.at_us);
            let kind = line.kind().ok_or_else(|| format!("`{}` is no event of a link", line.event))?;
            reading.add(Observation::Link { from: line.node, to: line.upstream, at, kind });
            Ok(())
        }
    }
}

fn outcome(status: Option<u16>, error: Option<&str>) -> Result<Outcome, String> {
    access::outcome(status, error)
        .ok_or_else(|| "it has neither a status nor an error that is known".to_owned())
}

fn hop(reading: &mut Reading<'_>, line: &HopLine) -> Result<(), String> {
    let began = began(&line.stamp)?;
    let start = began + us(line.stamp.at_us);
    let keys = vec![key(&line.stamp, &line.trace_id)];
    let asked = format!("{} {}", line.method, path(&line.url));
    let outcome = outcome(line.status, line.error.as_deref())?;
    let mut made = Try::new(&line.node, start, start + us(line.duration_us), outcome);
    made.keys.clone_from(&keys);
    made.peer = Some(line.upstream.clone());
    made.span = Some(line.span_id.clone());
    made.parent = Some(line.parent_id.clone());
    made.asked.clone_from(&asked);
    made.idle_closed = line.idle_closed;
    made.seen = Some(line.served.is_some());
    made.again = line.attempt > 1;
    let attempt = &mut made.attempt;
    attempt.reset = line.reset;
    attempt.reused = line.reused;
    attempt.idle = us(line.idle_us);
    attempt.dialed = line.dial();
    attempt.timeout = line.timeout_us.map(us);
    attempt.wrong_path = line.wrong_path;
    attempt.bad_credentials = line.bad_credentials;
    attempt.bytes = line.bytes;
    attempt.ends_by_close = line.ends_by_close;
    attempt.unconnected = line.unconnected;
    attempt.crowd = line
        .crowd
        .map(|crowd| Box::new(trace::Crowd { attempts: crowd.into(), held_by: topology::FaultSet::EMPTY }));
    attempt.exchange = Some(Box::new(trace::Exchange {
        method: line.method.clone(),
        url: line.url.clone(),
        request_headers: line.request_headers.clone().into_iter().collect(),
        response_headers: line.response_headers.clone().into_iter().collect(),
        error: line.message.clone(),
    }));
    reading.supervised(&line.node);
    reading.supervised(&line.upstream);
    reading.unended(&line.upstream);
    reading.add(Observation::Try(Box::new(made)));
    if let Some(served) = &line.served {
        let mut visit = visit(line, served, began)?;
        visit.keys = keys;
        visit.asked = asked;
        reading.add(Observation::Visit(Box::new(visit), Vec::new()));
    }
    Ok(())
}

fn visit(line: &HopLine, side: &ServedLine, began: Time) -> Result<Visit, String> {
    let arrived = began + us(side.at_us);
    let finished = arrived + us(side.duration_us);
    let mut visit = Visit::new(&line.upstream, arrived, finished, side.status);
    visit.span = Some(line.span_id.clone());
    visit.parent = Some(line.span_id.clone());
    visit.tells_tries = true;
    let unknown = |what: &str, word: &str| format!("`{word}` is no `{what}` of a request that was served");
    visit.served = Served {
        started: side.queued_us.map(|queued| arrived + us(queued)),
        worked: us(side.worked_us),
        sent: side.sent().ok_or_else(|| unknown("sent", &side.sent))?,
        end: side.end().ok_or_else(|| unknown("end", &side.end))?,
        in_flight: side.in_flight,
        queued: side.queued,
        usage: side.usage.map(trace::Usage::from).unwrap_or_default(),
        held_up: side
            .at_work
            .map(|line| Box::new(trace::HeldUp { at_work: line.into(), ..Default::default() })),
        ..visit.served
    };
    visit.crowd = side.crowd.as_ref().map(|crowd| (crowd.upstream.clone(), crowd.attempts.into()));
    visit.witnessed = side.witnessed;
    if side.witnessed {
        return Ok(visit);
    }
    visit.told = told(&side.source, side.refusal.as_deref(), side.of.as_deref(), side.failure.as_deref())
        .ok_or_else(|| unknown("source", &side.source))?;
    Ok(visit)
}

/// What our words for a status's source mean.
pub(super) fn told(
    source: &str,
    refusal: Option<&str>,
    of: Option<&str>,
    failure: Option<&str>,
) -> Option<Told> {
    Some(match source {
        "own" => Told::Own(None),
        "refused" => Told::Own(Some(access::refusal(refusal?)?)),
        "relayed" => Told::Relayed(of?.to_owned()),
        "translated" => Told::Translated(of?.to_owned(), failure.and_then(access::failure)),
        "nobody" => Told::Nobody,
        _ => return None,
    })
}

fn call(reading: &mut Reading<'_>, line: &CallLine) -> Result<(), String> {
    let start = began(&line.stamp)? + us(line.stamp.at_us);
    // One that was given up before anything came has neither.
    let ended = access::outcome(line.status, line.error.as_deref()).unwrap_or(failed(Failure::Cancelled));
    let mut call =
        Call::new(&line.node, line.span_id.clone(), start, start + us(line.duration_us), Some(ended));
    call.keys = vec![key(&line.stamp, &line.trace_id)];
    call.decisive.clone_from(&line.decisive);
    reading.supervised(&line.node);
    reading.add(Observation::Call(Box::new(call)));
    Ok(())
}

/// The path of a URL, without its query.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    rest.split(['?', '#']).next().unwrap_or(rest)
}

/// Whether a line is one of ours.
pub(super) fn is_ours(value: &serde_json::Value) -> bool {
    let is = |key: &str| value.get(key).is_some();
    match value.get("kind").and_then(serde_json::Value::as_str) {
        Some("hop") => is("span_id") && is("upstream"),
        Some("call") => is("span_id") && is("attempts"),
        Some("process") => is("node") && is("event"),
        Some("link") => is("upstream") && is("event"),
        _ => false,
    }
}
