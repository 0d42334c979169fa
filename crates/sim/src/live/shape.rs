//! A response's shape, applied to bytes as they are written: finds where the head ends.

use crate::shape::{Shape, Then};

/// A shape, and what of the response has been seen.
#[derive(Debug, Default)]
pub(crate) struct Shaped {
    /// What is done.
    pub(crate) shape: Shape,
    /// The last bytes written.
    tail: [u8; 3],
}

impl Shaped {
    /// For the next response.
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, tail: [0; 3] }
    }

    /// How many of these bytes may be written now.
    pub(crate) fn allow(&mut self, data: &[u8]) -> usize {
        self.find_head_end(data);
        usize::try_from(self.shape.allow(data.len() as u64)).unwrap_or(usize::MAX)
    }

    /// These bytes have been written.
    pub(crate) fn wrote(&mut self, data: &[u8]) -> Then {
        for &byte in &data[data.len().saturating_sub(3)..] {
            self.tail = [self.tail[1], self.tail[2], byte];
        }
        self.shape.wrote(data.len() as u64)
    }

    /// Spoils what is still of the status line.
    pub(crate) fn spoil(&self, data: &mut [u8]) {
        let line = usize::try_from(self.shape.spoils()).unwrap_or(usize::MAX);
        for byte in data.iter_mut().take(line) {
            *byte ^= 0x15;
        }
    }

    /// Looks for the empty line that ends the head, also where it lies across two writes.
    fn find_head_end(&mut self, data: &[u8]) {
        if self.shape.head_end.is_some() {
            return;
        }
        let joined: Vec<u8> = self.tail.iter().chain(data).copied().collect();
        if let Some(place) = joined.windows(4).position(|w| w == b"\r\n\r\n") {
            self.shape.head_end = Some(self.shape.written + place as u64 + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use topology::wire::Close;

    use super::*;
    use crate::shape::Place;

    const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789";

    /// Writes the response in pieces of `step`, and gives what came through and how it ended.
    fn pass(shape: &mut Shaped, step: usize) -> (Vec<u8>, Then) {
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
            let mut shape =
                Shaped::new(Shape { cut: Some((Place::Body(5), Close::Reset)), ..Shape::default() });
            let (through, then) = pass(&mut shape, step);
            assert_eq!(then, Then::End(Close::Reset), "step {step}");
            assert_eq!(through.len(), RESPONSE.len() - 5, "step {step}");
        }
    }

    #[test]
    fn a_cut_at_a_byte_counts_the_head() {
        let mut shape = Shaped::new(Shape { cut: Some((Place::Byte(12), Close::Fin)), ..Shape::default() });
        assert_eq!(pass(&mut shape, 1000), (RESPONSE[..12].to_vec(), Then::End(Close::Fin)));
    }

    #[test]
    fn a_slice_pauses_after_each_piece() {
        let delay = Duration::from_millis(3);
        let mut shape = Shaped::new(Shape { slice: Some((4, delay)), ..Shape::default() });
        assert_eq!(shape.allow(RESPONSE), 4);
        assert_eq!(shape.wrote(&RESPONSE[..4]), Then::Pause(delay));
    }

    #[test]
    fn a_rate_takes_as_long_as_it_should() {
        let mut shape = Shaped::new(Shape { bytes_per_s: Some(1000), ..Shape::default() });
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
        let shape = Shaped::new(Shape { corrupt: true, ..Shape::default() });
        let mut data = RESPONSE.to_vec();
        shape.spoil(&mut data);
        assert_ne!(&data[..8], &RESPONSE[..8]);
        assert_eq!(&data[8..], &RESPONSE[8..]);
    }
}
