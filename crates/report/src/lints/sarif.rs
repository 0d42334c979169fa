//! As SARIF 2.1.0 (OASIS), with what code scanning services look at.

use std::fmt::Write as _;

use serde::Serialize;
use topology::lint::{Finding, RULES, Rule, Severity};

use super::Checked;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    results: Vec<Found<'a>>,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Debug, Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'a str,
    rules: Vec<Descriptor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text,
    full_description: Text,
    help: Help,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Debug, Serialize)]
struct Text {
    text: String,
}

#[derive(Debug, Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Debug, Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Debug, Serialize)]
struct Properties {
    tags: [&'static str; 2],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Debug, Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_column: usize,
}

pub(super) fn document<'a>(checked: &Checked<'a>) -> Document<'a> {
    Document {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "badgateway",
                    version: checked.version,
                    rules: RULES.iter().map(|rule| descriptor(rule)).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            results: checked.findings.iter().map(|finding| found(finding, checked.file)).collect(),
        }],
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn descriptor(rule: &Rule) -> Descriptor {
    let text = |text: &str| Text { text: text.to_owned() };
    Descriptor {
        id: rule.id,
        short_description: text(rule.title),
        full_description: text(rule.why),
        help: Help {
            text: format!("{} When: {}. Source: {}.", rule.fix, rule.formula, rule.source),
            markdown: format!("{}\n\n**When:** {}.\n\n**Source:** {}.", rule.fix, rule.formula, rule.source),
        },
        default_configuration: Configuration { level: level(rule.severity) },
        properties: Properties { tags: ["reliability", "configuration"] },
    }
}

fn found<'a>(finding: &'a Finding, file: &str) -> Found<'a> {
    let problem = &finding.problem;
    // What the command line sets is in no file: the whole file is meant.
    let (file, line, column) = match problem.line {
        0 => (file, 1, 1),
        line => (problem.file.as_str(), line, problem.column.max(1)),
    };
    let fix = problem.help.as_ref().map_or_else(String::new, |fix| format!(" Fix: {fix}."));
    Found {
        rule_id: finding.rule.id,
        rule_index: RULES.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default(),
        level: level(finding.severity),
        message: Text { text: format!("{}.{fix}", problem.message) },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(file) },
                region: Region {
                    start_line: line,
                    start_column: column,
                    end_column: column + problem.marked.1.max(1),
                },
            },
        }],
    }
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let mut uri = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into());
            }
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
