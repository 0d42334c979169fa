//! H01: replicas, and nothing that notices a dead one.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::percent;
use super::super::{At, Rule, Severity};
use crate::wire::Failure;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "replicas-without-ejection",
    code: "H01",
    severity: Severity::Info,
    title: "a dead replica goes on getting its share of the calls",
    why: "Without outlier ejection or a health check, and without a retry that goes to another replica, one \
          dead replica of n fails every n-th call for as long as it is dead.",
    formula: "2 replicas or more, no breaker, and a refused connection is not tried again",
    fix: "Eject replicas that fail (`breaker: 3`), or try again once: the retry goes to another replica.",
    source: "Envoy documentation, outlier detection; nginx max_fails and HAProxy `option redispatch` are this",
    example: include_str!("../examples/replicas-without-ejection.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let policy = link.policy;
        let replicas = subject.replicas(&link);
        let elsewhere = policy.retry.max_attempts > 1
            && policy.retry.when.outcomes.has_failure(Failure::ConnectionRefused);
        if replicas < 2 || elsewhere || policy.breaker.is_some() || !policy.fallback.is_empty() {
            continue;
        }
        let message = format!(
            "while one of `{}`'s {replicas} replicas is dead, {} of the calls of `{}` fail",
            link.callee_name(),
            percent(1.0 / replicas as f64),
            link.caller_name()
        );
        let fix = subject.advice(At::Edge(link.id), "breaker", "3");
        findings.at(At::Edge(link.id), "").maybe_fix(fix).say(message);
    }
}
