//! C10: a rate limit below the load.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{percent, rate};
use super::super::{At, Rule, Severity};
use crate::fault::{Mechanism, Overload, Target};
use crate::rules::{Consumer, Measure};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "rate-limit-below-load",
    code: "C10",
    severity: Severity::Warning,
    title: "the rate limit is below the offered load",
    why: "What is over the limit is refused with a 429 (503 from nginx) though nothing is overloaded; each \
          refusal that is tried again counts against the limit too.",
    formula: "limit < load at the node while the limit is in force. The load is that of first attempts",
    fix: "Raise the limit, or have the clients send less.",
    source: "plan limits of API Connect and of LLM providers; nginx limit_req",
    example: include_str!("../examples/rate-limit-below-load.yaml"),
    check,
};

/// Limits that are configured, of requests: those that consumers have each for themselves count once for
/// each of them.
fn check_configured(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        let Some(rules) = node.rules.as_deref() else { continue };
        let load = subject.offered.node(id);
        for limit in rules.limits.iter().filter(|limit| limit.of == Measure::Requests && !limit.soft) {
            let subscribed = |consumer: &&Consumer| limit.plan.is_none() || consumer.plan == limit.plan;
            let consumers = rules.consumers.iter().filter(subscribed).count();
            // Others' load is theirs, and who sends how much is not known.
            if limit.plan.is_some() && consumers < rules.consumers.len() {
                continue;
            }
            let granted = limit.quota.per_second() * if limit.per_consumer { consumers as f64 } else { 1.0 };
            if granted >= load {
                continue;
            }
            let message = format!(
                "the limit `{}` at `{}` lets {} in, but up to {} arrive, retries not counted: {} are refused",
                limit.name,
                node.declared_name,
                rate(granted),
                rate(load),
                percent(1.0 - granted / load)
            );
            let key = if limit.plan.is_some() { "plans" } else { "limits" };
            findings.at(At::Node(id), key).say(message);
        }
    }
}

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    check_configured(subject, findings);
    for (i, fault) in subject.scenario.faults.iter().enumerate() {
        let Mechanism::Overload(Overload::RateLimit { rate: limit, .. }) = fault.mechanism else { continue };
        for target in &fault.targets {
            let Target::Node(node) = *target else { continue };
            let load = subject.offered.node(node);
            if limit.get() >= load {
                continue;
            }
            let name = &subject.scenario.topology.node(node).declared_name;
            let message = format!(
                "the limit at `{name}` is {}, but up to {} arrive, retries not counted: {} are refused",
                rate(limit.get()),
                rate(load),
                percent(1.0 - limit.get() / load)
            );
            let fix = format!("write `rate: {}/s` or more", (load * 1.2).ceil());
            findings.at(At::Fault(i), "overload").fix(fix).say(message);
        }
    }
}
