//! `overview.json`: the shape of a run in so few numbers that a page can draw it, whatever the length
//! of the run and whichever calls have rows of their own.

use serde::{Deserialize, Serialize};

/// What the calls under each strategy look like, over all seeds.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Overview {
    /// In the order of `strategies.csv`.
    pub strategies: Vec<StrategyOverview>,
}

/// The calls under one strategy. Unlike `latency`, `paths` and `edges`, what goes along time has the
/// warm-up too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StrategyOverview {
    /// The strategy; empty if the clients' own policy was in force.
    pub strategy: String,
    /// How long a bin of time is.
    pub bin_ms: f64,
    /// The calls, by the bin in which they should have begun.
    pub bins: Vec<Bin>,
    /// The failures, by where and how they were born.
    pub kinds: Vec<Kind>,
    /// How full each node was; nodes that stood empty are missing.
    pub nodes: Vec<NodeBins>,
    /// What went over each edge.
    pub edges: Vec<EdgeTraffic>,
    /// What became of the failures that a node had from below.
    pub passed: Vec<Passed>,
    /// How long calls took.
    pub latency: Vec<LatencyBucket>,
    /// The ways on which failures came up to the client, the most frequent first.
    pub paths: Vec<PathCount>,
}

/// The calls of one bin of time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Bin {
    /// Those that got a whole response with a status below 400.
    pub ok: u64,
    /// Those that got a 502.
    pub status_502: u64,
    /// Those that got another status of 400 or above, or a response that was not whole.
    pub other_status: u64,
    /// Those that got no response.
    pub no_response: u64,
    /// The median of their latencies, to two digits, as the next; none without a call.
    pub p50_ms: Option<f64>,
    /// The 99th percentile.
    pub p99_ms: Option<f64>,
}

impl Bin {
    /// All calls of it.
    pub fn calls(&self) -> u64 {
        self.ok + self.failed()
    }

    /// Those that failed.
    pub fn failed(&self) -> u64 {
        self.status_502 + self.other_status + self.no_response
    }
}

/// Failures that were born at one place in one way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Kind {
    /// The node or edge, as in `origins.csv`; so are the next two.
    pub origin: String,
    /// Its cause.
    pub cause: String,
    /// Its mechanism.
    pub mechanism: String,
    /// Calls that failed by it, by bin.
    pub surfaced: Vec<u64>,
    /// Failures of it that were hidden, by bin.
    pub masked: Vec<u64>,
    /// The latencies of the calls that failed by it: how many are in each bucket, in the order of
    /// [`StrategyOverview::latency`].
    pub latency: Vec<u64>,
}

/// How full a node was, bin by bin: the most that a request found when it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeBins {
    /// The node.
    pub node: String,
    /// Requests inside.
    pub in_flight: Vec<u32>,
    /// Those of them that waited for a worker.
    pub queued: Vec<u32>,
}

/// What went over an edge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EdgeTraffic {
    /// The caller.
    pub from: String,
    /// The callee.
    pub to: String,
    /// Attempts.
    pub attempts: u64,
    /// Those that were answered in whole with a status below 400.
    pub ok: u64,
    /// Those that their caller gave up for another reason than their own failure.
    pub cancelled: u64,
    /// Those that the callee never saw.
    pub unseen: u64,
    /// Calls that failed by a failure which was born below and came up over this edge.
    pub passed: u64,
}

/// How many calls failed by a failure that was born below a node and passed on by it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Passed {
    /// The node.
    pub node: String,
    /// So many calls.
    pub calls: u64,
}

/// Calls that took about as long.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LatencyBucket {
    /// From here on.
    pub from_ms: f64,
    /// Up to here, this not included.
    pub to_ms: f64,
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
}

/// Calls whose failure came up to the client in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PathCount {
    /// The node or edge at which it was born; empty for what the list had no room for.
    pub origin: String,
    /// Its cause.
    pub cause: String,
    /// Its mechanism.
    pub mechanism: String,
    /// What the client got; none: no response.
    pub status: Option<u16>,
    /// As in `calls.csv`.
    pub path: String,
    /// How many calls.
    pub calls: u64,
}
