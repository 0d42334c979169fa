//! A priority queue for moments that never go back: a radix heap (Ahuja, Mehlhorn, Orlin, Tarjan,
//! "Faster algorithms for the shortest path problem", JACM 37, 1990).
//!
//! What is to happen is sorted by the highest bit in which its moment differs from that of what came
//! out last. As time goes on a bucket's entries are sorted anew into the buckets below, in which
//! there is nothing by then. So each entry is moved a few times, always from one list to the end of
//! another: a million of them take hardly longer, each, than a hundred.

use std::collections::VecDeque;

use trace::Time;

/// Values by moment, and by order among those of one moment.
#[derive(Debug)]
pub struct RadixHeap<T> {
    /// Nothing is earlier than this.
    now: Time,
    /// What is due at just this moment, in order.
    due: VecDeque<(u64, T)>,
    /// The n-th has what differs from this moment in bit n, but in none above.
    buckets: [Vec<(Time, u64, T)>; 64],
    /// A bit for each bucket that is not empty.
    filled: u64,
    /// The earliest moment in the buckets, if it is known.
    earliest: Option<Time>,
}

impl<T: Copy> Default for RadixHeap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy> RadixHeap<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            now: Time::default(),
            due: VecDeque::new(),
            buckets: [const { Vec::new() }; 64],
            filled: 0,
            earliest: None,
        }
    }

    /// Puts a value in; its moment must not be before that of any value that has come out.
    pub fn push(&mut self, at: Time, order: u64, value: T) {
        debug_assert!(at >= self.now, "time does not go back");
        if at > self.now {
            let known = self.filled == 0 || self.earliest.is_some();
            self.earliest = known.then(|| self.earliest.map_or(at, |earliest| earliest.min(at)));
        }
        self.sort_in(at, order, value);
    }

    fn sort_in(&mut self, at: Time, order: u64, value: T) {
        match (at.0 ^ self.now.0).checked_ilog2() {
            Some(bit) => {
                self.buckets[bit as usize].push((at, order, value));
                self.filled |= 1 << bit;
            }
            None if self.due.back().is_none_or(|(last, _)| *last < order) => {
                self.due.push_back((order, value));
            }
            None => {
                let place = self.due.partition_point(|(other, _)| *other < order);
                self.due.insert(place, (order, value));
            }
        }
    }

    /// The moment of the first value.
    pub fn first_at(&mut self) -> Option<Time> {
        if !self.due.is_empty() {
            return Some(self.now);
        }
        if self.earliest.is_none() && self.filled > 0 {
            let first = &self.buckets[self.filled.trailing_zeros() as usize];
            self.earliest = first.iter().map(|(at, ..)| *at).min();
        }
        self.earliest
    }

    /// The moment of the first value, and its order. Nothing earlier may be put in from now on.
    pub fn first(&mut self) -> Option<(Time, u64)> {
        if self.due.is_empty() {
            self.now = self.first_at()?;
            self.earliest = None;
            let lowest = self.filled.trailing_zeros() as usize;
            self.filled &= !(1 << lowest);
            let mut bucket = std::mem::take(&mut self.buckets[lowest]);
            for (at, order, value) in bucket.drain(..) {
                self.sort_in(at, order, value);
            }
            // Its room is used again.
            self.buckets[lowest] = bucket;
        }
        self.due.front().map(|(order, _)| (self.now, *order))
    }

    /// Takes the first value out.
    pub fn pop(&mut self) -> Option<(Time, T)> {
        self.first()?;
        self.due.pop_front().map(|(_, value)| (self.now, value))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Whatever is put in, near and far, at one moment or out of turn: what comes out is what comes
    /// out of a heap.
    #[test]
    fn it_is_a_heap() {
        for seed in 0..200 {
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let (mut radix, mut heap) = (RadixHeap::new(), BinaryHeap::new());
            let mut now = 0;
            for order in 0..2_000_u64 {
                if rng.random_bool(0.55) {
                    let far = rng.random_range(0..60);
                    let at = now + rng.random_range(0..1_u64 << far) / 3;
                    // Every tenth takes an earlier place among those of its moment.
                    let order = if order % 10 == 0 { order / 2 } else { 10_000 + order };
                    radix.push(Time(at), order, at ^ order);
                    heap.push(Reverse((at, order, at ^ order)));
                } else {
                    let expected = heap.pop().map(|Reverse(entry)| entry);
                    assert_eq!(radix.first_at().map(|at| at.0), expected.map(|e| e.0));
                    if rng.random_bool(0.5) {
                        assert_eq!(radix.first(), expected.map(|e| (Time(e.0), e.1)));
                    }
                    assert_eq!(radix.pop(), expected.map(|e| (Time(e.0), e.2)));
                    now = expected.map_or(now, |e| e.0);
                }
            }
            while let Some(Reverse((at, _, value))) = heap.pop() {
                assert_eq!(radix.pop(), Some((Time(at), value)));
            }
            assert_eq!((radix.first_at(), radix.pop()), (None, None));
        }
    }
}
