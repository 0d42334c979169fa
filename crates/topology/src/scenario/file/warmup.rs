//! The shape of the warm-up.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::short::{Short, short_forms, short_schema};
use crate::units::DurationText;

/// The word for a warm-up that is to be found.
const AUTO: &str = "auto";

/// A time, or the word `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) enum WarmupFile {
    Given(DurationText),
    Auto,
}

impl Default for WarmupFile {
    fn default() -> Self {
        Self::Given(DurationText::default())
    }
}

impl Short for WarmupFile {
    type Long = super::retry::NoLong;
    const EXPECTED: &'static str = "a time such as `2s`, or `auto`";

    fn from_text(text: &str) -> Result<Self, String> {
        if text == AUTO { Ok(Self::Auto) } else { text.parse().map(Self::Given) }
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(_: super::retry::NoLong) -> Self {
        Self::Auto
    }
}

short_forms!(WarmupFile);

impl Serialize for WarmupFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(time) => time.serialize(serializer),
            Self::Auto => serializer.serialize_str(AUTO),
        }
    }
}

impl JsonSchema for WarmupFile {
    fn schema_name() -> Cow<'static, str> {
        "Warmup".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&json_schema!({ "const": AUTO }), &generator.subschema_for::<DurationText>())
    }
}
