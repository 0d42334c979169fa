//! Y08: the failure that really comes is not among those that are tried again.

use super::super::findings::Findings;
use super::super::subject::{Link, Subject, is_between};
use super::super::{At, Rule, Severity};
use super::{retries, statuses};
use crate::node::ScriptStep;
use crate::policy::Outcomes;
use crate::profile::Reaction;
use crate::wire::Failure;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retry-misses-status",
    code: "Y08",
    severity: Severity::Warning,
    title: "the callee fails with a status that is not tried again",
    why: "The policy tries some server errors again, but not the one that this callee makes of a refused or \
          lost connection: its retries never happen, and every blip behind the callee reaches the client.",
    formula: "the policy has a 5xx (or time-outs), but not the status that the callee makes of a refused, lost or \
              timed-out connection, or has in its script",
    fix: "Add the status to `when`.",
    source: "measured: Portkey does not retry a 520, HAProxy no 529; google-api-core retries 500 and 503, but \
             not 502",
    example: include_str!("../examples/retry-misses-status.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges().filter(|link| retries(link.policy)) {
        let outcomes = &link.policy.retry.when.outcomes;
        let listed: Vec<String> = statuses(outcomes).filter(|s| *s >= 500).map(|s| s.to_string()).collect();
        if listed.is_empty() {
            continue;
        }
        let Some((status, why)) = made(&link, outcomes).find(|(status, _)| !outcomes.has_status(*status))
        else {
            continue;
        };
        let shown = if listed.len() > 6 { "other server errors".to_owned() } else { listed.join(", ") };
        let message = format!(
            "`{}` tries {shown} again, but `{}` answers {status} {why}",
            link.caller_name(),
            link.callee_name()
        );
        let fix = format!("add {status} to `when`");
        findings.at(At::Edge(link.id), "retry.when").fix(fix).say(message);
    }
}

/// The statuses that the callee makes, and when.
fn made(link: &Link<'_>, outcomes: &Outcomes) -> impl Iterator<Item = (u16, String)> {
    let of = |failure: Failure, why: &str| match link.callee.profile.on_failure(failure).does {
        Reaction::Status(status) | Reaction::StatusThenSilence(status) => Some((status, why.to_owned())),
        Reaction::PassOn => None,
    };
    let lost = [
        of(Failure::ConnectionRefused, "when its own callee refuses the connection"),
        of(Failure::ConnectionTerminated, "when its own callee drops the connection"),
    ];
    let timed_out = of(Failure::HeadTimeout, "when its own callee is too slow")
        .filter(|_| outcomes.has_failure(Failure::HeadTimeout));
    let gateway = is_between(link.callee);
    let scripted = link.callee.script.iter().filter_map(|step| match step {
        ScriptStep::Answer { status, .. } if *status >= 500 => Some((*status, "by its script".to_owned())),
        _ => None,
    });
    lost.into_iter().chain([timed_out]).flatten().filter(move |_| gateway).chain(scripted)
}
