//! What happens to the bytes of a response on their way out: where they are cut, slowed or spoilt.
//! Pure arithmetic over byte counts; `wire` applies it to a socket.

use std::time::Duration;

use topology::wire::Close;

/// What to do to one response.
#[derive(Debug, Clone, Default)]
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
    pub(crate) written: u64,
    pub(crate) head_end: Option<u64>,
    pub(crate) tail: [u8; 3],
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
    /// Whether it changes nothing.
    pub(crate) fn is_plain(&self) -> bool {
        self.delay.is_zero()
            && self.cut.is_none()
            && self.bytes_per_s.is_none()
            && self.slice.is_none()
            && !self.corrupt
            && self.close_delay.is_none()
    }

    /// How many of these bytes may be written now.
    pub(crate) fn allow(&mut self, data: &[u8]) -> usize {
        self.find_head_end(data);
        let mut allowed = data.len() as u64;
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
        usize::try_from(allowed).unwrap_or(usize::MAX)
    }

    /// Bytes have been written.
    pub(crate) fn wrote(&mut self, data: &[u8]) -> Then {
        let bytes = data.len() as u64;
        self.written += bytes;
        for &byte in &data[data.len().saturating_sub(3)..] {
            self.tail = [self.tail[1], self.tail[2], byte];
        }
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

    /// Spoils what is still of the status line.
    pub(crate) fn spoil(&self, data: &mut [u8]) {
        let line = usize::try_from(8_u64.saturating_sub(self.written)).unwrap_or(0);
        for byte in data.iter_mut().take(line) {
            *byte ^= 0x15;
        }
    }

    fn cut_at(&self) -> Option<u64> {
        match self.cut? {
            (Place::Byte(at), _) => Some(at),
            (Place::Body(bytes), _) => Some(self.head_end? + bytes),
        }
    }

    /// Looks for the empty line that ends the head, also where it lies across two writes.
    fn find_head_end(&mut self, data: &[u8]) {
        if self.head_end.is_some() {
            return;
        }
        let joined: Vec<u8> = self.tail.iter().chain(data).copied().collect();
        if let Some(place) = joined.windows(4).position(|w| w == b"\r\n\r\n") {
            self.head_end = Some(self.written + place as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";

    /// Writes the response in pieces of `step`, and gives what came through and how it ended.
    fn pass(shape: &mut Shape, step: usize) -> (Vec<u8>, Then) {
        let mut through = Vec::new();
        let mut rest = RESPONSE;
        while !rest.is_empty() {
            let offered = &rest[..step.min(rest.len())];
            let n = shape.allow(offered);
            let then = shape.wrote(&offered[..n]);
            through.extend_from_slice(&offered[..n]);
            if let Then::End(_) = then {
                return (through, then);
            }
            assert!(n > 0, "no progress");
            rest = &rest[n..];
        }
        (through, Then::GoOn)
    }

    #[test]
    fn a_cut_in_the_body_is_at_the_same_byte_however_it_is_written() {
        for step in [1, 2, 3, 5, 39, 1000] {
            let mut shape = Shape { cut: Some((Place::Body(5), Close::Reset)), ..Shape::default() };
            let (through, then) = pass(&mut shape, step);
            assert_eq!(then, Then::End(Close::Reset), "step {step}");
            assert_eq!(through.len(), RESPONSE.len() - 5, "step {step}");
        }
    }

    #[test]
    fn a_cut_at_a_byte_counts_the_head() {
        let mut shape = Shape { cut: Some((Place::Byte(12), Close::Fin)), ..Shape::default() };
        assert_eq!(pass(&mut shape, 1000), (RESPONSE[..12].to_vec(), Then::End(Close::Fin)));
    }

    #[test]
    fn a_slice_pauses_after_each_piece() {
        let delay = Duration::from_millis(3);
        let mut shape = Shape { slice: Some((4, delay)), ..Shape::default() };
        assert_eq!(shape.allow(RESPONSE), 4);
        assert_eq!(shape.wrote(&RESPONSE[..4]), Then::Pause(delay));
    }

    #[test]
    fn a_rate_takes_as_long_as_it_should() {
        let mut shape = Shape { bytes_per_s: Some(1000), ..Shape::default() };
        let mut total = Duration::ZERO;
        let mut rest = RESPONSE;
        while !rest.is_empty() {
            let n = shape.allow(rest);
            if let Then::Pause(pause) = shape.wrote(&rest[..n]) {
                total += pause;
            }
            rest = &rest[n..];
        }
        assert_eq!(total.as_micros(), RESPONSE.len() as u128 * 1000);
    }

    #[test]
    fn only_the_status_line_is_spoilt() {
        let shape = Shape { corrupt: true, ..Shape::default() };
        let mut data = RESPONSE.to_vec();
        shape.spoil(&mut data);
        assert_ne!(&data[..8], &RESPONSE[..8]);
        assert_eq!(&data[8..], &RESPONSE[8..]);
    }
}
