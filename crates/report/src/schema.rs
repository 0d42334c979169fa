//! The JSON Schema of what `--format json` prints of a run or a comparison.

use schemars::generate::SchemaSettings;
use serde_json::Value;
use trace::manifest::FORMAT;

use crate::Report;

/// The JSON Schema of a [`Report`] as JSON, from the same types that write it. Its `$id` has the version of
/// the format, which a document has as `run.versions.format`.
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("$id".to_owned(), format!("urn:badgateway:report:{FORMAT}").into());
    schema.to_value()
}

#[cfg(test)]
#[path = "../../topology/tests/it/misfit.rs"]
mod misfit;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_committed_schema_is_in_step() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema/report.schema.json");
        let schema = json_schema();
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            std::fs::write(&file, text).unwrap();
        }
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        assert!(committed == schema, "run the tests of report once with UPDATE_SCHEMA=1");
        assert_eq!(schema["$id"], format!("urn:badgateway:report:{FORMAT}"));
    }

    #[test]
    fn a_report_fits_it_and_another_document_does_not() {
        let mut report = serde_json::to_value(crate::render::example()).unwrap();
        let misfit = |report: &Value| misfit::misfit(&json_schema(), report);
        assert_eq!(misfit(&report), None);
        report["origins"][0]["surfaced"] = "many".into();
        assert!(misfit(&report).unwrap().contains("$.origins[0].surfaced"));
    }
}
