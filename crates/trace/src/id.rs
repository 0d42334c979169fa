//! Moments and identities. Identity is derived, never drawn: the same hop has the same id in every
//! rerun and in both engines.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since the run began, on whichever clock the engine uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// The moment so long after the run's begin.
    pub fn at(since_start: Duration) -> Self {
        let (whole, rest) = (since_start.as_secs(), since_start.subsec_nanos());
        Self(whole.saturating_mul(1_000_000_000).saturating_add(u64::from(rest)))
    }

    /// The time since the run began.
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time since an earlier moment; zero if that is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// In milliseconds.
    pub fn as_ms(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::at(duration).0))
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// A call: the client's number in the high 16 bits, the client's own count below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl CallId {
    /// The n-th call of a load (both from 0).
    pub fn new(load: u16, n: u64) -> Self {
        Self(u64::from(load) << 48 | (n & 0xffff_ffff_ffff))
    }

    /// Which load made it.
    pub fn load(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The how-manieth of that load it is, from 0.
    pub fn number(self) -> u64 {
        self.0 & 0xffff_ffff_ffff
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.load() {
            0 => write!(f, "{}", self.number()),
            load => write!(f, "{load}.{}", self.number()),
        }
    }
}

impl std::str::FromStr for CallId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (load, number) = text.split_once('.').unwrap_or(("0", text));
        match (load.parse(), number.parse()) {
            (Ok(load), Ok(number)) => Ok(Self::new(load, number)),
            _ => Err(format!("`{text}` is not a call: write it as in calls.csv, `17` or `1.17`")),
        }
    }
}

/// One attempt over one edge, or (the root) the call itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopId(pub u64);

impl HopId {
    /// The call itself, as its client's own work.
    pub fn root(call: CallId) -> Self {
        Self(mix(call.0 ^ 0x6261_6467_6174_6577))
    }

    /// An attempt made while working on `self`: the `slot`-th call of the node's plan, the
    /// `attempt`-th try (from 1) of it, over an edge.
    #[must_use]
    pub fn child(self, slot: u16, edge: u32, attempt: u16) -> Self {
        let key = u64::from(edge) << 32 | u64::from(slot) << 16 | u64::from(attempt);
        Self(mix(self.0 ^ mix(key.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }
}

impl fmt::Display for HopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for HopId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// Which run a trace is of, so that those of several runs can be told apart where they are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RunKey(pub u32);

/// That of a run whose traces nobody gathers.
impl Default for RunKey {
    fn default() -> Self {
        Self(0xadca_1100)
    }
}

impl RunKey {
    /// How the trace ids of all runs begin.
    pub const TRACES_BEGIN: &'static str = "badca11b";

    /// One that other runs are unlikely to have, drawn from the moment at which the run begins.
    pub fn drawn(unix_nanos: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "half of a mixed number is as good as all of it")]
        Self(mix(unix_nanos) as u32)
    }

    /// That of a run in virtual time, which is the same whenever it is repeated.
    pub fn of(strategy: &str, seed: u64) -> Self {
        Self::drawn(strategy.bytes().fold(mix(seed), |sum, byte| mix(sum ^ u64::from(byte))))
    }

    /// The first half of the trace ids of its calls (W3C Trace Context); the second is the call.
    pub fn trace_prefix(self) -> u64 {
        0xbadc_a11b << 32 | u64::from(self.0)
    }

    /// The trace id of a call, as on the wire.
    pub fn trace_id(self, call: CallId) -> String {
        format!("{:016x}{:016x}", self.trace_prefix(), call.0)
    }
}

/// A span of somebody else's trace (W3C Trace Context, `traceparent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: u128,
    /// The span.
    pub span: u64,
}

impl TraceParent {
    /// The trace id, as on the wire.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The span id.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }
}

impl std::str::FromStr for TraceParent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no traceparent");
        let mut parts = text.split('-');
        let mut hex = |length: usize| {
            let part = parts.next().filter(|part| part.len() == length);
            part.filter(|part| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
        };
        let [version, trace, span, flags] = [2, 32, 16, 2].map(&mut hex);
        let (Some(version), Some(trace), Some(span), Some(_)) = (version, trace, span, flags) else {
            return Err(wrong());
        };
        let trace = u128::from_str_radix(trace, 16).map_err(|_| wrong())?;
        let span = u64::from_str_radix(span, 16).map_err(|_| wrong())?;
        // Neither may be all zeros, and later versions may say more.
        let is_more = parts.next().is_some() && version == "00";
        if version == "ff" || trace == 0 || span == 0 || is_more {
            return Err(wrong());
        }
        Ok(Self { trace, span })
    }
}

/// Spreads a key over all 64 bits. Source: the finaliser of `SplitMix64` (Steele, Lea, Flood 2014).
pub fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_ids_read_back() {
        for call in [CallId::new(0, 0), CallId::new(0, 17), CallId::new(3, 1 << 40)] {
            assert_eq!(call.to_string().parse::<CallId>(), Ok(call));
        }
        assert!("x".parse::<CallId>().is_err());
    }

    #[test]
    fn a_traceparent_reads_back() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let parent: TraceParent = format!("00-{trace}-{span}-01").parse().unwrap();
        assert_eq!((&*parent.trace_id(), &*parent.span_id()), (trace, span));
        let zero = "0".repeat(16);
        for other in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-x"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-{zero}-01"),
            format!("00-{zero}{zero}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
        ] {
            assert!(other.parse::<TraceParent>().is_err(), "{other}");
        }
    }

    #[test]
    fn runs_differ_by_strategy_and_seed() {
        let keys = [RunKey::of("", 1), RunKey::of("a", 1), RunKey::of("b", 1), RunKey::of("", 2)];
        assert!((1..keys.len()).all(|i| !keys[..i].contains(&keys[i])));
        assert_eq!(RunKey::of("a", 1), keys[1]);
        assert!(keys[0].trace_id(CallId::new(0, 1)).starts_with(RunKey::TRACES_BEGIN));
    }

    #[test]
    fn hops_differ_by_each_part() {
        let root = HopId::root(CallId::new(0, 1));
        let hops = [
            root,
            root.child(0, 0, 1),
            root.child(0, 0, 2),
            root.child(0, 1, 1),
            root.child(1, 0, 1),
            root.child(0, 0, 1).child(0, 0, 1),
            HopId::root(CallId::new(0, 2)),
        ];
        for (i, a) in hops.iter().enumerate() {
            assert!(hops[..i].iter().all(|b| a != b));
        }
    }
}
