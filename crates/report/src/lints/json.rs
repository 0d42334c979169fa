//! As a JSON document.

use serde::Serialize;
use topology::lint::{Finding, Severity};

use super::Checked;

/// What was found.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    passed: bool,
    contents: &'a str,
    errors: usize,
    warnings: usize,
    infos: usize,
    findings: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    rule: &'a str,
    code: &'a str,
    severity: &'a str,
    title: &'a str,
    /// The file, or the `--set` that says it.
    file: &'a str,
    /// Both from 1; none where it is in no file.
    line: Option<usize>,
    column: Option<usize>,
    path: &'a str,
    message: &'a str,
    fix: Option<&'a str>,
}

pub(super) fn document<'a>(checked: &Checked<'a>) -> Document<'a> {
    Document {
        passed: checked.passed,
        contents: checked.contents,
        errors: checked.count(Severity::Error),
        warnings: checked.count(Severity::Warning),
        infos: checked.count(Severity::Info),
        findings: checked.findings.iter().map(entry).collect(),
    }
}

fn entry(finding: &Finding) -> Entry<'_> {
    let Finding { rule, severity, problem } = finding;
    let in_file = |n: usize| (n > 0).then_some(n);
    Entry {
        rule: rule.id,
        code: rule.code,
        severity: severity.name(),
        title: rule.title,
        file: &problem.file,
        line: in_file(problem.line),
        column: in_file(problem.column),
        path: &problem.path,
        message: &problem.message,
        fix: problem.help.as_deref(),
    }
}
