//! Drives visits: carries out the machine's actions.

use node::{Action, AttemptId, Input, Ticket, Timer};
use topology::NodeId;
use trace::{Received, Record, Sink};

use super::events::Event;
use super::response::Response;
use super::world::{Exchange, ExchangeKey, Reading, Role, VisitKey, World};

impl<S: Sink> World<'_, S> {
    /// Gives a visit an input, and does what the machine says.
    pub(super) fn apply(&mut self, key: VisitKey, input: Input) {
        let Some(stay) = self.visits.get_mut(key) else { return };
        let node = stay.node;
        let state = &mut self.nodes[node.index()].state;
        let (under_way, exchanges) = (&stay.exchanges, &self.exchanges);
        let tell = &mut |mut record: Record| {
            if let Record::Attempt(attempt) = &mut record
                && attempt.is_given_up()
            {
                let mut exchanges = under_way.iter().filter_map(|key| exchanges.get(*key));
                let exchange = exchanges.find(|exchange| exchange.hop == attempt.hop);
                attempt.had_come(exchange.map_or(Received::default(), Exchange::received));
            }
            self.telling.record(record);
        };
        let mut actions = std::mem::take(&mut self.actions);
        stay.visit.handle(self.now, input, &self.env, state, &mut actions, tell);
        // They stay where they are: to move them is slower than to carry them out.
        for action in &actions {
            self.carry_out(key, node, action);
        }
        actions.clear();
        // What is there in the meantime is empty: nothing is let go that would have to be freed.
        std::mem::forget(std::mem::replace(&mut self.actions, actions));
    }

    fn carry_out(&mut self, key: VisitKey, node: NodeId, action: &Action) {
        match *action {
            Action::Sleep { timer, until } => self.events.push(until, Event::Woke(key, timer)),
            Action::Compute { until, .. } => self.events.push(until, Event::Woke(key, Timer::Work)),
            Action::Queued(ticket) => {
                self.node(node).waiting.insert(ticket, key);
                if let Some(stay) = self.visits.get_mut(key) {
                    stay.ticket = Some(ticket);
                }
            }
            Action::Wake(ticket) => self.tell(node, ticket, Input::Granted),
            Action::Shed(ticket) => self.tell(node, ticket, Input::Shed),
            Action::Send { id, ref outgoing } => self.send(key, id, outgoing),
            Action::Relay { id, proxy_status } => {
                if let Some(response) = self.whole.take() {
                    self.relay_whole(key, node, response, proxy_status);
                } else if let Some(exchange) = self.attempt(key, id) {
                    self.relay(key, node, exchange, proxy_status);
                }
            }
            Action::Drain { id } => self.read(key, id, Reading::Body),
            Action::Hold { id } => match self.whole.take() {
                Some(response) => self.hold(key, id, response.whole(response.body.unwrap_or(0))),
                None => self.read(key, id, Reading::Hold),
            },
            Action::PassOn { slot, proxy_status } => self.pass_on_held(key, node, slot, proxy_status),
            Action::Abandon { id } => {
                if let Some(exchange) = self.attempt(key, id) {
                    self.abandon(exchange);
                }
            }
            Action::Respond(ref reply) => {
                if let Some(to) = self.answers(key) {
                    self.respond(node, to, reply);
                }
            }
            Action::Fail(end) => {
                if let Some(to) = self.answers(key) {
                    self.die(node, to, end);
                }
            }
            Action::Close(close) => {
                if let Some(to) = self.answers(key) {
                    self.drop_connection(to, close);
                }
            }
            Action::Charge { ref charge, .. } => {
                if let Some(exchange) =
                    self.answers(key).and_then(|exchange| self.exchanges.get_mut(exchange))
                {
                    exchange.charge = Some(charge.clone());
                }
            }
            Action::Finish => self.finish(key),
        }
    }

    /// Tells a visit in the queue what has become of its place.
    fn tell(&mut self, node: NodeId, ticket: Ticket, input: Input) {
        if let Some(visit) = self.node(node).waiting.remove(&ticket) {
            self.agenda.push_back((visit, input));
        }
    }

    /// Keeps a whole response as that of its call.
    pub(super) fn hold(&mut self, key: VisitKey, id: AttemptId, response: Response) {
        if let Some(stay) = self.visits.get_mut(key) {
            stay.held.retain(|(slot, _)| *slot != id.slot);
            stay.held.push((id.slot, response));
        }
    }

    /// What is done with the rest of a response.
    fn read(&mut self, key: VisitKey, id: AttemptId, reading: Reading) {
        if let Some(exchange) = self.attempt(key, id).and_then(|x| self.exchanges.get_mut(x)) {
            exchange.reading = reading;
        }
    }

    /// One of a visit's attempts under way.
    fn attempt(&self, key: VisitKey, id: AttemptId) -> Option<ExchangeKey> {
        let exchanges = &self.visits.get(key)?.exchanges;
        exchanges.iter().copied().find(|&x| self.exchanges.get(x).is_some_and(|x| x.id == id))
    }

    /// The exchange that a visit answers, if its caller is still there.
    pub(super) fn answers(&self, key: VisitKey) -> Option<ExchangeKey> {
        match self.visits.get(key)?.role {
            Role::Request(exchange) => exchange.filter(|&x| self.exchanges.get(x).is_some()),
            Role::Call { .. } => None,
        }
    }

    /// A visit is over.
    fn finish(&mut self, key: VisitKey) {
        let Some(stay) = self.visits.get_mut(key) else { return };
        let (node, role, ticket) = (stay.node, stay.role, stay.ticket);
        if stay.exchanges.is_empty() {
            self.visits.drop(key);
        } else {
            let exchanges = std::mem::take(&mut stay.exchanges);
            self.visits.drop(key);
            exchanges.into_iter().for_each(|exchange| self.abandon(exchange));
        }
        if let Some(ticket) = ticket {
            self.node(node).waiting.remove(&ticket);
        }
        match role {
            Role::Call { load, number, begun } => self.call_ends(load, number, begun),
            Role::Request(_) => self.inside -= 1,
        }
    }

    /// A visit's caller is gone.
    pub(super) fn hang_up(&mut self, key: VisitKey) {
        if let Some(stay) = self.visits.get_mut(key) {
            if let Role::Request(exchange) = &mut stay.role {
                *exchange = None;
            }
            self.apply(key, Input::CallerGone);
        }
    }
}
