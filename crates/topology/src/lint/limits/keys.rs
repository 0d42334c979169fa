//! L05: a key that a node does not know.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::{At, Rule, Severity};
use crate::rules::{Key, KeyProblem};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "unknown-key",
    code: "L05",
    severity: Severity::Error,
    title: "requests come to a node without a key that it knows",
    why: "A node with consumers refuses everybody else with a 401. A gateway that passes its caller's key on \
          presents it to the next node too, which mostly knows another one.",
    formula: "a node with `consumers`, and a load whose key there (its own, or that of the last edge with a `key`) is \
              none of theirs",
    fix: "Give the caller a key of its own, and the callee a consumer with it.",
    source: "RFC 9110 section 15.5.2; the key-auth plugins of Kong and APISIX, API Connect's client id, LiteLLM's virtual keys",
    example: include_str!("../examples/unknown-key.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for asked in &subject.asked {
        for (id, node) in subject.nodes() {
            let Some(rules) = node.key_rules() else { continue };
            for (key, edge) in &asked.nodes[id.index()].keys {
                let what = match rules.key_problem(rules.holder(key.as_deref()), std::time::Duration::ZERO) {
                    None => continue,
                    Some(KeyProblem::Missing) => "no key",
                    Some(KeyProblem::Unknown) => "a key that it does not know",
                    Some(KeyProblem::Expired) => "a key that has expired",
                };
                debug_assert!(rules.holder(key.as_deref()) != Key::Missing || key.is_none());
                let caller = &subject.link(*edge).caller.declared_name;
                let status = node.on_refusal(crate::Refusal::BadCredentials);
                let message = format!(
                    "the requests of load {} come to `{}` from `{caller}` with {what}: each is a {status}",
                    asked.load + 1,
                    node.declared_name,
                );
                findings.at(At::Load(asked.load), "request").say(message);
            }
        }
    }
}
