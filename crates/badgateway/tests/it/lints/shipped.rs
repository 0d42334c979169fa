//! What `check` says about the shipped scenarios, many of which are broken on purpose.

use crate::support::{at_once, badgateway, root, scenarios};

#[test]
fn what_is_said_about_the_shipped_scenarios() {
    for scenario in scenarios() {
        let name = scenario.file_name().unwrap().to_str().unwrap();
        let file = format!("scenarios/{name}");
        let out = at_once(badgateway(["check", &file]).current_dir(root())).well();
        insta::assert_snapshot!(name.trim_end_matches(".yaml"), out);
    }
}
