//! What all engines have in common, seen from outside: how a run is stopped, watched and summed up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use node::FaultCounts;
use tokio::sync::Notify;

/// After the load's end, calls under way may take so much longer.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Work that nobody waits for any more is waited for so long, to see how it ends.
pub(crate) const WORK_MAX: Duration = Duration::from_secs(1);
/// The same in a run that was stopped.
pub(crate) const WORK_MAX_STOPPED: Duration = Duration::from_millis(100);

/// Asks a run to end early; what was measured so far is kept.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Signal>);

impl Stop {
    /// A handle that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run now.
    pub fn now(&self) {
        self.0.give();
    }

    /// Whether it has been used.
    pub fn is_set(&self) -> bool {
        self.0.is_given()
    }

    /// Comes when it is used.
    pub(crate) async fn wait(&self) {
        self.0.wait().await;
    }
}

/// Something that is told once, to everyone.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    given: AtomicBool,
    notify: Notify,
}

impl Signal {
    pub(crate) fn give(&self) {
        self.given.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    pub(crate) fn is_given(&self) -> bool {
        self.given.load(Ordering::SeqCst)
    }

    /// Comes when it is given, or has been.
    pub(crate) async fn wait(&self) {
        let notified = self.notify.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_given() {
            notified.await;
        }
    }
}

/// How a run is going.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Since the load began.
    pub elapsed: Duration,
    /// Calls begun.
    pub started: u64,
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// The names of the faults that are active.
    pub active_faults: Vec<String>,
}

/// What a run has to say of itself.
#[derive(Debug, Clone)]
pub struct Summary {
    /// From the load's begin to the end of the last call.
    pub elapsed: Duration,
    /// It was stopped before its end.
    pub interrupted: bool,
    /// What each fault has met.
    pub fault_counts: Vec<FaultCounts>,
    /// How late this machine began calls, against the schedule: the median.
    pub lateness_p50: Duration,
    /// The 99th percentile.
    pub lateness_p99: Duration,
    /// Why this machine rather than the scenario was the limit, if it was.
    pub limited_by_machine: Option<String>,
    /// Requests that external programs made and that could not be related to a call.
    pub unrelated: u64,
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The runtime, a timer or a socket could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The machine's limit on open files is too low for the scenario.
    #[error(
        "this scenario needs about {needed} open files and the limit is {limit}: raise it with `ulimit -n {needed}`"
    )]
    TooFewFiles {
        /// About how many.
        needed: u64,
        /// The limit in force.
        limit: u64,
    },
    /// An external node's program could not be had.
    #[error("the external node `{node}` did not start: {what}{log}")]
    External {
        /// The node.
        node: String,
        /// What happened.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// The virtual engine has no such program.
    #[error(
        "`{node}` is an external program, which has no place in virtual time: give it a `profile` to stand in for it, or use `--engine live`"
    )]
    NotVirtual {
        /// The node.
        node: String,
    },
    /// The records could not be kept.
    #[error("the run was ended: its records could not be written: {0}")]
    Sink(std::io::Error),
}

impl RunError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
