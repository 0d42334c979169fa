//! How often the blind verdicts agree with the injector's marks.

use topology::fault::Site;
use topology::{FaultId, FaultSet, Mechanism, NodeKind, Scenario, Target};
use trace::HopId;
use trace::manifest::{Miss, Score};

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
        for hop in hops(call.trace) {
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
    fn without_a_mark_there_is_nothing_to_score() {
        let none = score(&[], APP, Cause::Crash, "hang");
        assert_eq!((none.unmarked, none.scored().total), (1, 0));
    }
}
