//! What happened: the records that a run emits, put together call by call, and a run's folder.
//!
//! The seam between running and reporting. Engines hand [`Record`]s to a [`Sink`]; reports read
//! [`CallTrace`]s and the files of a [`run_dir::RunDir`]. Nothing here knows a runtime.

pub mod access;
pub mod assemble;
pub mod id;
pub mod manifest;
pub mod otlp;
pub mod overview;
pub mod record;
pub mod redact;
pub mod rows;
pub mod run_dir;
mod step;
pub mod witness;

pub use assemble::{Assembler, CallTrace};
pub use id::{CallId, HopId, RunKey, Time, TraceParent};
pub use manifest::Manifest;
pub use overview::Overview;
pub use record::{
    AtWork, Attempt, Begun, BreakerState, CallEnd, Charge, Crowd, Exchange, Gauge, HeldUp, LinkEvent,
    LinkEventKind, NodeEvent, NodeEventKind, Outcome, Policies, Received, Record, Ruled, Sent, Served,
    ServedEnd, Source, Spent, UnderWay, Usage,
};
pub use run_dir::{RunDir, RunDirError};
pub use step::{CalleeSide, Step};

/// Where an engine's records go.
pub trait Sink {
    /// Which run the records are of.
    fn run_key(&self) -> RunKey {
        RunKey::default()
    }

    /// Takes one record.
    ///
    /// # Errors
    /// If it cannot be kept (a full disk); the run ends then.
    fn record(&mut self, record: Record) -> std::io::Result<()>;

    /// Tells the time, now and then, so that what is complete can be let go.
    ///
    /// # Errors
    /// As for [`Sink::record`].
    fn tick(&mut self, now: Time) -> std::io::Result<()>;

    /// Tells when the run's time began, counted from the Unix epoch. A virtual clock has no such moment.
    fn begun(&mut self, _since_epoch: std::time::Duration) {}

    /// Whether each attempt is to come with what was sent and received; else only some that failed do.
    fn wants_exchanges(&self) -> bool {
        false
    }
}

impl Sink for Vec<Record> {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        self.push(record);
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}
