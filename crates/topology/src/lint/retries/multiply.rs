//! Y01, Y02: layers that try the same failure again multiply.

use super::super::findings::Findings;
use super::super::subject::{Link, Subject};
use super::super::{At, Rule, Severity};
use super::{BUDGET, failures, is_bounded, retries, statuses};
use crate::profile::Reaction;

pub(in crate::lint) static RULE: Rule = Rule {
    id: "retries-multiply",
    code: "Y01",
    severity: Severity::Error,
    title: "several layers try the same failure again",
    why: "Each layer's retries are multiplied by those of the layer above: a server that fails for a moment is \
          asked many times as often as its clients want, just when it can do least, and stays down after the \
          trigger has gone. Every attempt but the last is wasted.",
    formula: "product of max_attempts over the layers without a budget whose outcomes the next layer passes on; \
              warning from 4, error from 16",
    fix: "Try again at one layer, the one right above what fails; give every layer that retries a budget.",
    source: "SRE book, chapter 22: three layers of four attempts are 64; AWS Builders' Library: five of three \
             are 243",
    example: include_str!("../examples/retries-multiply.yaml"),
    check,
};

/// From so many attempts on it is an error.
const ERROR_FROM: u64 = 16;

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let way = subject.scenario.worst_way();
    let layers: Vec<Link<'_>> = way
        .iter()
        .map(|&edge| subject.link(edge))
        .filter(|link| retries(link.policy) && !is_bounded(link.policy))
        .collect();
    // Runs of layers of which each tries again what the next one leaves.
    let mut runs: Vec<Vec<Link<'_>>> = Vec::new();
    for layer in layers {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|outer| shared(outer, &layer).is_some()) => run.push(layer),
            _ => runs.push(vec![layer]),
        }
    }
    for run in runs.iter().filter(|run| run.len() > 1) {
        tell(run, subject, findings);
    }
}

fn tell(run: &[Link<'_>], subject: &Subject<'_>, findings: &mut Findings<'_>) {
    let [outer, .., inner] = run else { return };
    let factor = |link: &Link<'_>| link.policy.retry.max_attempts;
    let product = run.iter().fold(1_u64, |product, link| product.saturating_mul(factor(link).into()));
    let factors: Vec<String> = run.iter().map(|link| factor(link).to_string()).collect();
    let names: Vec<String> =
        run.iter().map(|link| format!("`{} -> {}`", link.caller_name(), link.callee_name())).collect();
    let status = shared(&run[run.len() - 2], inner).unwrap_or_default();
    let message = format!(
        "while `{}` fails, a call becomes {} = {product} attempts there: {} try a {status} again",
        inner.callee_name(),
        factors.join(" x "),
        all_of(&names)
    );
    let fix = subject.advice(At::Edge(outer.id), "retry.max_attempts", "1").map(|advice| {
        let budget = subject.advice(At::Edge(inner.id), "retry.budget", BUDGET);
        let budget = budget.map_or_else(String::new, |budget| format!("; there {budget}"));
        format!("{advice} at all but `{} -> {}`{budget}", inner.caller_name(), inner.callee_name())
    });
    let severity = if product >= ERROR_FROM { Severity::Error } else { Severity::Warning };
    findings.at(At::Edge(outer.id), "retry.max_attempts").severity(severity).maybe_fix(fix).say(message);
}

/// `a` and `b` both, or `a`, `b` and `c` all.
fn all_of(names: &[String]) -> String {
    match names {
        [first, second] => format!("{first} and {second} both"),
        [others @ .., last] => format!("{} and {last} all", others.join(", ")),
        [] => String::new(),
    }
}

/// A status that the inner layer gives up with after its own attempts, and that the outer one tries
/// again.
fn shared(outer: &Link<'_>, inner: &Link<'_>) -> Option<u16> {
    let made = failures(&inner.policy.retry.when.outcomes).filter_map(|failure| {
        match inner.caller.profile.on_failure(failure).does {
            Reaction::Status(status) | Reaction::StatusThenSilence(status) => Some(status),
            Reaction::PassOn => None,
        }
    });
    let passed_on = statuses(&inner.policy.retry.when.outcomes).filter(|status| *status >= 500);
    passed_on.chain(made).find(|&status| outer.policy.retry.when.outcomes.has_status(status))
}
