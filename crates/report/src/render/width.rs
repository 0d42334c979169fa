//! Fitting text into a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::blocks::{Kind, Table};

/// How many columns a terminal is taken to have.
pub(super) const LINE: usize = 80;
/// Between two columns of a table.
pub(super) const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 7;

/// Shortens a table's names until its lines fit; what cannot be shortened stays whole.
pub(super) fn fit(table: &Table) -> Vec<Vec<String>> {
    let mut widths: Vec<usize> = (0..table.columns.len()).map(|column| width(table, column)).collect();
    let gaps = GAP * table.columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > LINE {
        let names = (0..widths.len()).filter(|&c| table.columns[c].kind == Kind::Name);
        match names.max_by_key(|&c| widths[c]) {
            Some(column) if widths[column] > NARROWEST => widths[column] -= 1,
            _ => break,
        }
    }
    let fit_row = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| match table.columns[column].kind {
            Kind::Name => shorten(cell, widths[column]),
            Kind::Word | Kind::Number => cell.clone(),
        });
        cells.collect()
    };
    table.rows.iter().map(fit_row).collect()
}

/// How wide a table is if no name is shortened.
pub(super) fn natural_width(table: &Table) -> usize {
    let widths = (0..table.columns.len()).map(|column| width(table, column));
    widths.sum::<usize>() + GAP * table.columns.len().saturating_sub(1)
}

fn width(table: &Table, column: usize) -> usize {
    let head = table.columns[column].head.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
    table.rows.iter().map(|row| row[column].width()).max().unwrap_or(0).max(head)
}

/// A text in at most so many columns, with `…` for what is left out of its middle: names often
/// differ in their ends. Of an edge's name both ends stay.
pub fn shorten(text: &str, columns: usize) -> String {
    const ARROW: &str = " -> ";
    if text.width() <= columns {
        return text.to_owned();
    }
    if let Some((from, to)) = text.split_once(ARROW)
        && columns >= ARROW.len() + 6
    {
        let both = columns - ARROW.len();
        let for_from = from.width().min((both / 2).max(both.saturating_sub(to.width())));
        return format!("{}{ARROW}{}", shorten(from, for_from), shorten(to, both - for_from));
    }
    let kept = columns.saturating_sub(1);
    let tail = take(text.chars().rev(), kept / 2);
    let head = take(text.chars(), kept - kept / 2);
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

/// A sentence in lines that fit, broken between words; all but the first are indented.
pub(super) fn wrap(text: &str) -> String {
    paragraph(text, "", "  ")
}

/// The same, with something before the first line, and something before each of the others.
pub(crate) fn paragraph(text: &str, first: &str, indent: &str) -> String {
    let mut lines = first.to_owned();
    let mut used = first.width();
    let mut is_begin = true;
    for word in text.split(' ') {
        let width = word.width();
        if !is_begin && used + 1 + width > LINE {
            lines.push('\n');
            lines.push_str(indent);
            used = indent.width();
        } else if !is_begin {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += width;
        is_begin = false;
    }
    lines
}

/// As many characters as fit.
fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    chars
        .take_while(|c| {
            let wide = c.width().unwrap_or(0);
            let fits = wide <= left;
            left = left.saturating_sub(wide);
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_between_words() {
        let text = "word ".repeat(20);
        let lines: Vec<_> = wrap(text.trim_end()).lines().map(str::to_owned).collect();
        assert_eq!(lines, [["word"; 16].join(" "), format!("  {}", ["word"; 4].join(" "))]);
        assert_eq!(wrap("short"), "short");
        let long = "x".repeat(100);
        assert_eq!(wrap(&format!("a {long} b")), format!("a\n  {long}\n  b"));
    }

    #[test]
    fn names_keep_their_ends() {
        assert_eq!(shorten("short", 10), "short");
        assert_eq!(shorten("payments-service#12", 10), "payme…e#12");
        assert_eq!(shorten("payments-service -> app", 16), "paym…vice -> app");
        assert_eq!(shorten("payments-service -> ledger-service", 20), "paym…ice -> ledg…ice");
        assert_eq!(shorten("支付网关服务", 7), "支…务");
    }
}
