//! The hops of a call that is kept for people to look at, as both sides saw them.

use serde::{Deserialize, Serialize};
use topology::Scenario;

use crate::rows::HopRow;
use crate::{Sent, Served, ServedEnd, Source};

/// One hop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// As in `hops.csv`: the caller's side.
    pub hop: HopRow,
    /// How many bytes of the body came.
    pub bytes: u64,
    /// The callee's side; none if it never saw the request.
    pub callee: Option<CalleeSide>,
}

/// What a callee saw of a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalleeSide {
    /// When the request arrived.
    pub arrived_us: u64,
    /// When a worker took it; none if none did.
    pub started_us: Option<u64>,
    /// When it ended.
    pub finished_us: u64,
    /// The status it answered.
    pub status: Option<u16>,
    /// Who made that status: `own`, `refused: queue_full`, `refused: rate_limited (limit gold)`, `passed on`,
    /// `made of connection_refused`, `nobody`.
    pub source: String,
    /// `whole`, `nothing`, `cut`, `malformed`.
    pub sent: String,
    /// `answered`, `panicked`, `process down`, `caller gone`, `still running`.
    pub end: String,
    /// How many requests were inside when it arrived, this one included.
    pub in_flight: u32,
    /// How many of them waited for a worker.
    pub queued: u32,
}

impl CalleeSide {
    /// What it saw.
    pub fn of(served: &Served, scenario: &Scenario) -> Self {
        let us = |time: crate::Time| u64::try_from(time.since_start().as_micros()).unwrap_or(u64::MAX);
        Self {
            arrived_us: us(served.arrived),
            started_us: served.started.map(us),
            finished_us: us(served.finished),
            status: served.status,
            source: match served.source {
                Source::Own => "own".to_owned(),
                Source::Refused(refusal) => match served.rule(scenario) {
                    Some(rule) => format!("refused: {} ({rule})", refusal.name()),
                    None => format!("refused: {}", refusal.name()),
                },
                Source::Relayed(_) => "passed on".to_owned(),
                Source::Translated(_, failure) => format!("made of {}", failure.name()),
                Source::Nobody => "nobody".to_owned(),
            },
            sent: match served.sent {
                Sent::Whole => "whole",
                Sent::Nothing => "nothing",
                Sent::Cut => "cut",
                Sent::Error => "error in its stream",
                Sent::Incomplete => "no end mark",
                Sent::CutContent => "content cut",
                Sent::Malformed => "malformed",
            }
            .to_owned(),
            end: match served.end {
                ServedEnd::Answered => "answered",
                ServedEnd::Panicked => "panicked",
                ServedEnd::ProcessDown => "process down",
                ServedEnd::CallerGone => "caller gone",
                ServedEnd::StillRunning => "still running",
            }
            .to_owned(),
            in_flight: served.in_flight,
            queued: served.queued,
        }
    }
}
