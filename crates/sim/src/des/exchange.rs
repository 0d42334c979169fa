//! One attempt: connect, send, read the response's head and its body; and what is seen if it goes
//! wrong.

use std::time::Duration;

use node::{AttemptId, AttemptReport, Incoming, Input, Outgoing, Visit};
use smallvec::SmallVec;
use topology::Failure;
use topology::wire::{Close, Dial, Phase};
use trace::{Outcome, Received, Sink, Time};

use super::events::{Event, TRANSIT};
use super::streams::Joined;
use super::world::{Connection, Exchange, ExchangeKey, Reading, Role, Stay, VisitKey, World};
use crate::llm::Target;

/// A question and its answer.
const ROUND_TRIP: Duration = TRANSIT.saturating_mul(2);

impl<S: Sink> World<'_, S> {
    /// Begins an attempt.
    pub(super) fn send(&mut self, caller: VisitKey, id: AttemptId, outgoing: &Outgoing) {
        let now = self.now;
        let Outgoing { call, hop, edge, retries, give_up_at, connect_by, time_left, priority, .. } =
            *outgoing;
        let dial = outgoing.disturbance.outbound.dial;
        let callee = self.edge(edge).callee;
        let (epoch, is_up) = (self.node(callee).epoch, self.node(callee).is_up);
        let host = self.edge(edge);
        let shares = host.streams.is_some();
        let pooled = match dial {
            Dial::Callee if shares => host.join(epoch, now),
            Dial::Callee => {
                host.take(epoch, now).map(|(connection, idle)| Joined { connection, idle, ready: now })
            }
            _ => None,
        };
        let reused = pooled.is_some();
        let connected = now + ROUND_TRIP;
        let is_made = is_up && dial == Dial::Callee && connected < connect_by;
        let Joined { connection, idle, ready } = pooled.unwrap_or_else(|| Joined {
            connection: if is_made {
                host.open(epoch, connected)
            } else {
                Connection { epoch, requests: 0, id: 0 }
            },
            idle: Duration::ZERO,
            ready: connected,
        });
        let key = self.exchanges.insert(Exchange {
            caller,
            id,
            call,
            hop,
            edge,
            retries,
            priority,
            time_left,
            disturbance: outgoing.disturbance.clone(),
            connection,
            reused,
            idle,
            idle_closed: false,
            arrived: false,
            callee: None,
            response: None,
            flow: None,
            reading: Reading::Head,
            received: 0,
            body: 0,
            charge: None,
            quiet: outgoing.read_timeout.map(|most| {
                // Before there is a connection nothing is waited for.
                let heard = if reused || is_made { ready.max(now) } else { connect_by };
                Box::new(Quiet { heard, most, give_up_at })
            }),
        });
        let give_up_at =
            self.exchanges.get(key).and_then(|x| x.quiet.as_ref()).map_or(give_up_at, |q| Some(q.due()));
        if let Some(stay) = self.visits.get_mut(caller) {
            stay.exchanges.push(key);
        }
        let refused = matches!(dial, Dial::Refused | Dial::WrongPort | Dial::WrongHost) || !is_up;
        // Its alert comes one round trip after the connection.
        let handshake = connected + ROUND_TRIP;
        if reused && ready <= now {
            self.events.push_transit(now, Event::Arrive(key));
        } else if reused {
            self.events.push(ready + TRANSIT, Event::Arrive(key));
        } else if dial == Dial::NoName {
            self.events.push(now + ROUND_TRIP, Event::Fail(key, Failure::DnsError));
        } else if dial == Dial::Blackhole || connected >= connect_by {
            self.events.push(connect_by, Event::Fail(key, Failure::ConnectionTimeout));
        } else if refused {
            self.events.push(connected, Event::Fail(key, Failure::ConnectionRefused));
        } else if dial == Dial::TlsToPlain {
            self.events.push(handshake, Event::Fail(key, Failure::TlsProtocolError));
        } else if dial == Dial::BadCertificate {
            self.events.push(handshake, Event::Fail(key, Failure::TlsCertificateError));
        } else {
            self.events.push(connected + TRANSIT, Event::Arrive(key));
        }
        if let Some(at) = give_up_at {
            let Self { events, exchanges, .. } = self;
            events.push_timeout(edge, at, key, |exchange| exchanges.get(exchange).is_some());
        }
    }

    /// A request reaches its callee.
    pub(super) fn arrive(&mut self, key: ExchangeKey) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let node = self.edges[exchange.edge.index()].callee;
        let host = &mut self.nodes[node.index()];
        let link = exchange.disturbance.link;
        exchange.arrived = true;
        let is_alive = exchange.connection.epoch == host.epoch && host.is_up;
        let shares = exchange.connection.id > 0;
        let mut earlier = exchange.connection.requests;
        exchange.connection.requests += 1;
        if shares && is_alive {
            let Some(before) = self.arrive_on_stream(key) else { return };
            earlier = before;
        }
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let host = &mut self.nodes[node.index()];
        let lost = if !is_alive {
            Some(Close::Reset)
        } else if let Some((Phase::BeforeRequest, close)) = link.cut {
            Some(close)
        } else if link.closes_idle(earlier, exchange.idle) {
            exchange.idle_closed = true;
            Some(Close::Fin)
        } else {
            None
        };
        if let Some(close) = lost {
            if shares && close != Close::Silence {
                self.end_connection(key, close);
            } else {
                self.events.push_transit(self.now, Event::Closed(key, close));
            }
            return;
        }
        let scenario = self.env.scenario;
        let template = &self.templates[usize::from(exchange.call.load())];
        let before = self.visits.get(exchange.caller).and_then(|caller| caller.via.as_ref());
        let over = &self.edges[exchange.edge.index()];
        let (path, presented) = (over.path, over.key.as_ref());
        let drawn = template.llm.as_ref().map(|llm| self.env.dice.asked(&llm.ask, exchange.call));
        let body_bytes = template.body(drawn.as_ref());
        let (head_bytes, mut path_known) =
            template.head(body_bytes, path, presented.map(|key| &**key), exchange, before.map(|via| &**via));
        let mut ask = drawn.map(Box::new);
        if let Some(model) = &scenario.topology.node(node).llm {
            let form = template.target(model.api, &scenario.topology.edge(exchange.edge).path);
            path_known &= !matches!(form, Target::Unknown);
            ask = ask.filter(|_| matches!(form, Target::Completion(_)));
        }
        let presented = presented.or(template.key.as_ref()).map(|key| &**key);
        let holder = scenario.topology.node(node).key_rules().map(|rules| rules.holder(presented));
        let incoming = Incoming {
            call: exchange.call,
            hop: exchange.hop,
            edge: exchange.edge,
            retries: exchange.retries,
            looped: before.is_some_and(|via| via.contains(node)),
            used_connection: earlier > 0,
            path_known,
            credentials_good: !exchange.disturbance.outbound.bad_credentials,
            head_bytes,
            body_bytes,
            idempotent: template.idempotent,
            // It is told in whole milliseconds.
            time_left: exchange
                .time_left
                .map(|left| Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))),
            priority: exchange.priority,
            key: holder.unwrap_or_default(),
            ask,
            disturbance: exchange.disturbance.clone(),
        };
        let calls = !scenario.topology.node(node).plan.stages.is_empty()
            || exchange.disturbance.process.reroute.is_some();
        let via = calls.then(|| host.via.after(before, node, scenario));
        let visit = self.visits.insert(Stay {
            visit: Visit::request(incoming),
            node,
            role: Role::Request(Some(key)),
            via,
            exchanges: SmallVec::new(),
            ticket: None,
            held: Vec::new(),
        });
        exchange.callee = Some(visit);
        self.inside += 1;
        self.apply(visit, Input::Begin);
    }

    /// A whole response reaches its caller.
    pub(super) fn answer(&mut self, key: ExchangeKey) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        let Some(response) = exchange.response else { return };
        exchange.body = response.body.unwrap_or(exchange.body);
        exchange.reading = Reading::Body;
        let (caller, id, status, retry_after) =
            (exchange.caller, exchange.id, response.status, response.wait());
        if let Some(report) = self.close(key, response.outcome(), false) {
            self.whole = Some(response);
            self.apply(caller, Input::Whole { id, status, retry_after, report });
            self.whole = None;
        }
    }

    /// The head of a response has come whole; whether its exchange is still of interest.
    pub(super) fn head_comes(&mut self, key: ExchangeKey) -> bool {
        let Some(exchange) = self.exchanges.get_mut(key) else { return false };
        let Some(response) = exchange.response else { return false };
        exchange.reading = Reading::Body;
        let (caller, id) = (exchange.caller, exchange.id);
        let retry_after = response.wait();
        self.apply(caller, Input::Head { id, status: response.status, retry_after });
        self.exchanges.get(key).is_some()
    }

    /// An exchange's connection ends; what that means depends on what had come.
    pub(super) fn closed(&mut self, key: ExchangeKey, close: Close) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        if close == Close::Silence {
            return;
        }
        match (exchange.status(), exchange.received) {
            (Some(status), _) if exchange.closes() && close == Close::Fin => {
                self.end(key, status);
            }
            (Some(_), _) => self.fail(key, Failure::BodyIncomplete, close == Close::Reset),
            (None, 0) => self.fail(key, Failure::ConnectionTerminated, close == Close::Reset),
            (None, _) => self.fail(key, Failure::HeadIncomplete, close == Close::Reset),
        }
    }

    /// The caller of an exchange waits no longer.
    pub(super) fn give_up(&mut self, key: ExchangeKey) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        if let Some(due) = exchange.quiet.as_ref().map(|quiet| quiet.due()).filter(|due| *due > self.now) {
            // It has been heard of since.
            self.events.push(due, Event::GiveUp(key));
            return;
        }
        let failure = if exchange.status().is_some() { Failure::BodyTimeout } else { Failure::HeadTimeout };
        self.fail(key, failure, false);
    }

    /// An exchange fails otherwise than by its connection's end.
    pub(super) fn fails(&mut self, key: ExchangeKey, failure: Failure) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let reset = match failure {
            Failure::StreamReset => true,
            // Else it was refused by a GOAWAY.
            Failure::StreamRefused => exchange.disturbance.link.reset_stream.is_some(),
            // One response among others that is none ends its stream alone.
            Failure::ProtocolError => exchange.connection.id > 0,
            _ => false,
        };
        self.fail(key, failure, reset);
    }

    /// The process that has an exchange ends it in this way, without a byte.
    pub(super) fn drop_connection(&mut self, key: ExchangeKey, close: Close) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let event = match close {
            Close::Reset | Close::Fin if exchange.connection.id > 0 => Event::Fail(key, Failure::StreamReset),
            _ => Event::Closed(key, close),
        };
        self.events.push_transit(self.now, event);
    }

    /// An exchange fails.
    pub(super) fn fail(&mut self, key: ExchangeKey, failure: Failure, reset: bool) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let status = exchange.status();
        self.end_with(key, Outcome::Failed { failure, status }, reset);
    }

    /// A whole response with this status has come.
    pub(super) fn end(&mut self, key: ExchangeKey, status: u16) {
        let response = self.exchanges.get(key).and_then(|exchange| exchange.response);
        let outcome = response.map_or(Outcome::Answered(status), |response| response.outcome());
        self.end_with(key, outcome, false);
    }

    fn end_with(&mut self, key: ExchangeKey, outcome: Outcome, reset: bool) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let (caller, id) = (exchange.caller, exchange.id);
        if let Some(report) = self.close(key, outcome, reset) {
            self.apply(caller, Input::Ended { id, report });
        }
    }

    /// An exchange is over, and so are its connection or its place there; what there is to report of it.
    fn close(&mut self, key: ExchangeKey, outcome: Outcome, reset: bool) -> Option<AttemptReport> {
        let exchange = self.exchanges.get_mut(key)?;
        let charge = exchange.charge.take();
        let Exchange { caller, id, connection, callee, reading, .. } = *exchange;
        let (edge, closes) = (exchange.edge, exchange.closes());
        let head_came = exchange.status().is_some();
        let report = AttemptReport {
            outcome,
            reset,
            reused: exchange.reused,
            idle: exchange.idle,
            bytes: exchange.bytes(),
            ends_by_close: head_came && closes,
            idle_closed: exchange.idle_closed,
            charge,
            exchange: None,
        };
        let kept = exchange.response.filter(|_| reading == Reading::Hold).map(|it| it.whole(exchange.body));
        let stays = !closes && !exchange.flow.as_ref().is_some_and(|f| f.is_cut());
        self.exchanges.drop(key);
        if let Some(stay) = self.visits.get_mut(caller) {
            stay.exchanges.retain(|x| *x != key);
        }
        if let Some(response) = kept {
            self.hold(caller, id, response);
        }
        let now = self.now;
        let host = self.edge(edge);
        host.leave(connection, now);
        if outcome.failure().is_none() {
            if stays {
                host.give_back(connection, now);
            }
        } else {
            self.leave(callee);
        }
        if let Reading::Relay(Some(to)) = reading {
            self.relayed(to, outcome.failure().is_none_or(Failure::is_in_content));
        }
        Some(report)
    }

    /// A caller gives an exchange up, and its connection.
    pub(super) fn abandon(&mut self, key: ExchangeKey) {
        let Some(exchange) = self.exchanges.get(key) else { return };
        let Exchange { caller, callee, connection, .. } = *exchange;
        let (edge, now) = (exchange.edge, self.now);
        self.edge(edge).leave(connection, now);
        self.exchanges.drop(key);
        if let Some(stay) = self.visits.get_mut(caller) {
            stay.exchanges.retain(|x| *x != key);
        }
        self.leave(callee);
    }

    /// The connection on which a callee's visit would answer is gone.
    fn leave(&mut self, callee: Option<VisitKey>) {
        if let Some(visit) = callee.filter(|&visit| self.visits.get(visit).is_some()) {
            self.events.push_transit(self.now, Event::HangUp(visit));
        }
    }
}

/// A callee that may not be silent for too long.
#[derive(Debug)]
pub(super) struct Quiet {
    /// When it was last heard of.
    pub(super) heard: Time,
    most: Duration,
    /// No later than this, whatever comes.
    give_up_at: Option<Time>,
}

impl Quiet {
    /// When it is given up, if nothing comes before.
    fn due(&self) -> Time {
        let due = self.heard + self.most;
        self.give_up_at.map_or(due, |at| at.min(due))
    }
}

impl Exchange {
    /// The status, once the head has come.
    pub(super) fn status(&self) -> Option<u16> {
        self.response.filter(|_| self.reading != Reading::Head).map(|response| response.status)
    }

    /// How many bytes of the body have come; if its head has not come whole, how many of that.
    fn bytes(&self) -> u64 {
        if self.status().is_some() { self.body } else { self.received }
    }

    /// How far it has come.
    pub(super) fn received(&self) -> Received {
        let ends_by_close = self.status().is_some() && self.closes();
        Received { connected: self.arrived || self.reused, bytes: self.bytes(), ends_by_close }
    }

    /// Whether the end of the connection is to be that of the response.
    fn closes(&self) -> bool {
        self.response.is_some_and(|response| response.closes)
    }

    /// Whether its callee's process holds the connection, and has not answered in whole.
    pub(super) fn is_open(&self) -> bool {
        self.arrived && (self.response.is_none() || self.flow.is_some())
    }
}

/// A moment so soon after another that nobody can act between.
pub(super) fn at_least_a_round_trip_after(at: Time) -> Time {
    at + ROUND_TRIP
}
