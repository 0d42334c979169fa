//! The access log: what each node would have written of each request, one JSON object a line.
//!
//! A line tells no more than both sides have seen: the injector's marks are not in it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use topology::wire::Dial;
use topology::{Failure, NodeId, NodeKind, Refusal, Scenario};

use crate::record::{AtWork, Sent, Served, ServedEnd, UnderWay, Usage};
use crate::record::{Attempt, CallEnd, LinkEvent, LinkEventKind, NodeEvent, NodeEventKind, Outcome};
use crate::{CallTrace, Exchange, HopId, RunKey, Time, redact};

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum AccessLine {
    /// An attempt over an edge, as both sides saw it.
    Hop(Box<HopLine>),
    /// A call, as its client saw it.
    Call(CallLine),
    /// A node's process went down or came up.
    Process(ProcessLine),
    /// A link closed or opened.
    Link(LinkLine),
}

/// What all lines begin with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// When it began, or happened: RFC 3339, UTC. In virtual time, which has no date, runs begin at that of
    /// the Unix epoch.
    pub time: String,
    /// The same in microseconds from the start of the run.
    pub at_us: u64,
    /// The strategy in force; left out if it was the clients' own policy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub strategy: String,
    /// The seed of the run.
    pub seed: u64,
}

/// See [`AccessLine::Hop`].
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as a log line has them")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HopLine {
    /// When it began.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// The call, as in the `traceparent` that was sent.
    pub trace_id: String,
    /// The attempt, likewise; the `hop` of `hops.csv`.
    pub span_id: String,
    /// The span that the node was serving; the call's own if the node is its client.
    pub parent_id: String,
    /// The call, as in `calls.csv`.
    pub call: String,
    /// Who made the attempt.
    pub node: String,
    /// Who was asked.
    pub upstream: String,
    /// From 1.
    pub attempt: u16,
    /// The method.
    #[serde(default)]
    pub method: String,
    /// The URL that was asked for, with the address that was dialed; in virtual time the path alone.
    #[serde(default)]
    pub url: String,
    /// The query's parameters, as written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// What was sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_headers: BTreeMap<String, String>,
    /// The status that came.
    pub status: Option<u16>,
    /// What came instead of a whole response, in the words of RFC 9209.
    pub error: Option<String>,
    /// The transport's own words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What came.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub response_headers: BTreeMap<String, String>,
    /// From its begin to its end.
    pub duration_us: u64,
    /// How many bytes of the body came; if the head did not come whole, how many of that.
    pub bytes: u64,
    /// The time-out that was in force.
    pub timeout_us: Option<u64>,
    /// It went over a connection that had been used before.
    pub reused: bool,
    /// How long that had been idle.
    pub idle_us: u64,
    /// The connection ended by RST rather than by FIN.
    pub reset: bool,
    /// Its end was all that told the response's end.
    pub ends_by_close: bool,
    /// It was given up before its connection was there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconnected: bool,
    /// What was dialed, where it was not the callee's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialed: Option<String>,
    /// The path that was asked for is not the declared one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrong_path: bool,
    /// The credentials that were presented are not the declared ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bad_credentials: bool,
    /// The callee closed the connection for idleness as the request came.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idle_closed: bool,
    /// If it was not sent because too many attempts were under way there: these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowd: Option<UnderWayLine>,
    /// What the callee saw of it; none if it never saw the request.
    pub served: Option<ServedLine>,
}

/// A callee's side of a hop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServedLine {
    /// When the request arrived, from the start of the run.
    pub at_us: u64,
    /// From then until a worker took it; none if none did.
    pub queued_us: Option<u64>,
    /// How long a worker has worked on it.
    pub worked_us: u64,
    /// From its arrival to its end.
    pub duration_us: u64,
    /// The status that was answered.
    pub status: Option<u16>,
    /// Where that status is from: `own`, `refused`, `relayed`, `translated` or `nobody`.
    pub source: String,
    /// Why, if it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The node's own rule that refused it: `limit gold`, `unknown key`, `plan gold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The consumer whose key it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
    /// It was answered from the node's cache.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// The span that was relayed or translated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What it was translated from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What the socket sent: `whole`, `nothing`, `cut`, `malformed`.
    pub sent: String,
    /// `answered`, `panicked`, `process_down`, `caller_gone`, `still_running`.
    pub end: String,
    /// How many requests were inside when it arrived, this one included.
    pub in_flight: u32,
    /// How many of them waited for a worker.
    pub queued: u32,
    /// What the workers were at while it waited for one, or was refused because there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_work: Option<AtWorkLine>,
    /// If it was refused because too many were inside: where most of them waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowd: Option<CrowdLine>,
    /// What a model server has done for it, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageLine>,
    /// It is a program that keeps no records: this is what its caller saw of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub witnessed: bool,
}

/// What a node's workers were at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtWorkLine {
    /// Those that were at work.
    #[serde(flatten)]
    pub work: UnderWayLine,
    /// How many of these were stuck.
    pub stuck: u32,
}

/// Attempts of a node that kept a request out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrowdLine {
    /// Whom they were asking.
    pub upstream: String,
    /// They.
    #[serde(flatten)]
    pub attempts: UnderWayLine,
}

/// What was under way at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWayLine {
    /// How many.
    pub count: u32,
    /// For how long, on average.
    pub mean_age_us: u64,
}

/// See [`AccessLine::Call`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallLine {
    /// When it should have begun.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// As in its hops.
    pub trace_id: String,
    /// The span that its first attempts are made for.
    pub span_id: String,
    /// The call, as in `calls.csv`.
    pub call: String,
    /// The client.
    pub node: String,
    /// What it got.
    pub status: Option<u16>,
    /// What it got instead of a whole response.
    pub error: Option<String>,
    /// From when it should have begun to its end.
    pub duration_us: u64,
    /// How many attempts the client made.
    pub attempts: u32,
    /// The attempt that decided it.
    pub decisive: Option<String>,
}

/// See [`AccessLine::Process`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessLine {
    /// When.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Whose.
    pub node: String,
    /// `down`, `up` or `ready`: as fast as ever.
    pub event: String,
}

/// See [`AccessLine::Link`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkLine {
    /// When.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// From.
    pub node: String,
    /// To.
    pub upstream: String,
    /// `refusing`, `silent`, `open`, or `unrelated` for a request that belongs to no known call.
    pub event: String,
}

const DIALS: [(Dial, &str); 8] = [
    (Dial::Callee, "callee"),
    (Dial::Refused, "refused"),
    (Dial::Blackhole, "blackhole"),
    (Dial::WrongPort, "wrong_port"),
    (Dial::WrongHost, "wrong_host"),
    (Dial::NoName, "no_name"),
    (Dial::TlsToPlain, "tls_to_plain"),
    (Dial::BadCertificate, "bad_certificate"),
];
fn dialed(dial: Dial) -> &'static str {
    DIALS.iter().find(|(value, _)| *value == dial).map_or("", |(_, word)| word)
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What of a run its lines need beside the records.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The scenario, for the names.
    pub scenario: &'a Scenario,
    /// What its traces have in common.
    pub key: RunKey,
    /// When its time began.
    pub began: SystemTime,
}

impl Run<'_> {
    fn stamp(&self, at: Time) -> Stamp {
        let moment = self.began + at.since_start().min(Duration::from_hours(24 * 365));
        Stamp {
            time: humantime::format_rfc3339_micros(moment).to_string(),
            at_us: us(at.since_start()),
            strategy: self.scenario.strategy.clone(),
            seed: self.scenario.seed,
        }
    }

    fn name(&self, node: NodeId) -> String {
        self.scenario.topology.node(node).name.clone()
    }

    /// The lines of a call that is over: each attempt, in the order in which they ended, then the call.
    pub fn lines<'a>(&'a self, trace: &'a CallTrace) -> impl Iterator<Item = AccessLine> + 'a {
        let hops = trace.attempts.iter().map(|attempt| AccessLine::Hop(Box::new(self.hop(trace, attempt))));
        hops.chain(std::iter::once_with(|| AccessLine::Call(self.call(&trace.end))))
    }

    fn hop(&self, trace: &CallTrace, attempt: &Attempt) -> HopLine {
        let (from, to) = self.scenario.topology.ends(attempt.edge);
        let wire = attempt.exchange.as_deref();
        let (method, url) = match wire {
            Some(Exchange { method, url, .. }) => (method.clone(), redact::url(url).into_owned()),
            // What its load sends.
            None => match self.scenario.loads.get(usize::from(attempt.call.load())) {
                Some(load) => (load.request.method.clone(), redact::url(&load.request.path).into_owned()),
                None => (String::new(), String::new()),
            },
        };
        HopLine {
            stamp: self.stamp(attempt.start),
            trace_id: self.key.trace_id(attempt.call),
            span_id: attempt.hop.to_string(),
            parent_id: attempt.parent.to_string(),
            call: attempt.call.to_string(),
            node: self.name(from),
            upstream: self.name(to),
            attempt: attempt.attempt,
            query: redact::query(&url).into_iter().collect(),
            method,
            url,
            request_headers: wire.map(|wire| fields(&wire.request_headers)).unwrap_or_default(),
            status: attempt.outcome.status(),
            error: attempt.outcome.failure().map(|failure| failure.name().to_owned()),
            message: wire.and_then(|wire| wire.error.clone()),
            response_headers: wire.map(|wire| fields(&wire.response_headers)).unwrap_or_default(),
            duration_us: us(attempt.end.since(attempt.start)),
            bytes: attempt.bytes,
            timeout_us: attempt.timeout.map(us),
            reused: attempt.reused,
            idle_us: us(attempt.idle),
            reset: attempt.reset,
            ends_by_close: attempt.ends_by_close,
            unconnected: attempt.unconnected,
            dialed: (attempt.dialed != Dial::Callee).then(|| dialed(attempt.dialed).to_owned()),
            wrong_path: attempt.wrong_path,
            bad_credentials: attempt.bad_credentials,
            idle_closed: trace.idle_closed.contains(&attempt.hop),
            crowd: attempt.crowd.as_ref().map(|crowd| crowd.attempts.into()),
            served: trace.served(attempt.hop).map(|side| {
                let witnessed = self.scenario.topology.node(to).kind == NodeKind::External;
                ServedLine { witnessed, ..served(side, self.scenario) }
            }),
        }
    }

    fn call(&self, end: &CallEnd) -> CallLine {
        CallLine {
            stamp: self.stamp(end.start),
            trace_id: self.key.trace_id(end.call),
            span_id: HopId::root(end.call).to_string(),
            call: end.call.to_string(),
            node: self.name(end.client),
            status: end.status,
            error: end.failure.map(|failure| failure.name().to_owned()),
            duration_us: us(end.latency()),
            attempts: end.attempts,
            decisive: end.decisive.map(|hop| hop.to_string()),
        }
    }

    /// The line of what happened to a process.
    pub fn process(&self, event: NodeEvent) -> AccessLine {
        AccessLine::Process(ProcessLine {
            stamp: self.stamp(event.at),
            node: self.name(event.node),
            event: event.kind.name().to_owned(),
        })
    }

    /// The line of what happened to a link.
    pub fn link(&self, event: LinkEvent) -> AccessLine {
        let (from, to) = self.scenario.topology.ends(event.edge);
        AccessLine::Link(LinkLine {
            stamp: self.stamp(event.at),
            node: self.name(from),
            upstream: self.name(to),
            event: event.kind.name().to_owned(),
        })
    }
}

/// Header fields as an object: those that come several times are one.
fn fields(headers: &[(String, String)]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        fields
            .entry(name.clone())
            .and_modify(|before| {
                before.push_str(", ");
                before.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    fields
}

fn served(served: &Served, scenario: &Scenario) -> ServedLine {
    ServedLine {
        at_us: us(served.arrived.since_start()),
        queued_us: served.started.map(|started| us(started.since(served.arrived))),
        worked_us: us(served.worked),
        duration_us: us(served.finished.since(served.arrived)),
        status: served.status,
        source: served.source.name().to_owned(),
        refusal: served.source.refusal().map(|refusal| refusal.name().to_owned()),
        rule: served.rule(scenario),
        cached: served.ruled.as_ref().is_some_and(|ruled| ruled.cached),
        consumer: served.consumer(scenario).map(str::to_owned),
        of: served.source.hop().map(|hop| hop.to_string()),
        failure: served.source.failure().map(|failure| failure.name().to_owned()),
        sent: served.sent.name().to_owned(),
        end: served.end.name().to_owned(),
        in_flight: served.in_flight,
        queued: served.queued,
        at_work: served.held_up.as_ref().map(|held| held.at_work.into()),
        crowd: served.held_up.as_ref().and_then(|held| held.crowd).map(|(edge, attempts)| CrowdLine {
            upstream: scenario.topology.node(scenario.topology.ends(edge).1).name.clone(),
            attempts: attempts.into(),
        }),
        usage: (served.usage != Usage::default()).then(|| served.usage.into()),
        witnessed: false,
    }
}

/// What a status and an error say together; none if they say nothing.
pub fn outcome(status: Option<u16>, error: Option<&str>) -> Option<Outcome> {
    match error {
        Some(name) => Some(Outcome::Failed { failure: failure(name)?, status }),
        None => status.map(Outcome::Answered),
    }
}

/// The failure of this name.
pub fn failure(name: &str) -> Option<Failure> {
    Failure::ALL.into_iter().find(|failure| failure.name() == name)
}

/// The refusal of this name.
pub fn refusal(name: &str) -> Option<Refusal> {
    Refusal::ALL.into_iter().find(|refusal| refusal.name() == name)
}

impl HopLine {
    /// What was dialed.
    pub fn dial(&self) -> Dial {
        let word = self.dialed.as_deref();
        DIALS.iter().find(|(_, known)| word == Some(*known)).map(|(value, _)| *value).unwrap_or_default()
    }
}

/// What a model server has done for a request, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageLine {
    /// Those of the prompt that it took in.
    pub prompt: u32,
    /// Those of the completion that it made.
    pub completion: u32,
}

impl From<Usage> for UsageLine {
    fn from(usage: Usage) -> Self {
        let Usage { prompt, completion } = usage;
        Self { prompt, completion }
    }
}

impl From<UsageLine> for Usage {
    fn from(line: UsageLine) -> Self {
        let UsageLine { prompt, completion } = line;
        Self { prompt, completion }
    }
}

impl From<AtWorkLine> for AtWork {
    fn from(line: AtWorkLine) -> Self {
        let AtWorkLine { work, stuck } = line;
        Self { work: work.into(), stuck }
    }
}

impl From<AtWork> for AtWorkLine {
    fn from(AtWork { work, stuck }: AtWork) -> Self {
        Self { work: work.into(), stuck }
    }
}

impl From<UnderWayLine> for UnderWay {
    fn from(UnderWayLine { count, mean_age_us }: UnderWayLine) -> Self {
        Self { count, mean_age: Duration::from_micros(mean_age_us) }
    }
}

impl From<UnderWay> for UnderWayLine {
    fn from(UnderWay { count, mean_age }: UnderWay) -> Self {
        Self { count, mean_age_us: us(mean_age) }
    }
}

impl ServedLine {
    /// What the socket sent.
    pub fn sent(&self) -> Option<Sent> {
        Sent::named(&self.sent)
    }

    /// How it ended.
    pub fn end(&self) -> Option<ServedEnd> {
        ServedEnd::named(&self.end)
    }
}

impl ProcessLine {
    /// What happened.
    pub fn kind(&self) -> Option<NodeEventKind> {
        NodeEventKind::named(&self.event)
    }
}

impl LinkLine {
    /// What happened.
    pub fn kind(&self) -> Option<LinkEventKind> {
        LinkEventKind::named(&self.event)
    }
}
