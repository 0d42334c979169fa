//! What is to happen, and when. Equal moments keep the order in which they were asked for.
//!
//! Nothing is ever taken out: who is gone when the event comes is not found, and the event is over.
//! The time-outs of an edge are the exception, as there are as many as attempts and hardly any is
//! reached: they expire in the order in which they were set, so that only one of them is in the heap,
//! and of the others those whose attempts are over are let go.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use node::Timer;
use topology::wire::Close;
use topology::{EdgeId, Failure, NodeId};
use trace::{NodeEventKind, Time};

use super::world::{ExchangeKey, VisitKey};

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
    /// A visit's caller is gone.
    HangUp(VisitKey),
    /// A process dies, is back or is warm: of its so-manieth outage.
    Process(NodeId, u32, NodeEventKind),
    /// How full the nodes are is noted.
    Gauge,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    order: u64,
    event: Event,
    /// It is the time-out of this edge that stands for those behind it.
    stands_for: Option<EdgeId>,
}

/// The time-outs of one edge.
#[derive(Debug, Default)]
struct Timeouts {
    /// The first of them is in the heap, or was the first.
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

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// All that is to happen.
#[derive(Debug)]
pub(super) struct Events {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
    timeouts: Vec<Timeouts>,
}

impl Events {
    /// Nothing yet, over so many edges.
    pub(super) fn new(edges: usize) -> Self {
        let timeouts = std::iter::repeat_with(Timeouts::default).take(edges).collect();
        Self { heap: BinaryHeap::new(), order: 0, timeouts }
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Has something happen then.
    pub(super) fn push(&mut self, at: Time, event: Event) {
        let order = self.next_order();
        self.heap.push(Reverse(Entry { at, order, event, stands_for: None }));
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
        let timeouts = &mut self.timeouts[edge.index()];
        let in_order = !timeouts.is_armed || timeouts.last <= at;
        if in_order {
            timeouts.last = at;
        }
        if in_order && timeouts.is_armed {
            timeouts.first(waits);
            timeouts.behind.push_back((at, order, exchange));
            return;
        }
        timeouts.is_armed |= in_order;
        let stands_for = in_order.then_some(edge);
        self.heap.push(Reverse(Entry { at, order, event: Event::GiveUp(exchange), stands_for }));
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// The next thing. `waits` tells whether an exchange is still there.
    pub(super) fn pop(&mut self, waits: impl Fn(ExchangeKey) -> bool) -> Option<(Time, Event)> {
        let Reverse(Entry { at, event, stands_for, .. }) = self.heap.pop()?;
        if let Some(edge) = stands_for {
            let timeouts = &mut self.timeouts[edge.index()];
            let next = timeouts.first(waits);
            timeouts.behind.pop_front();
            timeouts.is_armed = next.is_some();
            if let Some((at, order, exchange)) = next {
                self.heap.push(Reverse(Entry { at, order, event: Event::GiveUp(exchange), stands_for }));
            }
        }
        Some((at, event))
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
        let mut came = Vec::new();
        while let Some((at, event)) = events.pop(|k| k != key(1)) {
            came.push(match event {
                Event::GiveUp(k) => format!("{} {k:?}", at.0),
                other => format!("{} {other:?}", at.0),
            });
        }
        assert_eq!(came, ["10 4.0", "30 0.0", "35 2.0", "40 3.0", "40 Gauge"]);
    }
}
