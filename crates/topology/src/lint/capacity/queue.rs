//! C02: a queue that is longer than anybody waits.

use std::time::Duration;

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{count, time};
use super::super::{At, Rule, Severity};
use crate::NodeId;
use crate::node::Order;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "queue-outlasts-timeout",
    code: "C02",
    severity: Severity::Warning,
    title: "who is last in the queue is answered after the caller has given up",
    why: "Once the queue is long, every request in it is worked on after its caller has gone: the server is \
          busy with wasted work, answers nobody, and stays down after the load is back to normal.",
    formula: "queue x mean service time / workers > the longest that any caller waits; first come, first \
              served, without CoDel",
    fix: "Make the queue no longer than the callers' patience, so that the rest is refused at once (503); or \
          serve the newest first, or use CoDel.",
    source: "SRE book, chapter 22 (queue management); Facebook, \"Fail at Scale\" (adaptive LIFO, CoDel)",
    example: include_str!("../examples/queue-outlasts-timeout.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        let Some(workers) = node.workers else { continue };
        let mean = node.service_time.mean();
        let Some(patience) = patience(subject, id).filter(|_| !mean.is_zero()) else { continue };
        let wait = mean.mul_f64(f64::from(node.queue) / f64::from(workers));
        let sheds = node.discipline.order == Order::Lifo || node.discipline.codel.is_some();
        if sheds || wait <= patience {
            continue;
        }
        let message = format!(
            "`{}` works off a full queue of {} in {} ({} of {} each), but nobody waits longer than {}",
            node.declared_name,
            node.queue,
            time(wait),
            count(workers.into(), "worker"),
            time(mean),
            time(patience)
        );
        let room = patience.mul_f64(0.5).as_secs_f64() * f64::from(workers) / mean.as_secs_f64();
        let fix = format!(
            "write `queue: {}`, or `queue: {{ places: {}, codel: 5ms }}`",
            room.floor().max(1.0),
            node.queue
        );
        findings.at(At::Node(id), "queue").fix(fix).say(message);
    }
}

/// The longest that any caller of a node waits; `None` if one waits for ever.
fn patience(subject: &Subject<'_>, node: NodeId) -> Option<Duration> {
    let topology = &subject.scenario.topology;
    let callers = topology.incoming(node).into_iter().map(|edge| subject.link(edge));
    let regular = callers.filter(|link| !link.edge.only_by_fault && !link.caller.synthetic);
    let mut waits = regular.map(|link| link.policy.patience().into_iter().chain(link.policy.deadline).min());
    waits.try_fold(None, |longest: Option<Duration>, waits| Some(longest.max(Some(waits?)))).flatten()
}
