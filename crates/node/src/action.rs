//! What goes into the machine and what comes out.

use std::time::Duration;

use topology::llm::Asked;
use topology::profile::Why;
use topology::rules::{Key, LimitId};
use topology::wire::{Close, ProcessEnd, SharedDisturbance};
use topology::{EdgeId, NodeId};
use trace::{CallId, Charge, Exchange, HopId, Outcome, Time};

use crate::queue::Ticket;

/// A request as it arrives at a node.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a request")]
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The call.
    pub call: CallId,
    /// The hop it arrives as.
    pub hop: HopId,
    /// The edge it came over.
    pub edge: EdgeId,
    /// How many of the attempts on its way were retries.
    pub retries: u16,
    /// This node's own name is already in its `Via`.
    pub looped: bool,
    /// Its connection has carried others before it.
    pub used_connection: bool,
    /// Its path is one that this node serves.
    pub path_known: bool,
    /// Its credentials are good.
    pub credentials_good: bool,
    /// The size of its head, in bytes.
    pub head_bytes: u64,
    /// The size of its body, in bytes.
    pub body_bytes: u64,
    /// Whether its method is idempotent.
    pub idempotent: bool,
    /// Its caller waits no longer than this.
    pub time_left: Option<Duration>,
    /// How much it matters: the lowest is shed first.
    pub priority: u8,
    /// The API key that it presents, where the node looks at keys.
    pub key: Key,
    /// It asks a model for a completion.
    pub ask: Option<Box<Asked>>,
    /// What the injector does to it.
    pub disturbance: SharedDisturbance,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The visit begins. Exactly once, first.
    Begin,
    /// A worker has become free for it: answers [`Action::Wake`].
    Granted,
    /// Its place in the queue is taken away: answers [`Action::Shed`].
    Shed,
    /// The time of [`Action::Sleep`] has come.
    Woke(Timer),
    /// The head of a response has come for [`Action::Send`].
    Head {
        /// Of which attempt.
        id: AttemptId,
        /// The status.
        status: u16,
        /// The value of `Retry-After`, from now on.
        retry_after: Option<Duration>,
    },
    /// An attempt has ended, with or without a head before.
    Ended {
        /// Which.
        id: AttemptId,
        /// How.
        report: AttemptReport,
    },
    /// A whole response has come at once: no more than its [`Input::Head`] and then its
    /// [`Input::Ended`], in one.
    Whole {
        /// Of which attempt.
        id: AttemptId,
        /// The status.
        status: u16,
        /// The value of `Retry-After`, from now on.
        retry_after: Option<Duration>,
        /// How the attempt has ended.
        report: AttemptReport,
    },
    /// The caller has hung up.
    CallerGone,
    /// The node's process dies.
    ProcessDown,
    /// The run ends, and the work with it.
    RunEnds,
}

/// An attempt among those of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId {
    /// Of which call of the plan.
    pub slot: u16,
    /// From 1.
    pub attempt: u16,
}

/// Every reason why a visit may wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The own work is done.
    Work,
    /// A call's back-off is over.
    Backoff(u16),
    /// This attempt has had so long that another copy may be sent.
    Hedge(AttemptId),
    /// The node's deadline for the whole request has come.
    Deadline,
}

/// What an engine saw of an attempt.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one connection")]
#[derive(Debug, Clone)]
pub struct AttemptReport {
    /// How it ended.
    pub outcome: Outcome,
    /// By RST, or `RST_STREAM`.
    pub reset: bool,
    /// Over a used connection.
    pub reused: bool,
    /// How long that had been idle.
    pub idle: Duration,
    /// How many bytes of the body came.
    pub bytes: u64,
    /// The response had neither a length nor chunks.
    pub ends_by_close: bool,
    /// The callee closed the connection for idleness just then.
    pub idle_closed: bool,
    /// What it took of models, if the callee has told.
    pub charge: Option<Box<Charge>>,
    /// What was on the wire, if it was kept.
    pub exchange: Option<Box<Exchange>>,
}

impl AttemptReport {
    /// A bare outcome.
    pub fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            reset: false,
            reused: false,
            idle: Duration::ZERO,
            bytes: 0,
            ends_by_close: false,
            idle_closed: false,
            charge: None,
            exchange: None,
        }
    }
}

/// An attempt to be made.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The call.
    pub call: CallId,
    /// Its identity.
    pub hop: HopId,
    /// Over this edge.
    pub edge: EdgeId,
    /// From 1.
    pub attempt: u16,
    /// How many of the attempts on its way, itself included, were retries.
    pub retries: u16,
    /// No later than this the attempt has ended, in its whole.
    pub give_up_at: Option<Time>,
    /// Nor does the response's head take longer than so long, from the request's being sent, or the next
    /// piece of its body, from the one before.
    pub read_timeout: Option<Duration>,
    /// No later than this the connection is there.
    pub connect_by: Time,
    /// The callee is told that it has so long.
    pub time_left: Option<Duration>,
    /// How much it matters.
    pub priority: u8,
    /// What the injector does to it.
    pub disturbance: SharedDisturbance,
}

/// A response that the node makes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// It is the node's regular response: the declared body.
    pub regular: bool,
    /// `Retry-After`, in whole seconds.
    pub retry_after: Option<Duration>,
    /// For `Proxy-Status`.
    pub proxy_status: ProxyStatus,
    /// The body is this completion.
    pub completion: Option<Box<Completion>>,
    /// What a model server's limits leave.
    pub allowances: Option<Box<Allowances>>,
    /// It is an error of the node's own, for this reason.
    pub why: Option<Why>,
    /// The node's limit that is spent.
    pub limit: Option<LimitId>,
}

impl Reply {
    /// The node's regular response, with this status.
    pub fn regular(status: u16) -> Self {
        Self {
            status,
            regular: true,
            retry_after: None,
            proxy_status: ProxyStatus::default(),
            completion: None,
            allowances: None,
            why: None,
            limit: None,
        }
    }

    /// How long the body is in whose middle the process dies, if it dies there with all of it made. Such
    /// a body has this length.
    pub fn truncated_at(&self, length: Option<u64>) -> Option<u64> {
        let completion = self.completion.as_ref().filter(|completion| !completion.stream)?;
        length.filter(|_| completion.broken.is_some_and(|(_, end)| end == ProcessEnd::Truncate))
    }
}

/// What a model answers. The text is keyed by the hop: the same in both engines and every rerun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The hop that it answers.
    pub hop: HopId,
    /// How long the prompt was.
    pub prompt_tokens: u32,
    /// How many tokens it has.
    pub tokens: u32,
    /// It ends because it may not be longer.
    pub is_capped: bool,
    /// It comes token by token; all of them are there otherwise.
    pub stream: bool,
    /// How long each token after the first takes.
    pub interval: Duration,
    /// How many of the tokens are sent before it ends in another way, and how.
    pub broken: Option<(u32, ProcessEnd)>,
}

/// What a model server's limits leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowances {
    /// Of requests.
    pub requests: Option<Allowance>,
    /// Of tokens.
    pub tokens: Option<Allowance>,
}

/// What one limit leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit, a minute.
    pub limit: u32,
    /// How much of it is left.
    pub remaining: u32,
    /// When all of it is there again.
    pub full_in: Duration,
}

/// What a node has to say in `Proxy-Status` (RFC 9209); nothing if both are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProxyStatus {
    /// The error type.
    pub error: Option<&'static str>,
    /// The status that the next hop answered.
    pub received: Option<u16>,
    /// Whose words come before one's own.
    pub next: Option<NodeId>,
}

impl ProxyStatus {
    /// Whether there is nothing to say.
    pub fn is_silent(&self) -> bool {
        self.error.is_none() && self.received.is_none()
    }
}

/// Something to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Come back with [`Input::Woke`].
    Sleep {
        /// Why.
        timer: Timer,
        /// When.
        until: Time,
    },
    /// Compute, as one of so many at once of this node; come back with [`Input::Woke`] of
    /// [`Timer::Work`]. It goes on when the visit is over: a computation asks nobody.
    Compute {
        /// How many of the node's requests compute at once.
        processors: u32,
        /// For how long, alone on a processor.
        work: Duration,
        /// When it is done, if nothing else takes the processors.
        until: Time,
    },
    /// The visit now waits in the queue under this ticket.
    Queued(Ticket),
    /// Tell the visit with this ticket [`Input::Granted`].
    Wake(Ticket),
    /// Tell the visit with this ticket [`Input::Shed`].
    Shed(Ticket),
    /// Make an attempt; come back with [`Input::Head`] and [`Input::Ended`].
    Send {
        /// Which.
        id: AttemptId,
        /// To whom, and what is done to it.
        outgoing: Outgoing,
    },
    /// Pass this attempt's response on to the caller, as it comes. Its end is still reported.
    Relay {
        /// Which.
        id: AttemptId,
        /// What to add to `Proxy-Status`.
        proxy_status: ProxyStatus,
    },
    /// Read this attempt's response to its end, and keep it as that of its call, for [`Action::PassOn`].
    Hold {
        /// Which.
        id: AttemptId,
    },
    /// Answer the caller with the response that is kept of the call in this slot.
    PassOn {
        /// Which call.
        slot: u16,
        /// What to add to `Proxy-Status`.
        proxy_status: ProxyStatus,
    },
    /// Read this attempt's response to its end and keep nothing of it.
    Drain {
        /// Which.
        id: AttemptId,
    },
    /// Give this attempt up; nothing more of it is reported.
    Abandon {
        /// Which.
        id: AttemptId,
    },
    /// Answer the caller.
    Respond(Reply),
    /// End the caller's connection in this way instead.
    Fail(ProcessEnd),
    /// Close the caller's connection in this way, without a byte.
    Close(Close),
    /// The answer of the visit took so much of models, for whoever gets it.
    Charge {
        /// The hop that it answers.
        hop: HopId,
        /// How much.
        charge: Box<Charge>,
    },
    /// The visit is over; it takes no more input.
    Finish,
}
