//! Lints: what in a configuration will make 502s and 504s, before anything runs.
//!
//! A rule sees a [`Scenario`] and what follows from it without running it (times, the offered load),
//! and says what is wrong, where, with which numbers, and what to write instead. To add one, add it to
//! the file of its family, and to [`RULES`]; its example in `lint/examples/` is run by the tests.

mod asked;
mod breakers;
mod capacity;
mod findings;
mod keep_alive;
mod limits;
mod offered;
mod retries;
mod subject;
mod text;
mod time;
mod timeouts;

use std::fmt;

pub use findings::Finding;
use findings::Findings;
use subject::Subject;

use crate::scenario::{Problem, Scenario};
use crate::{EdgeId, NodeId};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Calls will fail by it.
    Error,
    /// Calls will fail by it under load, or once something else fails.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A rule.
pub struct Rule {
    /// Its name; it stays.
    pub id: &'static str,
    /// Its number, by family: T time-outs, K keep-alive, Y retries, C capacity, L limits, H health.
    pub code: &'static str,
    /// How bad it is at worst.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why that makes 502s or 504s.
    pub why: &'static str,
    /// What exactly is compared.
    pub formula: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Where it is known from.
    pub source: &'static str,
    /// A scenario that it fires on; running it shows what it foretells.
    pub example: &'static str,
    check: fn(&Subject<'_>, &mut Findings<'_>),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// All rules, in the order in which they are told.
pub static RULES: &[&Rule] = &[
    &timeouts::order::RULE,
    &timeouts::absent::RULE,
    &timeouts::service::RULE,
    &timeouts::stream::RULE,
    &timeouts::model::RULE,
    &timeouts::attempts::RULE,
    &retries::multiply::RULE,
    &retries::budget::RULE,
    &retries::backoff::RULE,
    &retries::idempotence::RULE,
    &retries::hedge::IDEMPOTENCE,
    &retries::hedge::EARLY,
    &retries::retry_after::RULE,
    &retries::misses::RULE,
    &retries::client_errors::RULE,
    &retries::fallback::RULE,
    &breakers::never::RULE,
    &breakers::eager::RULE,
    &breakers::replicas::RULE,
    &keep_alive::RULE,
    &capacity::pool::RULE,
    &capacity::in_flight::RULE,
    &capacity::queue::RULE,
    &capacity::utilisation::RULE,
    &capacity::rate_limit::RULE,
    &capacity::tokens::RULE,
    &limits::body::RULE,
    &limits::head::RULE,
    &limits::keys::RULE,
];

/// A rule by its id or its code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == name || rule.code.eq_ignore_ascii_case(name))
}

/// A part of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A node.
    Node(NodeId),
    /// An edge.
    Edge(EdgeId),
    /// A load, by its place in the list.
    Load(usize),
    /// A fault, by its place in the list.
    Fault(usize),
}

/// Where the parts of a scenario stand in what it was read from.
pub trait Places: fmt::Debug {
    /// Where a value stands, given as the keys to it, such as `retry.budget`; or where it would. Its
    /// message is left to be written.
    fn place(&self, scenario: &Scenario, at: At, key: &str) -> Problem;

    /// How such a value is written there, as an instruction: "write `timeout: 2s`". None if there is no
    /// such thing.
    fn advice(&self, at: At, key: &str, value: &str) -> Option<String> {
        let _ = at;
        Some(match key.split_once('.') {
            Some(("pool", key)) => format!("write `pool: {{ {key}: {value} }}`"),
            Some(("retry", key)) => format!("write `{key}: {value}` in `retry`"),
            _ => format!("write `{key}: {value}`"),
        })
    }
}

/// What the rules say about a scenario under the strategy that is in force, but for those that it
/// allows itself: the worst first, then in the order of the rules.
pub fn check(scenario: &Scenario, places: &dyn Places) -> Vec<Finding> {
    let subject = Subject::new(scenario, places);
    let mut all = Vec::new();
    for rule in RULES.iter().filter(|rule| !scenario.allowed.iter().any(|id| id == rule.id)) {
        let mut findings = Findings::new(rule, &subject);
        (rule.check)(&subject, &mut findings);
        all.extend(findings.finish());
    }
    all.sort_by_key(|finding: &Finding| finding.severity);
    all
}
