//! T01: no time-out.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{time, time_above};
use super::super::{At, Rule, Severity};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "timeout-absent",
    code: "T01",
    severity: Severity::Warning,
    title: "a caller waits for ever",
    why: "A callee that accepts and then says nothing holds the caller's connection, and everything above it, \
          until the caller's own caller gives up: whoever has the shortest time-out above makes the 504, far \
          from where it was born. Where nobody has one the call never ends.",
    formula: "no timeout, no deadline of the call and none of the caller",
    fix: "Give every call a time-out: above the callee's 99th percentile, below what the own caller waits.",
    source: "unset in node http-proxy, Portkey, and for the response head in Caddy and Traefik; HAProxy warns; \
             AWS Builders' Library, \"Timeouts, retries and backoff with jitter\"",
    example: include_str!("../examples/timeout-absent.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let policy = link.policy;
        if policy.patience().or(policy.deadline).or(link.caller.deadline).is_some() {
            continue;
        }
        let times = subject.times.node(link.to);
        let (fix, may) = match times.longest.filter(|_| super::super::subject::is_between(link.callee)) {
            Some(longest) => {
                (time_above(longest.mul_f64(1.1)), format!(", which may take {}", time(longest)))
            }
            None if times.p99.is_zero() => ("30s".to_owned(), String::new()),
            None => {
                let p99 = times.p99 + times.stream;
                (time_above(p99 * 3), format!(", whose 99th percentile is {}", time(p99)))
            }
        };
        let message = format!("`{}` waits for ever for `{}`{may}", link.caller_name(), link.callee_name());
        let fix = subject.advice(At::Edge(link.id), "timeout", &fix);
        findings.at(At::Edge(link.id), "timeout").maybe_fix(fix).say(message);
    }
}
