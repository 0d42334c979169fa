//! Traces as Jaeger's API and its user interface write them. Source: `model/json` of Jaeger.

use serde_json::Value;
use trace::Time;

use super::Reading;
use super::spans::{self, Kind, Span};

/// Whether it is of this form.
pub(super) fn is_one(value: &Value) -> bool {
    traces(value).next().is_some_and(|trace| trace.get("processes").is_some() && trace.get("spans").is_some())
}

fn traces(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(traces) => Box::new(traces.iter()),
        Value::Object(map) => match map.get("data") {
            Some(Value::Array(traces)) => Box::new(traces.iter()),
            _ => Box::new(std::iter::once(value)),
        },
        _ => Box::new(std::iter::empty()),
    }
}

/// Reads traces; how many spans they have, and what is wrong with those that are none.
pub(super) fn document(reading: &mut Reading<'_>, value: &Value) -> (u64, Vec<String>) {
    let (mut read, mut bad) = (0, Vec::new());
    for trace in traces(value) {
        for span in trace.get("spans").and_then(Value::as_array).into_iter().flatten() {
            read += 1;
            match self::span(span, trace) {
                Ok(span) => spans::add(reading, span),
                Err(reason) => bad.push(reason),
            }
        }
    }
    (read, bad)
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The pairs of `tags` or `fields`.
fn pairs<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a str, String)> {
    let list = value.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|tag| {
        let value = match tag.get("value")? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return None,
        };
        Some((text(tag, "key")?, value))
    })
}

fn span(value: &Value, trace: &Value) -> Result<Span, String> {
    let micros = |name: &str| value.get(name).and_then(Value::as_u64);
    let process =
        text(value, "processID").and_then(|id| trace.get("processes")?.get(id)).or(value.get("process"));
    let service =
        process.and_then(|process| text(process, "serviceName")).unwrap_or("a service without a name");
    let references = value.get("references").and_then(Value::as_array).into_iter().flatten();
    let mut parents = references.filter(|r| text(r, "refType").is_none_or(|kind| kind == "CHILD_OF"));
    let parent = parents.next().and_then(|r| text(r, "spanID")).or_else(|| text(value, "parentSpanID"));
    let start = micros("startTime").ok_or_else(|| "a span has no startTime".to_owned())?.saturating_mul(1000);
    let mut span = Span {
        service: service.to_owned(),
        trace: text(value, "traceID").ok_or_else(|| "a span has no traceID".to_owned())?.to_owned(),
        id: text(value, "spanID").ok_or_else(|| "a span has no spanID".to_owned())?.to_owned(),
        parent: parent.map(str::to_owned),
        start: Time(start),
        end: Time(start.saturating_add(micros("duration").unwrap_or_default().saturating_mul(1000))),
        ..Span::default()
    };
    for (key, value) in pairs(value, "tags") {
        match (key, &*value) {
            ("span.kind", "server") => span.kind = Kind::Server,
            ("span.kind", "client") => span.kind = Kind::Client,
            ("error", "true") | ("otel.status_code", "ERROR") => span.failed = true,
            ("otel.status_description" | "error.message", _) => span.error.push_str(&value),
            _ => drop(span.attributes.insert(key.to_owned(), value)),
        }
    }
    for log in value.get("logs").and_then(Value::as_array).into_iter().flatten() {
        let fields: Vec<_> = pairs(log, "fields").collect();
        let is = |name: &str, wanted: &str| fields.iter().any(|(key, value)| *key == name && value == wanted);
        if is("event", "exception") || is("event", "error") {
            span.exception = true;
            for (key, value) in &fields {
                if matches!(
                    *key,
                    "exception.type" | "exception.message" | "error.kind" | "error.object" | "message"
                ) {
                    span.error.push(' ');
                    span.error.push_str(value);
                }
            }
        }
    }
    Ok(span)
}
