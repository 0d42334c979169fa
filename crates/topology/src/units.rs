//! Values with a unit, as people write them: `250ms`, `16KiB`, `5%`, `200/s`.
//!
//! Each is a newtype that parses from text (or, where no doubt is possible, from a number), checks
//! its range, and prints in the form that it parses.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest duration a scenario may name: 30 days.
pub const DURATION_MAX: Duration = Duration::from_hours(30 * 24);
/// The largest size a scenario may name: 1 GiB.
pub const SIZE_MAX: u64 = 1 << 30;
/// The highest rate a scenario may name, per second.
pub const RATE_MAX: f64 = 1e7;

/// A duration, written `250ms`, `1.5s`, `2m`, `1h`, `80us` or `500ns`; a bare `0` is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct DurationText(pub Duration);

/// A share in `[0, 1]`, written `5%` or `0.05`, kept in parts per million so that it is `Eq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(u32);

/// A number of bytes, written `16KiB`, `1MB`, `200B` or as a bare number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// A rate, written `200/s`, `30/m`, `5/h`; a bare number is per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Rate(f64);

/// A number of bytes a second, written `64KiB/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(pub u64);

impl Share {
    /// One million parts: certainty.
    pub const ONE: Self = Self(1_000_000);
    /// Never.
    pub const ZERO: Self = Self(0);

    /// From a fraction.
    ///
    /// # Errors
    /// If it is not a number in `[0, 1]`.
    pub fn new(fraction: f64) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&fraction) {
            return Err(format!("{fraction} is not between 0 and 1 (0% and 100%)"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in 0..=1_000_000")]
        Ok(Self((fraction * 1e6).round() as u32))
    }

    /// As a fraction in `[0, 1]`.
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl Rate {
    /// From a number a second.
    ///
    /// # Errors
    /// If it is not in `[0, RATE_MAX]`.
    pub fn per_second(rate: f64) -> Result<Self, String> {
        if rate.is_finite() && (0.0..=RATE_MAX).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(format!("{rate}/s is not a rate between 0/s and {RATE_MAX:.0}/s"))
        }
    }

    /// A second.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Splits `12.5ms` into the number and what follows.
fn number_and_unit(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_' || c == '+' || c == '-'))
        .unwrap_or(text.len());
    let digits: String = text[..end].chars().filter(|&c| c != '_').collect();
    let number: f64 = digits.parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    if !number.is_finite() || number < 0.0 {
        return Err(format!("`{text}` is negative or not finite"));
    }
    Ok((number, text[end..].trim()))
}

impl FromStr for DurationText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text)?;
        // Whole nanoseconds up to 30 days are exact in an f64.
        let nanos = number
            * match unit {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" | "min" => 60e9,
                "h" => 3600e9,
                "" if number == 0.0 => 0.0,
                "" => return Err(format!("`{text}` has no unit: write `{text}ms` or `{text}s`")),
                other => return Err(format!("`{other}` is not a unit of time: ns, us, ms, s, m, h")),
            };
        if nanos > DURATION_MAX.as_nanos() as f64 {
            return Err(format!("`{text}` is longer than 30 days"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is in 0..=DURATION_MAX"
        )]
        Ok(Self(Duration::from_nanos(nanos.round() as u64)))
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        if ns == 0 {
            return f.write_str("0s");
        }
        for (size, unit) in [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ] {
            if ns.is_multiple_of(size) {
                return write!(f, "{}{unit}", ns / size);
            }
        }
        write!(f, "{ns}ns")
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match number_and_unit(text)? {
            (number, "%") => {
                Self::new(number / 100.0).map_err(|_| format!("`{text}` is not between 0% and 100%"))
            }
            (number, "") => Self::new(number),
            (_, other) => Err(format!("`{other}` after a share: write `5%` or `0.05`")),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text)?;
        let factor = match unit {
            "" | "B" => 1.0,
            "KiB" | "K" => 1024.0,
            "MiB" | "M" => 1024.0 * 1024.0,
            "GiB" | "G" => 1024.0 * 1024.0 * 1024.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            other => return Err(format!("`{other}` is not a unit of size: B, KiB, MiB, GiB, kB, MB, GB")),
        };
        let bytes = number * factor;
        if bytes > SIZE_MAX as f64 {
            return Err(format!("`{text}` is more than 1GiB"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in 0..=SIZE_MAX")]
        Ok(Self(bytes.round() as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (size, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
            if self.0 > 0 && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = number_and_unit(text)?;
        let per_s = match unit {
            "/s" | "" | "/sec" => number,
            "/m" | "/min" => number / 60.0,
            "/h" => number / 3600.0,
            other => return Err(format!("`{other}` is not a unit of rate: /s, /m, /h")),
        };
        Self::per_second(per_s)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for Bandwidth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = text
            .trim()
            .strip_suffix("/s")
            .ok_or_else(|| format!("`{text}` is not a bandwidth: write it as `64KiB/s`"))?;
        match size.parse::<Size>()?.0 {
            0 => Err("a bandwidth of 0 lets nothing through: use `timeout` for silence".to_owned()),
            bytes => Ok(Self(bytes)),
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", Size(self.0))
    }
}

/// Reads a text, or a number where `from_number` takes one.
pub(crate) struct TextOrNumber<T> {
    pub(crate) expecting: &'static str,
    pub(crate) from_number: fn(f64) -> Result<T, String>,
}

impl<T: FromStr<Err = String>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|reason: String| E::invalid_value(Unexpected::Other(&reason), &self.expecting))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        (self.from_number)(number)
            .map_err(|reason| E::invalid_value(Unexpected::Other(&reason), &self.expecting))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        if number < 0 {
            return Err(E::invalid_value(Unexpected::Signed(number), &self.expecting));
        }
        self.visit_f64(number as f64)
    }
}

macro_rules! text_value {
    ($type:ty, $expecting:literal, $pattern:literal, $from_number:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextOrNumber { expecting: $expecting, from_number: $from_number })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $expecting, "type": ["string", "number"], "pattern": $pattern })
            }
        }
    };
}
pub(crate) use text_value;

text_value!(
    DurationText,
    "a duration such as `250ms` or `30s`",
    r"^[0-9._]+ *(ns|us|µs|ms|s|m|min|h)?$",
    |number| number_to_text(number).parse()
);
text_value!(Share, "a share such as `5%` or `0.05`", r"^[0-9._]+ *%?$", Share::new);
text_value!(Size, "a size such as `16KiB`", r"^[0-9._]+ *([KMG]iB|[kKMG]B|[KMGB])?$", |number| {
    number_to_text(number).parse()
});
text_value!(Rate, "a rate such as `200/s`", r"^[0-9._]+ *(/s|/sec|/m|/min|/h)?$", Rate::per_second);
text_value!(
    Bandwidth,
    "a bandwidth such as `64KiB/s`",
    r"^[0-9._]+ *([KMG]iB|[kKMG]B|[KMGB])?/s$",
    |number| Err(format!("{number} has no unit"))
);

fn number_to_text(number: f64) -> String {
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn duration(text: &str) -> Result<Duration, String> {
        text.parse::<DurationText>().map(|d| d.0)
    }

    #[test]
    fn durations_have_units() {
        for (text, nanos) in [
            ("0", 0),
            ("500ns", 500),
            ("80us", 80_000),
            ("80µs", 80_000),
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1_000ms", 1_000_000_000),
            (" 2 min ", 120_000_000_000),
            ("2m", 120_000_000_000),
            ("0.5h", 1_800_000_000_000),
            ("720h", 2_592_000_000_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in
            ["", "s", "5", "5 parsecs", "-1s", "+-1s", "1e9s", "721h", "NaN", "infs", "1.2.3s", "0x5s"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_lie_between_nothing_and_all() {
        for (text, share) in
            [("5%", 0.05), ("0.05", 0.05), ("0", 0.0), ("100%", 1.0), ("1", 1.0), ("0.0001%", 1e-6)]
        {
            assert_eq!(text.parse::<Share>().map(Share::get), Ok(share), "{text}");
        }
        for text in ["101%", "1.01", "-5%", "5‰", "", "%", "nan"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert!(Share::new(f64::NAN).is_err());
    }

    #[test]
    fn sizes_are_binary_or_decimal() {
        for (text, bytes) in [
            ("200", 200),
            ("200B", 200),
            ("16KiB", 16 << 10),
            ("16K", 16 << 10),
            ("1MB", 1_000_000),
            ("1GiB", SIZE_MAX),
        ] {
            assert_eq!(text.parse::<Size>().map(|s| s.0), Ok(bytes), "{text}");
        }
        for text in ["1.1GiB", "5TB", "-1", "KiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_per_second() {
        for (text, rate) in [("200/s", 200.0), ("200", 200.0), ("30/m", 0.5), ("36/h", 0.01), ("0/s", 0.0)] {
            assert_eq!(text.parse::<Rate>().map(Rate::get), Ok(rate), "{text}");
        }
        for text in ["200/d", "10000001/s", "-1/s", "/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert!(Rate::per_second(f64::INFINITY).is_err());
    }

    #[test]
    fn bandwidths_let_something_through() {
        assert_eq!("64KiB/s".parse(), Ok(Bandwidth(64 << 10)));
        for text in ["64KiB", "0/s", "0KiB/s", "/s"] {
            assert!(text.parse::<Bandwidth>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_again(
            nanos in 0..=2_592_000_000_000_000_u64,
            parts in 0..=1_000_000_u32,
            bytes in 1..=SIZE_MAX,
            rate in 0.0..=RATE_MAX,
        ) {
            let duration = DurationText(Duration::from_nanos(nanos));
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
            let share = Share(parts);
            prop_assert_eq!(share.to_string().parse(), Ok(share));
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
            prop_assert_eq!(Bandwidth(bytes).to_string().parse(), Ok(Bandwidth(bytes)));
            prop_assert_eq!(Rate(rate).to_string().parse(), Ok(Rate(rate)));
        }

        #[test]
        fn any_text_parses_or_not(text in "[0-9a-zA-Zµ%/._+ -]{0,12}") {
            let _ = text.parse::<DurationText>();
            let _ = text.parse::<Share>();
            let _ = text.parse::<Size>();
            let _ = text.parse::<Rate>();
            let _ = text.parse::<Bandwidth>();
        }
    }
}
