//! OTLP's JSON form: one document, or a line for each batch, as the collector's file exporter writes it.
//! Source: the OpenTelemetry protocol's `trace.proto` and "JSON Protobuf Encoding". Writers differ in details
//! (numbers as text, names of enumerations), so it is read by hand.

use serde_json::Value;
use trace::Time;

use super::spans::{self, Kind, Span};
use super::{Reading, ids};

/// Whether it is of this form.
pub(super) fn is_one(value: &Value) -> bool {
    value.get("resourceSpans").or_else(|| value.get("resource_spans")).is_some_and(Value::is_array)
}

/// A field by its name in JSON or in the protocol.
fn field<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

fn list<'a>(value: &'a Value, camel: &str, snake: &str) -> impl Iterator<Item = &'a Value> {
    field(value, camel, snake).and_then(Value::as_array).into_iter().flatten()
}

/// Reads a batch; how many spans it has, and how many of them are none.
pub(super) fn batch(reading: &mut Reading<'_>, value: &Value) -> (u64, Vec<String>) {
    let (mut read, mut bad) = (0, Vec::new());
    for resource_spans in list(value, "resourceSpans", "resource_spans") {
        let resource = resource_spans.get("resource");
        let service = resource.map(service).unwrap_or_default();
        let scopes = list(resource_spans, "scopeSpans", "scope_spans").chain(list(
            resource_spans,
            "instrumentationLibrarySpans",
            "instrumentation_library_spans",
        ));
        for span in scopes.flat_map(|scope| list(scope, "spans", "spans")) {
            read += 1;
            match self::span(span, &service) {
                Ok(span) => spans::add(reading, span),
                Err(reason) => bad.push(reason),
            }
        }
    }
    (read, bad)
}

/// What a resource is called: the service; of several instances of ours the instance.
fn service(resource: &Value) -> String {
    let (mut service, mut instance) = (String::new(), String::new());
    attributes(resource, |key, value| match key {
        "service.name" => service = value,
        "service.instance.id" => instance = value,
        _ => {}
    });
    let is_numbered = instance.strip_prefix(&service).is_some_and(|number| number.starts_with('#'));
    if is_numbered { instance } else { service }
}

fn attributes(of: &Value, mut each: impl FnMut(&str, String)) {
    for attribute in list(of, "attributes", "attributes") {
        let key = attribute.get("key").and_then(Value::as_str);
        if let (Some(key), Some(value)) = (key, attribute.get("value").and_then(text)) {
            each(key, value);
        }
    }
}

/// A value as text; none of those that are lists or maps.
fn text(value: &Value) -> Option<String> {
    let inner = match value {
        Value::Object(map) => map.values().next()?,
        plain => plain,
    };
    match inner {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn nanos(value: Option<&Value>) -> Option<Time> {
    match value? {
        Value::String(text) => text.parse().ok().map(Time),
        Value::Number(number) => number.as_u64().map(Time),
        _ => None,
    }
}

fn kind(value: Option<&Value>) -> Kind {
    match value {
        Some(Value::Number(number)) if number.as_u64() == Some(2) => Kind::Server,
        Some(Value::Number(number)) if number.as_u64() == Some(3) => Kind::Client,
        Some(Value::String(name)) if name.ends_with("SERVER") => Kind::Server,
        Some(Value::String(name)) if name.ends_with("CLIENT") => Kind::Client,
        _ => Kind::Other,
    }
}

fn span(value: &Value, service: &str) -> Result<Span, String> {
    let id = |camel: &str, snake: &str| {
        let id = field(value, camel, snake).and_then(Value::as_str).filter(|id| !ids::is_none(id));
        id.map(str::to_ascii_lowercase)
    };
    let start = nanos(field(value, "startTimeUnixNano", "start_time_unix_nano"))
        .ok_or_else(|| "a span has no startTimeUnixNano".to_owned())?;
    let mut span = Span {
        service: service.to_owned(),
        kind: kind(value.get("kind")),
        trace: id("traceId", "trace_id").ok_or_else(|| "a span has no traceId".to_owned())?,
        id: id("spanId", "span_id").ok_or_else(|| "a span has no spanId".to_owned())?,
        parent: id("parentSpanId", "parent_span_id"),
        start,
        end: nanos(field(value, "endTimeUnixNano", "end_time_unix_nano")).unwrap_or(start).max(start),
        ..Span::default()
    };
    attributes(value, |key, value| drop(span.attributes.insert(key.to_owned(), value)));
    if span.service.is_empty() {
        "a service without a name".clone_into(&mut span.service);
    }
    if let Some(status) = value.get("status") {
        span.failed = match status.get("code") {
            Some(Value::Number(number)) => number.as_u64() == Some(2),
            Some(Value::String(name)) => name.ends_with("ERROR"),
            _ => false,
        };
        span.error.push_str(status.get("message").and_then(Value::as_str).unwrap_or_default());
    }
    for event in list(value, "events", "events") {
        if event.get("name").and_then(Value::as_str) != Some("exception") {
            continue;
        }
        span.exception = true;
        attributes(event, |key, value| {
            if matches!(key, "exception.type" | "exception.message") {
                span.error.push(' ');
                span.error.push_str(&value);
            }
        });
    }
    Ok(span)
}
