//! A node: a program in the chain, as declared.

use std::sync::Arc;
use std::time::Duration;

use crate::distribution::Distribution;
use crate::external::External;
use crate::graph::EdgeId;
use crate::llm::{Ask, Model};
use crate::profile::Profile;
use crate::rules::Rules;
use crate::units::SIZE_MAX;
use crate::wire::Close;

/// What a node is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// It makes calls and answers none.
    Client,
    /// It answers by calling others.
    Gateway,
    /// It answers by its own work, and may call others.
    Server,
    /// A real program that someone else wrote.
    External,
}

impl NodeKind {
    /// As in the scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Server => "server",
            Self::External => "external",
        }
    }
}

/// A node. See the scenario format for the meaning of each value and its default.
#[derive(Debug, Clone)]
pub struct Node {
    /// Unique. The instances of a node with replicas are `name#1`, `name#2`, ...
    pub name: String,
    /// The name as written, without the instance's number.
    pub declared_name: String,
    /// What it is.
    pub kind: NodeKind,
    /// How it turns failures into statuses.
    pub profile: &'static Profile,
    /// How many requests' own work it does at once; `None` is no limit.
    pub workers: Option<u32>,
    /// How many requests may wait for a worker.
    pub queue: u32,
    /// Which of those that wait is next.
    pub discipline: Discipline,
    /// How many requests may be inside in all, waiting for callees included; `None` is no limit.
    pub max_in_flight: Option<u32>,
    /// How long its own work on one request takes.
    pub service_time: Distribution,
    /// How much longer that takes for each request that is worked on as it begins, itself included.
    pub contention: Duration,
    /// What becomes of a request's work when its caller hangs up.
    pub on_disconnect: OnDisconnect,
    /// All its attempts at answering one request together may take so long.
    pub deadline: Option<Duration>,
    /// What it answers when all is well.
    pub response: Response,
    /// What it answers attempt by attempt instead; the last entry repeats. Empty: no script.
    pub script: Vec<ScriptStep>,
    /// The status that it answers by itself where a call of it has failed; `None`: what came of the call.
    pub catch: Option<u16>,
    /// Whom it calls for one request, and in which order.
    pub plan: Plan,
    /// It closes a connection that has been idle for so long.
    pub keep_alive: Duration,
    /// The largest request head it accepts, in bytes.
    pub header_limit: u64,
    /// The largest request body it accepts, in bytes.
    pub body_limit: u64,
    /// It is a model server, and answers as one.
    pub llm: Option<Box<Model>>,
    /// Whom it lets in, and for how much.
    pub rules: Option<Box<Rules>>,
    /// For an external node: the program.
    pub external: Option<Arc<External>>,
    /// It exists only as the source of a `surge`: its calls are load, not results.
    pub synthetic: bool,
}

impl Node {
    /// Its rules, if it lets in consumers alone.
    pub fn key_rules(&self) -> Option<&Rules> {
        self.rules.as_deref().filter(|rules| !rules.consumers.is_empty())
    }

    /// One of which nothing is said but a name: it does nothing, at once, and accepts everything.
    pub fn bare(name: String, kind: NodeKind) -> Self {
        Self {
            declared_name: name.clone(),
            name,
            kind,
            llm: None,
            rules: None,
            external: None,
            profile: Profile::ALL[0],
            workers: None,
            queue: 0,
            discipline: Discipline::default(),
            max_in_flight: None,
            service_time: Distribution::ZERO,
            contention: Duration::ZERO,
            on_disconnect: OnDisconnect::Cancel,
            deadline: None,
            response: Response { status: 200, body: 0, chunks: 1, chunk_interval: Duration::ZERO },
            script: Vec::new(),
            catch: None,
            plan: Plan::default(),
            keep_alive: Duration::MAX,
            header_limit: SIZE_MAX,
            body_limit: SIZE_MAX,
            synthetic: false,
        }
    }
}

impl Node {
    /// How long its own work on one request takes in the mean. A model server's depends on what is asked;
    /// it is alone in the batch.
    pub fn mean_work(&self, ask: Option<&Ask>) -> Duration {
        let own = self.service_time.mean();
        let Some(model) = &self.llm else { return own };
        let prompt = ask.map_or(0, |ask| ask.prompt_tokens.mean());
        own.saturating_add(model.alone(prompt, model.lengths(ask).0))
    }

    /// How long it takes for one request in a hundred at least.
    pub fn p99_work(&self, ask: Option<&Ask>) -> Duration {
        let own = self.service_time.p99();
        let Some(model) = &self.llm else { return own };
        let prompt = ask.map_or(0, |ask| ask.prompt_tokens.p99());
        own.saturating_add(model.alone(prompt, model.lengths(ask).1))
    }
}

/// Which of the requests that wait for a worker is next. Those of a higher priority always are; where
/// all places are taken, a request of a lower one loses its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Discipline {
    /// Among those that matter as much.
    pub order: Order,
    /// Who has waited too long is refused instead; `None` is nobody.
    pub codel: Option<Codel>,
}

/// The order of a queue.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// First come, first served.
    #[default]
    Fifo,
    /// Last come, first served: under overload some are served in time.
    Lifo,
}

/// Controlled delay: once every wait has been above `target` for `interval`, requests are refused as
/// they come to the head of the queue, ever faster until waits are short again. Source: RFC 8289.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codel {
    /// The wait that is aimed at.
    pub target: Duration,
    /// How long it may be above that.
    pub interval: Duration,
}

/// What becomes of a request's work when its caller hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// It goes on to the end: wasted work.
    Continue,
    /// It stops at once, and the calls it waits for are dropped.
    Cancel,
}

/// A node's own response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The size of the body, in bytes.
    pub body: u64,
    /// In how many pieces the body is sent.
    pub chunks: u32,
    /// The pause between two pieces.
    pub chunk_interval: Duration,
}

/// One entry of a server's script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptStep {
    /// Answer so.
    Answer {
        /// The status.
        status: u16,
        /// The value of `Retry-After`, if it is sent; whole seconds on the wire.
        retry_after: Option<Duration>,
    },
    /// End the connection so, without a byte of a response.
    Close(Close),
}

/// Whom a node calls for one request: stages one after another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The stages; a later one begins when an earlier one has ended well.
    pub stages: Vec<Stage>,
}

/// Calls that are made at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Each picks one of its edges.
    pub calls: Vec<Choice>,
}

/// One call, to one of several callees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The edges to choose from, never empty, each with its weight (at least 1). Shared: every call
    /// that has a choice holds it.
    pub edges: Arc<[(EdgeId, u32)]>,
    /// How one is chosen.
    pub balance: Balance,
}

/// How one of several callees is chosen. A later attempt of the same call goes to another callee
/// while there is an untried one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// By keyed chance, in proportion to the weights: the same call goes the same way in every run.
    Weighted,
    /// The one with the fewest attempts in flight from this node.
    LeastInFlight,
}
