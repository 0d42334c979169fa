//! Values as fields of a CSV file (RFC 4180). Rows are written once for each hop of each call while
//! the load goes on, so this is worth its own few lines: it is several times as fast as going
//! through a serialiser.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::Arc;

use super::{Kind, Value};
use crate::{CallId, HopId};

/// A value that a field can hold.
pub(super) trait Field {
    /// What it is.
    const KIND: Kind;
    /// Whether the field may be empty.
    const OPTIONAL: bool = false;

    /// Adds it to a line.
    fn put(&self, line: &mut Vec<u8>);

    /// The same for files whose columns have types.
    fn value(&self) -> Option<Value<'_>>;
}

/// An empty text means that there is none.
fn text(text: &str) -> Option<Value<'_>> {
    (!text.is_empty()).then_some(Value::Text(Cow::Borrowed(text)))
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
    const KIND: Kind = Kind::Text;
    const OPTIONAL: bool = true;

    fn put(&self, line: &mut Vec<u8>) {
        put_text(self, line);
    }

    fn value(&self) -> Option<Value<'_>> {
        text(self)
    }
}

impl Field for Arc<str> {
    const KIND: Kind = Kind::Text;
    const OPTIONAL: bool = true;

    fn put(&self, line: &mut Vec<u8>) {
        put_text(self, line);
    }

    fn value(&self) -> Option<Value<'_>> {
        text(self)
    }
}

impl Field for u64 {
    const KIND: Kind = Kind::U64;

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

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Whole(*self))
    }
}

impl Field for u32 {
    const KIND: Kind = Kind::U32;

    fn put(&self, line: &mut Vec<u8>) {
        u64::from(*self).put(line);
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Whole(u64::from(*self)))
    }
}

impl Field for u16 {
    const KIND: Kind = Kind::U16;

    fn put(&self, line: &mut Vec<u8>) {
        u64::from(*self).put(line);
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Whole(u64::from(*self)))
    }
}

impl Field for f64 {
    const KIND: Kind = Kind::Number;

    fn put(&self, line: &mut Vec<u8>) {
        write!(line, "{self}").expect("a Vec takes any bytes");
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Number(*self))
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Flag;

    fn put(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(if *self { b"true" } else { b"false" });
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Flag(*self))
    }
}

impl Field for HopId {
    const KIND: Kind = Kind::Id;

    fn put(&self, line: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        line.extend((0..16).rev().map(|i| DIGITS[((self.0 >> (4 * i)) & 15) as usize]));
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Text(Cow::Owned(self.to_string())))
    }
}

impl Field for CallId {
    const KIND: Kind = Kind::Id;

    fn put(&self, line: &mut Vec<u8>) {
        if self.load() > 0 {
            self.load().put(line);
            line.push(b'.');
        }
        self.number().put(line);
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Text(Cow::Owned(self.to_string())))
    }
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const OPTIONAL: bool = true;

    fn put(&self, line: &mut Vec<u8>) {
        if let Some(value) = self {
            value.put(line);
        }
    }

    fn value(&self) -> Option<Value<'_>> {
        self.as_ref().and_then(T::value)
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
