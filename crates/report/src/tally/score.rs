//! How often the blind verdicts agree with the injector's marks.

use std::collections::BTreeSet;

use topology::fault::Site;
use topology::rules::Rule;
use topology::{Failure, FaultId, FaultSet, Mechanism, NodeKind, Refusal, Scenario, Target};
use trace::manifest::{Miss, Score};
use trace::{Attempt, CallTrace, HopId, Outcome, Source};

use super::Judged;
use crate::Verdict;
use crate::attribution::{is_held_up, is_same_link, seldom_longer};
use crate::verdict::{place_name, reason};

/// How many wrong verdicts are kept to look at.
const MISSES_MAX: usize = 20;

/// Scores verdicts.
#[derive(Debug, Clone, Default)]
pub(super) struct ScoreTally {
    score: Score,
}

impl ScoreTally {
    pub(super) fn add(&mut self, scenario: &Scenario, call: &Judged<'_>) {
        let Some(verdict) = &call.verdict else { return };
        let marked = deciding(scenario, call.trace);
        let distinct: FaultSet = marked.iter().map(|(_, fault)| *fault).collect();
        let right = marked.iter().any(|&(hop, fault)| agrees(scenario, call, verdict, hop, fault));
        // That it was the scenario's own limit nobody can deny who has met it.
        let is_own = !right && is_at_limit(call.trace, verdict.hop);
        let hits = match distinct.len() {
            0 => None,
            _ if is_own => None,
            1 => Some(&mut self.score.single),
            _ => Some(&mut self.score.multiple),
        };
        let Some(hits) = hits else {
            self.score.unmarked += 1;
            return;
        };
        hits.total += 1;
        hits.right += u64::from(right);
        if !right && self.score.misses.len() < MISSES_MAX {
            self.score.misses.push(Miss {
                call: call.trace.end.call.to_string(),
                said: format!(
                    "{} at {}",
                    reason(verdict.cause.name(), verdict.mechanism),
                    place_name(&scenario.topology, verdict.origin)
                ),
                truth: truth(scenario, distinct),
            });
        }
    }

    /// Adds what another run has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.score.add(other.score.clone());
        self.score.misses.truncate(MISSES_MAX);
    }

    pub(super) fn into_score(self) -> Score {
        self.score
    }
}

/// What of the injector's marks can have to do with the call's end, each with its hop: from the hop that
/// decided it down to those whose answers it came of. An earlier try that another one followed has decided
/// nothing; unless time ran out, or the caller did not ask any more: then all that came before has its part.
fn deciding(scenario: &Scenario, trace: &CallTrace) -> Vec<(HopId, FaultId)> {
    let mut hops = BTreeSet::new();
    let mut passed_on = BTreeSet::new();
    let (mut by_time, mut by_loop) = (false, false);
    let mut next = trace.end.decisive;
    while let Some(hop) = next.filter(|hop| hops.insert(*hop)) {
        let (attempt, served) = (trace.attempt(hop), trace.served(hop));
        let outcome = attempt.map(|attempt| attempt.outcome);
        let failure = outcome.and_then(Outcome::failure);
        let is_late =
            matches!(failure, Some(Failure::HeadTimeout | Failure::BodyTimeout | Failure::Cancelled))
                || served.is_some_and(|served| served.source == Source::Refused(Refusal::DeadlineExceeded));
        if let Some(unasked) = attempt.filter(|_| failure == Some(Failure::DestinationUnavailable)) {
            let is_there = |a: &&Attempt| is_same_link(scenario, a.edge, unasked.edge);
            let before = trace.attempts.iter().filter(|a| a.end <= unasked.start).filter(is_there);
            for met in before {
                add_below(trace, met, false, &mut hops);
            }
        }
        if let Some(attempt) = attempt.filter(|_| is_late) {
            // Whoever had all its own time has it from nobody before.
            let own_time = failure != Some(Failure::Cancelled)
                && attempt.timeout.is_some_and(|timeout| attempt.start + timeout <= attempt.end);
            add_below(trace, attempt, !own_time, &mut hops);
        }
        by_time |= is_late;
        by_loop |= served.is_some_and(|served| served.source == Source::Refused(Refusal::LoopDetected));
        next = served.and_then(|served| served.source.hop());
        if next.is_some() && matches!(outcome, Some(Outcome::Answered(_))) {
            passed_on.insert(hop);
        }
    }
    let marks = |hop: HopId| {
        // What was passed on in whole was no worse for what happened here, unless it went astray.
        let is_passed_on = !by_time && !by_loop && passed_on.contains(&hop);
        let marks = if is_passed_on { FaultSet::EMPTY } else { marks(scenario, trace, hop) };
        marks.iter().map(|fault| (hop, fault)).collect::<Vec<_>>()
    };
    hops.into_iter().flat_map(marks).collect()
}

/// Whether a hop came to nothing because of a limit that the scenario itself has.
fn is_at_limit(trace: &CallTrace, hop: HopId) -> bool {
    // What was planned for it and did not come to pass does not matter.
    let unsent = trace.attempt(hop).is_some_and(|a| {
        a.outcome.failure() == Some(Failure::ConnectionLimitReached)
            && a.crowd.as_ref().is_none_or(|crowd| crowd.held_by.is_empty())
    });
    let refused = trace.served(hop).is_some_and(|served| match served.source {
        Source::Refused(Refusal::QueueFull) => {
            served.faults.is_empty() && served.held_up.as_ref().is_none_or(|held| held.held_by.is_empty())
        }
        Source::Refused(_) => served.ruled.as_ref().is_some_and(|ruled| ruled.refused_by.is_some()),
        _ => false,
    });
    unsent || refused
}

/// The marks on a hop. Those of others which it found no room for say nothing as long as these had been
/// there no longer than usual; nor do its own where a limit that is declared was spent.
fn marks(scenario: &Scenario, trace: &CallTrace, hop: HopId) -> FaultSet {
    let ruled = trace.served(hop).and_then(|served| served.ruled.as_ref());
    if ruled.is_some_and(|ruled| matches!(ruled.refused_by, Some(Rule::Limit(_)))) {
        return FaultSet::EMPTY;
    }
    let attempt = trace.attempt(hop);
    let mut marks = attempt.map_or(FaultSet::EMPTY, |attempt| attempt.faults);
    if let Some((attempt, crowd)) = attempt.and_then(|attempt| Some((attempt, attempt.crowd.as_ref()?)))
        && crowd.attempts.mean_age > seldom_longer(scenario, trace, attempt.edge)
    {
        marks = marks.union(crowd.held_by);
    }
    if let Some(served) = trace.served(hop) {
        marks = marks.union(served.faults);
        if let Some(held) = served.held_up.as_ref().filter(|_| is_held_up(scenario, served)) {
            marks = marks.union(held.held_by);
        }
    }
    marks
}

/// Adds the tries before one, if they count, and all that was done for them and for it as long as it went on.
fn add_below(trace: &CallTrace, last: &Attempt, before: bool, hops: &mut BTreeSet<HopId>) {
    let tries = trace
        .attempts
        .iter()
        .filter(|a| a.hop == last.hop || before && a.parent == last.parent && a.start <= last.end);
    let mut open: Vec<HopId> = tries.map(|a| a.hop).collect();
    let mut below = BTreeSet::new();
    while let Some(hop) = open.pop() {
        if below.insert(hop) {
            let made = trace.attempts.iter().filter(|a| a.parent == hop && a.start <= last.end);
            open.extend(made.map(|a| a.hop));
        }
    }
    hops.append(&mut below);
}

/// Whether a verdict is what a fault's mark on a hop makes true.
fn agrees(scenario: &Scenario, call: &Judged<'_>, verdict: &Verdict, hop: HopId, fault: FaultId) -> bool {
    let fault = scenario.fault(fault);
    let mechanism = fault.mechanism.name();
    if verdict.cause != fault.mechanism.cause()
        || Mechanism::family(verdict.mechanism) != Mechanism::family(mechanism)
    {
        return false;
    }
    if mechanism == "routing_loop" {
        return fault.targets.contains(&verdict.origin);
    }
    let attempt = call.trace.attempt(hop).map(|a| a.edge);
    let Some(edge) = attempt.or_else(|| call.trace.served(hop).map(|s| s.edge)) else { return false };
    let callee = scenario.topology.node(scenario.topology.ends(edge).1);
    // What kept a program from its callees is marked on the program's own hop.
    if callee.kind == NodeKind::External && fault.targets.contains(&verdict.origin) {
        return true;
    }
    verdict.origin
        == match fault.mechanism.site() {
            Site::Edge => Target::Edge(edge),
            Site::Node => Target::Node(scenario.topology.ends(edge).1),
        }
}

fn truth(scenario: &Scenario, faults: FaultSet) -> String {
    let each = faults.iter().map(|id| {
        let fault = scenario.fault(id);
        format!("{} at {}", reason(fault.mechanism.cause().name(), fault.mechanism.name()), fault.at)
    });
    each.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use topology::fault::{Crash, Network};
    use topology::{Cause, EdgeId, NodeId};

    use super::*;
    use crate::testing::{Call, TERMINATED, chain, fault};

    const HANG: usize = 0;
    const RESET: usize = 1;

    /// Scores one verdict on a call whose only hop carries the marks of these faults.
    fn score(faults: &[usize], origin: Target, cause: Cause, mechanism: &'static str) -> Score {
        let mut scenario = chain(&["client", "app"]);
        let reset = Network::ResetPeer { phase: topology::fault::ResetPhase::BeforeHeaders };
        scenario.faults = vec![
            fault("hang", Target::Node(NodeId(1)), Mechanism::Crash(Crash::Hang {})),
            fault("reset", Target::Edge(EdgeId(0)), Mechanism::Network(reset)),
        ];
        let mut call = Call::new(0, 0, 0);
        let hop = call.attempt(call.root(), 0, 1, TERMINATED);
        call.mark(hop, faults.iter().map(|&f| FaultId(u8::try_from(f).unwrap())).collect());
        let trace = call.end();
        let (lineage, evidence, next_step) = (vec![hop], String::new(), "");
        let verdict = Verdict { origin, cause, mechanism, hop, lineage, evidence, next_step };
        let judged = Judged { trace: &trace, verdict: Some(verdict), masked: Vec::new() };
        let mut tally = ScoreTally::default();
        tally.add(&scenario, &judged);
        tally.into_score()
    }

    const APP: Target = Target::Node(NodeId(1));
    const LINK: Target = Target::Edge(EdgeId(0));

    #[test]
    fn right_is_cause_and_family_and_place() {
        assert_eq!(score(&[HANG], APP, Cause::Crash, "hang").single.right, 1);
        assert_eq!(score(&[HANG], APP, Cause::Overload, "hang").single.right, 0);
        assert_eq!(score(&[HANG], APP, Cause::Crash, "panic").single.right, 0);
        assert_eq!(score(&[HANG], LINK, Cause::Crash, "hang").single.right, 0);
        assert_eq!(score(&[RESET], LINK, Cause::Network, "reset_peer").single.right, 1);
        assert_eq!(score(&[RESET], APP, Cause::Network, "reset_peer").single.right, 0);
    }

    #[test]
    fn with_several_marks_any_will_do() {
        let both = score(&[HANG, RESET], LINK, Cause::Network, "reset_peer");
        assert_eq!((both.single.total, both.multiple.right, both.multiple.total), (0, 1, 1));
    }

    #[test]
    fn a_miss_says_what_was_said_and_what_is_true() {
        let miss = &score(&[RESET], APP, Cause::Unknown, "").misses[0];
        assert_eq!(miss.said, "unknown at app");
        assert_eq!(miss.truth, "network (reset_peer) at reset");
    }

    #[test]
    fn what_was_done_to_an_attempt_that_another_followed_decides_nothing() {
        for (marked, total) in [(0, 0), (1, 1)] {
            let mut scenario = chain(&["client", "app"]);
            scenario.faults = vec![fault("hang", APP, Mechanism::Crash(Crash::Hang {}))];
            let mut call = Call::new(0, 0, 0);
            let attempts = [1, 2].map(|number| call.attempt(call.root(), 0, number, TERMINATED));
            call.mark(attempts[marked], [FaultId(0)].into_iter().collect());
            let trace = call.end();
            assert_eq!(trace.end.decisive, Some(attempts[1]));
            let (hop, lineage) = (attempts[1], vec![attempts[1]]);
            let (cause, evidence, next_step) = (Cause::Overload, String::new(), "");
            let verdict =
                Verdict { origin: APP, cause, mechanism: "rate_limit", hop, lineage, evidence, next_step };
            let mut tally = ScoreTally::default();
            tally.add(&scenario, &Judged { trace: &trace, verdict: Some(verdict), masked: Vec::new() });
            let score = tally.into_score();
            assert_eq!((score.single.total, score.unmarked), (total, 1 - total));
        }
    }

    #[test]
    fn without_a_mark_there_is_nothing_to_score() {
        let none = score(&[], APP, Cause::Crash, "hang");
        assert_eq!((none.unmarked, none.scored().total), (1, 0));
    }
}
