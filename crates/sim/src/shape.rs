//! What happens to the bytes of a response on their way out: where they are cut, slowed or spoilt.
//! Pure arithmetic over byte counts, the same in every engine.

use std::time::Duration;

use topology::wire::{Close, Link, Phase};

/// How many bytes of a head pass before a cut inside it.
const MID_HEAD: u64 = 20;
/// How many bytes of a body of unknown length pass before a cut inside it.
const MID_UNKNOWN_BODY: u64 = 1;
/// The bytes at a response's begin that corruption spoils.
const SPOILT: u64 = 8;

/// What a process writes whose response is no HTTP.
pub(crate) const MALFORMED: &[u8] = b"%% internal state dump %%\r\n\x00\x01\x02\r\n\r\n";

/// What to do to one response.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shape {
    /// Holds the first byte back.
    pub(crate) delay: Duration,
    /// Ends the connection at a place.
    pub(crate) cut: Option<(Place, Close)>,
    /// At most so many bytes a second.
    pub(crate) bytes_per_s: Option<u64>,
    /// Pieces of so many bytes, with a pause between.
    pub(crate) slice: Option<(u64, Duration)>,
    /// Flips bits in the status line.
    pub(crate) corrupt: bool,
    /// The end comes so much later.
    pub(crate) close_delay: Option<Duration>,
    /// How many bytes have been written.
    pub(crate) written: u64,
    /// The place where the head ends, once it is known.
    pub(crate) head_end: Option<u64>,
}

/// A place in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// After so many bytes.
    Byte(u64),
    /// After the head and so many bytes of the body.
    Body(u64),
}

/// What comes after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next write.
    GoOn,
    /// A pause.
    Pause(Duration),
    /// The connection's end.
    End(Close),
}

impl Shape {
    /// What a link does to a response with a body of this length, if that is known.
    pub(crate) fn of(link: &Link, body: Option<u64>) -> Self {
        let middle = body.map_or(MID_UNKNOWN_BODY, |bytes| bytes / 2);
        let stream = link.reset_stream.map(|(phase, _)| (phase, Close::Reset));
        let cut = match (link.cut.or(stream), link.limit_bytes) {
            (Some((Phase::MidHead, close)), _) => Some((Place::Byte(MID_HEAD), close)),
            (Some((Phase::MidBody, close)), _) => Some((Place::Body(middle), close)),
            (_, Some(bytes)) => Some((Place::Byte(bytes), Close::Fin)),
            (Some((Phase::BeforeRequest, _)) | None, None) => None,
        };
        Self {
            delay: link.delay,
            cut,
            bytes_per_s: link.bytes_per_s,
            slice: link.slice,
            corrupt: link.corrupt,
            close_delay: link.close_delay,
            ..Self::default()
        }
    }

    /// A process dies in the middle of its response, whose body is that long.
    pub(crate) fn truncated(body: u64) -> Self {
        Self { cut: Some((Place::Body(body / 2), Close::Fin)), ..Self::default() }
    }

    /// Whether it changes nothing.
    pub(crate) fn is_plain(&self) -> bool {
        self.delay.is_zero()
            && self.cut.is_none()
            && self.bytes_per_s.is_none()
            && self.slice.is_none()
            && !self.corrupt
            && self.close_delay.is_none()
    }

    /// How many of the next so many bytes may be written now.
    pub(crate) fn allow(&self, bytes: u64) -> u64 {
        let mut allowed = bytes;
        if let Some((size, _)) = self.slice {
            allowed = allowed.min(size);
        }
        if let Some(rate) = self.bytes_per_s {
            // A hundredth of a second's worth at a time, so that the flow is even.
            allowed = allowed.min((rate / 100).max(1));
        }
        if let Some(at) = self.cut_at() {
            allowed = allowed.min(at.saturating_sub(self.written));
        }
        allowed
    }

    /// So many bytes have been written.
    pub(crate) fn wrote(&mut self, bytes: u64) -> Then {
        self.written += bytes;
        if let (Some(at), Some((_, close))) = (self.cut_at(), self.cut)
            && self.written >= at
        {
            return Then::End(close);
        }
        let mut pause = self.slice.map_or(Duration::ZERO, |(_, delay)| delay);
        if let Some(rate) = self.bytes_per_s {
            pause = pause.max(Duration::from_secs_f64(bytes as f64 / rate as f64));
        }
        if pause.is_zero() { Then::GoOn } else { Then::Pause(pause) }
    }

    /// How many of the next bytes are spoilt.
    pub(crate) fn spoils(&self) -> u64 {
        if self.corrupt { SPOILT.saturating_sub(self.written) } else { 0 }
    }

    /// Whether the connection has been ended at its place.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut_at().is_some_and(|at| self.written >= at)
    }

    fn cut_at(&self) -> Option<u64> {
        match self.cut? {
            (Place::Byte(at), _) => Some(at),
            (Place::Body(bytes), _) => Some(self.head_end? + bytes),
        }
    }
}
