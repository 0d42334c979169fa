//! C01: a pool that is too small.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{number, rate, time};
use super::super::{At, Rule, Severity};
use super::severity;
use crate::policy::Limit;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "pool-too-small",
    code: "C01",
    severity: Severity::Error,
    title: "fewer connections, or attempts at once, than the load needs",
    why: "What is over the limit fails in the caller before anything is sent: a 503 or 502 of the gateway while \
          the callee is idle.",
    formula: "limit < load x mean time in the callee (Little's law); a warning below 1.5 times that. The load is \
              that of first attempts",
    fix: "Allow about twice what Little's law needs, or make the callee faster.",
    source: "Little's law; Envoy's circuit breakers (1024 each unless set) answer `UO`, nginx max_conns \"no live \
             upstreams\"",
    example: include_str!("../examples/pool-too-small.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let fixed = match link.policy.concurrency {
            Some(Limit::Fixed(most) | Limit::Aimd { max: most, .. } | Limit::Gradient { max: most, .. }) => {
                Some((most, "concurrency"))
            }
            None => None,
        };
        let streams = link.edge.protocol.streams(&link.policy.pool);
        let pool = link.policy.pool.max_connections;
        let pool = pool.map(|most| (most.saturating_mul(streams), "pool.max_connections"));
        let Some((limit, key)) = [fixed, pool].into_iter().flatten().min_by_key(|(limit, _)| *limit) else {
            continue;
        };
        let (load, mean) = (subject.offered.edge(link.id), subject.times.node(link.to).mean());
        let needed = load * mean;
        let Some(severity) = severity(needed, limit.into()) else { continue };
        let message = format!(
            "`{}` allows {limit} attempts at once to `{}`, but {} x {} needs {} on average, retries not counted",
            link.caller_name(),
            link.callee_name(),
            rate(load),
            time(std::time::Duration::from_secs_f64(mean)),
            number(needed)
        );
        let name = key.rsplit('.').next().unwrap_or(key);
        let each = if name == "max_connections" { f64::from(streams) } else { 1.0 };
        let fix = format!("write `{name}: {}`", (2.0 * needed / each).ceil());
        findings.at(At::Edge(link.id), key).severity(severity).fix(fix).say(message);
    }
}
