//! The JSON Schema: it is in step with the types, and takes what the reader takes.

use std::path::Path;

use serde_json::Value;
use topology::Scenario;
use topology::scenario::json_schema;

use crate::misfit;

#[test]
fn the_committed_schema_is_in_step() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/scenario.schema.json");
    let schema = json_schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        std::fs::write(&file, text).unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(committed == schema, "run the tests of topology once with UPDATE_SCHEMA=1");
}

#[test]
fn takes_short_and_long_forms() {
    for text in [include_str!("scenarios/design.yaml"), include_str!("scenarios/everything.yaml")] {
        let short: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(misfit(&short), None);
        let long = Scenario::parse(text, "test.yaml").unwrap().to_yaml();
        let long: Value = serde_yaml::from_str(&long).unwrap();
        assert_eq!(misfit(&long), None);
    }
}

#[test]
fn refuses_what_has_the_wrong_shape() {
    let good = include_str!("scenarios/design.yaml");
    for (old, new) in [
        ("workers: 32", "worker: 32"),
        ("kind: client", "kind: clint"),
        ("crash: {", "crush: {"),
        ("network: reset_peer", "network: reset_pear"),
        ("{ timeout: 2s", "{ timeout: [2s]"),
        ("- client -> ai-gateway", "- [client, ai-gateway]"),
        ("name: llm-chain-crash", "title: llm-chain-crash"),
    ] {
        assert!(good.contains(old), "{old}");
        let bad: Value = serde_yaml::from_str(&good.replace(old, new)).unwrap();
        assert!(misfit(&bad).is_some(), "{new}");
    }
}

fn misfit(document: &Value) -> Option<String> {
    misfit::misfit(&json_schema(), document)
}
