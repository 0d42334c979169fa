//! A document in Markdown.

use std::io::{self, Write};

use super::blocks::{Block, Kind, Table, Tone};

/// Writes it.
pub(crate) fn write(blocks: &[Block], out: &mut dyn Write) -> io::Result<()> {
    let of_courses = |block: &Block| matches!(block, Block::Courses(_, courses) if courses.title.is_some());
    let blocks: Vec<&Block> = blocks.iter().filter(|block| !of_courses(block)).collect();
    for (i, block) in blocks.iter().enumerate() {
        let after_line = i > 0 && matches!(blocks[i - 1], Block::Line(..));
        if i > 0 && !(after_line && matches!(block, Block::Line(..))) {
            writeln!(out)?;
        }
        match block {
            Block::Title(text) => writeln!(out, "## {}", escape(text))?,
            Block::Table(table) | Block::Courses(table, _) => write_table(table, out)?,
            Block::Line(tone, text) => writeln!(out, "- {}{}", mark(*tone), escape(text))?,
            Block::Verbatim(text) => writeln!(out, "```text\n{}\n```", text.trim_end())?,
        }
    }
    Ok(())
}

fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => "✓ ",
        Tone::Bad => "✗ ",
        Tone::Warning => "**warning:** ",
    }
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let heads = table.columns.iter().map(|c| c.head.replace('\n', " "));
    write_row(heads, out)?;
    let rules = table.columns.iter().map(|c| match c.kind {
        Kind::Number => "---:".to_owned(),
        Kind::Name | Kind::Word => "---".to_owned(),
    });
    write_row(rules, out)?;
    for row in &table.rows {
        write_row(row.iter().map(|cell| escape(cell)), out)?;
    }
    Ok(())
}

fn write_row(cells: impl Iterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "|")?;
    for cell in cells {
        write!(out, " {cell} |")?;
    }
    writeln!(out)
}

/// Takes the meaning from characters that have one.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '<' | '|' | '[' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
