use topology::Scenario;
use topology::lint::{self, Finding};

use super::*;

/// What the rules say about a scenario that goes against some of them.
fn findings() -> Vec<Finding> {
    let text = "name: broken
nodes:
  client: { kind: client }
  a-gateway-with-a-rather-long-name: { kind: gateway }
  app: { kind: server, workers: 1, service_time: 20ms }
edges:
  - client -> a-gateway-with-a-rather-long-name: { timeout: 1s, retry: { max_attempts: 4 } }
  - a-gateway-with-a-rather-long-name -> app: { retry: { max_attempts: 4, when: [502] } }
load:
  - { from: client, rate: 60/s }
";
    let set = [("nodes.app.queue".to_owned(), "9000".to_owned())];
    let (scenario, places) = Scenario::parse_placed(text, "my scenario.yaml", &set).unwrap();
    lint::check(&scenario, &places)
}

fn written(format: Format, colour: bool, passed: bool) -> String {
    let findings = findings();
    let checked = Checked {
        file: "my scenario.yaml",
        contents: "3 nodes, 2 edges",
        findings: &findings,
        passed,
        version: "1.2.3",
    };
    let mut out = Vec::new();
    write(&checked, format, colour, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_terminal_shows_the_worst_first() {
    insta::assert_snapshot!(written(Format::Table, false, false));
}

#[test]
fn markdown_says_the_same() {
    insta::assert_snapshot!(written(Format::Markdown, false, true));
}

#[test]
fn json_has_all_of_it() {
    insta::assert_snapshot!(written(Format::Json, false, false));
}

#[test]
fn colours_say_nothing_of_their_own() {
    let coloured = written(Format::Table, true, false);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_ne!(coloured, plain);
    assert_eq!(plain, written(Format::Table, false, false));
}

#[test]
fn sarif_names_places_and_rules_as_code_scanning_wants_them() {
    let sarif: serde_json::Value = serde_json::from_str(&written(Format::Sarif, false, false)).unwrap();
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), findings().len());
    for (result, finding) in results.iter().zip(findings()) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(
            (&rules[index]["id"], result["ruleId"].as_str()),
            (&result["ruleId"], Some(finding.rule.id))
        );
        let physical = &result["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "my%20scenario.yaml");
        assert_eq!(physical["region"]["startLine"], finding.problem.line.max(1));
    }
}

#[test]
fn every_line_about_a_rule_fits_a_terminal() {
    let mut out = Vec::new();
    list(&mut out).unwrap();
    for rule in RULES {
        explain(rule, false, &mut out).unwrap();
    }
    let text = String::from_utf8(out).unwrap();
    let example = |line: &&str| line.starts_with("  - ") || line.starts_with("    ") || line.contains("{ ");
    for line in text.lines().filter(|line| !example(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
