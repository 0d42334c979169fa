//! How a run is going, for whoever looks on while it does.
//!
//! A sight is made only when it is asked for, at the run's next tick; between two of them a few numbers are
//! counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use topology::{NodeId, Scenario};
use trace::rows::{Name, OriginRow};
use trace::{Record, Sent, Time};

use crate::Observer;
use crate::names::Names;
use crate::tally::{Judged, Origins};

/// So many of the last calls are told.
const LATEST: usize = 20;

/// Asks a run's recorder how it is going. Clones ask the same recorder.
#[derive(Debug, Clone, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_asked: AtomicBool,
    sight: Mutex<Option<Sight>>,
}

impl Watch {
    /// Asks for a sight.
    pub fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Release);
    }

    /// The last one, if there has been one since this was called last.
    pub fn take(&self) -> Option<Sight> {
        self.0.sight.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What a run has come to. Nodes have all calls, those of the warm-up too, and origins those that the
/// figures count.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// When, by the run's clock.
    pub at: Time,
    /// Each node, by its id.
    pub nodes: Vec<NodeSight>,
    /// Where failures were born, those that hurt most first.
    pub origins: Vec<OriginRow>,
    /// The calls that ended last, the last one first.
    pub latest: Vec<CallSight>,
}

/// A node: what it has been asked so far, and how full it is. A client's requests are its calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeSight {
    /// Requests that have ended.
    pub requests: u64,
    /// Those of them that did not end in a whole response with a status below 400.
    pub failed: u64,
    /// Requests inside, about once a second.
    pub in_flight: u32,
    /// Those of them that wait for a worker.
    pub queued: u32,
}

/// A call that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSight {
    /// When it began, from the start of the run.
    pub start: Duration,
    /// How long it took.
    pub latency: Duration,
    /// What the client got; `None` is no response.
    pub status: Option<u16>,
    /// How many attempts the client made.
    pub attempts: u32,
    /// Where its failure was born, and how; `None` if it succeeded.
    pub origin: Option<(Name, &'static str)>,
}

/// The run's end of a watch.
#[derive(Debug)]
pub(crate) struct Watched {
    watch: Watch,
    scenario: Arc<Scenario>,
    names: Names,
    nodes: Vec<NodeSight>,
    failed: u64,
    origins: Origins,
    latest: VecDeque<CallSight>,
}

impl Watched {
    pub(crate) fn new(scenario: Arc<Scenario>, watch: Watch) -> Self {
        Self {
            watch,
            names: Names::new(&scenario),
            nodes: vec![NodeSight::default(); scenario.topology.node_count()],
            failed: 0,
            origins: Origins::default(),
            latest: VecDeque::with_capacity(LATEST),
            scenario,
        }
    }

    fn ended(&mut self, node: NodeId, ok: bool) {
        let node = &mut self.nodes[node.index()];
        node.requests += 1;
        node.failed += u64::from(!ok);
    }
}

impl Observer for Watched {
    /// The requests of a surge's calls count at the nodes they come to.
    fn record(&mut self, record: &Record) {
        match record {
            Record::Served(served) => {
                let ok = served.sent == Sent::Whole && served.status.is_some_and(|status| status < 400);
                self.ended(self.scenario.topology.ends(served.edge).1, ok);
            }
            Record::Call(end) => self.ended(end.client, end.is_ok()),
            Record::Gauge(gauge) => {
                let node = &mut self.nodes[gauge.node.index()];
                (node.in_flight, node.queued) = (gauge.in_flight, gauge.queued);
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &Judged<'_>) {
        let end = &call.trace.end;
        let verdict = call.verdict.as_ref();
        self.latest.truncate(LATEST - 1);
        self.latest.push_front(CallSight {
            start: end.start.since_start(),
            latency: end.latency(),
            status: end.status,
            attempts: end.attempts,
            origin: verdict.map(|verdict| (self.names.place(verdict.origin), verdict.mechanism)),
        });
        if end.start.since_start() >= self.scenario.warmup {
            self.failed += u64::from(verdict.is_some());
            self.origins.add(call);
        }
    }

    fn tick(&mut self, now: Time) {
        let is_asked = &self.watch.0.is_asked;
        if is_asked.load(Ordering::Relaxed) && is_asked.swap(false, Ordering::Acquire) {
            let sight = Sight {
                at: now,
                nodes: self.nodes.clone(),
                origins: self.origins.rows(&self.names, self.failed),
                latest: self.latest.iter().cloned().collect(),
            };
            *self.watch.0.sight.lock().unwrap_or_else(PoisonError::into_inner) = Some(sight);
        }
    }
}
