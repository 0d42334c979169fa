//! For a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use topology::lint::{Rule, Severity};

use super::{Checked, place};
use crate::render::terminal::paint;
use crate::render::width::paragraph;

pub(super) fn write(checked: &Checked<'_>, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    if checked.passed {
        writeln!(out, "ok: {}", checked.contents)?;
    }
    for (i, group) in checked.groups().enumerate() {
        if i > 0 || checked.passed {
            writeln!(out)?;
        }
        let Some(first) = group.first() else { continue };
        let severity = first.severity.name();
        let heading = format!("{severity}: {} ({})", first.rule.title, first.rule.id);
        let lines = paragraph(&heading, "", "  ");
        let rest = lines.strip_prefix(severity).unwrap_or(&lines);
        writeln!(
            out,
            "{}{}",
            paint(severity, style(first.severity), colour),
            paint(rest, Style::new().bold(), colour)
        )?;
        for finding in group {
            writeln!(out, "  {}", paint(&place(finding), AnsiColor::Blue.on_default().bold(), colour))?;
            writeln!(out, "{}", paragraph(&finding.problem.message, "    ", "    "))?;
            if let Some(fix) = &finding.problem.help {
                writeln!(out, "{}", paragraph(&format!("fix: {fix}"), "    ", "         "))?;
            }
        }
    }
    if let Some(summary) = checked.summary() {
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            paragraph(&format!("{summary}; `badgateway check --explain RULE` says more"), "", "  ")
        )?;
    }
    Ok(())
}

fn style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    };
    colour.on_default().bold()
}

pub(super) fn list(rules: &[&Rule], out: &mut dyn Write) -> io::Result<()> {
    let widest = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules {
        let before = format!("{:<4} {:<widest$}  {:<8} ", rule.code, rule.id, rule.severity);
        let indent = " ".repeat(before.len());
        writeln!(out, "{}", paragraph(rule.title, &before, &indent))?;
    }
    writeln!(out, "\n`badgateway check --explain RULE` says all about one.")
}

pub(super) fn explain(rule: &Rule, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    let bold = |text: &str| paint(text, Style::new().bold(), colour);
    writeln!(out, "{} ({}, {})", bold(rule.id), rule.code, rule.severity)?;
    writeln!(out, "{}", paragraph(rule.title, "", ""))?;
    for (heading, text) in
        [("Why", rule.why), ("When", rule.formula), ("Fix", rule.fix), ("Source", rule.source)]
    {
        writeln!(out, "\n{}", bold(heading))?;
        writeln!(out, "{}", paragraph(text, "  ", "  "))?;
    }
    writeln!(out, "\n{}", bold("An example that it fires on, to run"))?;
    for line in rule.example.lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
