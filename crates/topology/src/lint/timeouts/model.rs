//! T05: a time-out below the time that a model's answer takes.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{time, time_above};
use super::super::{At, Rule, Severity};
use super::patience;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "timeout-below-model-time",
    code: "T05",
    severity: Severity::Error,
    title: "a caller gives up on answers of a model that are in the making",
    why: "A model's answer takes as long as its tokens: every one that is longer than the time-out allows is a 504, and \
          its tokens are made, and paid for, all the same. Without a stream nothing comes before the last token.",
    formula: "timeout <= prompt tokens / prefill + completion tokens / decode, alone in the batch: an error for the mean \
              of both, a warning for the 99th percentiles",
    fix: "Raise the time-out, or bound the answer with `max_tokens`.",
    source: "reports of LLM calls that take longer than a gateway's 29s or 60s; continuous batching: Kwon and others, SOSP 2023",
    example: include_str!("../examples/timeout-below-model-time.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let Some((waits, key)) = patience(&link) else { continue };
        let there = subject.asked.iter().filter(|asked| asked.edges[link.id.index()]);
        let takes = there.map(|asked| asked.nodes[link.to.index()].takes);
        let Some(longest) = takes.max_by_key(|takes| (takes.typical, takes.p99)) else { continue };
        let (needs, what, severity) = if waits <= longest.typical && !longest.typical.is_zero() {
            (longest.typical, "a usual answer", Severity::Error)
        } else if waits <= longest.p99 {
            (longest.p99, "one in a hundred answers", Severity::Warning)
        } else {
            continue;
        };
        let message = format!(
            "`{}` waits {} for `{}`, but {what} takes {} to make, alone in the batch",
            link.caller_name(),
            time(waits),
            link.callee_name(),
            time(needs)
        );
        let fix = format!("write `{key}: {}` or more", time_above(longest.p99.max(needs).mul_f64(1.2)));
        findings.at(At::Edge(link.id), key).severity(severity).fix(fix).say(message);
    }
}
