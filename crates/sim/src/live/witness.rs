//! A program keeps no records for us: its side of a hop, as whoever called it saw it.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use topology::{Failure, FaultSet};
use trace::{Outcome, Record, Served, Source, Time, witness};

use super::gate;
use super::headers::Identity;
use super::world::World;

/// Watches a request at a program, and tells what came of it; at the latest as it is dropped.
#[derive(Debug)]
pub(crate) struct Witness {
    world: Arc<World>,
    identity: Identity,
    arrived: Time,
    /// How many were inside as it came, itself among them.
    inside: usize,
    status: Option<u16>,
    told: bool,
}

impl Witness {
    /// A request goes to a program.
    pub(crate) fn new(
        world: Arc<World>,
        identity: Identity,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Self {
        let arrived = world.clock.now();
        let callee = world.edge(identity.edge).callee;
        let inside = world.node(callee).insides.enter(&identity, method, uri, headers, arrived);
        Self { world, identity, arrived, inside, status: None, told: false }
    }

    /// The program never saw it.
    pub(crate) fn unseen(&mut self) {
        self.told = true;
    }

    /// The head of its response has come.
    pub(crate) fn head(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// All of its response has come.
    pub(crate) fn whole(&mut self) {
        if let Some(status) = self.status {
            self.ended(Outcome::Answered(status));
        }
    }

    /// Its response broke off in its body.
    pub(crate) fn broke_off(&mut self) {
        self.ended(Outcome::Failed { failure: Failure::BodyIncomplete, status: self.status });
    }

    /// This came of it.
    pub(crate) fn ended(&mut self, outcome: Outcome) {
        let seen = witness::seen(outcome);
        let (false, Some((sent, end))) = (std::mem::replace(&mut self.told, true), seen) else { return };
        let world = &self.world;
        let identity = &self.identity;
        let finished = world.clock.now();
        let node = world.edge(identity.edge).callee;
        let faults = if outcome.is_ok() {
            FaultSet::EMPTY
        } else {
            gate::marks_behind(world, node, identity.hop, self.arrived, finished)
        };
        world.record(Record::Served(Served {
            call: identity.call,
            hop: identity.hop,
            edge: identity.edge,
            arrived: self.arrived,
            started: Some(self.arrived),
            worked: Duration::ZERO,
            finished,
            status: outcome.status(),
            source: Source::Nobody,
            sent,
            end,
            in_flight: u32::try_from(self.inside).unwrap_or(u32::MAX),
            queued: 0,
            usage: trace::Usage::default(),
            held_up: None,
            ruled: None,
            faults,
        }));
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.ended(Outcome::Failed { failure: Failure::Cancelled, status: None });
        let callee = self.world.edge(self.identity.edge).callee;
        self.world.node(callee).insides.leave(self.identity.hop, self.world.clock.now());
    }
}
