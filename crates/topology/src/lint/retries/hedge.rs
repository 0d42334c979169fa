//! Hedges: copies of what must not be sent twice, and of nearly everything.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{rate, time, time_above};
use super::super::{At, Rule, Severity};
use crate::policy::HedgeAfter;

pub(in crate::lint) static IDEMPOTENCE: Rule = Rule {
    id: "hedge-not-idempotent",
    code: "Y12",
    severity: Severity::Warning,
    title: "a request that must not be repeated is sent twice on purpose",
    why: "A hedge sends a second copy while the first is still being worked on: both are done.",
    formula: "POST or PATCH reaches a caller that hedges",
    fix: "Write `hedge: none` on this edge, or make the request idempotent with a key that the callee checks.",
    source: "RFC 9110 section 9.2.2; Dean and Barroso, \"The Tail at Scale\"",
    example: include_str!("../examples/hedge-not-idempotent.yaml"),
    check: check_idempotence,
};

pub(in crate::lint) static EARLY: Rule = Rule {
    id: "hedge-too-early",
    code: "Y13",
    severity: Severity::Warning,
    title: "more than half of all calls are sent twice",
    why: "A hedge is for the slow tail. Sent before the usual answer can be there, it is a second copy of \
          nearly every call: the callee has to carry twice the load, and gets slower by it.",
    formula: "hedge.after <= median service time of the callee",
    fix: "Hedge after the 95th percentile: `hedge: p95`.",
    source: "Dean and Barroso, \"The Tail at Scale\": after the 95th percentile hedges add 5% of load",
    example: include_str!("../examples/hedge-too-early.yaml"),
    check: check_early,
};

fn check_idempotence(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| link.policy.hedge.is_some()) {
        let Some(method) = subject.unsafe_method(link.from) else { continue };
        let message =
            format!("`{}` sends `{}` a second copy of a {method}", link.caller_name(), link.callee_name());
        findings.at(At::Edge(link.id), "hedge").fix("write `hedge: none`").say(message);
    }
}

fn check_early(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let Some(hedge) = link.policy.hedge else { continue };
        let HedgeAfter::Delay(after) = hedge.after else { continue };
        let own = &link.callee.service_time;
        if own.p50().is_zero() || after > own.p50() {
            continue;
        }
        let load = subject.offered.edge(link.id) * subject.replicas(&link) as f64;
        let load = if load > 0.0 { format!(" of {}", rate(load)) } else { String::new() };
        let message = format!(
            "`{}` sends `{}` a second copy after {}, but half of its answers take {} or more: most calls{load} are \
             made twice",
            link.caller_name(),
            link.callee_name(),
            time(after),
            time(own.p50())
        );
        let fix = format!("write `hedge: p95`, or `hedge: {}`", time_above(own.p99()));
        findings.at(At::Edge(link.id), "hedge").fix(fix).say(message);
    }
}
