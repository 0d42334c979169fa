//! Crash: a node's program fails.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Lowering};
use crate::units::DurationText;
use crate::wire::{ProcessEnd, Refusal};

/// The mechanisms of crashes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Crash {
    /// The process dies: its listener closes and its connections are reset; it comes back.
    Down {
        /// How long it is gone.
        #[serde(default = "default_restart")]
        restart_after: DurationText,
    },
    /// The process dies again and again.
    CrashLoop {
        /// How long it lives each time.
        #[serde(default = "default_up")]
        up: DurationText,
        /// How long it is gone each time.
        #[serde(default = "default_restart")]
        down: DurationText,
    },
    /// The handler of this request dies; the connection drops without a byte.
    Panic {},
    /// An unhandled exception: 500.
    Exception {},
    /// The handler of this request never finishes.
    Hang {},
    /// What is written is not HTTP.
    MalformedResponse {},
    /// The connection drops in the middle of the response's body.
    Truncate {},
    /// A model server's stream tells of an error in its middle, after a 200.
    StreamError {},
    /// A model server's stream stops in its middle, and the connection stays open.
    StreamStall {},
    /// A model server's stream ends without its end mark, in a response that ends as it should.
    StreamUnterminated {},
    /// A model server's JSON is cut, in a response that says so much and ends as it should.
    TruncatedJson {},
    /// The process has just restarted, and is slow until it is warm: at first `factor` times its
    /// usual time, then less and less.
    SlowStart {
        /// How long it was gone.
        #[serde(default = "default_blink")]
        restart_after: DurationText,
        /// How long it takes to be warm again.
        #[serde(default = "default_ramp")]
        ramp: DurationText,
        /// How many times its usual time it takes at first.
        #[serde(default = "default_factor")]
        factor: f64,
    },
}

fn default_restart() -> DurationText {
    DurationText(Duration::from_secs(1))
}

fn default_up() -> DurationText {
    DurationText(Duration::from_millis(500))
}

fn default_blink() -> DurationText {
    DurationText(Duration::from_millis(100))
}

fn default_ramp() -> DurationText {
    DurationText(Duration::from_secs(3))
}

fn default_factor() -> f64 {
    10.0
}

impl Crash {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Down { .. } => "down",
            Self::CrashLoop { .. } => "crash_loop",
            Self::Panic {} => "panic",
            Self::Exception {} => "exception",
            Self::Hang {} => "hang",
            Self::MalformedResponse {} => "malformed_response",
            Self::Truncate {} => "truncate",
            Self::StreamError {} => "stream_error",
            Self::StreamStall {} => "stream_stall",
            Self::StreamUnterminated {} => "stream_unterminated",
            Self::TruncatedJson {} => "truncated_json",
            Self::SlowStart { .. } => "slow_start",
        }
    }

    pub(super) fn effect(&self) -> Effect {
        match self {
            Self::Down { .. } | Self::CrashLoop { .. } => Effect::State,
            Self::SlowStart { .. } => Effect::Delay,
            _ => Effect::Abort,
        }
    }

    pub(super) fn lower(&self, to: &mut Lowering<'_>) {
        let process = &mut to.disturbance.process;
        match self {
            Self::Down { .. } | Self::CrashLoop { .. } => {}
            Self::Panic {} => process.ending = Some(ProcessEnd::Panic),
            Self::Exception {} => process.refuse = Some(Refusal::Exception),
            Self::Hang {} => process.ending = Some(ProcessEnd::Hang),
            Self::MalformedResponse {} => process.ending = Some(ProcessEnd::Malformed),
            Self::Truncate {} => process.ending = Some(ProcessEnd::Truncate),
            Self::StreamError {} => process.ending = Some(ProcessEnd::StreamError),
            Self::StreamStall {} => process.ending = Some(ProcessEnd::StreamStall),
            Self::StreamUnterminated {} => process.ending = Some(ProcessEnd::Unterminated),
            Self::TruncatedJson {} => process.ending = Some(ProcessEnd::CutContent),
            Self::SlowStart { restart_after, ramp, factor } => {
                let warm = to.active_for.saturating_sub(restart_after.0).as_secs_f64()
                    / ramp.0.as_secs_f64().max(1e-9);
                let now = 1.0 + (factor - 1.0) * (1.0 - warm).max(0.0);
                process.work_factor = process.work_factor.max(1.0) * now;
            }
        }
    }

    /// The outages of one activation.
    pub(super) fn outages(&self, begin: Duration, end: Duration, outages: &mut Vec<(Duration, Duration)>) {
        match self {
            Self::Down { restart_after } | Self::SlowStart { restart_after, .. } => {
                outages.push((begin, begin + restart_after.0));
            }
            Self::CrashLoop { up, down } => {
                let mut at = begin;
                while at < end && outages.len() < 1_000_000 {
                    outages.push((at, at + down.0));
                    at += down.0 + up.0.max(Duration::from_millis(1));
                }
            }
            _ => {}
        }
    }

    pub(super) fn is_of_models(&self) -> bool {
        matches!(
            self,
            Self::StreamError {}
                | Self::StreamStall {}
                | Self::StreamUnterminated {}
                | Self::TruncatedJson {}
        )
    }

    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::SlowStart { factor, .. } if !(1.0..=1e6).contains(factor) => {
                Some(format!("factor {factor} is not between 1 and 1000000"))
            }
            _ => None,
        }
    }
}
