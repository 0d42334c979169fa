//! How often the blind verdicts agree with the injector's marks.

use std::collections::BTreeMap;

use topology::fault::Site;
use topology::{FaultId, FaultSet, Mechanism, NodeKind, Scenario, Target};
use trace::manifest::{Miss, Score};
use trace::{CallTrace, HopId, Source};

use super::{Judged, ledger::hops};
use crate::Verdict;
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
        let mut distinct = FaultSet::EMPTY;
        let mut marked = Vec::new();
        for hop in deciding(call.trace) {
            let marks = call.trace.marks(hop);
            distinct = distinct.union(marks);
            marked.extend(marks.iter().map(|fault| (hop, fault)));
        }
        let hits = match distinct.len() {
            0 => {
                self.score.unmarked += 1;
                return;
            }
            1 => &mut self.score.single,
            _ => &mut self.score.multiple,
        };
        hits.total += 1;
        if marked.iter().any(|&(hop, fault)| agrees(scenario, call, verdict, hop, fault)) {
            hits.right += 1;
        } else if self.score.misses.len() < MISSES_MAX {
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

/// The hops that a call's end can come of. After each attempt that another one followed, somebody has tried
/// again: what a node answers is what the attempt came to that it passes on, and what was done to an earlier
/// one is no longer the reason.
fn deciding(trace: &CallTrace) -> Vec<HopId> {
    let Some(decisive) = trace.end.decisive else { return hops(trace).into_iter().collect() };
    let mut children: BTreeMap<HopId, Vec<HopId>> = BTreeMap::new();
    for attempt in &trace.attempts {
        children.entry(attempt.parent).or_default().push(attempt.hop);
    }
    let (mut found, mut open) = (Vec::new(), vec![decisive]);
    while let Some(hop) = open.pop() {
        found.push(hop);
        match trace.served(hop).map(|served| served.source) {
            Some(Source::Relayed(child) | Source::Translated(child, _)) => open.push(child),
            _ => open.extend(children.remove(&hop).unwrap_or_default()),
        }
    }
    found
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
