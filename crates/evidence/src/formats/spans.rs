//! Spans of HTTP by OpenTelemetry's semantic conventions (1.37, and the names before 1.20), whoever wrote
//! them: a client span is an attempt, a server span a request that was served. Attributes of our own, where
//! there are any (docs/monitoring.md), say what the conventions have no words for.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::wire::Dial;
use topology::{Failure, FaultSet};
use trace::otlp::attribute;
use trace::{
    AtWork, Crowd, HeldUp, LinkEventKind, NodeEventKind, Outcome, Sent, ServedEnd, Time, UnderWay, access,
};

use super::{Reading, asked};
use crate::observation::{Between, Call, Observation, Told, Try, Visit, failed};
use crate::{moment, words};

/// What an attempt's instrumentation has to say more.
const TELL_ERROR: &str = "have the client's instrumentation set error.type (or record the exception): its span says \
     that the attempt failed, not how";

/// What a span is to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    Server,
    Client,
    #[default]
    Other,
}

/// A span, whatever it was written in.
#[derive(Debug, Clone, Default)]
pub(super) struct Span {
    pub(super) service: String,
    pub(super) kind: Kind,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) start: Time,
    pub(super) end: Time,
    pub(super) attributes: BTreeMap<String, String>,
    /// It is said that it failed.
    pub(super) failed: bool,
    /// What is said of that: the status's message, an exception's type and words.
    pub(super) error: String,
    /// An exception was recorded.
    pub(super) exception: bool,
}

impl Span {
    fn get(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| self.attributes.get(*name))
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    fn is(&self, name: &str) -> bool {
        self.get(&[name]) == Some("true")
    }

    fn seconds(&self, name: &str) -> Option<Duration> {
        moment::seconds(self.get(&[name])?)
    }

    fn under_way(&self, count: &str, age: &str) -> Option<UnderWay> {
        let count = self.get(&[count])?.parse().ok()?;
        Some(UnderWay { count, mean_age: self.seconds(age).unwrap_or_default() })
    }

    fn status(&self) -> Option<u16> {
        let status = self.get(&["http.response.status_code", "http.status_code", "http.response.status"])?;
        status.parse().ok().filter(|status| (100..1000).contains(status))
    }

    fn asked(&self) -> String {
        let method = self.get(&["http.request.method", "http.method"]).unwrap_or_default();
        let target = self.get(&["url.full", "url.path", "http.url", "http.target", "http.route"]);
        asked(method, target.unwrap_or_default())
    }

    /// Whether it is about HTTP, or at least about a request.
    fn is_http(&self) -> bool {
        [
            "http.request.method",
            "http.method",
            "http.response.status_code",
            "http.status_code",
            "url.full",
            "http.url",
        ]
        .iter()
        .any(|name| self.attributes.contains_key(*name))
    }

    /// Whom a client span went to.
    fn peer(&self) -> Option<String> {
        if let Some(name) = self.get(&["peer.service", "service.peer.name"]) {
            return Some(name.to_owned());
        }
        if let Some((_, to)) = self.get(&[attribute::EDGE]).and_then(|edge| edge.split_once(" -> ")) {
            return Some(to.to_owned());
        }
        let host = self.get(&[
            "server.address",
            "net.peer.name",
            "network.peer.address",
            "net.peer.ip",
            "http.host",
        ])?;
        match self.get(&["server.port", "net.peer.port", "network.peer.port"]) {
            Some(port) if !host.contains(':') => Some(format!("{host}:{port}")),
            _ => Some(host.to_owned()),
        }
    }

    /// What came of an attempt; and what is missing to say so.
    fn outcome(&self) -> (Outcome, bool, Option<&'static str>) {
        let status = self.status();
        let error = self.get(&["error.type", "exception.type", "error.kind"]).unwrap_or_default();
        // An error's type that is a number is the status.
        let is_status = error.parse::<u16>().is_ok();
        let meant =
            if is_status { None } else { words::failure(error).or_else(|| words::failure(&self.error)) };
        match (status, meant) {
            (Some(status), Some(meant)) if meant.failure.after_head() || !error.is_empty() => {
                (Outcome::Failed { failure: meant.failure, status: Some(status) }, meant.reset, None)
            }
            (Some(status), _) => (Outcome::Answered(status), false, None),
            (None, Some(meant)) => (failed(meant.failure), meant.reset, None),
            (None, None) if !self.failed && error.is_empty() => (Outcome::Answered(200), false, None),
            (None, None) => {
                let outcome = failed(Failure::ConnectionTerminated);
                (outcome, false, Some(TELL_ERROR))
            }
        }
    }
}

/// Takes note of a span.
pub(super) fn add(reading: &mut Reading<'_>, span: Span) {
    if span.attributes.contains_key(attribute::EDGE) || span.attributes.contains_key(attribute::EVENT) {
        // Our own exporter tells when processes are down, and of requests that never ended.
        reading.supervised(&span.service);
        reading.unended(&span.service);
    }
    let keys = vec![span.trace.clone()];
    if let Some(event) = span.get(&[attribute::EVENT]) {
        return self::event(reading, &span, event);
    }
    if span.attributes.contains_key(attribute::CALL) {
        let outcome = match (span.status(), span.get(&["error.type"])) {
            (status, Some(error)) if access::failure(error).is_some() => access::outcome(status, Some(error)),
            (status, _) => status.map(Outcome::Answered),
        };
        let mut call = Call::new(&span.service, span.id.clone(), span.start, span.end, outcome);
        call.keys = keys;
        call.decisive = span.get(&[attribute::DECISIVE]).map(str::to_owned);
        return reading.add(Observation::Call(Box::new(call)));
    }
    match span.kind {
        Kind::Client if span.is_http() => reading.add(Observation::Try(Box::new(made(&span, keys)))),
        Kind::Server if span.is_http() => {
            reading.add(Observation::Visit(Box::new(visit(&span, keys)), Vec::new()));
        }
        _ => {
            if let Some(parent) = span.parent {
                reading.add(Observation::Between(Between { keys, span: span.id, parent }));
            }
        }
    }
}

fn event(reading: &mut Reading<'_>, span: &Span, event: &str) {
    let (process, link) = (NodeEventKind::named(event), LinkEventKind::named(event));
    let edge = span.get(&[attribute::EDGE]).and_then(|edge| edge.split_once(" -> "));
    match (process, link, edge) {
        (Some(kind), ..) => {
            reading.add(Observation::Process { node: span.service.clone(), at: span.start, kind });
        }
        (None, Some(kind), Some((from, to))) => {
            reading.add(Observation::Link { from: from.to_owned(), to: to.to_owned(), at: span.start, kind });
        }
        _ => {}
    }
}

fn made(span: &Span, keys: Vec<String>) -> Try {
    let (outcome, reset, advice) = span.outcome();
    let mut made = Try::new(&span.service, span.start, span.end, outcome);
    made.keys = keys;
    made.peer = span.peer();
    made.span = Some(span.id.clone());
    made.parent.clone_from(&span.parent);
    made.asked = span.asked();
    made.advice = advice;
    let again = span.get(&["http.request.resend_count", "http.resend_count"]);
    made.again = again.is_some_and(|count| count != "0");
    made.seen = span.get(&[attribute::SEEN]).map(|seen| seen == "true");
    made.idle_closed = span.is(attribute::CLOSED_IDLE);
    let attempt = &mut made.attempt;
    attempt.reset = reset || span.is(attribute::RESET);
    attempt.reused = span.is(attribute::REUSED);
    attempt.idle = span.seconds(attribute::IDLE).unwrap_or_default();
    attempt.dialed = match span.get(&[attribute::DIALED]) {
        Some("wrong_port") => Dial::WrongPort,
        Some("wrong_host") => Dial::WrongHost,
        _ => Dial::Callee,
    };
    if span.attributes.contains_key(attribute::EDGE) {
        attempt.timeout = span.seconds(attribute::TIMEOUT);
    }
    attempt.wrong_path = span.is(attribute::WRONG_PATH);
    attempt.bad_credentials = span.is(attribute::BAD_CREDENTIALS);
    attempt.ends_by_close = span.is(attribute::ENDS_BY_CLOSE);
    attempt.unconnected = span.is(attribute::UNCONNECTED);
    let crowd = span.under_way(attribute::CROWD, attribute::CROWD_AGE);
    attempt.crowd = crowd.map(|attempts| Box::new(Crowd { attempts, held_by: FaultSet::EMPTY }));
    let bytes = span.get(&[attribute::BYTES, "http.response.body.size"]);
    attempt.bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_default();
    let exchange = attempt.exchange.get_or_insert_default();
    span.get(&["http.request.method", "http.method"]).unwrap_or_default().clone_into(&mut exchange.method);
    let url = span.get(&["url.full", "http.url"]).unwrap_or_default();
    exchange.url = trace::redact::url(url).into_owned();
    exchange.error = Some(span.error.trim().to_owned()).filter(|error| !error.is_empty());
    made
}

fn visit(span: &Span, keys: Vec<String>) -> Visit {
    let mut visit = Visit::new(&span.service, span.start, span.end, span.status());
    visit.keys = keys;
    visit.span = Some(span.id.clone());
    visit.parent.clone_from(&span.parent);
    visit.asked = span.asked();
    visit.tells_tries = true;
    let served = &mut visit.served;
    let number = |name: &str| span.get(&[name]).and_then(|n| n.parse().ok()).unwrap_or_default();
    served.in_flight = number(attribute::IN_FLIGHT);
    served.queued = number(attribute::QUEUED);
    if let Some(work) = span.under_way(attribute::WORKERS, attribute::WORKERS_AGE) {
        let at_work = AtWork { work, stuck: number(attribute::WORKERS_STUCK) };
        served.held_up = Some(Box::new(HeldUp { at_work, ..HeldUp::default() }));
    }
    visit.crowd = span
        .get(&[attribute::CROWD_UPSTREAM])
        .map(str::to_owned)
        .zip(span.under_way(attribute::CROWD, attribute::CROWD_AGE));
    served.usage = trace::Usage {
        prompt: number("gen_ai.usage.input_tokens"),
        completion: number("gen_ai.usage.output_tokens"),
    };
    let own = (
        span.get(&[attribute::SENT]).and_then(Sent::named),
        span.get(&[attribute::END]).and_then(ServedEnd::named),
    );
    if let (Some(sent), Some(end)) = own {
        served.sent = sent;
        served.end = end;
        served.worked = span.seconds(attribute::WORKED).unwrap_or_default();
        served.started = span.seconds(attribute::STARTED_AFTER).map(|after| served.arrived + after);
        let source = span.get(&[attribute::SOURCE]).unwrap_or_default();
        let told = super::access::told(
            source,
            span.get(&[attribute::REFUSAL]),
            span.get(&[attribute::FROM]),
            span.get(&[attribute::FAILURE]),
        );
        visit.told = told.unwrap_or_default();
        return visit;
    }
    let error = span.get(&["error.type", "exception.type"]).unwrap_or_default();
    let meant = words::failure(error);
    if visit.served.status.is_none() && meant.is_some_and(|meant| meant.failure == Failure::Cancelled) {
        visit.caller_left();
    } else if visit.served.status.is_none_or(|status| status == 500) && span.exception {
        // The node's own code threw it; if it was a callee's doing, the callee's attempt says so.
        visit.told = Told::Threw;
    }
    visit
}
