//! Network: something between two nodes. Names as in Toxiproxy where it has one.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Effect, Lowering};
use crate::edge::Protocol;
use crate::units::{Bandwidth, DurationText, Size};
use crate::wire::{Close, Dial, Phase, StreamError};

/// The mechanisms of the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Network {
    /// Connections are refused.
    Down {},
    /// A SYN is never answered.
    Blackhole {},
    /// The callee's name has no address (NXDOMAIN).
    DnsFailure {},
    /// The connection is accepted; then silence.
    Timeout {},
    /// RST.
    ResetPeer {
        /// Where in the exchange.
        #[serde(default)]
        phase: ResetPhase,
    },
    /// FIN before the first byte of a response.
    EmptyResponse {},
    /// The response comes later.
    Latency {
        /// The mean delay.
        mean: DurationText,
        /// How far it goes up and down: the half-width of a uniform, the standard deviation of a
        /// normal or an exponential distribution.
        #[serde(default)]
        jitter: DurationText,
        /// The shape of the jitter.
        #[serde(default)]
        distribution: JitterShape,
    },
    /// The response passes at a limited rate.
    Bandwidth {
        /// The rate.
        rate: Bandwidth,
    },
    /// The response comes in small pieces.
    Slicer {
        /// The size of a piece.
        #[serde(default = "default_slice")]
        size: Size,
        /// The pause between two.
        #[serde(default = "default_slice_delay")]
        delay: DurationText,
    },
    /// The end of the connection (FIN), which ends the response, comes later than its last byte.
    SlowClose {
        /// How much later.
        #[serde(default = "default_close_delay")]
        delay: DurationText,
    },
    /// The connection closes after so many bytes of the response.
    LimitData {
        /// How many.
        #[serde(default = "default_limit")]
        bytes: Size,
    },
    /// `RST_STREAM`: the request's stream of an HTTP/2 connection ends, and the connection stays.
    ResetStream {
        /// Why, as the frame says.
        #[serde(default)]
        code: StreamError,
        /// Where in the exchange; not `mid_headers`.
        #[serde(default)]
        phase: ResetPhase,
    },
    /// Bits of the response's status line are flipped.
    Corrupt {},
    /// Like `blackhole`, for each of a set of edges.
    Partition {},
}

/// Where in an exchange a reset comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResetPhase {
    /// Before the first byte of the response, and before the callee has seen the request.
    #[default]
    BeforeHeaders,
    /// Inside the response's head.
    MidHeaders,
    /// Inside the response's body.
    MidBody,
}

/// The shape of a latency's jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JitterShape {
    /// Evenly within `mean - jitter .. mean + jitter`.
    #[default]
    Uniform,
    /// The bell curve, cut off at 0.
    Normal,
    /// A tail above `mean - jitter`; memoryless if the two are the same.
    Exponential,
}

fn default_slice() -> Size {
    Size(64)
}

fn default_slice_delay() -> DurationText {
    DurationText(Duration::from_millis(10))
}

fn default_close_delay() -> DurationText {
    DurationText(Duration::from_secs(1))
}

fn default_limit() -> Size {
    Size(32)
}

impl Network {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Down {} => "down",
            Self::Blackhole {} => "blackhole",
            Self::DnsFailure {} => "dns_failure",
            Self::Timeout {} => "timeout",
            Self::ResetPeer { .. } => "reset_peer",
            Self::ResetStream { .. } => "reset_stream",
            Self::EmptyResponse {} => "empty_response",
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::Slicer { .. } => "slicer",
            Self::SlowClose { .. } => "slow_close",
            Self::LimitData { .. } => "limit_data",
            Self::Corrupt {} => "corrupt",
            Self::Partition {} => "partition",
        }
    }

    pub(super) fn effect(&self) -> Effect {
        match self {
            Self::Latency { .. } | Self::Bandwidth { .. } | Self::Slicer { .. } | Self::SlowClose { .. } => {
                Effect::Delay
            }
            _ => Effect::Abort,
        }
    }

    /// The only protocol that it is of, if it is of one.
    pub(super) fn only_over(&self) -> Option<Protocol> {
        match self {
            Self::ResetPeer { phase: ResetPhase::MidHeaders | ResetPhase::MidBody }
            | Self::Bandwidth { .. }
            | Self::Slicer { .. }
            | Self::SlowClose { .. }
            | Self::LimitData { .. }
            | Self::Corrupt {} => Some(Protocol::Http1),
            Self::ResetStream { .. } => Some(Protocol::H2),
            Self::Down {}
            | Self::Blackhole {}
            | Self::Partition {}
            | Self::DnsFailure {}
            | Self::Timeout {}
            | Self::ResetPeer { phase: ResetPhase::BeforeHeaders }
            | Self::EmptyResponse {}
            | Self::Latency { .. } => None,
        }
    }

    pub(super) fn lower(&self, to: &mut Lowering<'_>) {
        let luck = to.luck;
        let link = &mut to.disturbance.link;
        match self {
            Self::Down {} => to.disturbance.outbound.dial = Dial::Refused,
            Self::DnsFailure {} => to.disturbance.outbound.dial = Dial::NoName,
            Self::Blackhole {} | Self::Partition {} => to.disturbance.outbound.dial = Dial::Blackhole,
            Self::Timeout {} => link.cut = Some((Phase::BeforeRequest, Close::Silence)),
            Self::ResetPeer { phase } => link.cut = Some((phase.wire(), Close::Reset)),
            Self::ResetStream { code, phase } => link.reset_stream = Some((phase.wire(), *code)),
            Self::EmptyResponse {} => link.cut = Some((Phase::BeforeRequest, Close::Fin)),
            Self::Latency { mean, jitter, distribution } => {
                link.delay += distribution.draw(mean.0, jitter.0, luck);
            }
            Self::Bandwidth { rate } => {
                link.bytes_per_s = Some(link.bytes_per_s.map_or(rate.0, |other| other.min(rate.0)));
            }
            Self::Slicer { size, delay } => link.slice = Some((size.0.max(1), delay.0)),
            Self::SlowClose { delay } => {
                link.close_delay = Some(link.close_delay.map_or(delay.0, |other| other + delay.0));
            }
            Self::LimitData { bytes } => link.limit_bytes = Some(bytes.0),
            Self::Corrupt {} => link.corrupt = true,
        }
    }

    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Latency { mean, jitter, .. } if mean.0.is_zero() && jitter.0.is_zero() => {
                Some("a latency of 0 changes nothing".to_owned())
            }
            Self::ResetStream { phase: ResetPhase::MidHeaders, .. } => {
                Some("a stream is reset between two frames: `before_headers` or `mid_body`".to_owned())
            }
            Self::ResetStream { code: StreamError::RefusedStream, phase: ResetPhase::MidBody } => {
                Some("`refused_stream` says that nothing was processed: `before_headers`".to_owned())
            }
            Self::Slicer { size: Size(0), .. } => Some("a slice of 0 bytes lets nothing through".to_owned()),
            _ => None,
        }
    }
}

impl ResetPhase {
    fn wire(self) -> Phase {
        match self {
            Self::BeforeHeaders => Phase::BeforeRequest,
            Self::MidHeaders => Phase::MidHead,
            Self::MidBody => Phase::MidBody,
        }
    }
}

impl JitterShape {
    /// One delay, by the inverse of its distribution; the normal one by the Box-Muller transform of
    /// the two numbers.
    fn draw(self, mean: Duration, jitter: Duration, luck: (f64, f64)) -> Duration {
        let offset = match self {
            Self::Uniform => 2.0 * luck.0 - 1.0,
            Self::Normal => (-2.0 * (1.0 - luck.0).ln()).sqrt() * (std::f64::consts::TAU * luck.1).cos(),
            Self::Exponential => -(1.0 - luck.0).ln() - 1.0,
        };
        let seconds = mean.as_secs_f64() + offset * jitter.as_secs_f64();
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over even luck: the mean is the mean whatever the shape, and the tail is that of the shape.
    #[test]
    fn a_delay_keeps_its_mean() {
        let ms = Duration::from_millis;
        let even = |n: u32| (f64::from(n) + 0.5) / 1000.0;
        for shape in [JitterShape::Uniform, JitterShape::Normal, JitterShape::Exponential] {
            let luck = (0..1000).flat_map(|n| (0..10).map(move |m| (even(n), f64::from(m) / 10.0)));
            let total: Duration = luck.map(|luck| shape.draw(ms(100), ms(20), luck)).sum();
            assert!((total / 10_000).abs_diff(ms(100)) < Duration::from_micros(50), "{shape:?}: {total:?}");
        }
        let memoryless = |share: f64| JitterShape::Exponential.draw(ms(100), ms(100), (share, 0.0));
        assert!(memoryless(0.0).is_zero());
        assert!(memoryless(0.99).abs_diff(ms(100).mul_f64(100_f64.ln())) < Duration::from_micros(1));
    }
}
