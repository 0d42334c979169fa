//! H04: a breaker that one failure opens.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{number, time};
use super::super::{At, Rule, Severity};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "breaker-too-eager",
    code: "H04",
    severity: Severity::Warning,
    title: "one failure opens the breaker, and there is nobody else to ask",
    why: "A single lost connection turns into an outage of `open_for`: every call is refused without being \
          tried, although the callee is well.",
    formula: "consecutive = 1 (or min_calls <= 2) on an edge whose callee has one replica",
    fix: "Open after several failures in a row, and for a shorter time.",
    source: "measured: nginx with max_fails=1 and http_500 answers \"no live upstreams\" for fail_timeout",
    example: include_str!("../examples/breaker-too-eager.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let Some(breaker) = &link.policy.breaker else { continue };
        let by_one = breaker.consecutive == Some(1);
        let by_few = breaker.rate.is_some_and(|rate| rate.min_calls <= 2);
        if subject.replicas(&link) > 1 || !(by_one || by_few) {
            continue;
        }
        let open = breaker.open_for.base;
        let refused = subject.offered.edge(link.id) * open.as_secs_f64();
        let refused =
            if refused >= 1.0 { format!(", about {} of them", number(refused)) } else { String::new() };
        let failures = if by_one { "one failure" } else { "two failures" };
        let message = format!(
            "after {failures} of `{}`, `{}` refuses all calls for {}{refused}",
            link.callee_name(),
            link.caller_name(),
            time(open)
        );
        let key = if by_one { "breaker.consecutive" } else { "breaker.rate.min_calls" };
        findings.at(At::Edge(link.id), key).fix("write `consecutive: 5` and `open_for: 1s`").say(message);
    }
}
