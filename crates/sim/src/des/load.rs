//! The calls of clients: open loops by the schedule, closed loops by their users.

use node::{Env, Input, Visit};
use smallvec::SmallVec;
use topology::NodeId;
use topology::distribution::Distribution;
use topology::load::Arrivals;
use trace::{CallId, Sink, Time};

use super::events::Event;
use super::exchange::at_least_a_round_trip_after;
use super::world::{Role, Stay, World};
use crate::load::{OpenLoop, pause};

/// A load at work.
#[derive(Debug)]
pub(super) struct Load<'a> {
    from: NodeId,
    begin: Time,
    end: Time,
    /// The number of the next call.
    next: u64,
    calls: Calls<'a>,
}

/// Who makes its calls.
#[derive(Debug)]
enum Calls<'a> {
    Open(OpenLoop<'a>),
    Closed {
        users: u32,
        think_time: &'a Distribution,
        /// Users that have not gone yet.
        left: u32,
    },
}

impl<'a> Load<'a> {
    pub(super) fn new(env: &Env<'a>, number: u16, declared: &'a topology::load::Load) -> Self {
        let calls = match &declared.arrivals {
            Arrivals::Open { stages, poisson } => {
                Calls::Open(OpenLoop::new(env.dice, number, declared, stages, *poisson))
            }
            Arrivals::Closed { users, think_time } => {
                Calls::Closed { users: *users, think_time, left: *users }
            }
        };
        Self {
            from: declared.from,
            begin: Time::at(declared.start),
            end: Time::at(declared.stop),
            next: 0,
            calls,
        }
    }
}

impl<S: Sink> World<'_, S> {
    /// Begins all loads.
    pub(super) fn begin_loads(&mut self) {
        for number in 0..self.loads.len() {
            let load = &self.loads[number];
            let begin = load.begin;
            let number = crate::load::number(number);
            match load.calls {
                Calls::Open(_) => self.schedule_call(number),
                Calls::Closed { users, .. } => {
                    for _ in 0..users {
                        self.events.push(begin, Event::User(number));
                    }
                }
            }
        }
    }

    fn schedule_call(&mut self, load: u16) {
        let Calls::Open(open_loop) = &mut self.loads[usize::from(load)].calls else { return };
        match open_loop.next() {
            Some(at) => self.events.push(at, Event::Call(load)),
            None => self.loads_left -= 1,
        }
    }

    /// The next call of an open loop begins.
    pub(super) fn begin_call(&mut self, load: u16) {
        self.call(load);
        self.schedule_call(load);
    }

    /// A user of a closed loop has thought.
    pub(super) fn user(&mut self, load: u16) {
        let now = self.now;
        let state = &mut self.loads[usize::from(load)];
        if now < state.end {
            self.call(load);
        } else if let Calls::Closed { left, .. } = &mut state.calls {
            *left -= 1;
            self.loads_left -= usize::from(*left == 0);
        }
    }

    fn call(&mut self, load: u16) {
        let state = &mut self.loads[usize::from(load)];
        let (from, number) = (state.from, state.next);
        state.next += 1;
        self.telling.begun(from);
        let template = &self.templates[usize::from(load)];
        let id = CallId::new(load, number);
        let visit = self.visits.insert(Stay {
            visit: Visit::call(id, self.now, template.idempotent, template.priority),
            node: from,
            role: Role::Call { load, number, begun: self.now },
            via: None,
            exchanges: SmallVec::new(),
            ticket: None,
            held: Vec::new(),
        });
        self.apply(visit, Input::Begin);
    }

    /// A call has ended: its user thinks.
    pub(super) fn call_ends(&mut self, load: u16, number: u64, begun: Time) {
        let Calls::Closed { think_time, .. } = self.loads[usize::from(load)].calls else { return };
        let pause = pause(self.env.dice, think_time, CallId::new(load, number));
        // A call that fails before anything is sent takes no time; its user cannot be that fast.
        let next = (self.now + pause).max(at_least_a_round_trip_after(begun));
        self.events.push(next, Event::User(load));
    }
}
