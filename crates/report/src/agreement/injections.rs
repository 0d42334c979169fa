//! Which attempts each fault has hit, engine by engine.

use serde::Serialize;
use topology::Scenario;
use topology::fault::{Config, Effect, Fault, FaultId, Mechanism, Overload};

use super::side::{Side, Tried};
use super::{Judgement, Machine, lines};

/// What a fault has hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Injection {
    pub(crate) fault: String,
    pub(crate) basis: Basis,
    /// How many attempts the live engine has marked.
    pub(crate) live: u64,
    /// How many the virtual one has.
    #[serde(rename = "virtual")]
    pub(crate) virtual_time: u64,
    /// How many of these are the same.
    pub(crate) both: u64,
    /// Marked by one engine only: the other has not made the attempt.
    pub(crate) unpaired: u64,
    /// Likewise: a fault's window held in one engine and not in the other when the attempt began.
    pub(crate) at_edges: u64,
    /// Likewise: in the other engine the attempt failed before the fault could show.
    pub(crate) cut_short: u64,
    /// Likewise, and none of these reasons.
    pub(crate) differ: u64,
    /// By how much the two numbers may differ.
    pub(crate) tolerance: f64,
    pub(crate) verdict: Judgement,
}

/// How a fault is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// Whether it hits an attempt is drawn for that attempt: of those that both engines make it hits the
    /// same in both.
    Drawn,
    /// It depends on what else is going on just then (a process that is down, a queue that is full, a
    /// limit that is spent, a connection that has idled): about as often in both.
    Met,
}

impl Basis {
    fn of(scenario: &Scenario, fault: &Fault) -> Self {
        let met = matches!(
            fault.mechanism,
            Mechanism::Overload(Overload::RateLimit { .. }) | Mechanism::Config(Config::KeepaliveRace { .. })
        );
        let down = !fault.outages(scenario.duration).is_empty();
        if met || down || fault.count.is_some() || fault.mechanism.effect() == Effect::State {
            Self::Met
        } else {
            Self::Drawn
        }
    }
}

pub(super) fn injections(
    scenario: &Scenario,
    live: &Side,
    virtual_time: &Side,
    machine: &Machine,
) -> Vec<Injection> {
    scenario
        .fault_ids()
        .map(|(id, fault)| injection(scenario, id, fault, live, virtual_time, machine))
        .collect()
}

fn injection(
    scenario: &Scenario,
    id: FaultId,
    fault: &Fault,
    live: &Side,
    virtual_time: &Side,
    machine: &Machine,
) -> Injection {
    let mut injection = Injection {
        fault: fault.name.clone(),
        basis: Basis::of(scenario, fault),
        live: 0,
        virtual_time: 0,
        both: 0,
        unpaired: 0,
        at_edges: 0,
        cut_short: 0,
        differ: 0,
        tolerance: 0.0,
        verdict: Judgement::Agrees,
    };
    let marked = |side: &'_ Side| -> Vec<_> {
        let hit = side.attempts.iter().filter(|(_, tried)| tried.faults.contains(id));
        hit.map(|(&hop, &tried)| (hop, tried)).collect()
    };
    let (ours, theirs) = (marked(live), marked(virtual_time));
    (injection.live, injection.virtual_time) = (ours.len() as u64, theirs.len() as u64);
    let pairs = ours.iter().map(|(hop, tried)| (tried, virtual_time.attempts.get(hop)));
    let others = theirs.iter().map(|(hop, tried)| (tried, live.attempts.get(hop)));
    for (is_ours, (tried, other)) in pairs.map(|p| (true, p)).chain(others.map(|p| (false, p))) {
        match other {
            None => injection.unpaired += 1,
            Some(other) if other.faults.contains(id) => injection.both += u64::from(is_ours),
            Some(other) if at_edge(scenario, tried, other) => injection.at_edges += 1,
            Some(other) if !other.ok => injection.cut_short += 1,
            Some(_) => injection.differ += 1,
        }
    }
    let of = |hits, side: &Side| (hits, side.attempts.len() as u64);
    let (l, v) = (of(injection.live, live), of(injection.virtual_time, virtual_time));
    let line = lines::count(&fault.name, l, v, machine.limit.is_some());
    (injection.tolerance, injection.verdict) = (line.tolerance, line.verdict);
    // No machine is so busy that it changes what is drawn.
    if injection.basis == Basis::Drawn && injection.differ > 0 {
        injection.verdict = Judgement::Differs;
    }
    injection
}

/// Whether any fault held at the begin of one of these attempts and not of the other: of several faults
/// that end an attempt the first one takes effect, so that another's window matters too.
fn at_edge(scenario: &Scenario, one: &Tried, other: &Tried) -> bool {
    let held = |fault: &Fault, tried: &Tried| fault.schedule.active_for(tried.start).is_some();
    scenario.faults.iter().any(|fault| held(fault, one) != held(fault, other))
}
