//! Values as fields of a CSV file (RFC 4180). Rows are written once for each hop of each call while
//! the load goes on, so this is worth its own few lines: it is several times as fast as going
//! through a serialiser.

use std::io::Write as _;
use std::sync::Arc;

use crate::{CallId, HopId};

/// A value that a field can hold.
pub(super) trait Field {
    /// Adds it to a line.
    fn put(&self, line: &mut Vec<u8>);
}

fn put_text(text: &str, line: &mut Vec<u8>) {
    if !text.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        line.extend_from_slice(text.as_bytes());
        return;
    }
    line.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    line.push(b'"');
}

impl Field for String {
    fn put(&self, line: &mut Vec<u8>) {
        put_text(self, line);
    }
}

impl Field for Arc<str> {
    fn put(&self, line: &mut Vec<u8>) {
        put_text(self, line);
    }
}

impl Field for u64 {
    fn put(&self, line: &mut Vec<u8>) {
        // The longest has 20 digits; the last digit comes first.
        let mut digits = [0; 20];
        let mut first = digits.len();
        let mut rest = *self;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        line.extend_from_slice(&digits[first..]);
    }
}

impl Field for u32 {
    fn put(&self, line: &mut Vec<u8>) {
        u64::from(*self).put(line);
    }
}

impl Field for u16 {
    fn put(&self, line: &mut Vec<u8>) {
        u64::from(*self).put(line);
    }
}

impl Field for f64 {
    fn put(&self, line: &mut Vec<u8>) {
        write!(line, "{self}").expect("a Vec takes any bytes");
    }
}

impl Field for bool {
    fn put(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Field for HopId {
    fn put(&self, line: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        line.extend((0..16).rev().map(|i| DIGITS[((self.0 >> (4 * i)) & 15) as usize]));
    }
}

impl Field for CallId {
    fn put(&self, line: &mut Vec<u8>) {
        if self.load() > 0 {
            self.load().put(line);
            line.push(b'.');
        }
        self.number().put(line);
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, line: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(field: &impl Field) -> String {
        let mut line = Vec::new();
        field.put(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn fields_look_as_their_values_print() {
        for n in [0, 7, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(put(&n), n.to_string());
            assert_eq!(put(&HopId(n)), HopId(n).to_string());
        }
        for call in [CallId::new(0, 17), CallId::new(3, 1 << 40)] {
            assert_eq!(put(&call), call.to_string());
        }
        assert_eq!((put(&0.125), put(&1e-7), put(&2.0)), ("0.125".into(), "0.0000001".into(), "2".into()));
        assert_eq!((put(&None::<u16>), put(&Some(502_u16))), (String::new(), "502".into()));
    }

    #[test]
    fn texts_are_quoted_where_they_must_be() {
        assert_eq!(put(&"plain text".to_owned()), "plain text");
        assert_eq!(put(&"a, \"b\"\nc".to_owned()), "\"a, \"\"b\"\"\nc\"");
    }
}
