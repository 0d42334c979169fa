//! Which format a file has, from what is in it.

use serde_json::Value;

use super::nginx::LogFormat;
use super::{Format, access, envoy, haproxy, jaeger, nginx, nginx_error, otlp};

/// How many lines are looked at.
const LOOKED_AT: usize = 50;

/// The format; none if it is none that is known.
pub(super) fn format(text: &str, log_formats: &[LogFormat]) -> Option<Format> {
    let begin = text.trim_start();
    if begin.starts_with(['{', '[']) {
        // A document may go over many lines; one that is a list of lines ends with its first.
        let first = begin.lines().next().unwrap_or_default();
        let value: Option<Value> = serde_json::from_str(first).or_else(|_| serde_json::from_str(begin)).ok();
        if let Some(format) = value.as_ref().and_then(of_value) {
            return Some(format);
        }
    }
    if !nginx::of_configuration(text).is_empty() {
        return Some(Format::NginxConfiguration);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(LOOKED_AT);
    lines.into_iter().find_map(|line| of_line(line, log_formats))
}

fn of_value(value: &Value) -> Option<Format> {
    if otlp::is_one(value) {
        Some(Format::Otlp)
    } else if jaeger::is_one(value) {
        Some(Format::Jaeger)
    } else if access::is_ours(value) {
        Some(Format::Access)
    } else {
        value.is_object().then_some(Format::Json)
    }
}

fn of_line(line: &str, log_formats: &[LogFormat]) -> Option<Format> {
    if envoy::is_one(line) {
        Some(Format::Envoy)
    } else if haproxy::is_one(line) {
        Some(Format::Haproxy)
    } else if nginx_error::is_one(line) {
        Some(Format::NginxError)
    } else if log_formats.iter().any(|format| format.fields(line).is_some_and(|fields| fields.is_whole())) {
        Some(Format::Nginx)
    } else {
        let value: Value = serde_json::from_str(line).ok()?;
        of_value(&value)
    }
}
