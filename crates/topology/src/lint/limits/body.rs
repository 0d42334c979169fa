//! L03: a body limit that shrinks on the way down.

use super::super::findings::Findings;
use super::super::subject::{Link, Subject};

use super::super::text::size;
use super::super::{At, Rule, Severity};
use super::shrinking;
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
    let limits =
        |link: &Link<'_>| [link.caller, link.callee].map(|node| (node.body_limit, node.profile.limits.body));
    for (link, outer, inner) in shrinking(subject, limits, 1 << 20) {
        let message = format!(
            "`{}` accepts bodies up to {} and sends them on to `{}`, which refuses them over {}",
            link.caller_name(),
            size(outer),
            link.callee_name(),
            size(inner)
        );
        let fix = subject.advice(At::Node(link.from), "body_limit", &size(inner));
        let fix = fix.map(|advice| format!("{advice} at `{}`", link.caller_name()));
        findings.at(At::Node(link.to), "body_limit").severity(Severity::Warning).maybe_fix(fix).say(message);
    }
}
