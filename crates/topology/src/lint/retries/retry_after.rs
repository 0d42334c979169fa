//! Y07: a callee says when to come back, and the caller does not listen.

use std::time::Duration;

use super::super::findings::Findings;
use super::super::subject::{Link, Subject};
use super::super::text::time;
use super::super::time::backoffs;
use super::super::{At, Rule, Severity};
use super::retries;
use crate::fault::{Mechanism, Target};
use crate::node::ScriptStep;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-after-ignored",
    code: "Y07",
    severity: Severity::Warning,
    title: "the callee says when to come back, and the caller comes earlier",
    why: "All attempts are spent before the time that `Retry-After` names: each is refused again, counts \
          against the limit, and the call fails although one attempt at the right time would have done.",
    formula: "the callee sends Retry-After, the policy tries that status again and ignores it, and all its \
              back-offs together are shorter",
    fix: "Obey it: `retry_after: 60s` in `retry`.",
    source: "RFC 9110 section 10.2.3; measured: google-genai and mistralai ignore it, LiteLLM renames it",
    example: include_str!("../examples/retry-after-ignored.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| retries(link.policy)) {
        let retry = &link.policy.retry;
        let waits = backoffs(retry, retry.max_attempts.min(100));
        let Some((status, told)) = asks_to_wait(subject, &link) else { continue };
        if retry.retry_after.is_some() || !retry.when.outcomes.has_status(status) || waits >= told {
            continue;
        }
        let message = format!(
            "`{}` answers {status} with `Retry-After: {}`, but `{}` has made its {} attempts within {}",
            link.callee_name(),
            told.as_secs_f64().ceil(),
            link.caller_name(),
            retry.max_attempts,
            if waits.is_zero() { "no time at all".to_owned() } else { time(waits) }
        );
        let fix = "write `retry_after: 60s` in `retry`";
        findings.at(At::Edge(link.id), "retry").fix(fix).say(message);
    }
}

/// The status and the longest `Retry-After` that the callee sends.
fn asks_to_wait(subject: &Subject<'_>, link: &Link<'_>) -> Option<(u16, Duration)> {
    let script = link.callee.script.iter().filter_map(|step| match step {
        ScriptStep::Answer { status, retry_after } => Some((*status, (*retry_after)?)),
        ScriptStep::Close(_) => None,
    });
    let of_callee = |target: &Target| matches!(target, Target::Node(node) if *node == link.to);
    let faults = subject.scenario.faults.iter().filter(|fault| fault.targets.iter().any(of_callee));
    let limits = faults.filter_map(|fault| match &fault.mechanism {
        Mechanism::Overload(limit @ crate::fault::Overload::RateLimit { .. }) => {
            // Whole seconds on the wire, rounded up.
            let told = Duration::from_secs_f64(limit.retry_after().as_secs_f64().ceil());
            Some((link.callee.profile.refusal.rate_limited.does, told))
        }
        _ => None,
    });
    script.chain(limits).max_by_key(|(_, told)| *told)
}
