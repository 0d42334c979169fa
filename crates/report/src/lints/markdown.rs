//! In Markdown.

use std::io::{self, Write};

use topology::lint::Rule;

use super::{Checked, place};

pub(super) fn write(checked: &Checked<'_>, out: &mut dyn Write) -> io::Result<()> {
    if checked.passed {
        writeln!(out, "ok: {}", checked.contents)?;
    }
    for (i, group) in checked.groups().enumerate() {
        let Some(first) = group.first() else { continue };
        if i > 0 || checked.passed {
            writeln!(out)?;
        }
        writeln!(out, "### {}: {} (`{}`)\n", first.severity, first.rule.title, first.rule.id)?;
        for finding in group {
            writeln!(out, "- `{}`: {}", place(finding), finding.problem.message)?;
            if let Some(fix) = &finding.problem.help {
                writeln!(out, "  - fix: {fix}")?;
            }
        }
    }
    match checked.summary() {
        Some(summary) => writeln!(out, "\n{summary}"),
        None => Ok(()),
    }
}

/// All rules: a table, then a section each.
pub(super) fn page(rules: &[&Rule], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| code | rule | at worst | what is wrong |\n| --- | --- | --- | --- |")?;
    for rule in rules {
        writeln!(
            out,
            "| {} | [`{id}`](#{id}) | {} | {} |",
            rule.code,
            rule.severity,
            rule.title,
            id = rule.id
        )?;
    }
    for rule in rules {
        writeln!(out, "\n## {}\n", rule.id)?;
        writeln!(out, "{}, {}: {}.\n", rule.code, rule.severity, rule.title)?;
        writeln!(out, "{}\n", rule.why)?;
        writeln!(out, "- When: {}.", rule.formula.trim_end_matches('.'))?;
        writeln!(out, "- Fix: {}", rule.fix)?;
        writeln!(out, "- Source: {}.\n", rule.source.trim_end_matches('.'))?;
        writeln!(out, "```yaml\n{}```", rule.example)?;
    }
    Ok(())
}
