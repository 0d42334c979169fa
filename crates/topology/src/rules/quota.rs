//! So much in so long.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::{DurationText, TextOrNumber, text_value};

/// The most that may be given.
const AMOUNT_MAX: f64 = 1e12;
const DAY: Duration = Duration::from_hours(24);
/// The periods that have names; those of one length, the usual name first.
const PERIODS: [(&str, &str, Duration); 9] = [
    ("s", "a second", Duration::from_secs(1)),
    ("sec", "a second", Duration::from_secs(1)),
    ("min", "a minute", Duration::from_mins(1)),
    ("m", "a minute", Duration::from_mins(1)),
    ("h", "an hour", Duration::from_hours(1)),
    ("hour", "an hour", Duration::from_hours(1)),
    ("day", "a day", DAY),
    ("d", "a day", DAY),
    ("month", "a month of 30 days", Duration::from_hours(24 * 30)),
];

/// So much in so long, written `100/min`, `40000/h`, `5/day` or `10/30s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// How much.
    pub amount: f64,
    /// In how long.
    pub per: Duration,
}

impl Quota {
    /// A second, on average.
    pub fn per_second(self) -> f64 {
        self.amount / self.per.as_secs_f64()
    }

    /// In how long, in words: `a minute`, `in 30s`.
    pub fn period(self) -> Cow<'static, str> {
        match PERIODS.iter().find(|(_, _, per)| *per == self.per) {
            Some((_, words, _)) => (*words).into(),
            None => format!("in {}", DurationText(self.per)).into(),
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not so much in so long, such as `100/min` or `5/day`");
        let (amount, per) = text.split_once('/').ok_or_else(wrong)?;
        let digits: String = amount.trim().chars().filter(|c| *c != '_').collect();
        let amount: f64 = digits.parse().map_err(|_| wrong())?;
        if !(0.0..=AMOUNT_MAX).contains(&amount) {
            return Err(format!("`{digits}` is not between 0 and {AMOUNT_MAX:.0}"));
        }
        let per = per.trim();
        let named = PERIODS.iter().find(|(word, _, _)| *word == per).map(|(_, _, per)| *per);
        let per = if let Some(per) = named {
            per
        } else {
            let units = "the periods are s, min, h, day, month, or a time such as `30s`";
            per.parse::<DurationText>().map_err(|_| format!("`{per}` is no period: {units}"))?.0
        };
        if per.is_zero() {
            return Err(format!("`{text}` has a period of no length"));
        }
        Ok(Self { amount, per })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PERIODS.iter().find(|(_, _, per)| *per == self.per) {
            Some((word, _, _)) => write!(f, "{}/{word}", self.amount),
            None => write!(f, "{}/{}", self.amount, DurationText(self.per)),
        }
    }
}

text_value!(
    Quota,
    "so much in so long, such as `100/min` or `5/day`",
    r"^[0-9._]+ */ *([0-9.]+(us|ms|s|m|min|h)|s|sec|m|min|h|hour|d|day|month)$",
    |number| Err(format!("{number} has no period: write `{number}/min`"))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_back() {
        for (text, again) in [
            ("100/min", "100/min"),
            ("40_000 / m", "40000/min"),
            ("0.5/day", "0.5/day"),
            ("10/30s", "10/30s"),
            ("7/1h", "7/h"),
        ] {
            let quota: Quota = text.parse().unwrap();
            assert_eq!(quota.to_string(), again);
            assert_eq!(again.parse(), Ok(quota));
        }
        for text in ["100", "/min", "-1/s", "5/fortnight", "5/0s", "x/s", "NaN/s"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
