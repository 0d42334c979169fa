//! What a line of a log, or a span, says.

use std::time::Duration;

use topology::wire::Dial;
use topology::{EdgeId, Failure, FaultSet, NodeId, Refusal};
use trace::{
    Attempt, CallEnd, CallId, HopId, LinkEventKind, NodeEventKind, Outcome, Sent, Served, ServedEnd, Source,
    Time, UnderWay,
};

/// What joins what different logs say of one request: ids of traces and requests.
pub(crate) type Keys = Vec<String>;

/// A request that a node has served, as its own log has it.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub(crate) keys: Keys,
    pub(crate) node: String,
    /// Where the node listens, if it says so.
    pub(crate) address: Option<String>,
    /// The span that serving it is.
    pub(crate) span: Option<String>,
    /// The span that the request was made by.
    pub(crate) parent: Option<String>,
    /// What was asked for: method and path.
    pub(crate) asked: String,
    /// Times since 1970; ids are filled in later, and so is what is not told.
    pub(crate) served: Served,
    /// If it was kept out because too many were inside: whom most of those were asking, and how they stood.
    pub(crate) crowd: Option<(String, UnderWay)>,
    pub(crate) told: Told,
    /// It is not the node's own record, but what its caller saw.
    pub(crate) witnessed: bool,
    /// Its log would show what it asked of others.
    pub(crate) tells_tries: bool,
    /// How far its times may be off.
    pub(crate) slack: Duration,
    /// What would tell more about it, if that is known.
    pub(crate) advice: Option<&'static str>,
}

/// What a log says of where a node's answer is from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// It is the node's own, and this is why, if that is said.
    Own(Option<Refusal>),
    /// An exception was thrown while it was served, of its own if no callee explains it.
    Threw,
    /// It is what this span got.
    Relayed(String),
    /// It was made of what became of this span.
    Translated(String, Option<Failure>),
    /// There is none.
    Nobody,
}

/// An attempt at a callee, as its caller's log has it.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    pub(crate) keys: Keys,
    pub(crate) node: String,
    /// Whom it went to: a name or an address.
    pub(crate) peer: Option<String>,
    pub(crate) span: Option<String>,
    /// The span that it was made for.
    pub(crate) parent: Option<String>,
    /// What was asked for.
    pub(crate) asked: String,
    /// Times since 1970; ids are filled in later.
    pub(crate) attempt: Attempt,
    /// The callee closed the connection for idleness.
    pub(crate) idle_closed: bool,
    /// Whether the callee saw it, if that is told.
    pub(crate) seen: Option<bool>,
    /// It is a repetition.
    pub(crate) again: bool,
    /// What would tell more about it, if that is known.
    pub(crate) advice: Option<&'static str>,
}

/// A call, as its client's own log has it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) keys: Keys,
    pub(crate) node: String,
    pub(crate) span: String,
    pub(crate) end: CallEnd,
    /// The span that decided it.
    pub(crate) decisive: Option<String>,
}

/// A span that is neither a request served nor one made.
#[derive(Debug, Clone)]
pub(crate) struct Between {
    pub(crate) keys: Keys,
    pub(crate) span: String,
    pub(crate) parent: String,
}

/// What a caller sees of which nothing came.
pub(crate) fn failed(failure: Failure) -> Outcome {
    Outcome::Failed { failure, status: None }
}

/// What a line says.
#[derive(Debug, Clone)]
pub(crate) enum Observation {
    /// A request served, and what was asked of others for it.
    Visit(Box<Visit>, Vec<Try>),
    Try(Box<Try>),
    Call(Box<Call>),
    Between(Between),
    Process {
        node: String,
        at: Time,
        kind: NodeEventKind,
    },
    Link {
        from: String,
        to: String,
        at: Time,
        kind: LinkEventKind,
    },
}

impl Visit {
    /// One of which no more is known than that it came then and was answered so.
    pub(crate) fn new(node: &str, arrived: Time, finished: Time, status: Option<u16>) -> Self {
        let gone = status.is_none();
        Self {
            keys: Vec::new(),
            node: node.to_owned(),
            address: None,
            span: None,
            parent: None,
            asked: String::new(),
            served: Served {
                call: CallId(0),
                hop: HopId(0),
                edge: EdgeId(0),
                arrived,
                started: Some(arrived),
                worked: Duration::ZERO,
                finished: finished.max(arrived),
                status,
                source: Source::Nobody,
                sent: if gone { Sent::Nothing } else { Sent::Whole },
                end: ServedEnd::Answered,
                in_flight: 0,
                queued: 0,
                usage: trace::Usage::default(),
                held_up: None,
                ruled: None,
                faults: FaultSet::EMPTY,
            },
            crowd: None,
            told: Told::Nothing,
            witnessed: false,
            tells_tries: false,
            slack: Duration::from_millis(2),
            advice: None,
        }
    }

    /// Its caller hung up before it had its answer.
    pub(crate) fn caller_left(&mut self) {
        self.served.status = None;
        self.served.sent = Sent::Nothing;
        self.served.end = ServedEnd::CallerGone;
    }
}

impl Try {
    /// One that began and ended so.
    pub(crate) fn new(node: &str, start: Time, end: Time, outcome: Outcome) -> Self {
        let end = end.max(start);
        // A timer that fired was of that length.
        let timer = outcome.failure().is_some_and(Failure::is_timeout);
        Self {
            keys: Vec::new(),
            node: node.to_owned(),
            peer: None,
            span: None,
            parent: None,
            asked: String::new(),
            attempt: Attempt {
                call: CallId(0),
                hop: HopId(0),
                parent: HopId(0),
                edge: EdgeId(0),
                attempt: 1,
                start,
                end,
                outcome,
                reset: false,
                reused: false,
                idle: Duration::ZERO,
                dialed: Dial::Callee,
                timeout: timer.then(|| end.since(start)),
                wrong_path: false,
                bad_credentials: false,
                bytes: 0,
                ends_by_close: false,
                unconnected: false,
                crowd: None,
                faults: FaultSet::EMPTY,
                exchange: None,
            },
            idle_closed: false,
            seen: None,
            again: false,
            advice: None,
        }
    }
}

impl Call {
    pub(crate) fn new(node: &str, span: String, start: Time, end: Time, outcome: Option<Outcome>) -> Self {
        Self {
            keys: Vec::new(),
            node: node.to_owned(),
            span,
            end: CallEnd {
                call: CallId(0),
                client: NodeId(0),
                start,
                end: end.max(start),
                status: outcome.and_then(Outcome::status),
                failure: match outcome {
                    Some(outcome) => outcome.failure(),
                    None => Some(Failure::Cancelled),
                },
                attempts: 0,
                decisive: None,
                parent: None,
            },
            decisive: None,
        }
    }
}

impl Observation {
    /// Does this to each name and id in it.
    pub(crate) fn each_name(&mut self, act: impl Fn(&mut String)) {
        let tries = match self {
            Self::Visit(visit, tries) => {
                visit.keys.iter_mut().for_each(&act);
                act(&mut visit.node);
                tries.as_mut_slice()
            }
            Self::Try(made) => std::slice::from_mut(&mut **made),
            Self::Call(call) => {
                call.keys.iter_mut().for_each(&act);
                act(&mut call.node);
                &mut []
            }
            Self::Process { node, .. } => {
                act(node);
                &mut []
            }
            Self::Link { from, to, .. } => {
                act(from);
                act(to);
                &mut []
            }
            Self::Between(_) => &mut [],
        };
        for made in tries {
            made.keys.iter_mut().chain(&mut made.peer).for_each(&act);
            act(&mut made.node);
        }
    }

    /// What joins it with others.
    pub(crate) fn keys(&self) -> &[String] {
        match self {
            Self::Visit(visit, _) => &visit.keys,
            Self::Try(made) => &made.keys,
            Self::Call(call) => &call.keys,
            Self::Between(between) => &between.keys,
            Self::Process { .. } | Self::Link { .. } => &[],
        }
    }
}
