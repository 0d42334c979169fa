//! A call's records, from what is known of its tries and the visits that they led to.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use topology::{EdgeId, Failure};
use trace::{Attempt, CallEnd, CallId, CallTrace, HopId, Outcome, Served, Time, witness};

use crate::build::Builder;
use crate::observation::{Call, Told};
use crate::tree::{self, Tree};

/// Where an attempt is in the group, and whether its callee has a log.
struct Placed {
    place: usize,
    logs: bool,
}

impl Builder<'_> {
    /// A call; what its client told of it is there, or shows in its last attempt. Its number comes later.
    pub(crate) fn trace(
        &self,
        tree: &mut Tree,
        places: &[usize],
        told: Option<Call>,
        advice: &mut HashMap<HopId, &'static str>,
    ) -> Option<CallTrace> {
        let (placed, mut attempts) = self.attempts(tree, places)?;
        let mut idle_closed = Vec::new();
        for (Placed { place, .. }, attempt) in placed.iter().zip(&attempts) {
            let made = &tree.group.tries[*place].made;
            idle_closed.extend(made.idle_closed.then_some(attempt.hop));
            let more = match tree.links.visit[*place] {
                Some(visit) => tree.group.visits[visit].advice,
                None => made.advice,
            };
            if let Some(text) = more {
                advice.insert(attempt.hop, text);
            }
        }
        let mut made_for: HashMap<HopId, Vec<&Attempt>> = HashMap::new();
        for attempt in &attempts {
            made_for.entry(attempt.parent).or_default().push(attempt);
        }
        let sides = placed.iter().zip(&attempts).filter_map(|(placed, attempt)| {
            let made = made_for.get(&attempt.hop).map_or(&[][..], |made| made);
            self.side(tree, placed, attempt, made)
        });
        let mut served: Vec<Served> = sides.collect();
        for attempt in &mut attempts {
            attempt.start = self.since(attempt.start);
            attempt.end = self.since(attempt.end);
        }
        for served in &mut served {
            served.arrived = self.since(served.arrived);
            served.finished = self.since(served.finished);
            served.started = served.started.map(|at| self.since(at));
        }
        let end = self.end(tree, &attempts, told)?;
        attempts.sort_by_key(|attempt| attempt.end);
        Some(CallTrace { end, attempts, served, idle_closed })
    }

    /// The attempts, in the order of their begin.
    fn attempts(&self, tree: &mut Tree, places: &[usize]) -> Option<(Vec<Placed>, Vec<Attempt>)> {
        let mut numbers: BTreeMap<(HopId, EdgeId), u16> = BTreeMap::new();
        let mut order = places.to_vec();
        order.sort_by_key(|place| (tree.group.tries[*place].made.attempt.start, *place));
        let mut placed = Vec::with_capacity(order.len());
        let mut attempts = Vec::with_capacity(order.len());
        for place in order {
            let callee = self.callee(tree, place);
            let logs = self.logs.contains(&callee);
            let hop = tree.hop(place);
            let cause = tree.links.maker[place].and_then(|visit| tree.links.cause[visit]);
            let parent = cause.map_or(HopId::root(CallId(0)), |cause| tree.hop(cause));
            let made = &mut tree.group.tries[place].made;
            if logs && tree.links.visit[place].is_none() {
                tree::settle(made);
            }
            let ends = (self.topology.find(&made.node)?, self.topology.find(&callee)?);
            let edge = *self.edges.get(&ends)?;
            let number = numbers.entry((parent, edge)).or_default();
            *number = number.saturating_add(1);
            attempts.push(Attempt { hop, parent, edge, attempt: *number, ..made.attempt.clone() });
            placed.push(Placed { place, logs });
        }
        Some((placed, attempts))
    }

    /// The callee's side of an attempt, with those that it made for it.
    fn side(&self, tree: &Tree, placed: &Placed, attempt: &Attempt, made: &[&Attempt]) -> Option<Served> {
        let Placed { place, logs } = placed;
        let Some(visit) = tree.links.visit[*place] else {
            // Of one that keeps no log its caller bears witness; and whoever answered was there.
            let told = tree.group.tries[*place].made.seen;
            let is_seen = told.unwrap_or(!logs || matches!(attempt.outcome, Outcome::Answered(_)));
            let served = witness::served(attempt).filter(|_| is_seen)?;
            let source = witness::source(made.iter().copied(), &served);
            return Some(Served { source, ..served });
        };
        let visit = &tree.group.visits[visit];
        let mut served = Served { hop: attempt.hop, edge: attempt.edge, ..visit.served.clone() };
        served.source = tree::source(tree, visit, made, &served);
        if visit.told == Told::Nothing && !visit.witnessed && served.worked.is_zero() {
            served.worked = own_time(made, &served);
        }
        if let (Some((upstream, under_way)), Some(held)) = (&visit.crowd, &mut served.held_up) {
            let ends = self.topology.find(&visit.node).zip(self.topology.find(upstream));
            held.crowd = ends.and_then(|ends| self.edges.get(&ends)).map(|edge| (*edge, *under_way));
        }
        Some(served)
    }

    /// How the call ended.
    fn end(&self, tree: &Tree, attempts: &[Attempt], told: Option<Call>) -> Option<CallEnd> {
        let root = HopId::root(CallId(0));
        let own = || attempts.iter().filter(|attempt| attempt.parent == root);
        let count = u32::try_from(own().count()).unwrap_or(u32::MAX);
        if let Some(Call { node, end, decisive, .. }) = told {
            let named = decisive.and_then(|span| tree.hop_of_span(&span));
            let last = own().max_by_key(|attempt| attempt.end).map(|attempt| attempt.hop);
            return Some(CallEnd {
                client: self.topology.find(&node)?,
                start: self.since(end.start),
                end: self.since(end.end),
                attempts: count,
                decisive: named.or(last.filter(|_| end.failure != Some(Failure::Cancelled))),
                ..end
            });
        }
        let last = own().max_by_key(|attempt| (attempt.outcome.is_ok(), attempt.end))?;
        Some(CallEnd {
            call: CallId(0),
            client: self.topology.ends(last.edge).0,
            start: own().map(|attempt| attempt.start).min().unwrap_or_default(),
            end: last.end,
            status: last.outcome.status(),
            failure: last.outcome.failure(),
            attempts: count,
            decisive: Some(last.hop),
            parent: None,
        })
    }
}

/// Gives a call its number.
pub(crate) fn number(trace: &mut CallTrace, call: CallId) {
    let before = HopId::root(trace.end.call);
    trace.end.call = call;
    let root = HopId::root(call);
    for attempt in &mut trace.attempts {
        attempt.call = call;
        if attempt.parent == before {
            attempt.parent = root;
        }
    }
    for served in &mut trace.served {
        served.call = call;
    }
}

/// What of a request's time at a node did not go to waiting for others.
fn own_time(made: &[&Attempt], served: &Served) -> Duration {
    let mut spans: Vec<(Time, Time)> =
        made.iter().map(|a| (a.start.max(served.arrived), a.end.min(served.finished))).collect();
    spans.sort();
    let mut own = served.finished.since(served.arrived);
    let mut until = served.arrived;
    for (start, end) in spans {
        own = own.saturating_sub(end.since(start.max(until)));
        until = until.max(end);
    }
    own
}
