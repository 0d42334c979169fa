//! The requests that wait for a worker: who is next, and who has waited too long.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use topology::node::{Codel, Discipline, Order};
use trace::Time;

/// A visit's place in its node's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Those who wait, by how much they matter.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: BTreeMap<u8, VecDeque<(Ticket, Time)>>,
    len: usize,
    codel: CodelState,
}

/// Controlled delay: what RFC 8289 calls the state of the dequeue.
#[derive(Debug, Default)]
struct CodelState {
    /// When the wait will have been above the target for the whole interval.
    first_above: Option<Time>,
    dropping: bool,
    drop_next: Time,
    count: u32,
    last_count: u32,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Since when somebody waits.
    pub(crate) fn waiting_since(&self) -> Option<Time> {
        self.waiting.values().filter_map(|waiting| waiting.front()).map(|(_, since)| *since).min()
    }

    pub(crate) fn push(&mut self, ticket: Ticket, priority: u8, now: Time) {
        self.waiting.entry(priority).or_default().push_back((ticket, now));
        self.len += 1;
    }

    /// Takes one out who has just left; `false` if it was not waiting.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> bool {
        for waiting in self.waiting.values_mut() {
            if let Some(place) = waiting.iter().position(|(t, _)| *t == ticket) {
                waiting.remove(place);
                self.len -= 1;
                return true;
            }
        }
        false
    }

    /// Takes the newest of those out who matter least, if that is less than this.
    pub(crate) fn evict_below(&mut self, priority: u8) -> Option<Ticket> {
        let (_, least) = self.waiting.range_mut(..priority).find(|(_, waiting)| !waiting.is_empty())?;
        let (ticket, _) = least.pop_back()?;
        self.len -= 1;
        Some(ticket)
    }

    /// Who is next; those who have waited too long by the discipline's rule are dropped.
    pub(crate) fn pop(&mut self, by: &Discipline, now: Time, dropped: &mut Vec<Ticket>) -> Option<Ticket> {
        let Some(codel) = by.codel else { return self.take(by.order).map(|(ticket, _)| ticket) };
        let (mut next, mut late) = self.look(by.order, codel, now)?;
        if self.codel.dropping {
            while late && now >= self.codel.drop_next {
                dropped.push(next);
                self.codel.count += 1;
                (next, late) = self.look(by.order, codel, now)?;
                self.codel.drop_next = self.codel.after(self.codel.drop_next, codel.interval);
            }
            self.codel.dropping = late;
        } else if late {
            dropped.push(next);
            (next, _) = self.look(by.order, codel, now)?;
            self.codel.dropping = true;
            // Where it has just been dropping, it goes on about as fast as it was.
            let delta = self.codel.count.saturating_sub(self.codel.last_count);
            let recent = now.since(self.codel.drop_next) < codel.interval * 16;
            self.codel.count = if delta > 1 && recent { delta } else { 1 };
            self.codel.drop_next = self.codel.after(now, codel.interval);
            self.codel.last_count = self.codel.count;
        }
        Some(next)
    }

    /// Takes the next one out, and says whether it may be dropped.
    fn look(&mut self, order: Order, codel: Codel, now: Time) -> Option<(Ticket, bool)> {
        let Some((ticket, since)) = self.take(order) else {
            self.codel.first_above = None;
            self.codel.dropping = false;
            return None;
        };
        if now.since(since) < codel.target || self.len == 0 {
            self.codel.first_above = None;
            return Some((ticket, false));
        }
        let first_above = *self.codel.first_above.get_or_insert(now + codel.interval);
        Some((ticket, now >= first_above))
    }

    fn take(&mut self, order: Order) -> Option<(Ticket, Time)> {
        if self.len == 0 {
            return None;
        }
        let most = self.waiting.values_mut().rev().find(|waiting| !waiting.is_empty())?;
        self.len -= 1;
        match order {
            Order::Fifo => most.pop_front(),
            Order::Lifo => most.pop_back(),
        }
    }
}

impl CodelState {
    /// The control law: `interval / sqrt(count)` later.
    fn after(&self, at: Time, interval: Duration) -> Time {
        at + interval.div_f64(f64::from(self.count.max(1)).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn queue(priorities: &[u8]) -> Queue {
        let mut queue = Queue::default();
        for (n, &priority) in (0..).zip(priorities) {
            queue.push(Ticket(n), priority, Time(0));
        }
        queue
    }

    fn all(queue: &mut Queue, order: Order) -> Vec<u64> {
        let by = Discipline { order, codel: None };
        std::iter::from_fn(|| queue.pop(&by, Time(0), &mut Vec::new())).map(|ticket| ticket.0).collect()
    }

    #[test]
    fn first_or_last_come_first_served() {
        assert_eq!(all(&mut queue(&[5, 5, 5]), Order::Fifo), [0, 1, 2]);
        assert_eq!(all(&mut queue(&[5, 5, 5]), Order::Lifo), [2, 1, 0]);
    }

    #[test]
    fn who_matters_more_goes_first_and_is_not_shed() {
        let mut waiting = queue(&[5, 1, 9, 1, 5]);
        assert_eq!(waiting.evict_below(1), None);
        assert_eq!(waiting.evict_below(5), Some(Ticket(3)));
        assert_eq!(all(&mut waiting, Order::Fifo), [2, 0, 4, 1]);
        assert_eq!(waiting.evict_below(9), None);
    }

    #[test]
    fn who_leaves_is_gone() {
        let mut waiting = queue(&[5, 5, 1]);
        assert!(waiting.remove(Ticket(1)) && !waiting.remove(Ticket(1)));
        assert_eq!(waiting.len(), 2);
        assert_eq!(all(&mut waiting, Order::Fifo), [0, 2]);
    }

    /// A queue that is served once in 10 ms and gets one request in 10 ms, all of which have waited
    /// for 50 ms: after 100 ms above the target drops begin, and come faster by the square root.
    #[test]
    fn controlled_delay_drops_ever_faster_while_waits_stay_long() {
        let codel = Some(Codel { target: Duration::from_millis(5), interval: Duration::from_millis(100) });
        let by = Discipline { order: Order::Fifo, codel };
        let mut waiting = Queue::default();
        let mut next = 0;
        let mut drops = Vec::new();
        for step in 0..60_u64 {
            let now = Time((step * 10 + 50) * MS);
            while waiting.len() < 3 {
                waiting.push(Ticket(next), 5, Time(now.0 - 50 * MS));
                next += 1;
            }
            let mut dropped = Vec::new();
            assert!(waiting.pop(&by, now, &mut dropped).is_some());
            drops.extend(dropped.iter().map(|_| step * 10));
        }
        // 100 ms; then 100 / sqrt(1), 100 / sqrt(2), 100 / sqrt(3), ... later, at the next step.
        assert_eq!(drops[..5], [100, 200, 280, 330, 380], "{drops:?}");
    }

    #[test]
    fn controlled_delay_leaves_short_waits_alone() {
        let codel = Some(Codel { target: Duration::from_millis(5), interval: Duration::from_millis(100) });
        let by = Discipline { order: Order::Fifo, codel };
        let mut waiting = Queue::default();
        for step in 0..1000_u64 {
            let now = Time(step * 10 * MS);
            waiting.push(Ticket(2 * step), 5, now);
            waiting.push(Ticket(2 * step + 1), 5, now);
            let mut dropped = Vec::new();
            for _ in 0..2 {
                assert!(waiting.pop(&by, Time(now.0 + 4 * MS), &mut dropped).is_some());
            }
            assert!(dropped.is_empty());
        }
    }
}
