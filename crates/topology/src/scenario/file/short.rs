//! Short forms: a text or a number where the long form is a mapping; `none` where a value may be
//! left away on purpose.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::distribution::Distribution;
use crate::units::DurationText;

/// So many seconds.
pub(in crate::scenario) fn seconds(seconds: u64) -> DurationText {
    DurationText(Duration::from_secs(seconds))
}

/// A status that was written as a bare number.
pub(super) fn status(number: f64) -> Result<u16, String> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, as just seen")]
    if number.fract() == 0.0 && (0.0..=999.0).contains(&number) {
        Ok(number as u16)
    } else {
        Err(format!("{number} is not a status"))
    }
}

/// A value that can be written in short. Its long form is a mapping.
pub(super) trait Short: Sized {
    /// What the mapping holds.
    type Long: DeserializeOwned;
    /// What may stand here, for messages.
    const EXPECTED: &'static str;

    /// From the short form; the error says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;

    /// From a bare number, where that is a short form.
    fn from_number(_number: f64) -> Option<Result<Self, String>> {
        None
    }

    /// From `true` or `false`, where that is a short form.
    fn from_bool(_value: bool) -> Option<Self> {
        None
    }

    /// From the long form.
    fn from_long(long: Self::Long) -> Self;
}

/// Reads a [`Short`]; use it through `short_forms!`.
pub(super) fn short_or_long<'de, T: Short, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(ShortVisitor(PhantomData))
}

macro_rules! short_forms {
    ($($type:ty),+) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::scenario::file::short::short_or_long(deserializer)
            }
        }
    )+};
}
pub(super) use short_forms;

/// A newtype around its own long form: it is written out in that, and its schema is either form's.
macro_rules! around_long {
    ($type:ty, $long:ty, $schema_name:literal, |$generator:ident| $short:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $schema_name.into()
            }

            fn json_schema($generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let short = $short;
                $crate::scenario::file::short::short_schema(&short, &$generator.subschema_for::<$long>())
            }
        }
    };
}
pub(super) use around_long;

struct ShortVisitor<T>(PhantomData<T>);

impl<'de, T: Short> Visitor<'de> for ShortVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(|why| E::invalid_value(Unexpected::Other(&why), &self))
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
        T::from_bool(value).ok_or_else(|| E::invalid_type(Unexpected::Bool(value), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        match T::from_number(number) {
            Some(value) => value.map_err(|why| E::invalid_value(Unexpected::Other(&why), &self)),
            None => Err(E::invalid_type(Unexpected::Float(number), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        long_form(map).map(T::from_long)
    }
}

/// Reads all of a mapping: an enum by itself would be content with the first key.
fn long_form<'de, T: DeserializeOwned, A: MapAccess<'de>>(mut map: A) -> Result<T, A::Error> {
    let value = T::deserialize(MapAccessDeserializer::new(&mut map))?;
    match map.next_key::<String>()? {
        None => Ok(value),
        Some(extra) => {
            Err(serde::de::Error::custom(format!("`{extra}` is one key too many: only one can be chosen")))
        }
    }
}

/// The schema of a value with a short form.
pub(super) fn short_schema(short: &Schema, long: &Schema) -> Schema {
    json_schema!({ "anyOf": [short, long] })
}

/// How long something takes; a bare duration is a constant.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::scenario) struct Time(pub(in crate::scenario) Distribution);

impl Time {
    /// Always so many milliseconds.
    pub(in crate::scenario) const fn millis(millis: u64) -> Self {
        Self(Distribution::Constant(DurationText(Duration::from_millis(millis))))
    }
}

impl Short for Time {
    type Long = Distribution;
    const EXPECTED: &'static str =
        "a duration such as `5ms`, or a distribution such as `{ lognormal: { p50: 20ms, p99: 150ms } }`";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map(|value| Self(Distribution::Constant(value)))
    }

    fn from_number(number: f64) -> Option<Result<Self, String>> {
        Some(Self::from_text(&number.to_string()))
    }

    fn from_long(long: Distribution) -> Self {
        Self(long)
    }
}

short_forms!(Time);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&generator.subschema_for::<DurationText>(), &generator.subschema_for::<Distribution>())
    }
}

/// A value, or the word `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scenario) struct OrNone<T>(pub(in crate::scenario) Option<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OrNone<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrNoneVisitor(PhantomData))
    }
}

impl<T> Default for OrNone<T> {
    fn default() -> Self {
        Self(None)
    }
}

struct OrNoneVisitor<T>(PhantomData<T>);

/// Reads a `T` from what a visitor was given.
macro_rules! read {
    ($value:expr) => {
        T::deserialize($value.into_deserializer()).map(|value| OrNone(Some(value)))
    };
}

impl<'de, T: DeserializeOwned> Visitor<'de> for OrNoneVisitor<T> {
    type Value = OrNone<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or `none`")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<OrNone<T>, E> {
        read!(())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<OrNone<T>, E> {
        read!(value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<OrNone<T>, E> {
        read!(value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<OrNone<T>, E> {
        read!(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<OrNone<T>, E> {
        read!(value)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OrNone<T>, E> {
        if text == "none" { Ok(OrNone(None)) } else { read!(text) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OrNone<T>, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(list)).map(|value| OrNone(Some(value)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OrNone<T>, A::Error> {
        long_form(map).map(|value| OrNone(Some(value)))
    }
}

impl<T: Serialize> Serialize for OrNone<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str("none"),
        }
    }
}

impl<T: JsonSchema> JsonSchema for OrNone<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrNone", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        short_schema(&json_schema!({ "const": "none" }), &generator.subschema_for::<T>())
    }
}

/// An enum of mechanisms: a variant that needs no parameter may be a bare word. Only its schema is
/// of use, the words themselves are read by `de`.
pub(super) struct BareWord<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for BareWord<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Mechanism", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = T::json_schema(generator);
        let variants = long.get("oneOf").and_then(|v| v.as_array()).cloned().unwrap_or_default();
        let words: Vec<serde_json::Value> = variants
            .iter()
            .filter_map(|variant| variant.get("properties")?.as_object()?.iter().next())
            .filter(|(_, parameters)| parameters.get("required").is_none())
            .map(|(word, _)| word.clone().into())
            .collect();
        short_schema(&json_schema!({ "enum": words }), &long)
    }
}
