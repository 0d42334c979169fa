//! What is printed for other programs.

use std::time::Duration;

use serde_json::Value;

use crate::misfit::misfit;
use crate::support::{Running, badgateway, half_fails};

#[test]
fn json_fits_its_schema_and_says_its_version() {
    let schema = report::json_schema();
    let temp = tempfile::tempdir().unwrap();
    let threshold = "thresholds: [success_rate >= 1%]\n";
    std::fs::write(temp.path().join("s.yaml"), half_fails(threshold)).unwrap();
    let several = ["--strategy", "python-requests-loop", "--seeds", "2"];
    for (command, more) in [("run", &[][..]), ("run", &["--seeds", "3"]), ("compare", &several)] {
        let mut command = badgateway([command, "s.yaml", "--engine", "virtual", "--format", "json"]);
        let ended = Running::start(command.args(more).current_dir(&temp)).end_within(Duration::from_secs(30));
        let document: Value = serde_json::from_str(&ended.well()).unwrap();
        assert_eq!(misfit(&schema, &document), None);
        let format = &document["run"]["versions"]["format"];
        let id = format!("urn:badgateway:report:{}.{}", format["major"], format["minor"]);
        assert_eq!(schema["$id"], id);
    }
}
