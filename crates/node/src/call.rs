//! One call of a node's plan: its attempts, over one edge or another, one after another or at once.

mod choice;
mod record;

use std::time::Duration;

use smallvec::SmallVec;
use topology::EdgeId;
use topology::node::Choice;
use topology::policy::{HedgeAfter, Policy};
use topology::wire::{Disturbance, SharedDisturbance};
use topology::{Failure, FaultSet};
use trace::{CallId, HopId, Outcome, Time};

use crate::action::{Action, AttemptId, AttemptReport, Outgoing, Timer};
use crate::edge::RetryCost;
use crate::faults::HopContext;
use crate::retry::{self, Waits};
use crate::scope::{Scope, least};
use choice::refused_by_policy;
use record::record;

/// What all calls of a visit have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) call: CallId,
    pub(crate) hop: HopId,
    pub(crate) retries: u16,
    pub(crate) idempotent: bool,
    /// From then on nobody waits for an answer.
    pub(crate) deadline: Option<Time>,
    /// How much it matters.
    pub(crate) priority: u8,
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) attempt: u16,
    pub(crate) hop: HopId,
    pub(crate) edge: EdgeId,
    disturbance: SharedDisturbance,
    pub(crate) start: Time,
    pub(crate) status: Option<u16>,
    pub(crate) relayed: bool,
    retry_after: Option<Duration>,
}

impl Flight {
    /// The faults that make it longer than it would be.
    pub(crate) fn lengthened_by(&self) -> FaultSet {
        self.disturbance.lengthening()
    }
}

#[derive(Debug)]
enum State {
    /// An attempt is under way, or more than one.
    Trying,
    /// The next attempt is waited for.
    BackingOff,
    /// It has failed for good, and waits for nothing. (Hardly any does: that is not kept here.)
    Lingering(Box<Last>),
    Ended,
}

/// An attempt after which there is no other.
#[derive(Debug, Clone, Copy)]
struct Last {
    hop: HopId,
    edge: EdgeId,
    outcome: Outcome,
}

/// To whom a call may go.
#[derive(Debug)]
enum Callees {
    One(EdgeId),
    Many(Box<Replicas>),
}

/// Several callees of which one is asked.
#[derive(Debug)]
struct Replicas {
    choice: Choice,
    tried: Vec<EdgeId>,
}

/// How often one call is sent again over another connection: each takes a used one out of the pool,
/// and a pool that never runs out of closed ones is no longer a race.
const RESENT_MAX: u16 = 32;

/// One call of the plan.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) slot: u16,
    callees: Callees,
    attempt: u16,
    /// How many of them went over used connections that turned out to be closed, and were sent again.
    resent: u16,
    began: Time,
    /// None before the first.
    waits: Option<Box<Waits>>,
    flights: SmallVec<[Flight; 1]>,
    state: State,
    /// Retries and hedges that the budget has granted.
    retries: u32,
    last_cost: RetryCost,
}

/// What a call has come to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Progress {
    /// It is being tried, or will be again.
    GoesOn,
    /// Its last attempt ended so; with or without success.
    Ended { slot: u16, hop: HopId, edge: EdgeId, outcome: Outcome, relayed: bool },
}

/// A response's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Over which edge it came.
    pub(crate) edge: EdgeId,
    /// Whatever comes of it is the call's answer, unless its end fails; else another attempt may bring
    /// something better.
    pub(crate) is_last_word: bool,
}

impl Call {
    /// A call that has not begun.
    pub(crate) fn new(slot: u16, choice: &Choice, now: Time) -> Self {
        Self {
            slot,
            callees: match choice.edges[..] {
                [(only, _)] => Callees::One(only),
                _ => Callees::Many(Box::new(Replicas { choice: choice.clone(), tried: Vec::new() })),
            },
            attempt: 0,
            resent: 0,
            began: now,
            waits: None,
            flights: SmallVec::new(),
            state: State::Trying,
            retries: 0,
            last_cost: RetryCost::default(),
        }
    }

    /// Begins with the first attempt. Where that cannot even be sent, it may have ended at once.
    pub(crate) fn begin(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) -> Progress {
        let group = self.group();
        let (policy, now) = (scope.policy(group), scope.now);
        scope.node.edge(group).budget.call_begins(policy.retry.budget.as_ref(), now);
        self.send(origin, scope)
    }

    /// The edge at which all that the replicas of the callee share is kept.
    fn group(&self) -> EdgeId {
        match &self.callees {
            Callees::One(only) => *only,
            Callees::Many(replicas) => replicas.choice.edges[0].0,
        }
    }

    /// Makes the next attempt; and the next, as long as the policy wants one at once.
    pub(crate) fn send(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) -> Progress {
        loop {
            let (failure, flight) = match self.launch(origin, scope) {
                Ok(()) => return Progress::GoesOn,
                Err(refused) => refused,
            };
            let outcome = Outcome::Failed { failure, status: None };
            let Flight { edge, hop, .. } = flight;
            record(flight, AttemptReport::of(outcome), origin, scope);
            if !self.flights.is_empty() {
                return Progress::GoesOn;
            }
            match self.failed(edge, hop, outcome, None, origin, scope) {
                Next::Now => {}
                Next::Later => return Progress::GoesOn,
                Next::Never => return self.end(hop, edge, outcome, false, scope),
            }
        }
    }

    /// Sends an attempt; or gives back one that the caller does not even send, and why.
    fn launch(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) -> Result<(), (Failure, Flight)> {
        let chosen = self.choose(origin, scope);
        let (Ok(edge) | Err(edge)) = chosen;
        let attempt = self.attempt.saturating_add(1);
        let hop = origin.hop.child(self.slot, edge.0, attempt);
        let retries = origin.retries.saturating_add(attempt - 1);
        self.attempt = attempt;
        self.state = State::Trying;
        let now = scope.now;
        let policy = scope.policy(edge);
        let refused = match chosen {
            Err(_) => Some(Failure::DestinationUnavailable),
            Ok(_) => refused_by_policy(policy, edge, hop, scope),
        };
        let disturbance = if refused.is_some() {
            SharedDisturbance::default()
        } else {
            let context = HopContext { call: origin.call, hop, edge, retries };
            scope.env.faults.disturb(scope.env.scenario, scope.env.dice, &context, now)
        };
        let give_up_at =
            least(timeout(policy, &disturbance).map(|t| now + t), policy.deadline.map(|d| self.began + d));
        let wanted_by = least(give_up_at, origin.deadline);
        let connect_by = now + policy.connect_timeout;
        let outgoing = Outgoing {
            call: origin.call,
            hop,
            edge,
            attempt,
            retries,
            give_up_at,
            read_timeout: policy.read_timeout,
            connect_by: give_up_at.map_or(connect_by, |t| t.min(connect_by)),
            time_left: wanted_by.filter(|_| policy.propagate_deadline).map(|t| t.since(now)),
            priority: origin.priority,
            disturbance,
        };
        let flight = Flight {
            attempt,
            hop,
            edge,
            disturbance: outgoing.disturbance.clone(),
            start: now,
            status: None,
            relayed: false,
            retry_after: None,
        };
        if let Some(failure) = refused {
            return Err((failure, flight));
        }
        scope.node.edge(edge).sent(now, flight.lengthened_by());
        let id = AttemptId { slot: self.slot, attempt };
        scope.out.push(Action::Send { id, outgoing });
        self.flights.push(flight);
        self.arm_hedge(policy, scope);
        Ok(())
    }

    /// Has the call wake when it is time for one more copy.
    fn arm_hedge(&self, policy: &Policy, scope: &mut Scope<'_, '_>) {
        let Some(hedge) = policy.hedge.filter(|hedge| u32::from(self.attempt) < hedge.max_attempts) else {
            return;
        };
        let after = match hedge.after {
            HedgeAfter::Delay(delay) => Some(delay),
            HedgeAfter::Quantile(quantile) => scope.node.edge(self.group()).recent.quantile(quantile),
        };
        if let Some(after) = after {
            let id = AttemptId { slot: self.slot, attempt: self.attempt };
            scope.out.push(Action::Sleep { timer: Timer::Hedge(id), until: scope.now + after });
        }
    }

    /// It is time for one more copy, if this attempt is still the newest and under way.
    pub(crate) fn hedge(&mut self, attempt: u16, origin: Origin, scope: &mut Scope<'_, '_>) -> Progress {
        let newest = self.flights.iter().find(|f| f.attempt == attempt && self.attempt == attempt);
        // A good head has come already: another copy would be for nothing.
        let Some(flight) = newest.filter(|f| f.status.is_none_or(|status| status >= 400)) else {
            return Progress::GoesOn;
        };
        let policy = scope.policy(flight.edge);
        if self.limit(policy, origin).is_some_and(|limit| scope.now >= limit) {
            return Progress::GoesOn;
        }
        if self.withdraw(policy, None, scope) { self.send(origin, scope) } else { Progress::GoesOn }
    }

    /// An attempt under way.
    pub(crate) fn flight(&mut self, attempt: u16) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|f| f.attempt == attempt)
    }

    /// The first of the attempts under way.
    pub(crate) fn first_flight(&self) -> Option<&Flight> {
        self.flights.first()
    }

    /// How many attempts it has made.
    pub(crate) fn attempts(&self) -> u32 {
        u32::from(self.attempt)
    }

    /// Whether it is over.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes a response's head, if the attempt that it is of is under way. One that is good is the
    /// answer: other copies are given up.
    pub(crate) fn head(
        &mut self,
        attempt: u16,
        status: u16,
        retry_after: Option<Duration>,
        origin: Origin,
        scope: &mut Scope<'_, '_>,
    ) -> Option<Head> {
        let attempts = u32::from(self.attempt - self.resent);
        let flight = self.flight(attempt)?;
        flight.status = Some(status);
        flight.retry_after = retry_after;
        let edge = flight.edge;
        if status < 400 {
            self.give_up_all_but(attempt, origin, scope);
            return Some(Head { edge, is_last_word: true });
        }
        let retry = &scope.policy(edge).retry;
        let told = retry_after.is_some();
        let again = retry::is_eligible(retry, Outcome::Answered(status), told, origin.idempotent);
        let is_last_word = self.flights.len() == 1 && (!again || attempts >= retry.max_attempts);
        Some(Head { edge, is_last_word })
    }

    /// Takes an attempt's end: records it, and tries again or gives up.
    pub(crate) fn ended(
        &mut self,
        attempt: u16,
        report: AttemptReport,
        origin: Origin,
        scope: &mut Scope<'_, '_>,
    ) -> Progress {
        let Some(flight) = self.take(attempt) else { return Progress::GoesOn };
        let outcome = report.outcome;
        let Flight { edge, hop, start, relayed, retry_after, .. } = flight;
        let stale = report.reused && outcome.failure() == Some(Failure::ConnectionTerminated);
        let now = scope.now;
        self.settle(&flight, outcome, scope);
        record(flight, report, origin, scope);
        if outcome.is_ok() {
            // Where nothing is hedged nobody asks how long answers take.
            if matches!(self.callees, Callees::Many(_)) || scope.policy(edge).hedge.is_some() {
                scope.node.edge(self.group()).recent.add(now.since(start));
            }
            self.give_up_all_but(attempt, origin, scope);
        } else if !relayed {
            if !self.flights.is_empty() {
                return Progress::GoesOn;
            }
            if stale && origin.idempotent && scope.policy(edge).pool.resend && self.resent < RESENT_MAX {
                self.resent += 1;
                return self.send(origin, scope);
            }
            match self.failed(edge, hop, outcome, retry_after, origin, scope) {
                Next::Now => return self.send(origin, scope),
                Next::Later => return Progress::GoesOn,
                Next::Never => {}
            }
        }
        self.end(hop, edge, outcome, relayed, scope)
    }

    /// What follows on the failure of the only attempt under way.
    fn failed(
        &mut self,
        edge: EdgeId,
        hop: HopId,
        outcome: Outcome,
        told: Option<Duration>,
        origin: Origin,
        scope: &mut Scope<'_, '_>,
    ) -> Next {
        let policy = scope.policy(edge);
        let retry = &policy.retry;
        if !retry::is_eligible(retry, outcome, told.is_some(), origin.idempotent) {
            return Next::Never;
        }
        scope.node.edge(self.group()).budget.attempt_fails(retry.budget.as_ref());
        let attempts = self.attempt - self.resent;
        let waits = self.waits.as_deref().copied().unwrap_or_default();
        let ended = retry::Ended { attempts, outcome, told, waits, key: hop.0 };
        let Some(wait) = retry::wait(retry, &ended, scope.env.dice) else { return Next::Never };
        let until = scope.now + wait;
        let limit = self.limit(policy, origin);
        if u32::from(attempts) >= retry.max_attempts {
            if !retry.sleep_after_last || wait.is_zero() {
                return Next::Never;
            }
            self.state = State::Lingering(Box::new(Last { hop, edge, outcome }));
            let until = limit.map_or(until, |limit| until.min(limit));
            scope.out.push(Action::Sleep { timer: Timer::Backoff(self.slot), until });
            return Next::Later;
        }
        if limit.is_some_and(|limit| until >= limit) || !self.withdraw(policy, Some(outcome), scope) {
            return Next::Never;
        }
        self.waits.get_or_insert_default().add(wait);
        if wait.is_zero() {
            return Next::Now;
        }
        self.state = State::BackingOff;
        scope.out.push(Action::Sleep { timer: Timer::Backoff(self.slot), until });
        Next::Later
    }

    /// When the call has no time left.
    fn limit(&self, policy: &Policy, origin: Origin) -> Option<Time> {
        least(policy.deadline.map(|d| self.began + d), origin.deadline)
    }

    /// Takes one more retry out of the budget; `false` if it is spent.
    fn withdraw(&mut self, policy: &Policy, after: Option<Outcome>, scope: &mut Scope<'_, '_>) -> bool {
        let now = scope.now;
        let budget = &mut scope.node.edge(self.group()).budget;
        let Some(cost) = budget.withdraw(policy.retry.budget.as_ref(), after, now) else { return false };
        self.last_cost = cost;
        self.retries += 1;
        true
    }

    /// The back-off is over.
    pub(crate) fn woke(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) -> Progress {
        match &self.state {
            State::BackingOff => self.send(origin, scope),
            State::Lingering(last) => {
                let Last { hop, edge, outcome } = **last;
                self.end(hop, edge, outcome, false, scope)
            }
            State::Trying | State::Ended => Progress::GoesOn,
        }
    }

    fn end(
        &mut self,
        hop: HopId,
        edge: EdgeId,
        outcome: Outcome,
        relayed: bool,
        scope: &mut Scope<'_, '_>,
    ) -> Progress {
        self.leave(outcome.is_ok(), scope);
        Progress::Ended { slot: self.slot, hop, edge, outcome, relayed }
    }

    /// It is over, one way or another.
    fn leave(&mut self, ok: bool, scope: &mut Scope<'_, '_>) {
        if self.is_ended() {
            return;
        }
        self.state = State::Ended;
        let group = self.group();
        let budget = scope.policy(group).retry.budget.as_ref();
        scope.node.edge(group).budget.call_ends(budget, ok, self.retries, self.last_cost);
    }

    /// Takes an attempt out of those under way.
    fn take(&mut self, attempt: u16) -> Option<Flight> {
        let place = self.flights.iter().position(|f| f.attempt == attempt)?;
        Some(self.flights.remove(place))
    }

    /// Gives one attempt up.
    fn give_up(&mut self, attempt: u16, origin: Origin, scope: &mut Scope<'_, '_>) {
        let Some(flight) = self.take(attempt) else { return };
        let edge = flight.edge;
        let outcome = Outcome::Failed { failure: Failure::Cancelled, status: flight.status };
        let (policy, now) = (scope.policy(edge), scope.now);
        scope.node.edge(edge).ended(policy, &flight, now, outcome, false);
        scope.out.push(Action::Abandon { id: AttemptId { slot: self.slot, attempt } });
        record(flight, AttemptReport::of(outcome), origin, scope);
    }

    /// Gives up all attempts under way but this one.
    fn give_up_all_but(&mut self, attempt: u16, origin: Origin, scope: &mut Scope<'_, '_>) {
        while let Some(other) = self.flights.iter().map(|f| f.attempt).find(|other| *other != attempt) {
            self.give_up(other, origin, scope);
        }
    }

    /// Gives the call up; what is under way is recorded as cancelled.
    pub(crate) fn abandon(&mut self, origin: Origin, scope: &mut Scope<'_, '_>) {
        while let Some(flight) = self.first_flight() {
            self.give_up(flight.attempt, origin, scope);
        }
        self.leave(false, scope);
    }
}

/// How long an attempt may take.
fn timeout(policy: &Policy, disturbance: &Disturbance) -> Option<Duration> {
    disturbance.outbound.timeout.or(policy.timeout)
}

/// What follows on a failed attempt.
enum Next {
    /// Another attempt, at once.
    Now,
    /// A wait.
    Later,
    /// Nothing.
    Never,
}
