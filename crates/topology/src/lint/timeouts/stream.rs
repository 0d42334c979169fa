//! T04: a timer over the whole of a stream.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{time, time_above};
use super::super::{At, Rule, Severity};
use super::patience;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "timeout-cuts-stream",
    code: "T04",
    severity: Severity::Error,
    title: "a timer over the whole response ends it while it is still streaming",
    why: "The head was in time, so the client already has its 200; when the timer fires the rest is cut off. \
          No status can tell it any more, no gateway retries it, and the access log says 200.",
    formula: "time to the head < timeout <= time to the head + (chunks - 1) x chunk_interval",
    fix: "For streams, raise the timer above the longest stream (in a gateway: switch the total timer off, \
          and use one between two reads).",
    source: "measured: Envoy's route timeout, 15s unless set, cuts a stream after its 200",
    example: include_str!("../examples/timeout-cuts-stream.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let times = subject.times.node(link.to);
        let whole = times.p99 + times.stream;
        let Some((waits, key)) = patience(&link) else { continue };
        if times.stream.is_zero() || waits <= times.p99 || waits > whole {
            continue;
        }
        let message = format!(
            "`{}` gives `{}` {} in all, but its response goes on for {} after its head",
            link.caller_name(),
            link.callee_name(),
            time(waits),
            time(times.stream)
        );
        let fix = format!("write `{key}: {}` or more", time_above(whole.mul_f64(1.5)));
        let surely = times.least + times.stream >= waits;
        let severity = if surely { Severity::Error } else { Severity::Warning };
        findings.at(At::Edge(link.id), key).severity(severity).fix(fix).say(message);
    }
}
