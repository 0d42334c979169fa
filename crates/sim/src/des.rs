//! The virtual engine: the same machine on a clock of its own. Nothing is waited for, and nothing is
//! on a wire; what the live engine does to a socket this one does to a hop.
//!
//! A message takes `TRANSIT` (30 us) from one node to another and a connection one round trip more,
//! about as on the live engine's loopback; all other time is the scenario's. One thread, and one
//! order of events: a seed repeats a run to the byte.

mod driver;
mod events;
mod exchange;
mod flow;
mod load;
mod radix;
mod request;
mod response;
mod slab;
mod streams;
mod supervisor;
mod telling;
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use node::{Dice, Env, Faults, Input};
use topology::{NodeKind, Scenario};
use trace::{Sink, Time};

pub use radix::RadixHeap;

use crate::run::{DRAIN_MAX, Progress, RunError, Stop, Summary, WORK_MAX, WORK_MAX_STOPPED};
use events::Event;
use world::{Role, World};

/// How often, in events, it is looked whether it is time to tell the progress.
const LOOK_EVERY: u32 = 4096;
/// How often the progress is told, by the wall clock.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Runs a scenario to its end, in virtual time.
///
/// `progress` is called a few times a second. The sink is given back at the end.
///
/// # Errors
/// If the sink fails.
pub fn run<S: Sink>(
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    progress: impl Fn(&Progress),
) -> Result<(Summary, S), RunError> {
    if let Some(node) = scenario.topology.of_kind(NodeKind::External).next() {
        return Err(RunError::NotVirtual { node: scenario.topology.node(node).name.clone() });
    }
    let faults = Faults::new(scenario);
    let env = Env { scenario, dice: Dice::new(scenario.seed), faults: &faults };
    let mut run = Run { world: World::new(env, sink), stop, progress, told: Instant::now(), steps: 0 };
    let elapsed = run.whole();
    let summary = Summary {
        elapsed: elapsed.since_start(),
        interrupted: stop.is_set(),
        fault_counts: faults.counts(),
        lateness_p50: Duration::ZERO,
        lateness_p99: Duration::ZERO,
        limited_by_machine: None,
        unrelated: 0,
    };
    let sink = run.world.telling.into_sink().map_err(RunError::Sink)?;
    Ok((summary, sink))
}

struct Run<'a, S, P> {
    world: World<'a, S>,
    stop: &'a Stop,
    progress: P,
    told: Instant,
    steps: u32,
}

impl<S: Sink, P: Fn(&Progress)> Run<'_, S, P> {
    /// Offers the load, waits for what is under way, and ends the rest; when the last call ended.
    fn whole(&mut self) -> Time {
        self.world.begin_supervision();
        self.world.begin_loads();
        let stop = self.stop;
        self.go_on(Time(u64::MAX), |world| world.loads_left > 0 && !stop.is_set());
        let until = self.world.now + DRAIN_MAX;
        self.go_on(until, |world| world.telling.counts.under_way() > 0 && !stop.is_set());
        let elapsed = self.world.now;
        self.tell(|role| matches!(role, Role::Call { .. }), &Input::CallerGone);
        let patience = if stop.is_set() { WORK_MAX_STOPPED } else { WORK_MAX };
        self.go_on(elapsed + patience, |world| world.inside > 0);
        self.tell(|_| true, &Input::RunEnds);
        elapsed
    }

    /// Goes on as long as this holds, but not beyond a moment.
    fn go_on(&mut self, until: Time, holds: impl Fn(&World<'_, S>) -> bool) {
        self.world.tell_agenda();
        while holds(&self.world) && !self.world.telling.is_broken() {
            if !self.world.step(until) {
                if until < Time(u64::MAX) {
                    self.world.pass_to(until);
                }
                return;
            }
            self.steps += 1;
            if self.steps.is_multiple_of(LOOK_EVERY) && self.told.elapsed() >= TELL_EVERY {
                self.told = Instant::now();
                self.tell_progress();
            }
        }
    }

    /// Tells all visits of a kind the same.
    fn tell(&mut self, kind: impl Fn(Role) -> bool, input: &Input) {
        let visits = self.world.visits.iter().filter(|(_, stay)| kind(stay.role));
        let visits: Vec<_> = visits.map(|(key, _)| key).collect();
        self.world.agenda.extend(visits.into_iter().map(|key| (key, input.clone())));
        self.world.tell_agenda();
    }

    fn tell_progress(&self) {
        let world = &self.world;
        let elapsed = world.now.since_start();
        let faults = &world.env.scenario.faults;
        let active = faults.iter().filter(|f| f.schedule.active_for(elapsed).is_some());
        (self.progress)(&Progress {
            elapsed,
            started: world.telling.counts.started,
            ok: world.telling.counts.ok,
            failed: world.telling.counts.failed,
            in_flight: world.telling.counts.under_way(),
            active_faults: active.map(|f| f.name.clone()).collect(),
        });
    }
}

impl<S: Sink> World<'_, S> {
    /// The next thing happens, and all that follows on it at once; `false` if there is nothing more by
    /// then.
    fn step(&mut self, until: Time) -> bool {
        let Self { events, exchanges, .. } = self;
        let Some((at, event)) = events.pop(until, |exchange| exchanges.get(exchange).is_some()) else {
            return false;
        };
        self.pass_to(at);
        match event {
            Event::Call(load) => self.begin_call(load),
            Event::User(load) => self.user(load),
            Event::Woke(visit, timer) => self.apply(visit, Input::Woke(timer)),
            Event::Arrive(exchange) => self.arrive(exchange),
            Event::Answer(exchange) => self.answer(exchange),
            Event::Flow(exchange) => self.flow(exchange),
            Event::Piece(exchange) => self.piece(exchange),
            Event::Closed(exchange, close) => self.closed(exchange, close),
            Event::Fail(exchange, failure) => self.fails(exchange, failure),
            Event::GiveUp(exchange) | Event::FirstGivesUp(_, exchange) => self.give_up(exchange),
            Event::HangUp(visit) => self.hang_up(visit),
            Event::Process(node, number, kind) => self.process(node, number, kind),
            Event::Gauge => self.gauge(),
        }
        self.tell_agenda();
        true
    }

    /// Tells visits what they have to be told at this moment.
    fn tell_agenda(&mut self) {
        while let Some((visit, input)) = self.agenda.pop_front() {
            self.apply(visit, input);
        }
    }
}
