//! One request inside one node, or one call at its client: admission, own work, the calls of the
//! plan, the answer.

mod admission;
mod answer;
mod generation;
mod proxy_status;
mod work;

use std::time::Duration;

use smallvec::SmallVec;
use topology::llm::Asked;
use topology::node::{Balance, Choice, OnDisconnect};
use topology::rules::LimitId;
use topology::{EdgeId, Failure, FaultSet, Refusal};
use trace::{
    AtWork, CallEnd, CallId, Charge, HeldUp, HopId, Outcome, Record, Ruled, Sent, Served, ServedEnd, Source,
    Time, Usage,
};

use crate::action::{Action, AttemptId, AttemptReport, Incoming, Input, Timer};
use crate::call::{Call, Head, Origin, Progress};
use crate::edge::names;
use crate::queue::Ticket;
use crate::rules::for_model;
use crate::scope::Scope;
use crate::workers::{Work, longer};
use crate::{Env, NodeState};
use generation::Generation;
use proxy_status::proxy_status;

/// The slot of a rerouted request, which is in no plan.
const REROUTED: u16 = u16::MAX;
/// Set in the slot of the call that stands in for the one without it. It is set in [`REROUTED`] too:
/// nothing stands in for a rerouted request.
const FALLBACK: u16 = 1 << 15;

/// Who is served.
#[derive(Debug)]
enum Role {
    /// Nobody: this is a client's own call, which should have begun then; in the stages before this
    /// one it has made so many attempts.
    Client { start: Time, attempts: u32 },
    /// A caller.
    Server(Serving),
}

#[derive(Debug)]
struct Serving {
    incoming: Incoming,
    arrived: Time,
    started: Option<Time>,
    worked: Duration,
    in_flight: u32,
    queued: u32,
    held_up: Option<Box<HeldUp>>,
    faults: FaultSet,
    caller_gone: bool,
    responded: bool,
    /// What only some requests have.
    noted: Option<Box<Noted>>,
    /// For a model server.
    generation: Option<Box<Generation>>,
}

/// What is noted of some requests.
#[derive(Debug, Default)]
struct Noted {
    /// What the node's rules made of it.
    ruled: Option<Box<Ruled>>,
    /// What the answer has taken of models so far.
    charge: Option<Box<Charge>>,
}

impl Serving {
    /// The model that is asked.
    fn model(&self) -> Option<&str> {
        let generation = self.generation.as_ref().map(|generation| generation.model());
        generation.or_else(|| self.incoming.ask.as_ref().map(|ask| &*ask.model))
    }

    /// The node's limit because of which it is refused.
    fn spent_limit(&self) -> Option<LimitId> {
        let ruled = self.noted.as_ref()?.ruled.as_ref()?;
        ruled.spent.as_ref().map(|spent| spent.limit)
    }

    fn noted(&mut self) -> &mut Noted {
        self.noted.get_or_insert_default()
    }

    /// Its own work, if a worker has taken it; it may be stuck.
    fn work(&self, stuck: bool) -> Option<Work> {
        let longer = self.incoming.disturbance.get().filter(|d| d.process.is_longer());
        let faults = longer.map_or(FaultSet::EMPTY, |d| d.marks.process);
        self.started.map(|started| Work { started, stuck, faults })
    }

    /// There is no room for it: takes note of what the workers are at.
    fn held_up(&mut self, scope: &Scope<'_, '_>) {
        let workers = &scope.node.workers;
        let held_by = workers.marks();
        // Those who wait before it have their places for what they have waited for.
        let since = scope.node.waiting_since().unwrap_or(scope.now);
        let at_work = longer(workers.at(scope.now), workers.longest_since(since));
        self.held_up = Some(Box::new(HeldUp { at_work, crowd: None, held_by }));
        let own = self.incoming.disturbance.marks.process;
        scope.env.faults.count_matched(held_by.without(own));
    }

    /// It waits for a worker no longer; this is what they are at.
    fn wait_ends(&mut self, now_at: AtWork, scope: &Scope<'_, '_>) {
        if let Some(held) = &mut self.held_up {
            let meanwhile = scope.node.workers.longest_since(self.arrived);
            held.at_work = longer(longer(held.at_work, meanwhile), now_at);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Queued(Ticket),
    Working,
    /// A worker is held, and token after token is made.
    Generating,
    /// A worker is held, and nothing goes on.
    Stuck,
    /// The calls of this stage are under way.
    Calling(usize),
    Over,
}

/// One request inside one node. See the crate's page for how it is driven.
#[derive(Debug)]
pub struct Visit {
    role: Role,
    origin: Origin,
    phase: Phase,
    calls: SmallVec<[Call; 1]>,
    /// How many calls the stage has.
    expected: usize,
}

impl Visit {
    /// A call of a client, which should have begun at `start` and matters so much.
    pub fn call(call: CallId, start: Time, idempotent: bool, priority: u8) -> Self {
        Self {
            role: Role::Client { start, attempts: 0 },
            origin: Origin { call, hop: HopId::root(call), retries: 0, idempotent, deadline: None, priority },
            phase: Phase::Calling(0),
            calls: SmallVec::new(),
            expected: 0,
        }
    }

    /// A request that has arrived at a node.
    pub fn request(incoming: Incoming) -> Self {
        let Incoming { call, hop, retries, idempotent, priority, .. } = incoming;
        let serving = Serving {
            incoming,
            arrived: Time(0),
            started: None,
            worked: Duration::ZERO,
            in_flight: 0,
            queued: 0,
            held_up: None,
            faults: FaultSet::EMPTY,
            caller_gone: false,
            responded: false,
            noted: None,
            generation: None,
        };
        Self {
            role: Role::Server(serving),
            origin: Origin { call, hop, retries, idempotent, deadline: None, priority },
            phase: Phase::Working,
            calls: SmallVec::new(),
            expected: 0,
        }
    }

    /// Takes an input; what is to be done is appended to `out`, in order, and what is to be recorded is
    /// told at once.
    pub fn handle(
        &mut self,
        now: Time,
        input: Input,
        env: &Env<'_>,
        node: &mut NodeState,
        out: &mut Vec<Action>,
        tell: &mut dyn FnMut(Record),
    ) {
        let scope = &mut Scope::new(now, env, node, out, tell);
        if self.phase == Phase::Over && !matches!(input, Input::Begin) {
            return;
        }
        match input {
            Input::Begin => self.begin(scope),
            Input::Granted => self.granted(scope),
            Input::Shed => self.shed(scope),
            Input::Woke(Timer::Work) => self.work_done(scope),
            Input::Woke(Timer::Backoff(slot)) => self.with_call(slot, scope, Call::woke),
            Input::Woke(Timer::Hedge(AttemptId { slot, attempt })) => {
                self.with_call(slot, scope, |call, origin, scope| call.hedge(attempt, origin, scope));
            }
            Input::Woke(Timer::Deadline) => self.refuse(Refusal::DeadlineExceeded, None, scope),
            Input::Head { id, status, retry_after } => self.head(id, status, retry_after, scope),
            Input::Ended { id, report } => self.ended(id, report, scope),
            Input::Whole { id, status, retry_after, report } => {
                self.head(id, status, retry_after, scope);
                self.ended(id, report, scope);
            }
            Input::CallerGone => self.caller_gone(scope),
            Input::ProcessDown => self.process_down(scope),
            Input::RunEnds => {
                self.finish(None, Source::Nobody, Sent::Nothing, ServedEnd::StillRunning, scope);
            }
        }
    }

    /// How many attempts a client has made so far.
    fn attempts(&self) -> u32 {
        let earlier = match self.role {
            Role::Client { attempts, .. } => attempts,
            Role::Server(_) => 0,
        };
        earlier + attempts_of(&self.calls)
    }

    /// Has a call go on, and looks at what it has come to.
    fn with_call(
        &mut self,
        slot: u16,
        scope: &mut Scope<'_, '_>,
        go_on: impl FnOnce(&mut Call, Origin, &mut Scope<'_, '_>) -> Progress,
    ) {
        let origin = self.origin;
        if let Some(call) = self.calls.iter_mut().find(|c| c.slot == slot) {
            let progress = go_on(call, origin, scope);
            self.on_progress(progress, scope);
        }
    }

    fn start_stage(&mut self, stage: usize, scope: &mut Scope<'_, '_>) {
        self.phase = Phase::Calling(stage);
        if let Role::Client { attempts, .. } = &mut self.role {
            *attempts += attempts_of(&self.calls);
        }
        self.calls.clear();
        let plan = &scope.declared().plan;
        let Some(current) = plan.stages.get(stage) else {
            self.answer(scope);
            return;
        };
        let first = plan.stages[..stage].iter().map(|s| s.calls.len()).sum::<usize>();
        let routes = scope.declared().rules.as_ref().is_some_and(|rules| rules.routes);
        self.expected = current.calls.len();
        let mut routed = Vec::new();
        if routes {
            routed = current.calls.iter().map(|choice| for_model(choice, self.model(), scope)).collect();
            self.expected = routed.iter().flatten().count();
            if self.expected == 0 {
                self.start_stage(stage + 1, scope);
                return;
            }
        }
        for (i, choice) in current.calls.iter().enumerate() {
            let choice = match routed.get(i) {
                Some(None) => continue,
                Some(Some(choice)) => choice,
                None => choice,
            };
            let slot = u16::try_from(first + i).unwrap_or(REROUTED - 1);
            self.begin_call(slot, choice, scope);
            // A call that failed at once may have ended the visit, or a single one the stage.
            if self.phase != Phase::Calling(stage) {
                return;
            }
        }
    }

    /// The model that is asked.
    fn model(&self) -> Option<&str> {
        match &self.role {
            Role::Server(serving) => serving.model(),
            Role::Client { .. } => None,
        }
    }

    /// What is asked of a model, at a node that is none.
    fn asked(&self) -> Option<&Asked> {
        match &self.role {
            Role::Server(serving) => serving.incoming.ask.as_deref(),
            Role::Client { .. } => None,
        }
    }

    fn begin_call(&mut self, slot: u16, choice: &Choice, scope: &mut Scope<'_, '_>) {
        let place = self.calls.len();
        self.calls.push(Call::new(slot, choice, scope.now));
        let progress = self.calls[place].begin(self.origin, scope);
        self.on_progress(progress, scope);
    }

    fn head(&mut self, id: AttemptId, status: u16, retry_after: Option<Duration>, scope: &mut Scope<'_, '_>) {
        let origin = self.origin;
        let Some(place) = self.calls.iter().position(|c| c.slot == id.slot) else { return };
        let Some(head) = self.calls[place].head(id.attempt, status, retry_after, origin, scope) else {
            return;
        };
        let Head { edge, is_last_word } = head;
        let relays = is_last_word && self.relays(id.slot, status, scope);
        let edge_declared = scope.env.scenario.topology.edge(edge);
        let something_else_follows = edge_declared.stop_on.is_some()
            || scope.declared().catch.is_some()
            || Self::has_fallback(id.slot, edge, scope);
        if relays && !(something_else_follows && status >= 400) {
            if let Some(flight) = self.calls[place].flight(id.attempt) {
                flight.relayed = true;
            }
            if let Role::Server(serving) = &mut self.role {
                serving.responded = true;
            }
            let proxy_status = proxy_status(scope, None, Some((edge, status)));
            scope.out.push(Action::Relay { id, proxy_status });
        } else if self.may_pass_on(id.slot, status, scope) {
            scope.out.push(Action::Hold { id });
        } else {
            scope.out.push(Action::Drain { id });
        }
    }

    fn ended(&mut self, id: AttemptId, mut report: AttemptReport, scope: &mut Scope<'_, '_>) {
        self.took(report.charge.take());
        self.with_call(id.slot, scope, |call, origin, scope| call.ended(id.attempt, report, origin, scope));
    }

    /// Whether somebody else is asked if the call in `slot` fails over this edge.
    fn has_fallback(slot: u16, edge: EdgeId, scope: &Scope<'_, '_>) -> bool {
        slot & FALLBACK == 0 && !scope.policy(edge).fallback.is_empty()
    }

    /// Asks the node that stands in for the one over this edge.
    fn fall_back(&mut self, slot: u16, edge: EdgeId, scope: &mut Scope<'_, '_>) {
        let edges = scope.policy(edge).fallback.iter().map(|&edge| (edge, 1)).collect();
        let choice = Choice { edges, balance: Balance::RoundRobin };
        self.begin_call(slot | FALLBACK, &choice, scope);
    }

    fn on_progress(&mut self, progress: Progress, scope: &mut Scope<'_, '_>) {
        let Progress::Ended { slot, hop, edge, outcome, relayed } = progress else { return };
        let Phase::Calling(stage) = self.phase else { return };
        if relayed {
            let sent = match outcome.failure() {
                None => Sent::Whole,
                Some(Failure::StreamError) => Sent::Error,
                Some(Failure::ContentIncomplete) => Sent::Incomplete,
                Some(_) => Sent::Cut,
            };
            self.finish(outcome.status(), Source::Relayed(hop), sent, ServedEnd::Answered, scope);
            return;
        }
        if !outcome.is_ok() && Self::has_fallback(slot, edge, scope) {
            self.fall_back(slot, edge, scope);
            return;
        }
        let stops = scope.env.scenario.topology.edge(edge).stop_on.as_ref();
        if !outcome.is_ok() && stops.is_none_or(|stops| names(stops, outcome)) {
            self.pass_on(slot, hop, edge, outcome, scope);
            return;
        }
        let stages = &scope.declared().plan.stages;
        if self.calls.len() < self.expected || !self.calls.iter().all(Call::is_ended) {
            return;
        }
        if matches!(self.role, Role::Client { .. }) && stages.len() == stage + 1 {
            self.end_call(outcome, Some(hop), scope);
        } else if let Some(status) = outcome.status().filter(|_| outcome.is_ok())
            && self.answers_with(slot, scope)
        {
            self.answer_with(slot, edge, hop, status, scope);
        } else {
            self.start_stage(stage + 1, scope);
        }
    }

    /// An attempt of it has ended, and took so much of models.
    fn took(&mut self, charge: Option<Box<Charge>>) {
        let (Role::Server(serving), Some(charge)) = (&mut self.role, charge) else { return };
        match &mut serving.noted().charge {
            None => serving.noted().charge = Some(charge),
            Some(sum) => sum.add(&charge),
        }
    }

    fn caller_gone(&mut self, scope: &mut Scope<'_, '_>) {
        match &mut self.role {
            Role::Client { .. } => {
                let outcome = Outcome::Failed { failure: Failure::Cancelled, status: None };
                let hop = self.calls.iter().find_map(|c| c.first_flight().map(|f| f.hop));
                self.end_call(outcome, hop, scope);
            }
            Role::Server(serving) => {
                serving.caller_gone = true;
                if matches!(self.phase, Phase::Queued(_)) {
                    // What its caller waited for is decided now, whatever comes of it later.
                    serving.wait_ends(scope.node.workers.at(scope.now), scope);
                }
                // A response that is being passed on has nowhere to go, and stuck work no end.
                let goes_on = scope.declared().on_disconnect == OnDisconnect::Continue
                    && self.phase != Phase::Stuck
                    && (!serving.responded || self.phase == Phase::Generating);
                if !goes_on {
                    self.finish(None, Source::Nobody, Sent::Nothing, ServedEnd::CallerGone, scope);
                }
            }
        }
    }

    fn process_down(&mut self, scope: &mut Scope<'_, '_>) {
        if let Role::Server(serving) = &mut self.role {
            let outages = scope.env.faults.outages_within(scope.node.node, scope.now, scope.now);
            serving.faults = serving.faults.union(outages);
            scope.node.stop_computing();
            self.finish(None, Source::Nobody, Sent::Nothing, ServedEnd::ProcessDown, scope);
        }
    }

    /// Ends a client's call.
    fn end_call(&mut self, outcome: Outcome, decisive: Option<HopId>, scope: &mut Scope<'_, '_>) {
        let Role::Client { start, .. } = self.role else { return };
        let attempts = self.attempts();
        self.abandon_calls(scope);
        self.phase = Phase::Over;
        (scope.tell)(Record::Call(CallEnd {
            call: self.origin.call,
            client: scope.node.node,
            start,
            end: scope.now,
            status: outcome.status(),
            failure: outcome.failure(),
            attempts,
            decisive,
            parent: None,
        }));
        scope.out.push(Action::Finish);
    }

    /// Ends a visit: gives back what it holds, and records it.
    fn finish(
        &mut self,
        status: Option<u16>,
        source: Source,
        sent: Sent,
        end: ServedEnd,
        scope: &mut Scope<'_, '_>,
    ) {
        self.abandon_calls(scope);
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let Role::Server(serving) = &mut self.role else { return };
        match phase {
            Phase::Queued(ticket) => {
                serving.wait_ends(scope.node.workers.at(scope.now), scope);
                scope.node.leave_queue(ticket, scope.env, scope.now, scope.out);
            }
            Phase::Working | Phase::Generating | Phase::Stuck => {
                if let Some(work) = serving.work(phase == Phase::Stuck) {
                    if phase != Phase::Stuck {
                        serving.worked = scope.now.since(work.started);
                    }
                    scope.node.release_worker(Some(&work), scope.env, scope.now, scope.out);
                }
            }
            Phase::Calling(_) | Phase::Over => {}
        }
        scope.node.in_flight = scope.node.in_flight.saturating_sub(1);
        let Incoming { call, hop, edge, retries, .. } = serving.incoming;
        let usage = serving
            .generation
            .as_ref()
            .map_or(Usage::default(), |generation| generation.usage(serving.started, scope.now));
        let Noted { ruled, mut charge } = serving.noted.take().map(|noted| *noted).unwrap_or_default();
        if let Some(model) = scope.declared().llm.as_deref().filter(|_| usage != Usage::default()) {
            charge = Some(Box::new(Charge::of(usage, model.price)));
        }
        if let Some(charge) = charge {
            if let Some((rules, state)) = scope.declared().rules.as_deref().zip(scope.node.rules.as_mut()) {
                let consumer = ruled.as_ref().and_then(|ruled| ruled.consumer);
                state.charged(rules, consumer, &charge, retries > 0, scope.now);
            }
            scope.out.push(Action::Charge { hop, charge });
        }
        (scope.tell)(Record::Served(Served {
            call,
            hop,
            edge,
            arrived: serving.arrived,
            started: serving.started,
            worked: serving.worked,
            finished: scope.now,
            status,
            source,
            sent,
            end,
            in_flight: serving.in_flight,
            queued: serving.queued,
            held_up: serving.held_up.take(),
            ruled,
            usage,
            faults: serving.faults,
        }));
        scope.out.push(Action::Finish);
    }

    fn abandon_calls(&mut self, scope: &mut Scope<'_, '_>) {
        let origin = self.origin;
        for call in &mut self.calls {
            call.abandon(origin, scope);
        }
    }
}

/// How many attempts these calls have made.
fn attempts_of(calls: &[Call]) -> u32 {
    calls.iter().map(Call::attempts).sum()
}
