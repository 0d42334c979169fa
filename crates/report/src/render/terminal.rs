//! A document for a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};

use super::blocks::{Block, Kind, Table, Tone};
use super::width::{GAP, fit, wrap};

/// Writes it; with `colour`, with ANSI codes.
pub(crate) fn write(blocks: &[Block], colour: bool, out: &mut dyn Write) -> io::Result<()> {
    for (i, block) in blocks.iter().enumerate() {
        match block {
            Block::Title(text) => {
                if i > 0 {
                    writeln!(out)?;
                }
                writeln!(out, "{}", paint(&wrap(text), Style::new().bold(), colour))?;
            }
            Block::Table(table) => write_table(table, out)?,
            Block::Line(tone, text) => writeln!(out, "{}", sentence(*tone, text, colour))?,
            Block::Verbatim(text) => write!(out, "{text}")?,
        }
    }
    Ok(())
}

fn sentence(tone: Tone, text: &str, colour: bool) -> String {
    let (mark, ansi) = match tone {
        Tone::Plain => return wrap(text),
        Tone::Good => ("✓", AnsiColor::Green),
        Tone::Bad => ("✗", AnsiColor::Red),
        Tone::Warning => ("warning:", AnsiColor::Yellow),
    };
    let lines = wrap(&format!("{mark} {text}"));
    let rest = lines.strip_prefix(mark).unwrap_or(&lines);
    format!("{}{rest}", paint(mark, ansi.on_default().bold(), colour))
}

pub(crate) fn paint(text: &str, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    let mut drawn = comfy_table::Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    drawn.load_style(TableStyle::new().header_separator(rule));
    drawn.set_content_arrangement(ContentArrangement::Disabled);
    drawn.set_header(table.columns.iter().map(|c| &*c.head));
    drawn.add_rows(fit(table));
    // A blank stands between two columns anyway.
    let gap = u16::try_from(GAP - 1).expect("a gap is a few columns");
    for (i, column) in table.columns.iter().enumerate() {
        let last = i + 1 == table.columns.len();
        let drawn = drawn.column_mut(i).expect("the header has made every column");
        drawn.set_padding((0, if last { 0 } else { gap }));
        if column.kind == Kind::Number {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in drawn.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
