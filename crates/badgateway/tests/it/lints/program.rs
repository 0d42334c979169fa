//! How `check` ends, and what its options do.

use crate::support::{at_once, badgateway, root};

/// One error and one warning.
const BUSY: &str = "name: busy
nodes: { client: { kind: client }, app: { kind: server, workers: 1, queue: 8, service_time: 20ms } }
edges: [{ client -> app: { timeout: none } }]
load: [{ from: client, rate: 60/s }]
";

#[test]
fn errors_are_denied_warnings_if_asked_for() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), BUSY).unwrap();
    let code = |args: &[&str]| {
        let ended = at_once(badgateway(["check", "s.yaml"]).args(args).current_dir(&temp));
        assert_eq!(ended.out.starts_with("ok: 2 nodes"), ended.code == Some(0), "{}", ended.out);
        ended.code
    };
    assert_eq!(code(&[]), Some(1));
    assert_eq!(code(&["--allow", "utilisation"]), Some(0));
    assert_eq!(code(&["--allow", "c03", "--deny", "warnings"]), Some(1));
    assert_eq!(code(&["--allow", "C03", "--allow", "timeout-absent", "--deny", "infos"]), Some(0));
    assert_eq!(code(&["--set", "nodes.app.workers=8"]), Some(0));
    let allowed = format!("{BUSY}lints: {{ allow: [utilisation] }}\n");
    std::fs::write(temp.path().join("s.yaml"), allowed).unwrap();
    assert_eq!(code(&[]), Some(0));
}

#[test]
fn a_strategy_is_looked_at_if_it_is_named() {
    let storm = root().join("scenarios/retry-storm.yaml");
    let check = |args: &[&str]| at_once(badgateway(["check"]).arg(&storm).args(args)).well();
    assert!(!check(&[]).contains("retry-without-budget"));
    let eager = check(&["--strategy", "eager"]);
    assert!(eager.contains("retry-without-budget") && eager.contains("retry-storm.yaml:32:"), "{eager}");
    assert!(!check(&["--strategy", "budgeted"]).contains("retry-without-budget"));
}

#[test]
fn a_rule_is_known_by_its_id_and_its_code() {
    let explain = |rule: &str| at_once(&mut badgateway(["check", "--explain", rule])).well();
    assert_eq!(explain("timeout-order"), explain("t02"));
    assert!(explain("timeout-order").contains("  - outer -> inner: { timeout: 1s }"));
    let listed = at_once(&mut badgateway(["check", "--rules"])).well();
    assert!(topology::lint::RULES.iter().all(|rule| listed.contains(rule.id)), "{listed}");
    let told = at_once(&mut badgateway(["check", "--explain", "timeout-ordre"])).without_result(2);
    assert!(told.contains("did you mean `timeout-order`?"), "{told}");
    let told = at_once(&mut badgateway(["check"])).without_result(2);
    assert!(told.contains("<FILES>"), "{told}");
}

#[test]
fn a_scenario_can_only_allow_a_rule_that_there_is() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), format!("{BUSY}lints: {{ allow: [utilization] }}\n")).unwrap();
    let told = at_once(badgateway(["check", "s.yaml"]).current_dir(&temp)).without_result(2);
    assert!(told.contains("s.yaml:5:") && told.contains("did you mean `utilisation`?"), "{told}");
}

/// The page is made from the rules: `UPDATE_DOCS=1 cargo test -p badgateway the_page` writes it.
#[test]
fn the_page_of_the_rules_is_up_to_date() {
    let mut page = include_bytes!("page.md").to_vec();
    report::lints::page(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let file = root().join("docs/lints.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == page, "docs/lints.md is out of date: UPDATE_DOCS=1 writes it anew");
}

/// What the readme shows is what is printed.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let printed = at_once(badgateway(["check", "scenarios/retry-storm.yaml"]).current_dir(root())).well();
    assert!(readme.contains(&format!("```text\n{printed}```")), "{printed}");
}
