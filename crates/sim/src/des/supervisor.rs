//! The nodes' processes, which go down and come up by the scenario's outages; and how full they are.

use std::time::Duration;

use node::Input;
use topology::NodeId;
use topology::wire::Close;
use trace::{Gauge, NodeEvent, NodeEventKind, Record, Sink, Time};

use super::events::Event;
use super::world::{Role, World};

/// As the live engine's housekeeping does: in the middle of each second.
const GAUGE_FIRST: Duration = Duration::from_millis(500);
const GAUGE_EVERY: Duration = Duration::from_secs(1);

impl<S: Sink> World<'_, S> {
    /// Schedules the first outage of each node, and the first gauge.
    pub(super) fn begin_supervision(&mut self) {
        for place in 0..self.nodes.len() {
            let node = self.nodes[place].state.node;
            self.schedule_outage(node, 0);
        }
        self.events.push(Time::default() + GAUGE_FIRST, Event::Gauge);
    }

    fn schedule_outage(&mut self, node: NodeId, number: u32) {
        if let Some(&(down, ..)) = self.node(node).outages.get(number as usize) {
            self.events.push(down, Event::Process(node, number, NodeEventKind::Down));
        }
    }

    /// A node's process dies, is back or is warm.
    pub(super) fn process(&mut self, node: NodeId, number: u32, kind: NodeEventKind) {
        let outages = &self.node(node).outages;
        let Some(&(_, up, ready)) = outages.get(number as usize) else { return };
        let next_down = outages.get(number as usize + 1).map(|next| next.0);
        self.telling.record(Record::Node(NodeEvent { node, at: self.now, kind }));
        match kind {
            NodeEventKind::Down => {
                self.go_down(node);
                self.events.push(up, Event::Process(node, number, NodeEventKind::Up));
            }
            NodeEventKind::Up => {
                self.node(node).is_up = true;
                // It may die again before it is warm.
                if next_down.is_none_or(|down| ready < down) {
                    self.events.push(ready, Event::Process(node, number, NodeEventKind::Ready));
                }
                self.schedule_outage(node, number + 1);
            }
            NodeEventKind::Ready => {}
        }
    }

    /// Nobody listens any more, open connections are reset, and the work inside is lost.
    fn go_down(&mut self, node: NodeId) {
        let host = self.node(node);
        host.is_up = false;
        host.epoch += 1;
        for edge in self.env.scenario.topology.outgoing(node) {
            let edge = self.edge(edge);
            edge.idle.clear();
            if let Some(streams) = &mut edge.streams {
                streams.clear();
            }
        }
        let edges = &self.edges;
        let to_it = |x: &super::world::Exchange| edges[x.edge.index()].callee == node;
        let open: Vec<_> =
            self.exchanges.iter().filter(|(_, x)| to_it(x) && x.is_open()).map(|(key, _)| key).collect();
        for key in open {
            if let Some(exchange) = self.exchanges.get_mut(key) {
                exchange.flow = None;
            }
            self.events.push_transit(self.now, Event::Closed(key, Close::Reset));
        }
        let inside = |role| matches!(role, Role::Request(_));
        let visits = self.visits.iter().filter(|(_, stay)| stay.node == node && inside(stay.role));
        self.agenda.extend(visits.map(|(key, _)| (key, Input::ProcessDown)));
    }

    /// Notes how full each node is.
    pub(super) fn gauge(&mut self) {
        let at = self.now;
        for place in 0..self.nodes.len() {
            let state = &self.nodes[place].state;
            let (node, in_flight, queued) = (state.node, state.in_flight, state.queued());
            self.telling.record(Record::Gauge(Gauge { node, at, in_flight, queued }));
            for policies in state.policies(&self.env.scenario.topology, at) {
                self.telling.record(Record::Policies(policies));
            }
        }
        self.events.push(at + GAUGE_EVERY, Event::Gauge);
    }
}
