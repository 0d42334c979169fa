//! H03: a breaker that does nothing.

use super::super::findings::Findings;
use super::super::subject::{Link, Subject};
use super::super::text::{number, percent, time};
use super::super::{At, Rule, Severity};
use crate::policy::{Breaker, Window};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "breaker-never-opens",
    code: "H03",
    severity: Severity::Warning,
    title: "a breaker that can hardly ever open",
    why: "It looks like protection and is none: a callee that fails goes on being asked, and every call to it \
          fails or waits out its time-out.",
    formula: "load x attempts x window < min_calls / 2, without `consecutive`; or max_ejected x replicas < 1",
    fix: "Lower `min_calls`, lengthen the window, or count failures in a row; allow at least one replica to be \
          ejected.",
    source: "resilience4j, Hystrix and Polly document a minimum number of calls (100, 20 and 100)",
    example: include_str!("../examples/breaker-never-opens.yaml"),
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for link in subject.edges() {
        let Some(breaker) = &link.policy.breaker else { continue };
        let replicas = subject.replicas(&link);
        if replicas > 1 && breaker.max_ejected.get() * (replicas as f64) < 1.0 {
            let message = format!(
                "at most {} of `{}`'s {replicas} replicas may be ejected: less than one",
                percent(breaker.max_ejected.get()),
                link.callee_name()
            );
            let share = (100.0 / replicas as f64).ceil();
            let fix = format!("write `max_ejected: {share}%` or more");
            findings.at(At::Edge(link.id), "breaker.max_ejected").fix(fix).say(message);
        } else if let Some((message, fix)) = too_few(subject, &link, breaker) {
            findings.at(At::Edge(link.id), "breaker.rate").fix(fix).say(message);
        }
    }
}

/// Whether there are hardly ever as many attempts within the window as it wants.
fn too_few(subject: &Subject<'_>, link: &Link<'_>, breaker: &Breaker) -> Option<(String, String)> {
    let rate = breaker.rate.filter(|_| breaker.consecutive.is_none())?;
    let Window::Time(window) = rate.window else { return None };
    let load = subject.offered.edge(link.id) * f64::from(link.policy.retry.max_attempts);
    let within = load * window.as_secs_f64();
    if within <= 0.0 || within >= f64::from(rate.min_calls) / 2.0 {
        return None;
    }
    let message = format!(
        "it wants {} attempts within {} before it opens, but `{}` makes about {}, retries counted",
        rate.min_calls,
        time(window),
        link.caller_name(),
        number(within)
    );
    let enough = (within / 2.0).floor().max(1.0);
    Some((message, format!("write `min_calls: {enough}`, or `consecutive: 5`")))
}
