//! What is to happen, and when. Equal moments keep the order in which they were asked for.
//!
//! Nothing is ever taken out: who is gone when the event comes is not found, and the event is over.
//!
//! Most of what happens needs no sorting. All that is under way from one node to another takes equally
//! long, and arrives in the order in which it was sent. The time-outs of an edge expire in the order
//! in which they were set, and hardly any is reached: only one of them is among the rest, and of the
//! others those whose attempts are over are let go.

use std::collections::VecDeque;
use std::time::Duration;

use node::Timer;
use topology::wire::Close;
use topology::{EdgeId, Failure, NodeId};
use trace::{NodeEventKind, Time};

use super::radix::RadixHeap;
use super::world::{ExchangeKey, VisitKey};

/// What a message takes from one node to another: about what it takes on the live engine's loopback.
pub(super) const TRANSIT: Duration = Duration::from_micros(30);

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The next call of this open loop begins.
    Call(u16),
    /// A user of this closed loop has thought.
    User(u16),
    /// The time of a visit's timer has come.
    Woke(VisitKey, Timer),
    /// A request reaches its callee.
    Arrive(ExchangeKey),
    /// A whole response reaches its caller.
    Answer(ExchangeKey),
    /// A response goes on, piece by piece.
    Flow(ExchangeKey),
    /// The next piece of a response is made.
    Piece(ExchangeKey),
    /// The connection of an exchange ends.
    Closed(ExchangeKey, Close),
    /// An exchange fails otherwise.
    Fail(ExchangeKey, Failure),
    /// The caller of an exchange waits no longer.
    GiveUp(ExchangeKey),
    /// The same, if it stands for those behind it on this edge.
    FirstGivesUp(EdgeId, ExchangeKey),
    /// A visit's caller is gone.
    HangUp(VisitKey),
    /// A process dies, is back or is warm: of its so-manieth outage.
    Process(NodeId, u32, NodeEventKind),
    /// How full the nodes are is noted.
    Gauge,
}

/// The time-outs of one edge.
#[derive(Debug, Default)]
struct Timeouts {
    /// The first of them is among the rest, or was the first.
    is_armed: bool,
    last: Time,
    behind: VecDeque<(Time, u64, ExchangeKey)>,
}

impl Timeouts {
    /// The first of those behind that is still waited for.
    fn first(&mut self, waits: impl Fn(ExchangeKey) -> bool) -> Option<(Time, u64, ExchangeKey)> {
        while self.behind.front().is_some_and(|(.., exchange)| !waits(*exchange)) {
            self.behind.pop_front();
        }
        self.behind.front().copied()
    }
}

/// All that is to happen.
#[derive(Debug)]
pub(super) struct Events {
    now: Time,
    order: u64,
    in_transit: VecDeque<(Time, u64, Event)>,
    timeouts: Vec<Timeouts>,
    rest: RadixHeap<Event>,
}

impl Events {
    /// Nothing yet, over so many edges.
    pub(super) fn new(edges: usize) -> Self {
        let timeouts = std::iter::repeat_with(Timeouts::default).take(edges).collect();
        let (now, in_transit, rest) = (Time::default(), VecDeque::new(), RadixHeap::new());
        Self { now, order: 0, in_transit, timeouts, rest }
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Has something happen then; at once, if that has passed.
    pub(super) fn push(&mut self, at: Time, event: Event) {
        let order = self.next_order();
        self.rest.push(at.max(self.now), order, event);
    }

    /// Has something reach the other end of a link that sets off now.
    pub(super) fn push_transit(&mut self, now: Time, event: Event) {
        let order = self.next_order();
        self.in_transit.push_back((now + TRANSIT, order, event));
    }

    /// Has an exchange over this edge be given up then. `waits` tells whether one is still there.
    pub(super) fn push_timeout(
        &mut self,
        edge: EdgeId,
        at: Time,
        exchange: ExchangeKey,
        waits: impl Fn(ExchangeKey) -> bool,
    ) {
        let order = self.next_order();
        let at = at.max(self.now);
        let timeouts = &mut self.timeouts[edge.index()];
        if timeouts.is_armed && timeouts.last > at {
            self.rest.push(at, order, Event::GiveUp(exchange));
            return;
        }
        timeouts.last = at;
        if timeouts.is_armed {
            timeouts.first(waits);
            timeouts.behind.push_back((at, order, exchange));
        } else {
            timeouts.is_armed = true;
            self.rest.push(at, order, Event::FirstGivesUp(edge, exchange));
        }
    }

    /// The next thing, unless it happens only after `until`. `waits` tells whether an exchange is still
    /// there.
    pub(super) fn pop(&mut self, until: Time, waits: impl Fn(ExchangeKey) -> bool) -> Option<(Time, Event)> {
        let (at, event) = self.first(until)?;
        self.now = at;
        let Event::FirstGivesUp(edge, exchange) = event else { return Some((at, event)) };
        let timeouts = &mut self.timeouts[edge.index()];
        let next = timeouts.first(waits);
        timeouts.behind.pop_front();
        timeouts.is_armed = next.is_some();
        if let Some((at, order, exchange)) = next {
            self.rest.push(at, order, Event::FirstGivesUp(edge, exchange));
        }
        Some((at, Event::GiveUp(exchange)))
    }

    /// What has arrived, or the first of the rest: whichever is first.
    fn first(&mut self, until: Time) -> Option<(Time, Event)> {
        let rest = self.rest.first_at();
        // What is later is not compared: that would move the heap on to a moment that has not come.
        if let Some(&(at, order, event)) = self.in_transit.front()
            && at <= until
        {
            let arrives = match rest {
                Some(rest) if rest < at => false,
                Some(rest) if rest == at => self.rest.first().is_none_or(|(_, other)| order < other),
                _ => true,
            };
            if arrives {
                self.in_transit.pop_front();
                return Some((at, event));
            }
        }
        if rest.is_none_or(|at| at > until) { None } else { self.rest.pop() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slab::Key;
    use super::*;

    /// Time-outs come in order with all else, whether they were set in order or not, and whoever is
    /// gone.
    #[test]
    fn everything_comes_in_its_order() {
        let key = Key::first_at;
        let mut events = Events::new(2);
        let all = |_| true;
        events.push_timeout(EdgeId(0), Time(30), key(0), all);
        events.push_timeout(EdgeId(0), Time(40), key(1), all);
        events.push_timeout(EdgeId(0), Time(35), key(2), all);
        events.push_timeout(EdgeId(0), Time(40), key(3), all);
        events.push_timeout(EdgeId(1), Time(10), key(4), all);
        events.push(Time(40), Event::Gauge);
        events.push_transit(Time(10), Event::Call(0));
        events.push(Time(10) + TRANSIT, Event::Call(1));
        let mut came = Vec::new();
        while let Some((at, event)) = events.pop(Time(u64::MAX), |k| k != key(1)) {
            came.push(match event {
                Event::GiveUp(k) => format!("{} {k:?}", at.0),
                other => format!("{} {other:?}", at.0),
            });
        }
        assert_eq!(
            came,
            ["10 4.0", "30 0.0", "35 2.0", "40 3.0", "40 Gauge", "30010 Call(0)", "30010 Call(1)"]
        );
    }
}
