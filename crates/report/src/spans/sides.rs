//! The call, and the two sides of each of its hops.

use std::borrow::Cow;

use topology::wire::Dial;
use topology::{FaultSet, Target};
use trace::otlp::{AnyValue, ArrayValue, Epoch, KeyValue, Span, Status, attribute, kind};
use trace::{AtWork, Attempt, CallTrace, Exchange, HeldUp, HopId, Served, Source, UnderWay, redact};

use super::Spans;
use crate::Judged;
use crate::error_type::ErrorType;

/// The convention's word for a method that is not known, and how spans of it are called.
const OTHER_METHOD: &str = "_OTHER";
const OTHER_NAME: &str = "HTTP";

/// The callee's span of a hop; the caller's has the hop's own id, which is on the wire.
fn server_span(hop: HopId) -> HopId {
    hop.child(0, u32::MAX, 0)
}

impl Spans {
    /// The call, as its client's own work.
    pub(super) fn call(&self, call: &Judged<'_>, epoch: Epoch) -> Span {
        let end = &call.trace.end;
        let mut attributes = vec![
            KeyValue::new(attribute::CALL, end.call.to_string()),
            KeyValue::new(attribute::ATTEMPTS, end.attempts),
        ];
        attributes.extend(end.status.map(|status| KeyValue::new(attribute::STATUS, status)));
        attributes.extend(end.decisive.map(|hop| KeyValue::new(attribute::DECISIVE, hop.to_string())));
        let status = failed(ErrorType::of_call(end), &mut attributes);
        attributes.extend(call.verdict.iter().flat_map(|verdict| self.verdict(verdict)));
        Span {
            trace_id: self.trace_id(call),
            span_id: HopId::root(end.call).to_string(),
            parent_span_id: end.parent.as_ref().map(|parent| parent.span_id()).unwrap_or_default(),
            name: "call".to_owned(),
            attributes,
            status,
            ..Self::span(kind::INTERNAL, end.start, end.end, epoch)
        }
    }

    /// A hop, as its caller saw it.
    pub(super) fn client(&self, call: &Judged<'_>, attempt: &Attempt, epoch: Epoch) -> Span {
        let trace = call.trace;
        let callee = self.scenario.topology.node(self.scenario.topology.ends(attempt.edge).1);
        let exchange = attempt.exchange.as_deref();
        let asked = self.asked(call, attempt, exchange);
        let mut attributes = vec![
            KeyValue::new(attribute::METHOD, asked.method),
            KeyValue::new(attribute::SERVER_ADDRESS, &*callee.declared_name),
            self.named(attribute::EDGE, Target::Edge(attempt.edge)),
            KeyValue::new(attribute::SEEN, trace.served(attempt.hop).is_some()),
            KeyValue::new(attribute::BYTES, attempt.bytes),
        ];
        attributes.extend(seldom(trace, attempt));
        attributes.extend(attempt.crowd.iter().flat_map(|crowd| crowded(crowd.attempts)));
        let url = asked.path.map(|path| format!("http://{}{path}", callee.declared_name));
        attributes.extend(url.map(|url| KeyValue::new(attribute::URL, url)));
        attributes.extend(attempt.timeout.map(|timeout| KeyValue::new(attribute::TIMEOUT, timeout)));
        attributes.extend(exchange.into_iter().flat_map(on_the_wire));
        attributes.extend(attempt.outcome.status().map(|status| KeyValue::new(attribute::STATUS, status)));
        let status = failed(ErrorType::of_outcome(attempt.outcome), &mut attributes);
        let masked = call.masked.iter().filter(|(hop, _)| *hop == attempt.hop);
        attributes.extend(masked.flat_map(|(_, verdict)| self.verdict(verdict)));
        attributes.extend(self.marks(attempt.faults));
        Span {
            trace_id: self.trace_id(call),
            span_id: attempt.hop.to_string(),
            // Whoever has seen the request makes others as a part of serving it.
            parent_span_id: match trace.served(attempt.parent) {
                Some(served) => server_span(served.hop).to_string(),
                None => attempt.parent.to_string(),
            },
            name: name(asked.method).to_owned(),
            attributes,
            status,
            ..Self::span(kind::CLIENT, attempt.start, attempt.end, epoch)
        }
    }

    /// A hop, as its callee saw it.
    pub(super) fn server(&self, call: &Judged<'_>, served: &Served, epoch: Epoch) -> Span {
        let attempt = call.trace.attempt(served.hop);
        let exchange = attempt.and_then(|attempt| attempt.exchange.as_deref());
        let asked = attempt.map_or(Asked::UNKNOWN, |attempt| self.asked(call, attempt, exchange));
        let mut attributes = vec![
            KeyValue::new(attribute::METHOD, asked.method),
            KeyValue::new(attribute::SCHEME, "http"),
            self.named(attribute::EDGE, Target::Edge(served.edge)),
            KeyValue::new(attribute::SENT, served.sent.name()),
            KeyValue::new(attribute::END, served.end.name()),
            KeyValue::new(attribute::WORKED, served.worked),
            KeyValue::new(attribute::IN_FLIGHT, served.in_flight),
            KeyValue::new(attribute::QUEUED, served.queued),
        ];
        attributes.extend(
            asked.path.map(|path| KeyValue::new(attribute::PATH, path.split('?').next().unwrap_or_default())),
        );
        let waited = served.started.map(|started| started.since(served.arrived));
        attributes.extend(waited.map(|waited| KeyValue::new(attribute::STARTED_AFTER, waited)));
        if served.usage != trace::Usage::default() {
            attributes.push(KeyValue::new(attribute::PROMPT_TOKENS, served.usage.prompt));
            attributes.push(KeyValue::new(attribute::COMPLETION_TOKENS, served.usage.completion));
        }
        attributes.extend(served.held_up.iter().flat_map(|held| self.held_up(held)));
        attributes.extend(source(served.source));
        let rule = served.rule(&self.scenario).map(|rule| KeyValue::new(attribute::RULE, rule));
        let consumer = served.consumer(&self.scenario).map(|name| KeyValue::new(attribute::CONSUMER, name));
        attributes.extend(rule.into_iter().chain(consumer));
        attributes.extend(served.status.map(|status| KeyValue::new(attribute::STATUS, status)));
        attributes.extend(self.marks(served.faults));
        let status = failed(ErrorType::of_served(served), &mut attributes);
        Span {
            trace_id: self.trace_id(call),
            span_id: server_span(served.hop).to_string(),
            parent_span_id: served.hop.to_string(),
            name: name(asked.method).to_owned(),
            attributes,
            status,
            ..Self::span(kind::SERVER, served.arrived, served.finished, epoch)
        }
    }

    /// What an attempt asks for, as far as that is known.
    fn asked<'a>(
        &'a self,
        call: &Judged<'_>,
        attempt: &Attempt,
        exchange: Option<&'a Exchange>,
    ) -> Asked<'a> {
        if let Some(exchange) = exchange {
            let path = exchange.url.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..]));
            return Asked { method: &exchange.method, path: path.map(redact::url) };
        }
        let load = self.scenario.loads.get(usize::from(call.trace.end.call.load()));
        match load.filter(|_| self.own_clients) {
            Some(load) => {
                let declared = &*self.scenario.topology.edge(attempt.edge).path;
                let path = if declared == "/" { &*load.request.path } else { declared };
                Asked { method: &load.request.method, path: Some(redact::url(path)) }
            }
            None => Asked::UNKNOWN,
        }
    }

    /// What kept a request waiting, or out.
    fn held_up(&self, held: &HeldUp) -> Vec<KeyValue> {
        let AtWork { work, stuck } = held.at_work;
        let mut attributes = vec![
            KeyValue::new(attribute::WORKERS, work.count),
            KeyValue::new(attribute::WORKERS_STUCK, stuck),
            KeyValue::new(attribute::WORKERS_AGE, work.mean_age),
        ];
        if let Some((edge, under_way)) = held.crowd {
            let callee = self.scenario.topology.node(self.scenario.topology.ends(edge).1);
            attributes.push(KeyValue::new(attribute::CROWD_UPSTREAM, &*callee.name));
            attributes.extend(crowded(under_way));
        }
        attributes
    }

    fn marks(&self, faults: FaultSet) -> Option<KeyValue> {
        let values = faults.iter().map(|fault| AnyValue::from(&*self.scenario.fault(fault).name)).collect();
        let value = AnyValue::ArrayValue(ArrayValue { values });
        (!faults.is_empty()).then(|| KeyValue { key: attribute::FAULTS.into(), value })
    }
}

struct Asked<'a> {
    method: &'a str,
    path: Option<Cow<'a, str>>,
}

impl Asked<'_> {
    const UNKNOWN: Self = Self { method: OTHER_METHOD, path: None };
}

/// By the convention a span of HTTP is called by its method where there is no route.
fn name(method: &str) -> &str {
    if method == OTHER_METHOD { OTHER_NAME } else { method }
}

/// Says what went wrong, if something did.
fn failed(error: Option<ErrorType>, attributes: &mut Vec<KeyValue>) -> Status {
    attributes.extend(error.map(|error| KeyValue::new(attribute::ERROR, error.to_string())));
    Status { code: if error.is_some() { Status::ERROR } else { 0 }, message: String::new() }
}

/// What was under way where there was no room.
fn crowded(under_way: UnderWay) -> [KeyValue; 2] {
    [
        KeyValue::new(attribute::CROWD, under_way.count),
        KeyValue::new(attribute::CROWD_AGE, under_way.mean_age),
    ]
}

/// What most attempts do not have.
fn seldom(trace: &CallTrace, attempt: &Attempt) -> impl Iterator<Item = KeyValue> {
    let resent = attempt.attempt.saturating_sub(1);
    let resent = (resent > 0).then(|| KeyValue::new(attribute::RESEND_COUNT, resent));
    let idle = attempt.reused.then(|| KeyValue::new(attribute::IDLE, attempt.idle));
    // The address that the caller was told to dial: what is broken behind a right one it does not know.
    let dialed = match attempt.dialed {
        Dial::WrongPort => Some("wrong_port"),
        Dial::WrongHost => Some("wrong_host"),
        Dial::Callee
        | Dial::Refused
        | Dial::Blackhole
        | Dial::NoName
        | Dial::TlsToPlain
        | Dial::BadCertificate => None,
    };
    let dialed = dialed.map(|word| KeyValue::new(attribute::DIALED, word));
    let truths = [
        (attribute::REUSED, attempt.reused),
        (attribute::RESET, attempt.reset),
        (attribute::CLOSED_IDLE, trace.idle_closed.contains(&attempt.hop)),
        (attribute::WRONG_PATH, attempt.wrong_path),
        (attribute::BAD_CREDENTIALS, attempt.bad_credentials),
        (attribute::ENDS_BY_CLOSE, attempt.ends_by_close),
        (attribute::UNCONNECTED, attempt.unconnected),
    ];
    let truths = truths.into_iter().filter(|(_, is)| *is).map(|(key, is)| KeyValue::new(key, is));
    [resent, idle, dialed].into_iter().flatten().chain(truths)
}

/// What was kept of what was on the wire.
fn on_the_wire(exchange: &Exchange) -> impl Iterator<Item = KeyValue> + '_ {
    let host = exchange.url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
    let (address, port) = host.and_then(|host| host.rsplit_once(':')).unzip();
    let port = port.and_then(|port| port.parse::<u16>().ok());
    let error = exchange.error.as_deref().map(|error| KeyValue::new(attribute::TRANSPORT_ERROR, error));
    let address = address.map(|address| KeyValue::new(attribute::PEER_ADDRESS, address));
    let port = port.map(|port| KeyValue::new(attribute::PEER_PORT, port));
    [error, address, port].into_iter().flatten()
}

/// Who made a status, and of what.
fn source(source: Source) -> impl Iterator<Item = KeyValue> {
    let refusal = source.refusal().map(|refusal| KeyValue::new(attribute::REFUSAL, refusal.name()));
    let from = source.hop().map(|hop| KeyValue::new(attribute::FROM, hop.to_string()));
    let failure = source.failure().map(|failure| KeyValue::new(attribute::FAILURE, failure.name()));
    [Some(KeyValue::new(attribute::SOURCE, source.name())), refusal, from, failure].into_iter().flatten()
}
