//! What the caller tells of an attempt.

use std::time::Duration;

use topology::Failure;
use topology::policy::Policy;
use topology::wire::{Dial, Disturbance};
use trace::{Attempt, Crowd, Record};

use super::{Flight, Origin};
use crate::action::AttemptReport;
use crate::faults::Faults;
use crate::scope::Scope;

/// Emits the caller's side of a hop.
pub(super) fn record(flight: Flight, report: AttemptReport, origin: Origin, scope: &mut Scope<'_, '_>) {
    let Flight { attempt, hop, edge, disturbance, start, .. } = flight;
    let (now, env) = (scope.now, scope.env);
    let timeout = fired(scope.policy(edge), &disturbance, &report, now.since(start));
    let outbound = disturbance.outbound;
    let marks = disturbance.marks;
    let failure = report.outcome.failure();
    let mut faults = marks.outbound;
    if !failure.is_some_and(|f| f.before_connection() || f.is_local()) {
        faults = faults.union(marks.link);
    }
    if report.idle_closed {
        faults = faults.union(marks.idle_race);
    }
    if failure.is_some_and(Faults::is_sign_of_death) {
        let callee = env.scenario.topology.ends(edge).1;
        let outages = env.faults.outages_within(callee, start, now);
        env.faults.count_matched(outages);
        env.faults.count_injected(outages);
        faults = faults.union(outages);
    }
    let crowd = (failure == Some(Failure::ConnectionLimitReached)).then(|| {
        let flights = &scope.node.edge(edge).flights;
        Box::new(Crowd { attempts: flights.at(now), held_by: flights.marks() })
    });
    // What the caller's own log shows: the address it dialed, not what became of it.
    let dialed = match outbound.dial {
        Dial::WrongPort | Dial::WrongHost => outbound.dial,
        Dial::Callee
        | Dial::Refused
        | Dial::Blackhole
        | Dial::NoName
        | Dial::TlsToPlain
        | Dial::BadCertificate => Dial::Callee,
    };
    if report.idle_closed {
        (scope.tell)(Record::IdleClosed { call: origin.call, hop });
    }
    (scope.tell)(Record::Attempt(Attempt {
        call: origin.call,
        hop,
        parent: origin.hop,
        edge,
        attempt,
        start,
        end: now,
        outcome: report.outcome,
        reset: report.reset,
        reused: report.reused,
        idle: report.idle,
        dialed,
        timeout,
        wrong_path: outbound.wrong_path,
        bad_credentials: outbound.bad_credentials,
        bytes: report.bytes,
        ends_by_close: report.ends_by_close,
        unconnected: false,
        faults,
        crowd,
        exchange: report.exchange,
    }));
}

/// The time-out that counts: that for the whole attempt, unless the callee's silence ended it before.
fn fired(
    policy: &Policy,
    disturbance: &Disturbance,
    report: &AttemptReport,
    took: Duration,
) -> Option<Duration> {
    let whole = super::timeout(policy, disturbance);
    let timed_out = matches!(report.outcome.failure(), Some(Failure::HeadTimeout | Failure::BodyTimeout));
    policy.read_timeout.filter(|_| timed_out && whole.is_none_or(|whole| took < whole)).or(whole)
}
