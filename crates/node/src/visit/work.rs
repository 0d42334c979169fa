//! A request's way to a worker, and its own work.

use std::time::Duration;

use topology::node::{Balance, Choice};
use topology::wire::ProcessEnd;
use topology::{FaultSet, Refusal};
use trace::{AtWork, Record, Sent, ServedEnd, Source};

use super::admission::admit;
use super::generation::{Generation, completion_length};
use super::{Phase, REROUTED, Role, Visit};
use crate::action::{Action, Completion, Incoming, Timer};
use crate::dice::Purpose;
use crate::rules::server_of;
use crate::scope::{Scope, least};

impl Visit {
    pub(super) fn begin(&mut self, scope: &mut Scope<'_, '_>) {
        let Role::Server(serving) = &mut self.role else {
            self.start_stage(0, scope);
            return;
        };
        scope.node.in_flight += 1;
        serving.arrived = scope.now;
        serving.in_flight = scope.node.in_flight;
        serving.queued = scope.node.queued();
        let Incoming { call, hop, edge, priority, .. } = serving.incoming;
        (scope.tell)(Record::Arrived { call, hop, edge, at: scope.now });
        if serving.incoming.ask.is_some() {
            serving.generation = Generation::of(serving, scope);
        }
        if let Some((refusal, retry_after)) = admit(serving, scope) {
            self.refuse(refusal, retry_after, scope);
            return;
        }
        let (workers, pressing) = scope.env.faults.capacity(scope.env.scenario, scope.node.node, scope.now);
        scope.env.faults.count_matched(pressing);
        let declared = scope.declared();
        if let Some(deadline) = least(declared.deadline, serving.incoming.time_left) {
            let until = scope.now + deadline;
            self.origin.deadline = Some(until);
            scope.out.push(Action::Sleep { timer: Timer::Deadline, until });
        }
        if scope.node.queued() == 0 && scope.node.workers.take(workers) {
            self.begin_work(scope);
        } else {
            self.press(pressing, scope);
            if let Role::Server(serving) = &mut self.role {
                serving.held_up(scope);
            }
            if let Some(ticket) = scope.node.enqueue(declared, priority, scope.now, scope.out) {
                self.phase = Phase::Queued(ticket);
                scope.out.push(Action::Queued(ticket));
            } else {
                self.refuse(Refusal::QueueFull, None, scope);
            }
        }
    }

    /// Marks the request with the faults that took the capacity it lacks.
    fn press(&mut self, pressing: FaultSet, scope: &Scope<'_, '_>) {
        if let Role::Server(serving) = &mut self.role {
            scope.env.faults.count_injected(pressing);
            serving.faults = serving.faults.union(pressing);
        }
    }

    /// Its place in the queue is taken away.
    pub(super) fn shed(&mut self, scope: &mut Scope<'_, '_>) {
        if let Phase::Queued(ticket) = self.phase {
            scope.node.forget_shed(ticket);
            // It has neither a place nor a worker to give back.
            self.phase = Phase::Working;
            self.refuse(Refusal::QueueFull, None, scope);
        }
    }

    /// A worker has become free for it.
    pub(super) fn granted(&mut self, scope: &mut Scope<'_, '_>) {
        if let Role::Server(serving) = &mut self.role {
            serving.wait_ends(AtWork::default(), scope);
        }
        self.begin_work(scope);
    }

    /// A worker begins.
    fn begin_work(&mut self, scope: &mut Scope<'_, '_>) {
        let Role::Server(serving) = &mut self.role else { return };
        serving.started = Some(scope.now);
        let process = serving.incoming.disturbance.process;
        let hangs = process.ending == Some(ProcessEnd::Hang);
        if let Some(work) = serving.work(hangs) {
            scope.node.workers.begin(&work);
        }
        if hangs {
            serving.faults = serving.faults.union(serving.incoming.disturbance.marks.process);
            self.phase = Phase::Stuck;
            return;
        }
        self.phase = Phase::Working;
        let declared = scope.declared();
        let mut work = match declared.service_time.constant() {
            Some(work) => work,
            None => {
                declared.service_time.sample(&mut scope.env.dice.rng(Purpose::Work, serving.incoming.hop.0))
            }
        };
        if !declared.contention.is_zero() {
            work =
                (work + declared.contention * scope.node.workers.taken()).min(topology::units::DURATION_MAX);
        }
        if let Some(generation) = &serving.generation {
            work = (work + generation.prefill(scope)).min(topology::units::DURATION_MAX);
        }
        if process.work_factor > 0.0 {
            serving.faults = serving.faults.union(serving.incoming.disturbance.marks.process);
            work = work.mul_f64(process.work_factor).min(topology::units::DURATION_MAX);
        }
        if work.is_zero() {
            self.work_done(scope);
        } else if let Some(processors) = process.processors {
            let until = scope.node.compute(processors, work, scope.now);
            scope.out.push(Action::Compute { processors, work, until });
        } else {
            scope.out.push(Action::Sleep { timer: Timer::Work, until: scope.now + work });
        }
    }

    /// The own work is done: the worker is free, and the calls begin.
    pub(super) fn work_done(&mut self, scope: &mut Scope<'_, '_>) {
        match self.phase {
            Phase::Working => {}
            Phase::Generating => return self.generated(scope),
            _ => return,
        }
        let Role::Server(serving) = &mut self.role else { return };
        if serving.generation.is_some() && self.makes_completion(scope) {
            return self.decode(scope);
        }
        let Role::Server(serving) = &mut self.role else { return };
        serving.worked = scope.now.since(serving.started.unwrap_or(scope.now));
        let (process, marks) = (serving.incoming.disturbance.process, serving.incoming.disturbance.marks);
        self.phase = Phase::Calling(0);
        let work = serving.work(false);
        scope.node.release_worker(work.as_ref(), scope.env, scope.now, scope.out);
        // What is wrong with a model's completion is wrong with nothing else.
        if let Some(end) = process.ending.filter(|end| !end.is_in_content()) {
            serving.faults = serving.faults.union(marks.process);
            self.fail(end, scope);
        } else if let Some(edge) = process.reroute {
            serving.faults = serving.faults.union(marks.process);
            let choice = Choice { edges: [(edge, 1)].into(), balance: Balance::RoundRobin };
            self.begin_call(REROUTED, &choice, scope);
        } else if self.is_cached(scope) {
            self.answer_from_cache(scope);
        } else {
            self.start_stage(0, scope);
        }
    }

    /// Whether the answer is in the node's cache: the same for each attempt of a call.
    fn is_cached(&mut self, scope: &mut Scope<'_, '_>) -> bool {
        let Some(rules) = scope.declared().rules.as_deref().filter(|rules| rules.cache.get() > 0.0) else {
            return false;
        };
        let key = self.origin.call.0 ^ u64::from(scope.node.node.0) << 48;
        let hit = scope.env.dice.unit(Purpose::Cache, key) < rules.cache.get();
        if let Role::Server(serving) = &mut self.role
            && let Some(ruled) = &mut serving.noted().ruled
        {
            ruled.cached = hit;
        }
        hit
    }

    /// Answers with what is in the cache: where a model is asked, what a model server behind this node
    /// has said once. It takes nothing of any limit of tokens.
    fn answer_from_cache(&mut self, scope: &mut Scope<'_, '_>) {
        let mut reply = self.own_reply(scope);
        if let Role::Server(serving) = &self.role
            && let Some(asked) = serving.incoming.ask.as_deref()
            && let Some(model) = server_of(&asked.model, scope.node.node, &scope.env.scenario.topology)
        {
            // The same for each attempt of the call.
            let mut rng = scope.env.dice.rng(Purpose::Completion, self.origin.call.0);
            let (tokens, is_capped) = completion_length(model, asked, &mut rng);
            reply.completion = Some(Box::new(Completion {
                hop: serving.incoming.hop,
                prompt_tokens: asked.prompt_tokens,
                tokens,
                is_capped,
                stream: asked.stream,
                interval: Duration::ZERO,
                broken: None,
            }));
        }
        self.respond(reply, Source::Own, scope);
    }

    /// Dies in this way instead of answering.
    fn fail(&mut self, end: ProcessEnd, scope: &mut Scope<'_, '_>) {
        scope.out.push(Action::Fail(end));
        let status = scope.declared().response.status;
        let (status, sent, end) = match end {
            ProcessEnd::Panic
            | ProcessEnd::Hang
            | ProcessEnd::StreamError
            | ProcessEnd::StreamStall
            | ProcessEnd::Unterminated
            | ProcessEnd::CutContent => (None, Sent::Nothing, ServedEnd::Panicked),
            ProcessEnd::Malformed => (None, Sent::Malformed, ServedEnd::Answered),
            ProcessEnd::Truncate => (Some(status), Sent::Cut, ServedEnd::Panicked),
        };
        self.finish(status, Source::Own, sent, end, scope);
    }
}
