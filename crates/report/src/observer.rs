//! Who is told what a recorder is told, while the run goes on.

use std::fmt::Debug;
use std::time::Duration;

use trace::{Record, Time};

use crate::tally::Judged;

/// Sees a run's records as they come, and each call with its verdicts as it is complete. Calls of the
/// warm-up are among them; those of a surge are not, though their records are.
///
/// It holds up the recorder, and with it the run, for as long as it takes.
pub trait Observer: Debug + Send {
    /// The run's time has begun, counted from the Unix epoch; a virtual clock has no such moment.
    fn begun(&mut self, since_epoch: Duration) {
        let _ = since_epoch;
    }

    /// Whether each attempt is to come with what was sent and received.
    fn wants_exchanges(&self) -> bool {
        false
    }

    /// A record has come.
    fn record(&mut self, record: &Record) {
        let _ = record;
    }

    /// A call is complete.
    fn call(&mut self, call: &Judged<'_>) {
        let _ = call;
    }

    /// It is this moment of the run: said some times a second.
    fn tick(&mut self, now: Time) {
        let _ = now;
    }

    /// The run has ended.
    fn end(&mut self) {}
}
