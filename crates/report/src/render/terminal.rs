//! A document for a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};

use super::Look;
use super::blocks::{Block, Column, Courses, Kind, Table, Tone};
use super::spark::{Charset, means, spark};
use super::width::{GAP, LINE, fit, natural_width, wrap};

/// How wide a course is at least and at most.
const COURSE: (usize, usize) = (8, 24);
/// The same where the table is there for its sake.
const COURSE_ALL: (usize, usize) = (32, 48);

/// Writes it.
pub(crate) fn write(blocks: &[Block], look: Look, out: &mut dyn Write) -> io::Result<()> {
    match look.charset {
        Charset::Unicode => write_all(blocks, look.colour, out),
        Charset::Ascii => {
            let mut text = Vec::new();
            write_all(blocks, look.colour, &mut text)?;
            let text: String = String::from_utf8_lossy(&text).chars().map(ascii).collect();
            out.write_all(text.as_bytes())
        }
    }
}

/// What stands for a character in ASCII, as wide as that.
fn ascii(c: char) -> char {
    match c {
        '─' | '–' => '-',
        '…' => '~',
        '✓' => '+',
        '✗' => 'x',
        '→' => '>',
        c => Charset::bar_in_ascii(c),
    }
}

fn write_all(blocks: &[Block], colour: bool, out: &mut dyn Write) -> io::Result<()> {
    for (i, block) in blocks.iter().enumerate() {
        match block {
            Block::Title(text) => write_title(i == 0, text, colour, out)?,
            Block::Table(table) => write_table(table, out)?,
            Block::Courses(table, courses) => {
                if let Some(title) = courses.title {
                    write_title(i == 0, title, colour, out)?;
                }
                write_table(&with_courses(table, courses), out)?;
            }
            Block::Line(tone, text) => writeln!(out, "{}", sentence(*tone, text, colour))?,
            Block::Verbatim(text) => write!(out, "{text}")?,
        }
    }
    Ok(())
}

fn write_title(is_first: bool, text: &str, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    if !is_first {
        writeln!(out)?;
    }
    writeln!(out, "{}", paint(&wrap(text), Style::new().bold(), colour))
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

/// The table with its courses as a column more, if there is room for it.
fn with_courses(table: &Table, courses: &Courses) -> Table {
    let (least, most) = if courses.title.is_some() { COURSE_ALL } else { COURSE };
    let room = LINE.saturating_sub(natural_width(table) + GAP);
    let width = if courses.title.is_some() { room.max(least) } else { room }.min(most);
    if width < least {
        return table.clone();
    }
    let highest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let bars = |values: &Vec<f64>| {
        let values = means(values, width);
        spark(&values, highest(&values), Charset::Unicode)
    };
    let mut with = table.clone();
    let axis = format!("0s{:>rest$}", courses.until, rest = width.saturating_sub(2));
    let head = if courses.head.is_empty() { axis } else { format!("{}\n{axis}", courses.head) };
    with.columns.push(Column { head: head.into(), kind: Kind::Word });
    for (row, values) in with.rows.iter_mut().zip(&courses.rows) {
        row.push(bars(values));
    }
    with
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
