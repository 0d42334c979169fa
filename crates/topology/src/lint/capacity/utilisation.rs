//! C03: workers that are too busy.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{count, number, percent, rate, time};
use super::super::{At, Rule, Severity};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "utilisation",
    code: "C03",
    severity: Severity::Error,
    title: "the workers are too busy",
    why: "Over 1 the queue grows until it is full or everybody has given up: 503, or 504 one hop up. From 0.8 \
          on waits grow fast, and there is no room for a lost worker, a slow moment or a retry.",
    formula: "load x mean service time / workers: an error over 1, a warning over 0.8. The load is that of first \
              attempts",
    fix: "Add workers or replicas, or let less in.",
    source: "M/M/c queue",
    example: include_str!("../examples/utilisation.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        let Some(workers) = node.workers else { continue };
        let (load, mean) = (subject.offered.node(id), node.service_time.mean());
        let needed = load * mean.as_secs_f64();
        let busy = needed / f64::from(workers);
        if busy <= 0.8 {
            continue;
        }
        let message = format!(
            "`{}` is {} busy: {} x {} needs {} of {}, retries not counted",
            node.declared_name,
            percent(busy),
            rate(load),
            time(mean),
            number(needed),
            count(workers.into(), "worker")
        );
        let fix = format!("write `workers: {}`", (needed / 0.7).ceil());
        let severity = if busy > 1.0 { Severity::Error } else { Severity::Warning };
        findings.at(At::Node(id), "workers").severity(severity).fix(fix).say(message);
    }
}
