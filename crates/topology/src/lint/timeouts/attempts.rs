//! Y10: attempts that no deadline leaves time for.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{count, time};
use super::super::time::backoffs;
use super::super::{At, Rule, Severity};
use crate::wire::Failure;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "attempts-over-deadline",
    code: "Y10",
    severity: Severity::Warning,
    title: "the deadline leaves no time for another attempt after a time-out",
    why: "The first attempt may take all the time there is; the retries that the policy promises are never \
          made, and a single silent callee fails the call.",
    formula: "timeout + first back-off >= deadline; as info: attempts x timeout + back-offs > deadline",
    fix: "Give one attempt no more than deadline / attempts, or allow fewer attempts.",
    source: "gRPC and Envoy keep them apart for this (`timeout` and `per_try_timeout`); AWS Builders' Library",
    example: include_str!("../examples/attempts-over-deadline.yaml"),
    check,
};

/// More attempts than this are an "as many as there is time for".
const MEANT_MAX: u32 = 10;

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let retry = &link.policy.retry;
        let attempts = retry.max_attempts;
        let of_call = link.policy.deadline.map(|d| (d, At::Edge(link.id)));
        let of_node = link.caller.deadline.map(|d| (d, At::Node(link.from)));
        let Some((deadline, at)) = [of_call, of_node].into_iter().flatten().min_by_key(|(d, _)| *d) else {
            continue;
        };
        if attempts < 2 || !retry.when.outcomes.has_failure(Failure::HeadTimeout) {
            continue;
        }
        let each = link.policy.patience().unwrap_or(deadline);
        let all = each.saturating_mul(attempts).saturating_add(backoffs(retry, attempts));
        let first = each.saturating_add(backoffs(retry, 2));
        let severity = match (first >= deadline, all > deadline && attempts <= MEANT_MAX) {
            (true, _) => Severity::Warning,
            (_, true) => Severity::Info,
            _ => continue,
        };
        let (from, to) = (link.caller_name(), link.callee_name());
        let message = if severity == Severity::Warning {
            let least = time(first.min(deadline));
            format!(
                "`{from}` asks `{to}` up to {attempts} times within {}, but the first attempt may take {least}",
                time(deadline)
            )
        } else {
            format!(
                "`{from}` asks `{to}` up to {attempts} times within {}, but {} take up to {}",
                time(deadline),
                count(attempts.into(), "attempt"),
                time(all)
            )
        };
        let left = deadline.saturating_sub(backoffs(retry, attempts)).max(deadline / 2);
        let each = time(left.mul_f64(0.95) / attempts.min(MEANT_MAX));
        let fix = subject.advice(At::Edge(link.id), "timeout", &each);
        findings.at(at, "deadline").severity(severity).maybe_fix(fix).say(message);
    }
}
