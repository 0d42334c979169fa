//! T03: a time-out below what the callee needs.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{time, time_above};
use super::super::{At, Rule, Severity};
use super::patience;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "timeout-below-service-time",
    code: "T03",
    severity: Severity::Error,
    title: "a caller gives up on answers that are on their way",
    why: "Every request that takes longer than the time-out is a 504, although nothing is broken. The callee \
          does the work all the same, and a retry has it done twice.",
    formula: "timeout <= p99 of the callee's time to its response's head, waiting for a worker not counted",
    fix: "Raise the time-out above the 99th percentile with some room, or make the callee faster.",
    source: "SRE book, chapter 22 (picking a deadline); reports of LLM calls that take longer than a \
             gateway's 29s or 60s",
    example: include_str!("../examples/timeout-below-service-time.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let p99 = subject.times.node(link.to).p99;
        let Some((waits, key)) = patience(&link).filter(|(waits, _)| !p99.is_zero() && *waits <= p99) else {
            continue;
        };
        let own = &link.callee.service_time;
        let part = if link.callee.plan.stages.is_empty() && own.least() >= waits {
            "all of its answers"
        } else if own.p50() >= waits {
            "more than half of its answers"
        } else {
            "more than 1% of its answers"
        };
        let message = format!(
            "`{}` waits {} for `{}`, but {part} take longer: its 99th percentile is {}",
            link.caller_name(),
            time(waits),
            link.callee_name(),
            time(p99)
        );
        let fix = format!("write `{key}: {}` or more", time_above(p99.mul_f64(1.5)));
        findings.at(At::Edge(link.id), key).fix(fix).say(message);
    }
}
