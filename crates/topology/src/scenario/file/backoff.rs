//! The shape of waits between attempts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::short::{OrNone, Short, seconds, short_forms, short_schema};
use crate::policy::Cap;
use crate::units::DurationText;

/// The wait before the next attempt.
#[derive(Debug, Clone, Default)]
pub(in crate::scenario) enum BackoffFile {
    #[default]
    None,
    Some(BackoffLong),
}

/// A wait that there is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Backoff")]
pub(in crate::scenario) enum BackoffLong {
    /// The same each time.
    Constant {
        /// The wait.
        delay: DurationText,
        /// How chance changes it.
        #[serde(default)]
        jitter: JitterFile,
    },
    /// `base`, twice `base`, three times `base`, ...
    Linear {
        /// The first wait.
        base: DurationText,
        /// The longest wait.
        #[serde(default = "default_max")]
        max: DurationText,
        /// How chance changes it.
        #[serde(default)]
        jitter: JitterFile,
    },
    /// `base`, then `factor` times as long each time.
    Exponential {
        /// The first wait.
        base: DurationText,
        /// What each next one is multiplied by.
        #[serde(default = "default_factor")]
        factor: f64,
        /// The longest wait.
        #[serde(default = "default_max")]
        max: DurationText,
        /// Whether the longest wait is applied before or after chance.
        #[serde(default)]
        cap: Cap,
        /// The wait before the second attempt, where it is not `base`.
        #[serde(default)]
        first: OrNone<DurationText>,
        /// What takes the place of `base` after a 429.
        #[serde(default)]
        throttled_base: OrNone<DurationText>,
        /// How chance changes it.
        #[serde(default)]
        jitter: JitterFile,
    },
    /// `base`, `second`, then each the sum of the last two.
    Fibonacci {
        /// The first wait.
        base: DurationText,
        /// The second; as the first if it is not given.
        #[serde(default)]
        second: OrNone<DurationText>,
        /// The longest wait.
        #[serde(default = "default_max")]
        max: DurationText,
        /// How chance changes it.
        #[serde(default)]
        jitter: JitterFile,
    },
    /// These, then the last of them for ever.
    List {
        /// The waits.
        waits: Vec<DurationText>,
        /// How chance changes them.
        #[serde(default)]
        jitter: JitterFile,
    },
}

fn default_max() -> DurationText {
    seconds(20)
}

fn default_factor() -> f64 {
    2.0
}

/// How chance changes a wait.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::scenario) enum JitterFile {
    #[default]
    None,
    Full,
    Equal,
    Decorrelated,
    DecorrelatedV2,
    Long(JitterLong),
}

/// An interval of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "JitterInterval")]
pub(in crate::scenario) enum JitterLong {
    /// The wait times a number from this interval.
    Scale([f64; 2]),
    /// The wait and a time from this interval.
    Add([DurationText; 2]),
}

const JITTERS: [(&str, JitterFile); 5] = [
    ("none", JitterFile::None),
    ("full", JitterFile::Full),
    ("equal", JitterFile::Equal),
    ("decorrelated", JitterFile::Decorrelated),
    ("decorrelated_v2", JitterFile::DecorrelatedV2),
];

impl Short for BackoffFile {
    type Long = BackoffLong;
    const EXPECTED: &'static str = "`none`, a duration, or `{ exponential: { base: 50ms, max: 1s, jitter: full } }`, `linear` or `constant`";

    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            text => Ok(Self::Some(BackoffLong::Constant { delay: text.parse()?, jitter: JitterFile::None })),
        }
    }

    fn from_long(long: BackoffLong) -> Self {
        Self::Some(long)
    }
}

impl Short for JitterFile {
    type Long = JitterLong;
    const EXPECTED: &'static str = "`none`, `full`, `equal`, `decorrelated`, `decorrelated_v2`, `{ scale: [0.5, 1.5] }` or `{ add: [0s, 1s] }`";

    fn from_text(text: &str) -> Result<Self, String> {
        let known = JITTERS.iter().find(|(word, _)| *word == text);
        known.map(|(_, jitter)| *jitter).ok_or_else(|| format!("there is no jitter `{text}`"))
    }

    fn from_long(long: JitterLong) -> Self {
        Self::Long(long)
    }
}

short_forms!(BackoffFile, JitterFile);

impl Serialize for BackoffFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Some(long) => long.serialize(serializer),
        }
    }
}

impl Serialize for JitterFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Long(long) => long.serialize(serializer),
            word => {
                let word = JITTERS.iter().find(|(_, jitter)| jitter == word).map_or("none", |(word, _)| word);
                serializer.serialize_str(word)
            }
        }
    }
}

impl JsonSchema for BackoffFile {
    fn schema_name() -> Cow<'static, str> {
        "BackoffOrNone".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let duration = generator.subschema_for::<DurationText>();
        let short = short_schema(&json_schema!({ "const": "none" }), &duration);
        short_schema(&short, &generator.subschema_for::<BackoffLong>())
    }
}

impl JsonSchema for JitterFile {
    fn schema_name() -> Cow<'static, str> {
        "Jitter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = JITTERS.map(|(word, _)| word);
        short_schema(&json_schema!({ "enum": words }), &generator.subschema_for::<JitterLong>())
    }
}
