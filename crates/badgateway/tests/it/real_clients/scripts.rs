//! What the servers do.

use std::fmt::Write;
use std::time::Duration;

use topology::{EdgeId, Scenario};

use super::expected::{Client, Row};

/// The time-out of an attempt under [`Script::Slow`].
pub(super) const TIMEOUT: Duration = Duration::from_millis(300);

/// What a server does with the requests of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    BadTwice,
    BadForEver,
    Refused,
    Reset,
    Limited,
    LimitedForLong,
    Unavailable,
    Slow,
}

impl Script {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadTwice => "502, 502, 200",
            Self::BadForEver => "502 for ever",
            Self::Refused => "refused for ever",
            Self::Reset => "reset for ever",
            Self::Limited => "429 with `Retry-After: 2`, 200",
            Self::LimitedForLong => "429 with `Retry-After: 150`, 200",
            Self::Unavailable => "503 for ever",
            Self::Slow => "slower than the time-out",
        }
    }

    /// As a node has it.
    fn node(self) -> &'static str {
        match self {
            Self::BadTwice => "script: [502, 502, 200]",
            Self::BadForEver => "script: [502]",
            Self::Reset => "script: [reset_peer]",
            Self::Limited => "script: [{ status: 429, retry_after: 2s }, 200]",
            Self::LimitedForLong => "script: [{ status: 429, retry_after: 150s }, 200]",
            Self::Unavailable => "script: [503]",
            Self::Slow => "service_time: 1s",
            Self::Refused => "",
        }
    }
}

/// For the n-th row a server `s<n>` that follows its script, and a client `c<n>` that calls it once.
pub(super) fn scenario(rows: &[(&Client, &Row)]) -> Scenario {
    let [mut nodes, mut edges, mut load, mut faults] = [const { String::new() }; 4];
    for (n, (_, row)) in rows.iter().enumerate() {
        let node = row.script.node();
        let comma = if node.is_empty() { "" } else { ", " };
        writeln!(nodes, "  c{n}: {{ kind: client }}\n  s{n}: {{ kind: server{comma}{node} }}").unwrap();
        writeln!(edges, "  - c{n} -> s{n}").unwrap();
        let method = row.method;
        writeln!(load, "  - {{ from: c{n}, users: 1, think_time: 1h, request: {{ method: {method} }} }}")
            .unwrap();
        if row.script == Script::Refused {
            writeln!(faults, "  - {{ at: c{n} -> s{n}, network: down }}").unwrap();
        }
    }
    let text = format!(
        "name: real-clients\nduration: 10m\nnodes:\n{nodes}edges:\n{edges}load:\n{load}faults:\n{faults}"
    );
    Scenario::parse(&text, "real-clients.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// The edge of the n-th row.
pub(super) fn edge(scenario: &Scenario, n: usize) -> EdgeId {
    let find = |name: String| scenario.topology.find(&name).unwrap();
    scenario.topology.find_edge(find(format!("c{n}")), find(format!("s{n}"))).unwrap()
}
