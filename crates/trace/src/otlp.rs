//! OTLP's JSON form, as far as traces need it: what the receivers of OpenTelemetry take at
//! `/v1/traces`, and what the collector's file exporter writes, a line for each [`TracesData`].
//!
//! Source: the OpenTelemetry protocol 1.x, `opentelemetry/proto/trace/v1/trace.proto`, and the section
//! "JSON Protobuf Encoding" of its specification: ids are hexadecimal text, 64-bit numbers are text,
//! enumerations are numbers, and readers pass over fields that they do not know. The official crate has
//! the same shapes, and brings the whole SDK (22 more crates) with them.

pub mod attribute;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Time;

/// What is sent at once, or a line of a file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TracesData {
    /// The spans of each resource.
    pub resource_spans: Vec<ResourceSpans>,
}

/// The spans of one resource.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSpans {
    /// Who they are of.
    pub resource: Resource,
    /// Those of each instrumentation.
    pub scope_spans: Vec<ScopeSpans>,
    /// Which version of the semantic conventions the resource's attributes follow.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema_url: String,
}

/// Who spans are of: one instance of a service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// What it is.
    pub attributes: Vec<KeyValue>,
}

/// The spans of one instrumentation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScopeSpans {
    /// What made them.
    pub scope: Scope,
    /// The spans.
    pub spans: Vec<Span>,
}

/// What made spans.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What a span is to its neighbours. The values are the protocol's.
pub mod kind {
    /// Something inside a service.
    pub const INTERNAL: u32 = 1;
    /// A request that is served.
    pub const SERVER: u32 = 2;
    /// A request that is made.
    pub const CLIENT: u32 = 3;
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Span {
    /// The trace: 32 hexadecimal digits.
    pub trace_id: String,
    /// Its identity: 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it is a part of; none for a root.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub parent_span_id: String,
    /// What it does.
    pub name: String,
    /// See [`kind`].
    pub kind: u32,
    /// When it began, in nanoseconds since 1970.
    #[serde(with = "as_text")]
    pub start_time_unix_nano: u64,
    /// When it ended.
    #[serde(with = "as_text")]
    pub end_time_unix_nano: u64,
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
    /// Whether it went well.
    pub status: Status,
}

/// Whether a span went well.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// 0: nothing is said; 2: it did not.
    #[serde(skip_serializing_if = "is_zero")]
    pub code: u32,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Status {
    /// It did not go well.
    pub const ERROR: u32 = 2;
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference over")]
fn is_zero(code: &u32) -> bool {
    *code == 0
}

/// An attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyValue {
    /// Its name.
    pub key: Cow<'static, str>,
    /// Its value.
    pub value: AnyValue,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnyValue {
    /// A text.
    StringValue(String),
    /// A truth.
    BoolValue(bool),
    /// A whole number.
    #[serde(with = "as_text")]
    IntValue(i64),
    /// A number.
    DoubleValue(f64),
    /// Several values.
    ArrayValue(ArrayValue),
}

/// Several values.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ArrayValue {
    /// The values.
    pub values: Vec<AnyValue>,
}

impl From<&str> for AnyValue {
    fn from(text: &str) -> Self {
        Self::StringValue(text.to_owned())
    }
}

impl From<String> for AnyValue {
    fn from(text: String) -> Self {
        Self::StringValue(text)
    }
}

impl From<bool> for AnyValue {
    fn from(truth: bool) -> Self {
        Self::BoolValue(truth)
    }
}

impl From<u16> for AnyValue {
    fn from(number: u16) -> Self {
        Self::IntValue(number.into())
    }
}

impl From<u32> for AnyValue {
    fn from(number: u32) -> Self {
        Self::IntValue(number.into())
    }
}

impl From<u64> for AnyValue {
    fn from(number: u64) -> Self {
        Self::IntValue(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// In seconds, as the conventions ask.
impl From<std::time::Duration> for AnyValue {
    fn from(duration: std::time::Duration) -> Self {
        Self::DoubleValue(duration.as_secs_f64())
    }
}

impl KeyValue {
    /// An attribute of this name.
    pub fn new(key: &'static str, value: impl Into<AnyValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// When a run began, in nanoseconds since 1970: what turns its times into those of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub u64);

impl Epoch {
    /// A moment of the run, in nanoseconds since 1970.
    pub fn at(self, time: Time) -> u64 {
        self.0.saturating_add(time.0)
    }
}

/// 64-bit numbers are text in JSON; readers take numbers too.
mod as_text {
    use std::fmt::Display;
    use std::marker::PhantomData;
    use std::str::FromStr;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(number: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr + TryFrom<i64> + TryFrom<u64>,
        D: Deserializer<'de>,
    {
        struct Number<T>(PhantomData<T>);

        impl<T: FromStr + TryFrom<i64> + TryFrom<u64>> Visitor<'_> for Number<T> {
            type Value = T;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, or one as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
                text.parse().map_err(|_| E::custom(format!("`{text}` is not a whole number")))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
                T::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
                T::try_from(number).map_err(|_| E::custom(format!("{number} is too small")))
            }
        }

        from.deserialize_any(Number(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_back_and_has_the_protocols_shape() {
        let span = Span {
            trace_id: "badca11badca11000000000000000007".to_owned(),
            span_id: "00000000000000ff".to_owned(),
            name: "GET".to_owned(),
            kind: kind::CLIENT,
            start_time_unix_nano: u64::MAX,
            end_time_unix_nano: u64::MAX,
            attributes: vec![
                KeyValue::new("a", "text"),
                KeyValue::new("b", 502_u16),
                KeyValue::new("c", true),
                KeyValue::new("d", std::time::Duration::from_millis(1500)),
                KeyValue {
                    key: "e".into(),
                    value: AnyValue::ArrayValue(ArrayValue { values: vec!["x".into()] }),
                },
            ],
            ..Span::default()
        };
        let text = serde_json::to_string(&span).unwrap();
        assert_eq!(
            text,
            r#"{"traceId":"badca11badca11000000000000000007","spanId":"00000000000000ff","name":"GET","kind":3,"startTimeUnixNano":"18446744073709551615","endTimeUnixNano":"18446744073709551615","attributes":[{"key":"a","value":{"stringValue":"text"}},{"key":"b","value":{"intValue":"502"}},{"key":"c","value":{"boolValue":true}},{"key":"d","value":{"doubleValue":1.5}},{"key":"e","value":{"arrayValue":{"values":[{"stringValue":"x"}]}}}],"status":{}}"#
        );
        assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), span);
    }

    #[test]
    fn what_others_write_is_read() {
        let text = r#"{"resourceSpans":[{"resource":{"droppedAttributesCount":0},"scopeSpans":[{"spans":[
            {"traceId":"a","spanId":"b","kind":2,"startTimeUnixNano":17,"flags":257,"events":[],"status":{"code":2}}]}]}]}"#;
        let data: TracesData = serde_json::from_str(text).unwrap();
        let span = &data.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((span.start_time_unix_nano, span.kind, span.status.code), (17, kind::SERVER, 2));
        assert!(serde_json::from_str::<Span>(r#"{"startTimeUnixNano":"x"}"#).is_err());
        assert!(serde_json::from_str::<Span>(r#"{"startTimeUnixNano":-1}"#).is_err());
    }
}
