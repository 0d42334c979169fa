//! L03: a body limit that shrinks on the way down.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::size;
use super::super::{At, Rule, Severity};
use crate::NodeKind;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "body-limit",
    code: "L03",
    severity: Severity::Error,
    title: "a request's body is larger than a node on its way accepts",
    why: "The request is refused with a 413, and one hop up it may have been read whole before; where the \
          refusing side closes while the body is still coming, the caller sees a reset and answers 502.",
    formula: "body of a load > body_limit of a node that it reaches; a warning where a callee's limit is below \
              its caller's",
    fix: "Raise the inner limit, or lower the outer one, so that the first hop refuses.",
    source: "measured: 413 from nginx above client_max_body_size, 1MiB unless set",
    example: include_str!("../examples/body-limit.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        let (largest, _) = subject.largest(id);
        if node.kind != NodeKind::Client && largest > node.body_limit {
            let message = format!(
                "`{}` refuses bodies over {}, and is sent {} of them",
                node.declared_name,
                size(node.body_limit),
                size(largest)
            );
            let fix = format!("write `body_limit: {}` or more", size(largest));
            findings.at(At::Node(id), "body_limit").fix(fix).say(message);
        }
    }
    for link in subject.edges().filter(|link| link.caller.kind == NodeKind::Gateway) {
        let (outer, inner) = (link.caller.body_limit, link.callee.body_limit);
        if inner < outer {
            let message = format!(
                "`{}` accepts bodies up to {} and sends them on to `{}`, which refuses them over {}",
                link.caller_name(),
                size(outer),
                link.callee_name(),
                size(inner)
            );
            let fix = format!("write `body_limit: {}` at `{}`", size(inner), link.caller_name());
            findings.at(At::Node(link.to), "body_limit").severity(Severity::Warning).fix(fix).say(message);
        }
    }
}
