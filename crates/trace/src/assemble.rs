//! Puts a call's records together. Memory is bounded by the calls in flight: a call is let go as
//! soon as nothing more can come of it.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use crate::record::{Attempt, Begun, CallEnd, Record, Sent, Served, ServedEnd, Source, Usage};
use crate::{CallId, HopId, Time};
use topology::{EdgeId, FaultSet};

/// How long after its last record a call is kept for records that may still be under way.
const GRACE: Duration = Duration::from_millis(300);

/// Everything about one call that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CallTrace {
    /// How it ended.
    pub end: CallEnd,
    /// The caller's side of each hop, in the order in which they ended.
    pub attempts: Vec<Attempt>,
    /// The callee's side of each hop that was seen.
    pub served: Vec<Served>,
    /// Hops whose connection the callee closed for idleness.
    pub idle_closed: Vec<HopId>,
}

impl CallTrace {
    /// The caller's side of a hop.
    pub fn attempt(&self, hop: HopId) -> Option<&Attempt> {
        self.attempts.iter().find(|a| a.hop == hop)
    }

    /// The callee's side of a hop.
    pub fn served(&self, hop: HopId) -> Option<&Served> {
        self.served.iter().find(|s| s.hop == hop)
    }

    /// The injector's marks on a hop, from both sides.
    pub fn marks(&self, hop: HopId) -> FaultSet {
        let caller = self.attempt(hop).map_or(FaultSet::EMPTY, |a| {
            a.crowd.as_ref().map_or(a.faults, |crowd| a.faults.union(crowd.held_by))
        });
        caller.union(self.served(hop).map_or(FaultSet::EMPTY, |s| {
            s.held_up.as_ref().map_or(s.faults, |held| s.faults.union(held.held_by))
        }))
    }
}

#[derive(Debug, Default)]
struct Pending {
    end: Option<CallEnd>,
    attempts: Vec<Attempt>,
    served: Vec<Served>,
    idle_closed: Vec<HopId>,
    inside: Vec<(HopId, EdgeId, Time)>,
    begun: Vec<Begun>,
    touched: Time,
}

impl Pending {
    /// One that has nothing yet, where a call was that is over.
    fn in_place_of(over: Option<CallTrace>) -> Self {
        let Some(CallTrace { attempts, served, idle_closed, .. }) = over else { return Self::default() };
        Self { attempts, served, idle_closed, ..Self::default() }
    }

    /// Whether nothing more can come, whatever the time.
    fn is_complete(&self) -> bool {
        let Some(end) = &self.end else { return false };
        let root = HopId::root(end.call);
        self.inside.is_empty()
            && self.begun.is_empty()
            && self.attempts.iter().filter(|a| a.parent == root).count() >= end.attempts as usize
            && self.attempts.iter().all(|a| {
                let unseen = a.outcome.failure().is_some_and(topology::Failure::surely_unprocessed);
                unseen || self.served.iter().any(|s| s.hop == a.hop)
            })
    }

    fn into_trace(self, now: Time) -> Option<CallTrace> {
        let mut served = self.served;
        for (hop, edge, arrived) in self.inside {
            served.push(still_running(self.end.as_ref()?.call, hop, edge, arrived, now));
        }
        let mut attempts = self.attempts;
        attempts.extend(self.begun.into_iter().map(|begun| begun.until(now)));
        Some(CallTrace { end: self.end?, attempts, served, idle_closed: self.idle_closed })
    }
}

fn still_running(call: CallId, hop: HopId, edge: EdgeId, arrived: Time, now: Time) -> Served {
    Served {
        call,
        hop,
        edge,
        arrived,
        started: None,
        worked: Duration::ZERO,
        finished: now,
        status: None,
        source: Source::Nobody,
        sent: Sent::Nothing,
        end: ServedEnd::StillRunning,
        in_flight: 0,
        queued: 0,
        usage: Usage::default(),
        held_up: None,
        ruled: None,
        faults: FaultSet::EMPTY,
    }
}

/// Hashes calls by their numbers, which nobody chooses: a table of them needs no secret, and is looked
/// into for each record.
#[derive(Debug, Default)]
struct CallHasher(u64);

impl Hasher for CallHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Which load it is of stands in the high half; the table goes by the low bits and the highest.
        let folded = self.0 ^ number ^ (number >> 32);
        self.0 = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Puts calls together from a stream of records.
#[derive(Debug, Default)]
pub struct Assembler {
    pending: HashMap<CallId, Pending, BuildHasherDefault<CallHasher>>,
    waiting: VecDeque<(Time, CallId)>,
    now: Time,
    /// Edges to callees that keep no records: what they do shows only by what comes of it, later.
    silent: BTreeSet<EdgeId>,
    /// Room that was made for calls which are over.
    spare: Vec<CallTrace>,
}

/// For how many calls room is kept.
const SPARE_MAX: usize = 64;

impl Assembler {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that waits a little for what may still show behind the callees of these edges.
    pub fn with_silent(silent: BTreeSet<EdgeId>) -> Self {
        Self { silent, ..Self::default() }
    }

    /// Takes a call back that is of no more use: its room is used for another.
    pub fn reuse(&mut self, mut trace: CallTrace) {
        if self.spare.len() < SPARE_MAX {
            trace.attempts.clear();
            trace.served.clear();
            trace.idle_closed.clear();
            self.spare.push(trace);
        }
    }

    /// How many calls it holds.
    pub fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes a record; gives the call that it completes, if it does. Records that belong to no call
    /// ([`Record::Node`], [`Record::Gauge`], [`Record::Policies`], [`Record::Link`]) are passed over.
    pub fn push(&mut self, record: Record) -> Option<CallTrace> {
        let (call, at) = match &record {
            Record::Arrived { call, at, .. } => (*call, *at),
            Record::Begun(b) => (b.call, b.at),
            Record::Served(s) => (s.call, s.finished),
            Record::Attempt(a) => (a.call, a.end),
            Record::IdleClosed { call, .. } => (*call, self.now),
            Record::Call(c) => (c.call, c.end),
            Record::Node(_) | Record::Gauge(_) | Record::Policies(_) | Record::Link(_) => return None,
        };
        self.now = self.now.max(at);
        let mut entry = match self.pending.entry(call) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Pending::in_place_of(self.spare.pop())),
        };
        let pending = entry.get_mut();
        pending.touched = pending.touched.max(at);
        match record {
            Record::Arrived { hop, edge, at, .. } => pending.inside.push((hop, edge, at)),
            Record::Served(served) => {
                pending.inside.retain(|(hop, ..)| *hop != served.hop);
                pending.served.push(served);
            }
            Record::Begun(begun) => pending.begun.push(begun),
            Record::Attempt(attempt) => {
                pending.begun.retain(|begun| begun.hop != attempt.hop);
                pending.attempts.push(attempt);
            }
            Record::IdleClosed { hop, .. } => pending.idle_closed.push(hop),
            Record::Call(end) => pending.end = Some(end),
            Record::Node(_) | Record::Gauge(_) | Record::Policies(_) | Record::Link(_) => {}
        }
        let is_silent = |attempt: &Attempt| self.silent.contains(&attempt.edge);
        let may_show = !self.silent.is_empty() && pending.attempts.iter().any(is_silent);
        if !may_show && pending.is_complete() {
            return entry.remove().into_trace(at);
        }
        if pending.end.is_some() {
            self.waiting.push_back((at, call));
        }
        None
    }

    /// The calls for which nothing has come for so long that nothing more will.
    pub fn expire(&mut self, now: Time) -> Vec<CallTrace> {
        self.now = self.now.max(now);
        let mut done = Vec::new();
        while let Some(&(since, call)) = self.waiting.front() {
            if since + GRACE > now {
                break;
            }
            self.waiting.pop_front();
            let Some(pending) = self.pending.get(&call) else { continue };
            let open = !pending.inside.is_empty() || !pending.begun.is_empty();
            if !open && pending.touched + GRACE <= now {
                done.extend(self.pending.remove(&call).and_then(|p| p.into_trace(now)));
            }
        }
        done
    }

    /// All that is left, at the end of the run. Calls that never ended are not in it.
    pub fn finish(self) -> Vec<CallTrace> {
        let now = self.now;
        let mut left: Vec<_> = self.pending.into_iter().collect();
        left.sort_unstable_by_key(|(call, _)| *call);
        left.into_iter().filter_map(|(_, pending)| pending.into_trace(now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Outcome;
    use topology::{Failure, NodeId, wire::Dial};

    const MS: fn(u64) -> Time = |ms| Time(ms * 1_000_000);

    fn call() -> CallId {
        CallId::new(0, 1)
    }

    fn hop() -> HopId {
        HopId::root(call()).child(0, 0, 1)
    }

    fn attempt(end: Time, outcome: Outcome) -> Record {
        Record::Attempt(Attempt {
            call: call(),
            hop: hop(),
            parent: HopId::root(call()),
            edge: EdgeId(0),
            attempt: 1,
            start: Time(0),
            end,
            outcome,
            reset: false,
            reused: false,
            idle: Duration::ZERO,
            dialed: Dial::Callee,
            timeout: None,
            wrong_path: false,
            bad_credentials: false,
            bytes: 0,
            ends_by_close: false,
            unconnected: false,
            faults: FaultSet::EMPTY,
            crowd: None,
            exchange: None,
        })
    }

    fn end(at: Time, failure: Option<Failure>) -> Record {
        Record::Call(CallEnd {
            call: call(),
            client: NodeId(0),
            start: Time(0),
            end: at,
            status: failure.is_none().then_some(200),
            failure,
            attempts: 1,
            decisive: Some(hop()),
            parent: None,
        })
    }

    fn arrived() -> Record {
        Record::Arrived { call: call(), hop: hop(), edge: EdgeId(0), at: MS(1) }
    }

    fn served(at: Time) -> Record {
        let mut served = still_running(call(), hop(), EdgeId(0), MS(1), at);
        served.end = ServedEnd::Answered;
        Record::Served(served)
    }

    #[test]
    fn a_call_is_complete_when_both_sides_and_its_end_are_there() {
        let records = [arrived(), served(MS(2)), attempt(MS(3), Outcome::Answered(200)), end(MS(3), None)];
        // The two sides report from different threads; each keeps its own order.
        for order in [[0, 1, 2, 3], [2, 3, 0, 1], [0, 2, 3, 1], [2, 0, 3, 1], [2, 0, 1, 3]] {
            let mut assembler = Assembler::new();
            let done: Vec<_> = order.iter().filter_map(|&i| assembler.push(records[i].clone())).collect();
            assert_eq!(done.len() + assembler.expire(MS(1000)).len(), 1, "order {order:?}");
            assert_eq!(assembler.held(), 0, "order {order:?}");
        }
    }

    #[test]
    fn a_refused_attempt_waits_for_no_callee() {
        let mut assembler = Assembler::new();
        let refused = Outcome::Failed { failure: Failure::ConnectionRefused, status: None };
        assert!(assembler.push(attempt(MS(1), refused)).is_none());
        assert!(assembler.push(end(MS(1), Some(Failure::ConnectionRefused))).is_some());
    }

    #[test]
    fn work_that_goes_on_after_the_caller_left_is_waited_for() {
        let mut assembler = Assembler::new();
        let timed_out = Outcome::Failed { failure: Failure::HeadTimeout, status: None };
        for record in [arrived(), attempt(MS(10), timed_out), end(MS(10), Some(Failure::HeadTimeout))] {
            assert!(assembler.push(record).is_none());
        }
        assert!(assembler.expire(MS(5_000)).is_empty());
        let trace = assembler.push(served(MS(6_000))).expect("the last record completes the call");
        assert_eq!(trace.served(hop()).map(|s| s.finished), Some(MS(6_000)));
    }

    #[test]
    fn what_is_still_running_at_the_end_is_told_so() {
        let mut assembler = Assembler::new();
        let timed_out = Outcome::Failed { failure: Failure::HeadTimeout, status: None };
        for record in [arrived(), attempt(MS(10), timed_out), end(MS(10), Some(Failure::HeadTimeout))] {
            assembler.push(record);
        }
        let traces = assembler.finish();
        assert_eq!(traces[0].served(hop()).map(|s| s.end), Some(ServedEnd::StillRunning));
    }
}
