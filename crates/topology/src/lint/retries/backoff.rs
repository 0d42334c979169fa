//! Y04: retries without back-off or jitter.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::time;
use super::super::time::backoffs;
use super::super::{At, Rule, Severity};
use super::{BACKOFF, retries};
use crate::policy::Jitter;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-without-backoff",
    code: "Y04",
    severity: Severity::Warning,
    title: "the next attempt comes at once, or all at the same moment",
    why: "What failed a moment ago mostly still fails: all attempts are spent within milliseconds, on the same \
          fault. With a wait but without jitter, the calls that failed together come back together.",
    formula: "no back-off and fewer replicas than attempts; as info: a back-off without jitter",
    fix: "Wait longer each time, and by chance.",
    source: "AWS Architecture Blog, \"Exponential Backoff And Jitter\"; immediate in nginx, Kong and APISIX, \
             which go to another server",
    example: include_str!("../examples/retry-without-backoff.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| retries(link.policy)) {
        let retry = &link.policy.retry;
        let (from, to) = (link.caller_name(), link.callee_name());
        let attempts = retry.max_attempts;
        // It may wait before the third attempt only; that is not at once.
        let waits = backoffs(retry, attempts.min(10));
        if waits.is_zero() {
            // Another replica is asked first, and may well be good.
            let elsewhere = subject.replicas(&link) >= attempts as usize;
            if !elsewhere {
                let message = format!("`{from}` asks `{to}` up to {attempts} times without a pause");
                let fewer = || subject.advice(At::Edge(link.id), "retry.max_attempts", "1");
                let fix = subject.advice(At::Edge(link.id), "retry.backoff", BACKOFF).or_else(fewer);
                findings.at(At::Edge(link.id), "retry").maybe_fix(fix).say(message);
            }
        } else if retry.backoff.as_ref().is_some_and(|backoff| backoff.jitter == Jitter::None) {
            // Where nothing could be written instead, it is how the product is.
            let Some(fix) = subject.advice(At::Edge(link.id), "retry.backoff", BACKOFF) else { continue };
            let first = retry.backoff.as_ref().map_or(waits, |backoff| backoff.longest(1));
            let message = format!(
                "all calls to `{to}` that fail together are tried again together, {} later",
                time(first)
            );
            findings.at(At::Edge(link.id), "retry.backoff").severity(Severity::Info).fix(fix).say(message);
        }
    }
}
