//! The scenario's JSON Schema, for editors.

use serde_json::Value;

use super::file::ScenarioFile;

/// The JSON Schema of a scenario file, from the same types that read it.
pub fn json_schema() -> Value {
    schemars::schema_for!(ScenarioFile).to_value()
}
