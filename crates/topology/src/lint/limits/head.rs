//! L04: a head limit that shrinks on the way down.

use super::super::findings::Findings;
use super::super::subject::{Link, Subject};

use super::super::text::size;
use super::super::{At, Rule, Severity};
use super::shrinking;
use crate::NodeKind;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "head-limit",
    code: "L04",
    severity: Severity::Error,
    title: "a request's head is larger than a node on its way accepts",
    why: "Tokens and cookies that the first gateway lets through are refused further down: 431, or 400 from \
          nginx, or a closed connection and a 502 one hop up. It hits some users and not others.",
    formula: "header fields of a load > header_limit of a node that it reaches; a warning \
              where a callee's limit is below its caller's",
    fix: "Raise the inner limit, or send less.",
    source: "measured: gunicorn 8190 bytes a field, Node 16KiB in all, nginx 4 x 8KiB, Envoy 60KiB",
    example: include_str!("../examples/head-limit.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes().filter(|(_, node)| node.kind != NodeKind::Client) {
        let (_, largest) = subject.largest(id);
        if largest > node.header_limit {
            let message = format!(
                "`{}` refuses heads over {}, and is sent {} of header fields",
                node.declared_name,
                size(node.header_limit),
                size(largest)
            );
            let fix = format!("write `header_limit: {}`", size(largest.next_power_of_two() * 2));
            findings.at(At::Node(id), "header_limit").fix(fix).say(message);
        }
    }
    let limits = |link: &Link<'_>| {
        [link.caller, link.callee].map(|node| (node.header_limit, node.profile.limits.head))
    };
    for (link, outer, inner) in shrinking(subject, limits, 16 << 10) {
        let message = format!(
            "`{}` accepts heads up to {} and sends them on to `{}`, which refuses them over {}",
            link.caller_name(),
            size(outer),
            link.callee_name(),
            size(inner)
        );
        let fix = subject.advice(At::Node(link.to), "header_limit", &size(outer));
        let fix = fix.map(|advice| format!("{advice} at `{}`", link.callee_name()));
        findings
            .at(At::Node(link.to), "header_limit")
            .severity(Severity::Warning)
            .maybe_fix(fix)
            .say(message);
    }
}
