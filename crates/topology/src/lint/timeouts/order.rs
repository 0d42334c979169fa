//! T02: time-outs that do not shrink on the way down.

use std::time::Duration;

use super::super::findings::Findings;
use super::super::subject::{Link, Subject, is_between};
use super::super::text::{time, time_above};
use super::super::time::{backoffs, longest_call};
use super::super::{At, Rule, Severity};
use super::{just_below, patience};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "timeout-order",
    code: "T02",
    severity: Severity::Warning,
    title: "a caller gives up before its callee does",
    why: "When something below goes silent, the outer timer fires first: the client gets the outer gateway's \
          504 (or nothing), the inner one's own answer reaches nobody and is logged as 499, its retries go on \
          for a caller that has gone, and the logs of two hops tell different stories.",
    formula: "timeout(caller) > attempts x timeout + back-offs of all that the callee waits for",
    fix: "Let each caller wait longer than its callee may take with all its attempts, or shorten the inner \
          time-outs; `propagate_deadline: true` tells the callee how long it has.",
    source: "measured with two nginx in a row, 1s before 3s: 504 after 1s outside, 499 inside; AWS Builders' \
             Library, \"Timeouts, retries and backoff with jitter\"",
    example: include_str!("../examples/timeout-order.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| is_between(link.callee) && !link.policy.propagate_deadline) {
        let (Some((waits, key)), Some(longest)) = (patience(&link), subject.times.node(link.to).longest)
        else {
            continue;
        };
        if waits > longest {
            continue;
        }
        let (from, to) = (link.caller_name(), link.callee_name());
        let inner = only_call(subject, &link);
        let call = inner.and_then(|inner| Some((inner, longest_call(inner.policy)?)));
        // What its timers alone come to, without its own work.
        let timers = longest.saturating_sub(link.callee.service_time.p99());
        let all = time(timers);
        let may = match &call {
            Some((inner, call)) if call.how == all => format!("may wait {all} for `{}`", inner.callee_name()),
            Some((inner, call)) if time(call.all) == all => {
                format!("may wait {} = {all} for `{}`", call.how, inner.callee_name())
            }
            _ => format!("may wait {all} in all for those that it calls"),
        };
        let message = format!("`{from}` waits {} for `{to}`, which {may}", time(waits));
        let (severity, message) = if waits < timers {
            (Severity::Warning, message)
        } else {
            (Severity::Info, format!("{message}: the outer timer began first"))
        };
        let longer = time_above(longest.mul_f64(1.1));
        let here = subject.advice(At::Edge(link.id), key, &longer);
        let inner = call.as_ref().and_then(|(inner, _)| {
            let advice = subject.advice(At::Edge(inner.id), "timeout", &shorter(inner, waits)?)?;
            Some(format!("{advice} at `{} -> {}`", inner.caller_name(), inner.callee_name()))
        });
        let fix = match (here, inner) {
            (Some(here), Some(inner)) => {
                Some(format!("{here} here, or {}", inner.trim_start_matches("write ")))
            }
            (Some(here), None) => Some(format!("{here} here, or have `{to}` give up earlier")),
            (None, inner) => inner,
        };
        findings.at(At::Edge(link.id), key).severity(severity).maybe_fix(fix).say(message);
    }
}

/// The one call that the callee makes, if it makes one.
fn only_call<'s>(subject: &'s Subject<'_>, link: &Link<'_>) -> Option<Link<'s>> {
    let [stage] = link.callee.plan.stages.as_slice() else { return None };
    let [choice] = stage.calls.as_slice() else { return None };
    let (first, _) = choice.edges.first()?;
    let first = subject.link(*first);
    let same = choice.edges.iter().all(|(edge, _)| subject.link(*edge).callee_name() == first.callee_name());
    (same && first.policy.fallback.is_empty()).then_some(first)
}

/// The time-out that would let all attempts of the inner call end in time.
fn shorter(inner: &Link<'_>, waits: Duration) -> Option<String> {
    let attempts = inner.policy.retry.max_attempts.max(1);
    let left = just_below(waits).checked_sub(backoffs(&inner.policy.retry, attempts))?;
    let each = left / attempts;
    let each = Duration::from_millis(u64::try_from(each.as_millis()).ok().filter(|ms| *ms > 0)?);
    Some(time(each))
}
