use std::collections::HashMap;

use topology::fault::{Crash, Network, Schedule};
use topology::{EdgeId, FaultSet, Mechanism, NodeId, Target};
use trace::HopId;

use super::side::{Spread, Tried};
use super::*;
use crate::render::{self, Format, Look};
use crate::testing::{chain, fault, strategy};

/// A chain whose link drops some, in the second second only, and whose server dies.
fn scenario() -> Scenario {
    let mut scenario = chain(&["client", "gw", "app"]);
    let mut flaky = fault("flaky", Target::Edge(EdgeId(1)), Mechanism::Network(Network::EmptyResponse {}));
    let second = Duration::from_secs(1);
    flaky.schedule = Schedule { start: second, stop: Duration::MAX, every: None, lasts: Some(second) };
    let down = Crash::Down { restart_after: topology::units::DurationText(second) };
    scenario.faults = vec![flaky, fault("death", Target::Node(NodeId(2)), Mechanism::Crash(down))];
    scenario
}

/// A run of 1000 calls, one attempt each, one every 2 ms; of those in the second second every tenth
/// is hit by the first fault.
fn side() -> Side {
    let attempts = (0..1000).map(|n| {
        let hit = n >= 500 && n % 10 == 0;
        let faults: FaultSet = scenario().fault_ids().take(usize::from(hit)).map(|(id, _)| id).collect();
        (HopId(n), Tried { start: Duration::from_millis(2 * n), faults, ok: !hit })
    });
    let mut spread = Spread::default();
    (0..1000).for_each(|_| spread.add(1));
    Side {
        figures: strategy("", 950, 1.0),
        origins: Vec::new(),
        attempts: attempts.collect::<HashMap<_, _>>(),
        waits: 2.0,
        by_client: spread,
        at_deepest: spread,
    }
}

fn of(live: &Side, virtual_time: &Side) -> Agreement {
    Agreement::of(&scenario(), live, virtual_time, Machine::default())
}

#[test]
fn what_is_the_same_agrees() {
    let agreement = of(&side(), &side());
    assert_eq!(agreement.verdict(), Judgement::Agrees);
    assert_eq!(agreement.sentence(), "the engines agree in all 8 lines");
    let flaky = &agreement.faults[0];
    assert_eq!((flaky.live, flaky.virtual_time, flaky.both), (50, 50, 50));
}

#[test]
fn a_fault_that_is_drawn_hits_the_same_attempts() {
    let live = side();
    // As many, but others.
    let mut other = side();
    let hit = other.attempts[&HopId(500)];
    other.attempts.get_mut(&HopId(501)).unwrap().faults = hit.faults;
    let missed = other.attempts.get_mut(&HopId(500)).unwrap();
    (missed.faults, missed.ok) = (FaultSet::EMPTY, true);
    let agreement = of(&live, &other);
    assert_eq!((agreement.faults[0].live, agreement.faults[0].virtual_time), (50, 50));
    // Each of the two went well where it was not hit.
    assert_eq!((agreement.faults[0].both, agreement.faults[0].differ), (49, 2));
    assert_eq!(agreement.verdict(), Judgement::Differs);
    assert_eq!(agreement.sentence(), "the engines differ in 1 of 8 lines (flaky)");
    // A busy machine does not change what is drawn.
    let machine = Machine { limit: Some("busy".to_owned()), ..Machine::default() };
    assert_eq!(Agreement::of(&scenario(), &live, &other, machine).verdict(), Judgement::Differs);
}

#[test]
fn what_explains_a_difference_is_told_apart() {
    let live = side();
    let mut other = side();
    // Begun before the window; ended by something else; not made at all.
    let early = other.attempts.get_mut(&HopId(500)).unwrap();
    *early = Tried { start: Duration::from_millis(999), faults: FaultSet::EMPTY, ok: true };
    other.attempts.get_mut(&HopId(510)).unwrap().faults = FaultSet::EMPTY;
    other.attempts.remove(&HopId(520));
    let agreement = of(&live, &other);
    let flaky = &agreement.faults[0];
    assert_eq!((flaky.both, flaky.at_edges, flaky.cut_short, flaky.unpaired, flaky.differ), (47, 1, 1, 1, 0));
    assert_eq!(agreement.verdict(), Judgement::Agrees);
}

#[test]
fn that_no_attempt_can_be_compared_is_no_agreement() {
    let mut other = side();
    for tried in other.attempts.values_mut() {
        *tried = Tried { start: Duration::ZERO, faults: FaultSet::EMPTY, ok: true };
    }
    let agreement = of(&side(), &other);
    assert_eq!((agreement.faults[0].at_edges, agreement.faults[0].differ), (50, 0));
    assert_eq!(agreement.verdict(), Judgement::Differs);
}

#[test]
fn a_state_is_met_about_as_often() {
    let scenario = scenario();
    let death = scenario.fault_ids().nth(1).unwrap().0;
    let hit = |many: u64| {
        let mut side = side();
        for n in 0..many {
            side.attempts.get_mut(&HopId(n)).unwrap().faults.insert(death);
        }
        side
    };
    let verdict = |live, virtual_time| {
        let agreement = of(&hit(live), &hit(virtual_time));
        assert_eq!(agreement.faults[1].basis, Basis::Met);
        agreement.faults[1].verdict
    };
    assert_eq!(verdict(100, 120), Judgement::Agrees);
    assert_eq!(verdict(100, 200), Judgement::Differs);
}

#[test]
fn where_the_machine_was_the_limit_nothing_is_decided() {
    let mut slow = side();
    slow.figures.p99_ms = slow.figures.p99_ms.map(|p99| p99 + 20.0);
    let (live, machine) = (side(), Machine::default());
    assert_eq!(Agreement::of(&scenario(), &slow, &live, machine).verdict(), Judgement::Differs);
    // A little late, but not by so much; then late enough with two waits in each call.
    let punctual = Machine { lateness: Duration::from_millis(2), ..Machine::default() };
    assert_eq!(Agreement::of(&scenario(), &slow, &live, punctual).verdict(), Judgement::Differs);
    let late = Machine { lateness: Duration::from_millis(4), ..Machine::default() };
    let agreement = Agreement::of(&scenario(), &slow, &live, late);
    assert_eq!(agreement.verdict(), Judgement::Undecided);
    assert!(agreement.sentence().contains("1 of 8 lines (p99)"), "{}", agreement.sentence());
    assert!(agreement.sentence().ends_with("it began calls 4.00ms late at p99"), "{}", agreement.sentence());
    let busy = Machine { limit: Some("waits ended late".to_owned()), ..Machine::default() };
    slow.figures.p99_ms = Some(1000.0);
    let agreement = Agreement::of(&scenario(), &slow, &live, busy);
    assert!(agreement.sentence().ends_with("waits ended late"), "{}", agreement.sentence());
}

#[test]
fn it_is_shown_line_by_line() {
    let mut other = side();
    other.figures.succeeded = 800;
    other.figures.success_rate = Some(0.8);
    other.attempts.remove(&HopId(520));
    let mut out = Vec::new();
    render::agreement(&of(&side(), &other), Format::Table, Look::default(), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
