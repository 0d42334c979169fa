//! What the servers do.

use std::fmt::Write;
use std::time::Duration;

use topology::{EdgeId, Scenario};

use super::expected::{Client, Row};

/// The time-out of an attempt and of its connection, where a script is about it.
pub(super) const TIMEOUT: Duration = Duration::from_millis(300);

/// What a server does with the requests of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    BadTwice,
    BadForEver,
    Unavailable,
    /// This status, then 200.
    Once(u16),
    /// The same, with so many seconds in `Retry-After`.
    Told(u16, u32),
    Refused,
    /// No SYN is answered.
    Blackhole,
    /// RST before a byte.
    Reset,
    /// FIN before a byte.
    Closed,
    /// FIN inside the body of a 200.
    Cut,
    Slow,
}

/// 429, then 200.
pub(super) const LIMITED: Script = Script::Told(429, 2);

/// The statuses that each client meets.
pub(super) const STATUSES: [u16; 16] =
    [400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 501, 502, 503, 504, 509];

impl Script {
    pub(super) fn name(self) -> String {
        let name = match self {
            Self::BadTwice => "502, 502, 200",
            Self::BadForEver => "502 for ever",
            Self::Unavailable => "503 for ever",
            Self::Once(status) => &format!("{status}, 200"),
            Self::Told(status, seconds) => &format!("{status} with `Retry-After: {seconds}`, 200"),
            Self::Refused => "refused",
            Self::Blackhole => "no connection in time",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Cut => "cut",
            Self::Slow => "no answer in time",
        };
        name.to_owned()
    }

    /// What the real client's server does.
    fn node(self) -> String {
        let script = match self {
            Self::BadTwice => "502, 502, 200",
            Self::BadForEver => "502",
            Self::Unavailable => "503",
            Self::Once(status) => &format!("{status}, 200"),
            Self::Told(status, seconds) => &format!("{{ status: {status}, retry_after: {seconds}s }}, 200"),
            Self::Reset => "reset_peer",
            Self::Closed => "empty_response",
            Self::Slow => return "service_time: 1s".to_owned(),
            Self::Refused | Self::Blackhole | Self::Cut => "200",
        };
        format!("script: [{script}]")
    }

    /// What else is needed for it, where it is the n-th.
    fn fault(self, n: usize) -> Option<String> {
        match self {
            Self::Refused => Some(format!("at: c{n} -> s{n}, network: down")),
            Self::Blackhole => Some(format!("at: c{n} -> s{n}, network: blackhole")),
            Self::Cut => Some(format!("at: s{n}, crash: truncate")),
            _ => None,
        }
    }

    /// Whether it is about a time-out.
    pub(super) fn has_timeout(self) -> bool {
        matches!(self, Self::Blackhole | Self::Slow)
    }
}

/// For the n-th row a server `s<n>` that follows its script, and a client `c<n>` that calls it once.
pub(super) fn scenario(rows: &[(&Client, &Row)]) -> Scenario {
    let [mut nodes, mut edges, mut load, mut faults] = [const { String::new() }; 4];
    for (n, (_, row)) in rows.iter().enumerate() {
        let node = row.script.node();
        writeln!(nodes, "  c{n}: {{ kind: client }}\n  s{n}: {{ kind: server, {node} }}").unwrap();
        writeln!(edges, "  - c{n} -> s{n}").unwrap();
        let method = row.method;
        writeln!(load, "  - {{ from: c{n}, users: 1, think_time: 1h, request: {{ method: {method} }} }}")
            .unwrap();
        if let Some(fault) = row.script.fault(n) {
            writeln!(faults, "  - {{ {fault} }}").unwrap();
        }
    }
    let faults = if faults.is_empty() { "[]".to_owned() } else { format!("\n{faults}") };
    let text = format!(
        "name: real-clients\nduration: 10m\nnodes:\n{nodes}edges:\n{edges}load:\n{load}faults: {faults}"
    );
    Scenario::parse(&text, "real-clients.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// The edge of the n-th row.
pub(super) fn edge(scenario: &Scenario, n: usize) -> EdgeId {
    let find = |name: String| scenario.topology.find(&name).unwrap();
    scenario.topology.find_edge(find(format!("c{n}")), find(format!("s{n}"))).unwrap()
}
