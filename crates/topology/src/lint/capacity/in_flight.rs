//! C04: a thread pool that is too small.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{number, rate, time};
use super::super::{At, Rule, Severity};
use super::severity;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "in-flight-too-small",
    code: "C04",
    severity: Severity::Error,
    title: "fewer requests at once than the load needs",
    why: "A node with a thread, or a synchronous worker, for each request holds it while it waits for its \
          callees. Over the limit every request is refused with a 503, though nothing is busy.",
    formula: "max_in_flight < load x mean time in the node and below it (Little's law); a warning below 1.5 \
              times that. The load is that of first attempts",
    fix: "Allow about twice what Little's law needs, or wait without holding a thread.",
    source: "Little's law; gunicorn's sync workers, Tomcat's threads, nginx worker_connections",
    example: include_str!("../examples/in-flight-too-small.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        let Some(limit) = node.max_in_flight else { continue };
        let (load, mean) = (subject.offered.node(id), subject.times.node(id).mean());
        let needed = load * mean;
        let Some(severity) = severity(needed, limit.into()) else { continue };
        let message = format!(
            "`{}` lets {limit} requests in at once, but {} x {} needs {} on average, retries not counted",
            node.declared_name,
            rate(load),
            time(std::time::Duration::from_secs_f64(mean)),
            number(needed)
        );
        let fix = format!("write `max_in_flight: {}`", (2.0 * needed).ceil());
        findings.at(At::Node(id), "max_in_flight").severity(severity).fix(fix).say(message);
    }
}
