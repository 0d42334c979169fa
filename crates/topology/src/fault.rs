//! Faults: what goes wrong, where, when and how often.
//!
//! A [`Mechanism`] lowers to a [`Disturbance`] of one attempt, or is a state of a node over a time
//! (an outage, a capacity cut, extra load). To add one, add a variant to the enum of its cause
//! (`fault/overload.rs`, `network.rs`, `config.rs`, `crash.rs`): its parameters, its
//! [`Site`], its lowering. Whether one hits an attempt is decided in the `node` crate.

mod config;
mod crash;
mod network;
mod overload;
mod schedule;

use std::fmt;
use std::time::Duration;

pub use config::Config;
pub use crash::Crash;
pub use network::{Network, ResetPhase};
pub use overload::Overload;
pub use schedule::Schedule;

use crate::edge::Protocol;
use crate::graph::{EdgeId, NodeId};
use crate::units::Share;
use crate::wire::{Dial, Disturbance};

/// Why a call failed: the four causes of the field, and two more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// More work than capacity.
    Overload,
    /// Something between two nodes.
    Network,
    /// A node is set up wrongly.
    Config,
    /// A node's program fails.
    Crash,
    /// The client itself gave up.
    Client,
    /// No evidence for any of them.
    Unknown,
}

impl Cause {
    /// As in the scenario and in the CSV files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overload => "overload",
            Self::Network => "network",
            Self::Config => "config",
            Self::Crash => "crash",
            Self::Client => "client",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fault of a scenario: its place in the list of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u8);

/// How many faults a scenario may have.
pub const FAULTS_MAX: usize = 128;

/// A set of a scenario's faults.
// In halves: all that holds a `u128` would be aligned to 16 bytes, and be larger for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct FaultSet([u64; 2]);

impl FaultSet {
    /// No fault.
    pub const EMPTY: Self = Self([0; 2]);

    /// Adds one.
    pub fn insert(&mut self, fault: FaultId) {
        self.0[usize::from(fault.0 / 64)] |= 1 << (fault.0 % 64);
    }

    /// Whether one is in it.
    pub fn contains(self, fault: FaultId) -> bool {
        self.0[usize::from(fault.0 / 64)] & (1 << (fault.0 % 64)) != 0
    }

    /// Whether it is empty.
    pub fn is_empty(self) -> bool {
        self.0 == [0; 2]
    }

    /// How many are in it.
    pub fn len(self) -> u32 {
        self.0[0].count_ones() + self.0[1].count_ones()
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    /// Those that are not of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self([self.0[0] & !other.0[0], self.0[1] & !other.0[1]])
    }

    /// Its members, in order.
    pub fn iter(self) -> impl Iterator<Item = FaultId> {
        let mut left = u128::from(self.0[1]) << 64 | u128::from(self.0[0]);
        std::iter::from_fn(move || {
            let lowest = u8::try_from(left.trailing_zeros()).ok().filter(|&bit| bit < 128)?;
            left &= left - 1;
            Some(FaultId(lowest))
        })
    }
}

impl FromIterator<FaultId> for FaultSet {
    fn from_iter<I: IntoIterator<Item = FaultId>>(faults: I) -> Self {
        let mut set = Self::EMPTY;
        for fault in faults {
            set.insert(fault);
        }
        set
    }
}

/// Where a mechanism works, and so where a failure by it is born.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// At the link between a caller and a callee, or in the caller's settings for it.
    Edge,
    /// In a node.
    Node,
}

/// A place in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A node.
    Node(NodeId),
    /// An edge.
    Edge(EdgeId),
}

/// An injected condition.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Unique; made from the mechanism and the place if not given.
    pub name: String,
    /// The place as written.
    pub at: String,
    /// The places as resolved: all replicas of a node, both ends of nothing, at least one.
    pub targets: Vec<Target>,
    /// Over which edges an attempt can meet it (for a node's fault, all that enter it), sorted.
    pub edges: Vec<EdgeId>,
    /// What goes wrong.
    pub mechanism: Mechanism,
    /// When it is active.
    pub schedule: Schedule,
    /// How many of the attempts that match are hit.
    pub probability: Share,
    /// Only each call's first so many attempts at the place.
    pub first: Option<u32>,
    /// Only the first so many attempts in the run.
    pub count: Option<u64>,
    /// Only requests that are like this.
    pub matches: Match,
    /// For `routing_loop`: the edge over which each target sends the request back.
    pub loop_edges: Vec<EdgeId>,
}

/// Which requests a fault is for; an empty one is for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Match {
    /// The method.
    pub method: Option<String>,
    /// How the path of the client's request begins.
    pub path_prefix: Option<String>,
    /// The calls of this client.
    pub client: Option<NodeId>,
}

/// What goes wrong, by cause.
#[derive(Debug, Clone, PartialEq)]
pub enum Mechanism {
    /// More work than capacity.
    Overload(Overload),
    /// Something between two nodes.
    Network(Network),
    /// A node is set up wrongly.
    Config(Config),
    /// A node's program fails.
    Crash(Crash),
}

/// What a mechanism may use to lower itself to a disturbance.
#[derive(Debug)]
pub struct Lowering<'a> {
    /// The fault.
    pub id: FaultId,
    /// A number in [0, 1), keyed by the fault and the attempt, and a second one.
    pub luck: (f64, f64),
    /// Since the fault's current activation began.
    pub active_for: Duration,
    /// The edge back, for a routing loop.
    pub loop_edge: Option<EdgeId>,
    /// What is lowered to.
    pub disturbance: &'a mut Disturbance,
}

/// Whether a mechanism ends an exchange or only slows it. When several faults match an attempt,
/// all delays happen, and the first abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It slows.
    Delay,
    /// It ends, refuses or misleads.
    Abort,
    /// It is a state of a node over a time, and disturbs no single attempt.
    State,
}

impl Mechanism {
    /// Its cause.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Overload(_) => Cause::Overload,
            Self::Network(_) => Cause::Network,
            Self::Config(_) => Cause::Config,
            Self::Crash(_) => Cause::Crash,
        }
    }

    /// Whether it is how the caller itself is set up, or what the caller's own resolver says: nobody but
    /// the caller can make it.
    pub fn is_of_caller(&self) -> bool {
        match self {
            Self::Config(mechanism) => mechanism.is_of_caller(),
            Self::Network(Network::DnsFailure {}) => true,
            Self::Network(_) | Self::Overload(_) | Self::Crash(_) => false,
        }
    }

    /// What becomes of a connection while it has closed a link, for each connection or for none.
    pub fn closes_link(&self) -> Option<Dial> {
        match self {
            Self::Network(Network::Down {}) => Some(Dial::Refused),
            Self::Network(Network::Blackhole {} | Network::Partition {}) => Some(Dial::Blackhole),
            _ => None,
        }
    }

    /// Whether only a model server can have it.
    pub fn is_of_models(&self) -> bool {
        match self {
            Self::Overload(m) => m.is_of_models(),
            Self::Config(m) => matches!(m, Config::ContextTooLong { .. }),
            Self::Crash(m) => m.is_of_models(),
            Self::Network(_) => false,
        }
    }

    /// Its name, as in the scenario and in the CSV files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Overload(m) => m.name(),
            Self::Network(m) => m.name(),
            Self::Config(m) => m.name(),
            Self::Crash(m) => m.name(),
        }
    }

    /// Where it works.
    pub fn site(&self) -> Site {
        match self {
            Self::Overload(_) | Self::Crash(_) => Site::Node,
            Self::Network(_) => Site::Edge,
            Self::Config(m) => m.site(),
        }
    }

    /// The only protocol that it is of, if it is of one: it acts on that one's bytes.
    pub fn only_over(&self) -> Option<Protocol> {
        match self {
            Self::Overload(_) | Self::Crash(_) => None,
            Self::Network(m) => m.only_over(),
            Self::Config(m) => m.only_over(),
        }
    }

    /// What it does to an exchange.
    pub fn effect(&self) -> Effect {
        match self {
            Self::Overload(m) => m.effect(),
            Self::Network(m) => m.effect(),
            Self::Config(m) => m.effect(),
            Self::Crash(m) => m.effect(),
        }
    }

    /// Adds what it does to a disturbance; nothing for a [`Effect::State`].
    pub fn lower(&self, to: &mut Lowering<'_>) {
        match self {
            Self::Overload(m) => m.lower(to),
            Self::Network(m) => m.lower(to),
            Self::Config(m) => m.lower(to),
            Self::Crash(m) => m.lower(to),
        }
    }

    /// What is wrong with the parameters, if anything.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Overload(m) => m.problem(),
            Self::Network(m) => m.problem(),
            Self::Config(_) => None,
            Self::Crash(m) => m.problem(),
        }
    }

    /// Mechanisms that no observer outside the injector can tell apart have the same family name;
    /// a verdict that names another member of the family is right.
    pub fn family(name: &str) -> &str {
        match name {
            // The process is gone, for a time, once or again and again; or it has just been.
            "down" | "crash_loop" | "slow_start" => "down",
            // No SYN is answered, on one link or on several.
            "blackhole" | "partition" => "blackhole",
            // More requests than free places: fewer places, or more requests.
            "queue_full" | "concurrency" | "surge" | "overloaded" => "queue_full",
            // The node's own work takes longer; nobody outside sees on what.
            "slow" | "cpu" | "slow_stream" => "slow",
            // A worker is held, and its work does not go on.
            "hang" | "stream_stall" => "hang",
            // The response trickles.
            "bandwidth" | "slicer" => "bandwidth",
            other => other,
        }
    }
}

impl Fault {
    /// After an outage, how long the process takes to be as fast as ever.
    pub fn warm_up(&self) -> Duration {
        match &self.mechanism {
            Mechanism::Crash(Crash::SlowStart { ramp, .. }) => ramp.0,
            _ => Duration::ZERO,
        }
    }

    /// When something is wrong, up to `until`: while the target's process is down if the fault takes it
    /// down, else while the fault is active. In order.
    pub fn times(&self, until: Duration) -> Vec<(Duration, Duration)> {
        let outages = self.outages(until);
        if outages.is_empty() { self.schedule.activations(until).collect() } else { outages }
    }

    /// When the target's process is down: each outage's begin and end, in order, up to `until`.
    /// Empty for a fault that takes no process down.
    pub fn outages(&self, until: Duration) -> Vec<(Duration, Duration)> {
        let Mechanism::Crash(crash) = &self.mechanism else { return Vec::new() };
        let mut outages = Vec::new();
        for (begin, end) in self.schedule.activations(until) {
            crash.outages(begin, end.min(until), &mut outages);
        }
        outages
    }
}
