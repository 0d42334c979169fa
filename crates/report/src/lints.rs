//! What the lints say about a configuration, for people and for programs; and the rules themselves.

mod json;
mod markdown;
mod sarif;
mod terminal;

use std::io::{self, Write};

use topology::lint::{Finding, RULES, Rule, Severity};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text for a terminal of 80 columns.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Markdown.
    Markdown,
    /// SARIF 2.1.0, as code scanning services take it.
    Sarif,
}

/// What has been looked at, and what was found.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The file, or the first of them.
    pub file: &'a str,
    /// What is in it: `5 nodes, 4 edges`.
    pub contents: &'a str,
    /// The worst first.
    pub findings: &'a [Finding],
    /// Whether nothing of it was to be denied.
    pub passed: bool,
    /// The version of the program.
    pub version: &'a str,
}

impl Checked<'_> {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// `1 error, 2 warnings`; none if nothing was found.
    fn summary(&self) -> Option<String> {
        let counted = |severity, one: &str, many: &str| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {one}")),
            n => Some(format!("{n} {many}")),
        };
        let counts = [
            counted(Severity::Error, "error", "errors"),
            counted(Severity::Warning, "warning", "warnings"),
            counted(Severity::Info, "info", "infos"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }

    /// The findings of one rule and severity together, in their order.
    fn groups(&self) -> impl Iterator<Item = &[Finding]> {
        self.findings.chunk_by(|a, b| a.rule.id == b.rule.id && a.severity == b.severity)
    }
}

/// Writes it.
///
/// With `colour`, text carries ANSI codes; they say nothing that the text does not say too.
///
/// # Errors
/// If `out` takes no more.
pub fn write(checked: &Checked<'_>, format: Format, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => terminal::write(checked, colour, out),
        Format::Markdown => markdown::write(checked, out),
        Format::Json => crate::render::json(&json::document(checked), out),
        Format::Sarif => crate::render::json(&sarif::document(checked), out),
    }
}

/// Writes a list of all rules for a terminal.
///
/// # Errors
/// If `out` takes no more.
pub fn list(out: &mut dyn Write) -> io::Result<()> {
    terminal::list(RULES, out)
}

/// Writes all about one rule for a terminal.
///
/// # Errors
/// If `out` takes no more.
pub fn explain(rule: &Rule, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    terminal::explain(rule, colour, out)
}

/// All rules as one page in Markdown.
///
/// # Errors
/// If `out` takes no more.
pub fn page(out: &mut dyn Write) -> io::Result<()> {
    markdown::page(RULES, out)
}

/// Where something was found: `file:line:column`, or the `--set` that says it.
fn place(finding: &Finding) -> String {
    let problem = &finding.problem;
    match problem.line {
        0 => problem.file.clone(),
        line => format!("{}:{line}:{}", problem.file, problem.column),
    }
}

#[cfg(test)]
mod tests;
