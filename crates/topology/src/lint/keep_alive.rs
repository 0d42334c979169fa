//! K01: idle time-outs the wrong way round.

use std::time::Duration;

use super::findings::Findings;
use super::subject::{Subject, decides_itself};
use super::text::time;
use super::{At, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "keep-alive-order",
    code: "K01",
    severity: Severity::Error,
    title: "the callee closes idle connections before the caller stops using them",
    why: "The caller takes a pooled connection that has been idle for a while and writes its request just as \
          the callee closes it: the request is lost, and becomes a 502 that comes and goes with little load. \
          It is worst where a connection is used about once in the callee's idle time-out.",
    formula: "pool.idle_timeout >= keep_alive(callee) - 1s; an error if POST or PATCH goes over it, which no \
              gateway tries again by itself",
    fix: "Let the caller's pool forget connections well before the callee closes them.",
    source: "AWS ALB user guide (the target's time-out must be larger); known pairs: ALB 60s, Kong 60s, GCP \
             600s before Node 5s, uvicorn 5s, gunicorn 2s",
    example: include_str!("examples/keep-alive-order.yaml"),
    check,
};

/// How much earlier the caller must stop using a connection.
const MARGIN: Duration = Duration::from_secs(1);

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| !decides_itself(link.callee)) {
        let (pool, closes) = (link.policy.pool, link.callee.keep_alive);
        if !pool.reuse || pool.idle_timeout.saturating_add(MARGIN) <= closes {
            continue;
        }
        let method = subject.unsafe_method(link.from);
        let severity = if method.is_some() { Severity::Error } else { Severity::Warning };
        let lost = method.map_or_else(String::new, |method| format!(", a {method} among them"));
        let message = format!(
            "`{}` reuses connections that were idle for up to {}, but `{}` closes them after {}: some requests are \
             lost{lost}",
            link.caller_name(),
            time(pool.idle_timeout),
            link.callee_name(),
            time(closes)
        );
        let below = Some(closes.saturating_sub(MARGIN)).filter(|below| !below.is_zero());
        let here =
            below.and_then(|below| subject.advice(At::Edge(link.id), "pool.idle_timeout", &time(below)));
        let longer = time(pool.idle_timeout.saturating_add(MARGIN * 5));
        let there = subject.advice(At::Node(link.to), "keep_alive", &longer);
        let there = there.map(|advice| format!("{advice} at `{}`", link.callee_name()));
        let fixes: Vec<String> = here.into_iter().chain(there).collect();
        let fix = (!fixes.is_empty()).then(|| fixes.join(", or ").replace(", or write ", ", or "));
        findings.at(At::Edge(link.id), "pool.idle_timeout").severity(severity).maybe_fix(fix).say(message);
    }
}
