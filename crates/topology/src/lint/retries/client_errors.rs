//! Y09: errors of the client are tried again.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::count;
use super::super::{At, Rule, Severity};
use super::{retries, statuses};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-client-errors",
    code: "Y09",
    severity: Severity::Info,
    title: "errors that no retry mends are tried again",
    why: "A request that is wrong stays wrong: each attempt is a wasted request and a later answer, and bad \
          credentials that are tried again may lock an account.",
    formula: "a 4xx other than 408, 409, 423, 425 and 429 is tried again",
    fix: "Take client errors out of `when`.",
    source: "RFC 9110 section 15.5; measured: LiteLLM's router tries 400, 403 and 422 again",
    example: include_str!("../examples/retry-client-errors.yaml"),
    check,
};

/// Statuses below 500 that may be gone the next time.
const PASSING: [u16; 5] = [408, 409, 423, 425, 429];

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| retries(link.policy)) {
        let wrong: Vec<u16> =
            statuses(&link.policy.retry.when.outcomes).filter(|s| *s < 500 && !PASSING.contains(s)).collect();
        let Some(first) = wrong.first() else { continue };
        let which = match wrong.as_slice() {
            [only] => format!("a {only}"),
            all if all.len() > 5 => format!("{} such as {first}", count(all.len() as u64, "client error")),
            all => all.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
        };
        let message = format!(
            "`{}` asks `{}` up to {} times after {which}",
            link.caller_name(),
            link.callee_name(),
            link.policy.retry.max_attempts
        );
        let fix = "leave client errors out: `when: [408, 429, 5xx, transport]`";
        findings.at(At::Edge(link.id), "retry.when").fix(fix).say(message);
    }
}
