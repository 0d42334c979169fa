//! What `check` foretells comes true, and what it does not speak of does not.

mod clean;
mod foretold;
mod gateways;
mod program;
mod shipped;

use std::path::Path;

use serde_json::Value;

use crate::support::{at_once, badgateway};

/// What `check` says about a file, as JSON; with these arguments.
fn checked(file: &Path, more: &[&str]) -> Value {
    let ended = at_once(badgateway(["check", "--format", "json"]).arg(file).args(more));
    assert!(ended.err.is_empty(), "{}", ended.err);
    let checked: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(checked["passed"], ended.code == Some(0), "{checked:#}");
    checked
}

/// The rules that found something, in their order.
fn rules(checked: &Value) -> Vec<&str> {
    let findings = checked["findings"].as_array().unwrap();
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding["rule"].as_str().unwrap()).collect();
    rules.dedup();
    rules
}
