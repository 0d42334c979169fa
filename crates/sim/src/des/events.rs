//! What is to happen, and when. Equal moments keep the order in which they were asked for.
//!
//! Nothing is ever taken out: who is gone when the event comes is not found, and the event is over.
//! The time-outs of an edge are the exception, as there are as many as attempts and hardly any is
//! reached: they expire in the order in which they were set, so that only the first is in the heap.

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
    /// It is the first of this edge's time-outs.
    first_of: Option<EdgeId>,
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
    /// By edge: the time-outs behind the one that is in the heap.
    timeouts: Vec<VecDeque<(Time, u64, ExchangeKey)>>,
}

impl Events {
    /// Nothing yet, over so many edges.
    pub(super) fn new(edges: usize) -> Self {
        Self { heap: BinaryHeap::new(), order: 0, timeouts: vec![VecDeque::new(); edges] }
    }

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Has something happen then.
    pub(super) fn push(&mut self, at: Time, event: Event) {
        let order = self.next_order();
        self.heap.push(Reverse(Entry { at, order, event, first_of: None }));
    }

    /// Has an exchange over this edge be given up then.
    pub(super) fn push_timeout(&mut self, edge: EdgeId, at: Time, exchange: ExchangeKey) {
        let order = self.next_order();
        let behind = &mut self.timeouts[edge.index()];
        match behind.back() {
            Some((last, ..)) if *last > at => {
                self.heap.push(Reverse(Entry { at, order, event: Event::GiveUp(exchange), first_of: None }));
            }
            Some(_) => behind.push_back((at, order, exchange)),
            None => {
                behind.push_back((at, order, exchange));
                let event = Event::GiveUp(exchange);
                self.heap.push(Reverse(Entry { at, order, event, first_of: Some(edge) }));
            }
        }
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// The next thing. `waits` tells whether an exchange is still there.
    pub(super) fn pop(&mut self, waits: impl Fn(ExchangeKey) -> bool) -> Option<(Time, Event)> {
        let Reverse(Entry { at, event, first_of, .. }) = self.heap.pop()?;
        if let Some(edge) = first_of {
            let timeouts = &mut self.timeouts[edge.index()];
            timeouts.pop_front();
            while timeouts.front().is_some_and(|(.., exchange)| !waits(*exchange)) {
                timeouts.pop_front();
            }
            if let Some(&(at, order, exchange)) = timeouts.front() {
                let event = Event::GiveUp(exchange);
                self.heap.push(Reverse(Entry { at, order, event, first_of }));
            }
        }
        Some((at, event))
    }
}
