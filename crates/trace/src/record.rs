//! The records: what each side of an exchange saw, as its own log would have it.
//!
//! The `faults` fields are the injector's marks. They ride along so that a verdict can be scored;
//! nothing that decides a verdict may read them.

mod words;

use std::time::Duration;

use topology::llm::Price;
use topology::rules::{ConsumerId, LimitId, Rule, Rules};
use topology::wire::Dial;
use topology::{EdgeId, Failure, FaultSet, NodeId, Refusal, Scenario};

use crate::{CallId, HopId, Time, TraceParent};

/// Anything that an engine or a node machine reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// A node has seen a request.
    Arrived {
        /// Of this call.
        call: CallId,
        /// As this hop.
        hop: HopId,
        /// Over this edge.
        edge: EdgeId,
        /// Then.
        at: Time,
    },
    /// A caller that keeps no records is seen to begin an attempt; its end follows as
    /// [`Record::Attempt`].
    Begun(Begun),
    /// A node is done with a request: the callee's side of a hop.
    Served(Served),
    /// An attempt has ended: the caller's side of a hop.
    Attempt(Attempt),
    /// A server closed an idle connection just as this attempt's request came over it.
    IdleClosed {
        /// Of this call.
        call: CallId,
        /// As this hop.
        hop: HopId,
    },
    /// A call has ended.
    Call(CallEnd),
    /// A node's process went down or came up.
    Node(NodeEvent),
    /// How full a node is.
    Gauge(Gauge),
    /// How a caller's policies for a callee stand.
    Policies(Policies),
    /// The link to a callee closed or opened, or something came over it that nobody can place.
    Link(LinkEvent),
}

impl Record {
    /// The latest moment that it tells of; some tell of none.
    pub fn at(&self) -> Option<Time> {
        match self {
            Self::Arrived { at, .. } => Some(*at),
            Self::Begun(begun) => Some(begun.at),
            Self::Served(served) => Some(served.finished),
            Self::Attempt(attempt) => Some(attempt.end),
            Self::IdleClosed { .. } => None,
            Self::Call(end) => Some(end.end),
            Self::Node(event) => Some(event.at),
            Self::Gauge(gauge) => Some(gauge.at),
            Self::Policies(policies) => Some(policies.at),
            Self::Link(event) => Some(event.at),
        }
    }
}

/// How an attempt ended, as its caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A whole response with this status.
    Answered(u16),
    /// No whole response.
    Failed {
        /// What was seen instead.
        failure: Failure,
        /// The status, if the head had come.
        status: Option<u16>,
    },
}

impl Outcome {
    /// Whether it is a whole response with a status below 400.
    pub fn is_ok(self) -> bool {
        matches!(self, Self::Answered(status) if status < 400)
    }

    /// The status, if a head came.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            Self::Failed { status, .. } => status,
        }
    }

    /// The failure, if there was no whole response.
    pub fn failure(self) -> Option<Failure> {
        match self {
            Self::Answered(_) => None,
            Self::Failed { failure, .. } => Some(failure),
        }
    }
}

/// The caller's side of a hop.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as a log line has them")]
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Of this call.
    pub call: CallId,
    /// Its identity.
    pub hop: HopId,
    /// The hop that the caller was serving; the call's root if the caller is the client.
    pub parent: HopId,
    /// Over this edge.
    pub edge: EdgeId,
    /// From 1.
    pub attempt: u16,
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// It ended by RST rather than by FIN; over HTTP/2, its stream by `RST_STREAM`.
    pub reset: bool,
    /// It went over a connection that had been used before.
    pub reused: bool,
    /// How long that connection had been idle.
    pub idle: Duration,
    /// The address it dialed.
    pub dialed: Dial,
    /// The per-attempt time-out that was in force.
    pub timeout: Option<Duration>,
    /// The path it asked for is not the declared one.
    pub wrong_path: bool,
    /// The credentials it presented are not the declared ones.
    pub bad_credentials: bool,
    /// How many bytes of the body came; if its head did not come whole, how many of that.
    pub bytes: u64,
    /// The response had neither a length nor chunks: its end is that of the connection.
    pub ends_by_close: bool,
    /// It was given up before its connection was there.
    pub unconnected: bool,
    /// The injector's marks.
    pub faults: FaultSet,
    /// If it was not sent because too many were under way: these.
    pub crowd: Option<Box<Crowd>>,
    /// What was sent and received, kept for some failed attempts.
    pub exchange: Option<Box<Exchange>>,
}

/// What had come of an attempt when its caller gave it up: the machine does not know, the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    /// Its connection was there.
    pub connected: bool,
    /// See [`Attempt::bytes`].
    pub bytes: u64,
    /// See [`Attempt::ends_by_close`].
    pub ends_by_close: bool,
}

impl Attempt {
    /// Whether its caller gave it up.
    pub fn is_given_up(&self) -> bool {
        self.outcome.failure() == Some(Failure::Cancelled)
    }

    /// Takes note of how far it had come then.
    pub fn had_come(&mut self, Received { connected, bytes, ends_by_close }: Received) {
        (self.unconnected, self.bytes, self.ends_by_close) = (!connected, bytes, ends_by_close);
    }
}

/// An attempt that has begun, as its callee's socket saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Of this call.
    pub call: CallId,
    /// Its identity.
    pub hop: HopId,
    /// The hop that the caller was serving.
    pub parent: HopId,
    /// Over this edge.
    pub edge: EdgeId,
    /// From 1.
    pub attempt: u16,
    /// When it began.
    pub at: Time,
}

impl Begun {
    /// The attempt, as far as it has come until then.
    pub fn until(self, end: Time) -> Attempt {
        let Self { call, hop, parent, edge, attempt, at } = self;
        Attempt {
            call,
            hop,
            parent,
            edge,
            attempt,
            start: at,
            end,
            outcome: Outcome::Failed { failure: Failure::Cancelled, status: None },
            reset: false,
            reused: false,
            idle: Duration::ZERO,
            dialed: Dial::Callee,
            timeout: None,
            wrong_path: false,
            bad_credentials: false,
            bytes: 0,
            ends_by_close: false,
            unconnected: false,
            faults: FaultSet::EMPTY,
            crowd: None,
            exchange: None,
        }
    }
}

/// What was on the wire, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The URL, with the real port.
    pub url: String,
    /// The request's header fields; secrets are redacted.
    pub request_headers: Vec<(String, String)>,
    /// The response's header fields, if a head came.
    pub response_headers: Vec<(String, String)>,
    /// The transport's own words for what went wrong.
    pub error: Option<String>,
}

/// Who made a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The node's own work.
    Own,
    /// The node refused the request.
    Refused(Refusal),
    /// The node passed on what this hop answered.
    Relayed(HopId),
    /// The node made a status of what became of this hop.
    Translated(HopId, Failure),
    /// There is none.
    Nobody,
}

impl Source {
    /// The hop that the node's answer came of.
    pub fn hop(self) -> Option<HopId> {
        match self {
            Self::Relayed(hop) | Self::Translated(hop, _) => Some(hop),
            Self::Own | Self::Refused(_) | Self::Nobody => None,
        }
    }
}

/// What the callee's socket sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// A whole response.
    Whole,
    /// Nothing.
    Nothing,
    /// A response that stops inside its body.
    Cut,
    /// Bytes that are not HTTP.
    Malformed,
    /// A whole response, whose stream tells of an error.
    Error,
    /// A whole response, whose content breaks off: a stream has no end mark.
    Incomplete,
    /// A whole response, whose content was cut as it was written.
    CutContent,
}

/// What a model server has done for a request, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Those of the prompt that it took in.
    pub prompt: u32,
    /// Those of the completion that it made.
    pub completion: u32,
}

/// How a request's stay at a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServedEnd {
    /// With an answer.
    Answered,
    /// Its handler died.
    Panicked,
    /// The whole process went down.
    ProcessDown,
    /// The caller hung up, and the work was given up.
    CallerGone,
    /// It had not ended when the run did.
    StillRunning,
}

/// The callee's side of a hop.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// Of this call.
    pub call: CallId,
    /// The hop.
    pub hop: HopId,
    /// Over this edge; its callee is the node.
    pub edge: EdgeId,
    /// When the request arrived.
    pub arrived: Time,
    /// When a worker took it; `None` if none did.
    pub started: Option<Time>,
    /// How long a worker has really worked on it. A worker that is stuck does not work.
    pub worked: Duration,
    /// When it ended.
    pub finished: Time,
    /// The status it answered.
    pub status: Option<u16>,
    /// Who made that status.
    pub source: Source,
    /// What was sent.
    pub sent: Sent,
    /// How it ended.
    pub end: ServedEnd,
    /// How many requests were inside when it arrived, this one included.
    pub in_flight: u32,
    /// How many of them waited for a worker.
    pub queued: u32,
    /// For a model server: what it took in and made.
    pub usage: Usage,
    /// If there was no room for it at once: why not.
    pub held_up: Option<Box<HeldUp>>,
    /// What the node's own rules made of it; `None` where it has none.
    pub ruled: Option<Box<Ruled>>,
    /// The injector's marks.
    pub faults: FaultSet,
}

/// What kept a request waiting, or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeldUp {
    /// What the workers were at.
    pub at_work: AtWork,
    /// If it was refused because too many were inside: the edge over which most of them waited, and
    /// the attempts that were under way there.
    pub crowd: Option<(EdgeId, UnderWay)>,
    /// The injector's marks on the requests whose work kept this one from a worker.
    pub held_by: FaultSet,
}

impl Served {
    /// The name of the node's own rule that refused it, if one did.
    pub fn rule(&self, scenario: &Scenario) -> Option<String> {
        let (ruled, rules) = (self.ruled.as_deref()?, self.rules(scenario)?);
        Some(rules.name(ruled.refused_by?, ruled.consumer))
    }

    /// Whose key it had, if that is known.
    pub fn consumer<'a>(&self, scenario: &'a Scenario) -> Option<&'a str> {
        Some(&self.rules(scenario)?.consumer(self.ruled.as_deref()?.consumer?).name)
    }

    fn rules<'a>(&self, scenario: &'a Scenario) -> Option<&'a Rules> {
        let node = scenario.topology.ends(self.edge).1;
        scenario.topology.node(node).rules.as_deref()
    }
}

/// What a node's own rules made of a request, as a gateway's log shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ruled {
    /// Whose key it had.
    pub consumer: Option<ConsumerId>,
    /// The rule that refused it, if one did.
    pub refused_by: Option<Rule>,
    /// How the limit stood that refused it.
    pub spent: Option<Spent>,
    /// How the soft limits stood that it went over.
    pub over: Vec<Spent>,
    /// It was answered from the node's cache.
    pub cached: bool,
}

/// How a limit stood as a request arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// Which.
    pub limit: LimitId,
    /// How much had been used.
    pub used: f64,
    /// How much of that was used by retries.
    pub by_retries: f64,
}

/// What an answer took of models, for whoever keeps account of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Charge {
    /// Tokens, of prompts and completions.
    pub tokens: u64,
    /// What they cost, by the price of the server that made them.
    pub cost: f64,
}

impl Charge {
    /// Of so much work at such a price.
    pub fn of(usage: Usage, price: Price) -> Self {
        let (prompt, completion) = (usage.prompt.into(), usage.completion.into());
        Self { tokens: prompt + completion, cost: price.of(prompt, completion) }
    }

    /// And this.
    pub fn add(&mut self, other: &Self) {
        self.tokens += other.tokens;
        self.cost += other.cost;
    }
}

/// What a node's workers were at, at one moment: what a thread dump with times shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtWork {
    /// Those that were at work, each since it had taken its present request.
    pub work: UnderWay,
    /// How many of these were stuck: their work did not go on.
    pub stuck: u32,
}

/// What was under way at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// How many.
    pub count: u32,
    /// For how long, on average.
    pub mean_age: Duration,
}

/// What kept an attempt from being sent: those over the same edge that were under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// They.
    pub attempts: UnderWay,
    /// The injector's marks on them.
    pub held_by: FaultSet,
}

/// A call's end, as its client saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEnd {
    /// The call.
    pub call: CallId,
    /// Its client.
    pub client: NodeId,
    /// When it should have begun.
    pub start: Time,
    /// When it ended.
    pub end: Time,
    /// The status that the client got.
    pub status: Option<u16>,
    /// What it got instead of a whole response.
    pub failure: Option<Failure>,
    /// How many attempts the client made.
    pub attempts: u32,
    /// The hop that decided it.
    pub decisive: Option<HopId>,
    /// Of which span of the user's own client it is a part, if it has said so.
    pub parent: Option<Box<TraceParent>>,
}

impl CallEnd {
    /// Whether the client got what it wanted.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none() && self.status.is_some_and(|s| s < 400)
    }

    /// The time from when it should have begun to its end.
    pub fn latency(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// A node's process went down or came up, as its supervisor's log has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeEvent {
    /// The node.
    pub node: NodeId,
    /// When.
    pub at: Time,
    /// Which.
    pub kind: NodeEventKind,
}

/// See [`NodeEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeEventKind {
    /// The process died: no listener, connections reset.
    Down,
    /// The process is back: it listens.
    Up,
    /// The process is as fast as ever: its start-up is over.
    Ready,
}

/// How full a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// The node.
    pub node: NodeId,
    /// When.
    pub at: Time,
    /// Requests inside.
    pub in_flight: u32,
    /// Requests that wait for a worker.
    pub queued: u32,
}

/// How a caller's policies for a callee stand; only of callees for which there are such policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// Over this edge.
    pub edge: EdgeId,
    /// When.
    pub at: Time,
    /// Its circuit breaker, if it has one.
    pub breaker: Option<BreakerState>,
    /// How many retries its budget has refused so far, if it has one.
    pub retries_refused: Option<u64>,
}

/// What a circuit breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// Some, to see how they go.
    HalfOpen,
}

/// Something at the listener in front of a callee whose caller keeps no records, as that listener's own
/// log would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkEvent {
    /// Over this edge.
    pub edge: EdgeId,
    /// When.
    pub at: Time,
    /// What.
    pub kind: LinkEventKind,
}

/// See [`LinkEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEventKind {
    /// From now on connections are refused.
    Refusing,
    /// From now on no SYN is answered.
    Silent,
    /// From now on connections are taken.
    Open,
    /// A request came that could not be related to a call.
    Unrelated,
}
