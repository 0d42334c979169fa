//! Y11: the fallback needs what has just failed.

use std::collections::BTreeSet;

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::{At, Rule, Severity};
use crate::NodeId;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "fallback-shares-callee",
    code: "Y11",
    severity: Severity::Warning,
    title: "the fallback depends on the same callee",
    why: "Where the shared callee is what fails, the fallback fails too: the call takes longer, the callee gets \
          the load twice, and the client still has its 502.",
    formula: "a node that is reached both by way of the callee and by way of its fallback",
    fix: "Let the fallback stand on its own: another provider, a cache, a fixed answer.",
    source: "AWS Builders' Library, \"Avoiding fallback in distributed systems\"",
    example: include_str!("../examples/fallback-shares-callee.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let Some(&fallback) = link.policy.fallback.first() else { continue };
        let fallback = subject.link(fallback);
        let (own, others) = (below(subject, link.to), below(subject, fallback.to));
        let Some(&shared) = own.intersection(&others).next() else { continue };
        let shared = &subject.scenario.topology.node(shared).declared_name;
        let message = format!(
            "`{}` falls back from `{}` to `{}`, but both need `{shared}`",
            link.caller_name(),
            link.callee_name(),
            fallback.callee_name()
        );
        let fix = format!("fall back to a node that does not call `{shared}`");
        findings.at(At::Edge(link.id), "fallback").fix(fix).say(message);
    }
}

/// A node, and all that it calls, and so on.
fn below(subject: &Subject<'_>, node: NodeId) -> BTreeSet<NodeId> {
    let topology = &subject.scenario.topology;
    let mut all = BTreeSet::from([node]);
    let mut stack = vec![node];
    while let Some(next) = stack.pop() {
        let regular = topology.outgoing(next).into_iter().filter(|&edge| !topology.edge(edge).only_by_fault);
        stack.extend(regular.map(|edge| topology.ends(edge).1).filter(|&callee| all.insert(callee)));
    }
    all
}
