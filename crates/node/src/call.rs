//! One call of a node's plan: its attempts, over one edge or another.

use std::time::Duration;

use topology::node::{Balance, Choice};
use topology::wire::Dial;
use topology::{EdgeId, Failure};
use trace::{Attempt, CallId, HopId, Outcome, Record, Time};

use crate::action::{Action, AttemptReport, Outgoing};
use crate::dice::Purpose;
use crate::faults::{Faults, HopContext};
use crate::retry;
use crate::{Env, NodeState};

/// What all calls of a visit have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) call: CallId,
    pub(crate) hop: HopId,
    pub(crate) retries: u16,
    pub(crate) idempotent: bool,
}

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) outgoing: Outgoing,
    start: Time,
    timeout: Option<Duration>,
    pub(crate) status: Option<u16>,
    pub(crate) relayed: bool,
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum State {
    InFlight(Box<Flight>),
    BackingOff,
    Ended,
}

/// To whom a call may go.
#[derive(Debug)]
enum Callees {
    One(EdgeId),
    Many { choice: Choice, tried: Vec<EdgeId> },
}

/// One call of the plan.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) slot: u16,
    callees: Callees,
    attempt: u16,
    began: Time,
    last_wait: Duration,
    state: State,
}

/// What a call has come to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Progress {
    /// It is being tried again.
    GoesOn,
    /// Its last attempt ended so; with or without success.
    Ended { hop: HopId, edge: EdgeId, outcome: Outcome, relayed: bool },
}

impl Call {
    /// Begins a call with its first attempt. Where the edge has no connection left for it, it has
    /// ended at once.
    pub(crate) fn begin(
        slot: u16,
        choice: &Choice,
        origin: Origin,
        now: Time,
        env: &Env<'_>,
        node: &mut NodeState,
        out: &mut Vec<Action>,
    ) -> (Self, Progress) {
        let mut call = Self {
            slot,
            callees: match choice.edges[..] {
                [(only, _)] => Callees::One(only),
                _ => Callees::Many { choice: choice.clone(), tried: Vec::new() },
            },
            attempt: 0,
            began: now,
            last_wait: Duration::ZERO,
            state: State::Ended,
        };
        let progress = call.send(origin, now, env, node, out);
        (call, progress)
    }

    /// Makes the next attempt.
    pub(crate) fn send(
        &mut self,
        origin: Origin,
        now: Time,
        env: &Env<'_>,
        node: &mut NodeState,
        out: &mut Vec<Action>,
    ) -> Progress {
        let edge = self.choose(origin, env, node);
        self.attempt = self.attempt.saturating_add(1);
        let hop = origin.hop.child(self.slot, edge.0, self.attempt);
        let retries = origin.retries.saturating_add(self.attempt - 1);
        let context = HopContext { call: origin.call, hop, edge, retries };
        let disturbance = env.faults.disturb(env.scenario, env.dice, &context, now);
        let policy = &env.scenario.topology.edge(edge).policy;
        let timeout = disturbance.outbound.timeout.or(policy.timeout);
        let deadline = policy.deadline.map(|d| self.began + d);
        let give_up_at = match (timeout.map(|t| now + t), deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let connect_by =
            give_up_at.map_or(now + policy.connect_timeout, |t| t.min(now + policy.connect_timeout));
        let outgoing = Outgoing {
            call: origin.call,
            hop,
            edge,
            attempt: self.attempt,
            retries,
            give_up_at,
            connect_by,
            disturbance,
        };
        let shared = node.edge(edge);
        if self.attempt == 1 {
            shared.deposit(policy.retry.budget);
        }
        let full = policy.pool.max_connections.is_some_and(|max| shared.in_flight >= max);
        shared.in_flight += 1;
        let flight =
            Flight { outgoing, start: now, timeout, status: None, relayed: false, retry_after: None };
        if full {
            self.state = State::InFlight(Box::new(flight));
            let failure = Failure::ConnectionLimitReached;
            let report = AttemptReport::of(Outcome::Failed { failure, status: None });
            return self.ended(report, origin, now, env, node, out);
        }
        out.push(Action::Send { slot: self.slot, outgoing: flight.outgoing.clone() });
        self.state = State::InFlight(Box::new(flight));
        Progress::GoesOn
    }

    /// Which callee this attempt goes to: an untried one while there is one.
    fn choose(&mut self, origin: Origin, env: &Env<'_>, node: &mut NodeState) -> EdgeId {
        let (choice, tried) = match &mut self.callees {
            Callees::One(only) => return *only,
            Callees::Many { choice, tried } => (choice, tried),
        };
        if tried.len() == choice.edges.len() {
            tried.clear();
        }
        let untried: Vec<_> = choice.edges.iter().copied().filter(|(e, _)| !tried.contains(e)).collect();
        let edge = match choice.balance {
            Balance::RoundRobin => untried[node.turn(usize::from(self.slot)) as usize % untried.len()].0,
            Balance::LeastInFlight => {
                untried.iter().min_by_key(|(e, _)| node.edge(*e).in_flight).expect("never empty").0
            }
            Balance::Weighted => {
                let key = origin.hop.child(self.slot, u32::MAX, self.attempt + 1).0;
                weighted(&untried, env.dice.unit(Purpose::Balance, key))
            }
        };
        tried.push(edge);
        edge
    }

    /// The attempt under way, if there is one.
    pub(crate) fn flight(&mut self) -> Option<&mut Flight> {
        match &mut self.state {
            State::InFlight(flight) => Some(flight),
            State::BackingOff | State::Ended => None,
        }
    }

    /// How many attempts it has made.
    pub(crate) fn attempts(&self) -> u32 {
        u32::from(self.attempt)
    }

    /// Whether it is over.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes a response's head. Gives whether an answer with this status would be the last word.
    pub(crate) fn head(
        &mut self,
        status: u16,
        retry_after: Option<Duration>,
        origin: Origin,
        env: &Env<'_>,
    ) -> bool {
        let attempt = self.attempt;
        let Some(flight) = self.flight() else { return false };
        flight.status = Some(status);
        flight.retry_after = retry_after;
        let retry = &env.scenario.topology.edge(flight.outgoing.edge).policy.retry;
        let again = retry::is_eligible(retry, Outcome::Answered(status), origin.idempotent);
        !again || u32::from(attempt) >= retry.max_attempts
    }

    /// Takes an attempt's end: records it, and tries again or gives up.
    pub(crate) fn ended(
        &mut self,
        report: AttemptReport,
        origin: Origin,
        now: Time,
        env: &Env<'_>,
        node: &mut NodeState,
        out: &mut Vec<Action>,
    ) -> Progress {
        let State::InFlight(flight) = std::mem::replace(&mut self.state, State::Ended) else {
            return Progress::GoesOn;
        };
        let outcome = report.outcome;
        let Outgoing { edge, hop, .. } = flight.outgoing;
        node.edge(edge).in_flight -= 1;
        let retry_after = flight.retry_after;
        let relayed = flight.relayed;
        record(*flight, report, origin, now, env, out);
        if !outcome.is_ok()
            && !relayed
            && let Some(wait) = self.next_wait(edge, hop, outcome, retry_after, origin, now, env, node)
        {
            self.last_wait = wait;
            if wait.is_zero() {
                return self.send(origin, now, env, node, out);
            }
            self.state = State::BackingOff;
            out.push(Action::Sleep { timer: crate::Timer::Backoff(self.slot), until: now + wait });
            return Progress::GoesOn;
        }
        Progress::Ended { hop, edge, outcome, relayed }
    }

    /// How long to wait before the next attempt; `None` if there is none.
    #[expect(clippy::too_many_arguments, reason = "each is a different thing the decision looks at")]
    fn next_wait(
        &self,
        edge: EdgeId,
        hop: HopId,
        outcome: Outcome,
        retry_after: Option<Duration>,
        origin: Origin,
        now: Time,
        env: &Env<'_>,
        node: &mut NodeState,
    ) -> Option<Duration> {
        let policy = &env.scenario.topology.edge(edge).policy;
        let retry = &policy.retry;
        if u32::from(self.attempt) >= retry.max_attempts
            || !retry::is_eligible(retry, outcome, origin.idempotent)
        {
            return None;
        }
        let wait = match (retry_after, retry.retry_after_max) {
            (Some(told), Some(max)) if told <= max => told,
            _ => retry::wait(retry, self.attempt, self.last_wait, hop.0, env.dice),
        };
        let in_time = policy.deadline.is_none_or(|d| now + wait < self.began + d);
        (in_time && node.edge(edge).withdraw(retry.budget)).then_some(wait)
    }

    /// Gives the call up; what is under way is recorded as cancelled.
    pub(crate) fn abandon(
        &mut self,
        origin: Origin,
        now: Time,
        env: &Env<'_>,
        node: &mut NodeState,
        out: &mut Vec<Action>,
    ) {
        if let State::InFlight(flight) = std::mem::replace(&mut self.state, State::Ended) {
            node.edge(flight.outgoing.edge).in_flight -= 1;
            out.push(Action::Abandon { slot: self.slot });
            let status = flight.status;
            let report = AttemptReport::of(Outcome::Failed { failure: Failure::Cancelled, status });
            record(*flight, report, origin, now, env, out);
        }
    }
}

/// The edge at which a number in [0, 1) lies, in proportion to the weights.
fn weighted(edges: &[(EdgeId, u32)], luck: f64) -> EdgeId {
    let total: u64 = edges.iter().map(|&(_, w)| u64::from(w)).sum();
    let mut left = luck * total as f64;
    for &(edge, weight) in edges {
        left -= f64::from(weight);
        if left < 0.0 {
            return edge;
        }
    }
    edges[edges.len() - 1].0
}

/// Emits the caller's side of a hop.
fn record(
    flight: Flight,
    report: AttemptReport,
    origin: Origin,
    now: Time,
    env: &Env<'_>,
    out: &mut Vec<Action>,
) {
    let Flight { outgoing, start, timeout, .. } = flight;
    let outbound = outgoing.disturbance.outbound;
    let marks = outgoing.disturbance.marks;
    let failure = report.outcome.failure();
    let mut faults = marks.outbound;
    if !failure.is_some_and(Failure::surely_unprocessed) {
        faults = faults.union(marks.link);
    }
    if report.idle_closed {
        faults = faults.union(marks.idle_race);
    }
    if failure.is_some_and(Faults::is_sign_of_death) {
        let callee = env.scenario.topology.ends(outgoing.edge).1;
        let outages = env.faults.outages_within(callee, start, now);
        env.faults.count_matched(outages);
        env.faults.count_injected(outages);
        faults = faults.union(outages);
    }
    // What the caller's own log shows: the address it dialed, not what became of it.
    let dialed = match outbound.dial {
        Dial::WrongPort | Dial::WrongHost => outbound.dial,
        Dial::Callee | Dial::Refused | Dial::Blackhole => Dial::Callee,
    };
    if report.idle_closed {
        out.push(Action::Record(Record::IdleClosed { call: origin.call, hop: outgoing.hop }));
    }
    out.push(Action::Record(Record::Attempt(Attempt {
        call: origin.call,
        hop: outgoing.hop,
        parent: origin.hop,
        edge: outgoing.edge,
        attempt: outgoing.attempt,
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
        faults,
        exchange: report.exchange,
    })));
}
