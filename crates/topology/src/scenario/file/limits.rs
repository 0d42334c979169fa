//! The shapes of hedging, of adaptive throttling and of concurrency limits.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::short::{Short, around_long, seconds, short_forms, short_schema};
use crate::units::{DurationText, Share};

/// When a second copy is sent; a bare time or percentile is `after`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct HedgeFile(pub(in crate::scenario) HedgeLong);

/// Copies of a call that is not lost yet: the first good answer wins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Hedge")]
pub(in crate::scenario) struct HedgeLong {
    /// How long the newest copy has had: a time, or a percentile of the latest good answers (`p95`).
    pub(in crate::scenario) after: AfterFile,
    /// How many copies in all, the first included.
    #[serde(default = "two")]
    pub(in crate::scenario) max_attempts: u32,
}

fn two() -> u32 {
    2
}

/// A time, or a percentile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) enum AfterFile {
    Delay(DurationText),
    Percentile(f64),
}

/// Adaptive throttling; a bare number is `k`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) struct ThrottleFile(pub(in crate::scenario) ThrottleLong);

/// Drops attempts before they are sent once the callee refuses too many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Throttle")]
pub(in crate::scenario) struct ThrottleLong {
    /// How many times as many requests as are accepted are sent.
    pub(in crate::scenario) k: f64,
    /// The time that is looked back on.
    pub(in crate::scenario) window: DurationText,
    /// At most this share is dropped.
    pub(in crate::scenario) max_reject: Share,
}

impl Default for ThrottleLong {
    fn default() -> Self {
        Self { k: 2.0, window: seconds(120), max_reject: Share::ONE }
    }
}

/// How many attempts may be in flight; a bare number is fixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::scenario) enum LimitFile {
    Fixed(u32),
    Adaptive(AdaptiveFile),
}

/// A limit that finds its value by itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "AdaptiveLimit")]
pub(in crate::scenario) enum AdaptiveFile {
    /// One more after a success, `backoff` times as many after a failure.
    Aimd {
        /// The first limit.
        #[serde(default = "twenty")]
        initial: u32,
        /// The least.
        #[serde(default = "twenty")]
        min: u32,
        /// The most.
        #[serde(default = "two_hundred")]
        max: u32,
        /// What the limit is multiplied by after a failure.
        #[serde(default = "nine_tenths")]
        backoff: f64,
        /// So slow an answer counts as a failure.
        #[serde(default = "five_seconds")]
        timeout: DurationText,
    },
    /// By the ratio of the long-term to the latest latency.
    Gradient {
        /// The first limit.
        #[serde(default = "twenty")]
        initial: u32,
        /// The least.
        #[serde(default = "twenty")]
        min: u32,
        /// The most.
        #[serde(default = "two_hundred")]
        max: u32,
        /// How much of each new value is taken.
        #[serde(default = "one_fifth")]
        smoothing: f64,
        /// How many attempts may queue at the callee.
        #[serde(default = "four")]
        queue: u32,
        /// How much slower than in the long term the latest latency may be.
        #[serde(default = "one_and_a_half")]
        tolerance: f64,
        /// The number of attempts over which the long term is averaged.
        #[serde(default = "six_hundred")]
        long_window: u32,
    },
}

fn twenty() -> u32 {
    20
}

fn two_hundred() -> u32 {
    200
}

fn four() -> u32 {
    4
}

fn six_hundred() -> u32 {
    600
}

fn nine_tenths() -> f64 {
    0.9
}

fn one_fifth() -> f64 {
    0.2
}

fn one_and_a_half() -> f64 {
    1.5
}

fn five_seconds() -> DurationText {
    seconds(5)
}

impl Short for HedgeFile {
    type Long = HedgeLong;
    const EXPECTED: &'static str =
        "`none`, a time such as `100ms`, a percentile such as `p95`, or `{ after: p95, max_attempts: 2 }`";

    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Self(HedgeLong { after: AfterFile::from_text(text)?, max_attempts: two() }))
    }

    fn from_long(long: HedgeLong) -> Self {
        Self(long)
    }
}

impl Short for AfterFile {
    type Long = super::retry::NoLong;
    const EXPECTED: &'static str = "a time such as `100ms`, or a percentile such as `p95`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text.strip_prefix('p') {
            Some(percent) => match percent.parse() {
                Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(Self::Percentile(percent)),
                _ => Err(format!("`{text}` is not a percentile between p0 and p100")),
            },
            None => text.parse().map(Self::Delay),
        }
    }

    fn from_long(_: super::retry::NoLong) -> Self {
        Self::Percentile(95.0)
    }
}

impl Short for ThrottleFile {
    type Long = ThrottleLong;
    const EXPECTED: &'static str = "`none`, a number of 1 or more, or `{ k: 2, window: 2m }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let k = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
        Ok(Self(ThrottleLong { k, ..ThrottleLong::default() }))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Ok(Self(ThrottleLong { k: number, ..ThrottleLong::default() })))
    }

    fn from_long(long: ThrottleLong) -> Self {
        Self(long)
    }
}

impl Short for LimitFile {
    type Long = AdaptiveFile;
    const EXPECTED: &'static str = "`none`, a number, `{ aimd: {} }` or `{ gradient: {} }`";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(Self::Fixed).map_err(|_| format!("`{text}` is not a number of attempts"))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: AdaptiveFile) -> Self {
        Self::Adaptive(long)
    }
}

short_forms!(HedgeFile, AfterFile, ThrottleFile, LimitFile);
around_long!(HedgeFile, HedgeLong, "HedgeOrAfter", |generator| generator.subschema_for::<AfterFile>());
around_long!(ThrottleFile, ThrottleLong, "ThrottleOrNumber", |generator| {
    json_schema!({ "type": "number", "minimum": 1 })
});

impl Serialize for AfterFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Delay(delay) => delay.serialize(serializer),
            Self::Percentile(percent) => serializer.collect_str(&format_args!("p{percent}")),
        }
    }
}

impl Serialize for LimitFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(limit) => limit.serialize(serializer),
            Self::Adaptive(long) => long.serialize(serializer),
        }
    }
}

impl JsonSchema for AfterFile {
    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let percentile = json_schema!({ "type": "string", "pattern": "^p[0-9.]+$" });
        short_schema(&percentile, &generator.subschema_for::<DurationText>())
    }
}

impl JsonSchema for LimitFile {
    fn schema_name() -> Cow<'static, str> {
        "LimitOrNumber".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = json_schema!({ "type": "integer", "minimum": 1 });
        short_schema(&number, &generator.subschema_for::<AdaptiveFile>())
    }
}
