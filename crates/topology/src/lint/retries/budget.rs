//! Y03: retries without a budget.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::rate;
use super::super::time::retries_after_connecting;
use super::super::{At, Rule, Severity};
use super::{BUDGET, is_bounded, retries};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-without-budget",
    code: "Y03",
    severity: Severity::Warning,
    title: "nothing bounds the retries of all calls together",
    why: "A limit per call says nothing about their sum: when everything fails, everything is tried again, and \
          the callee gets its load times max_attempts. That keeps an overloaded server overloaded.",
    formula: "max_attempts >= 3 (2: info) without budget, throttle or breaker",
    fix: "Add a budget: the retries of all calls as a share of the calls.",
    source: "SRE book, chapter 21 (10% a client); Envoy retry_budget (20%); Linkerd, Finagle (20%)",
    example: include_str!("../examples/retry-without-budget.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let policy = link.policy;
        if !retries(policy) || is_bounded(policy) || !retries_after_connecting(&policy.retry) {
            continue;
        }
        let attempts = policy.retry.max_attempts;
        // Of all replicas together.
        let load = subject.offered.edge(link.id) * subject.replicas(&link) as f64;
        let becomes = if load > 0.0 && attempts < 100 {
            format!(": {} become {}", rate(load), rate(load * f64::from(attempts)))
        } else {
            String::new()
        };
        let message = format!(
            "while `{}` fails, `{}` sends it {attempts} times its load{becomes}",
            link.callee_name(),
            link.caller_name()
        );
        let severity = if attempts > 2 { Severity::Warning } else { Severity::Info };
        let fix = subject.advice(At::Edge(link.id), "retry.budget", BUDGET);
        findings.at(At::Edge(link.id), "retry.max_attempts").severity(severity).maybe_fix(fix).say(message);
    }
}
