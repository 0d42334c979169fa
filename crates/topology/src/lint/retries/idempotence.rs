//! Y05: a request that must not be repeated is.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::{At, Rule, Severity};
use super::{failures, retries, statuses};
use crate::policy::{Idempotent, Retry};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-not-idempotent",
    code: "Y05",
    severity: Severity::Warning,
    title: "a request that may have been processed is sent again",
    why: "After a time-out or a lost connection nobody knows whether the callee has done it. Sent again it is \
          done twice: an order, a payment, a completion that is billed by the token.",
    formula: "POST or PATCH reaches the caller, and it tries again after a failure or status that does not rule \
              out that the request was processed",
    fix: "Write `idempotent_only: true`, or make the request idempotent with a key that the callee checks.",
    source: "RFC 9110 section 9.2.2; HAProxy `retry-on all-retryable-errors`, Envoy `reset`, nginx \
             `non_idempotent` do this where they are set",
    example: include_str!("../examples/retry-not-idempotent.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| retries(link.policy)) {
        // Of a real gateway it is not known what is sent: anything may be.
        let unknown = (!subject.has_loads()).then_some("POST");
        let Some(method) = subject.unsafe_method(link.from).or(unknown) else { continue };
        let Some(after) = may_repeat(&link.policy.retry) else { continue };
        let message = format!(
            "`{}` sends `{}` a {method} again after {after}, when it may have been processed",
            link.caller_name(),
            link.callee_name()
        );
        let fix = subject.advice(At::Edge(link.id), "retry.idempotent_only", "true");
        findings.at(At::Edge(link.id), "retry").maybe_fix(fix).say(message);
    }
}

/// An outcome after which the policy repeats any method although the request may have been processed.
fn may_repeat(retry: &Retry) -> Option<String> {
    let outcomes = &retry.when.outcomes;
    let by_failure = matches!(retry.when.idempotent, Idempotent::Any | Idempotent::ForStatuses);
    let by_status = retry.when.idempotent == Idempotent::Any;
    let failure = failures(outcomes).find(|f| by_failure && !f.surely_unprocessed());
    // 503 says that the request was refused.
    let status = statuses(outcomes).find(|s| by_status && *s >= 500 && *s != 503);
    failure.map(|f| format!("`{}`", f.name())).or(status.map(|s| format!("a {s}")))
}
