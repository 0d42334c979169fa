//! The tables of `docs/fidelity.md`.

use std::path::Path;
use std::sync::Mutex;

use crate::row::{Figure, Result, Row};

const HEAD: &str = "| id | model | what | by | expected | ours | off | calls | verdict |\n\
                    | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
/// The cells that depend on how long it was run.
const BY_SIZE: [usize; 3] = [6, 7, 8];

/// One at a time.
static FILE: Mutex<()> = Mutex::new(());

/// A figure's line.
pub(crate) fn line(row: &Row, figure: &Figure, result: &Result, seeds: u64, calls: f64) -> String {
    let Figure { what, source, expected, .. } = figure;
    let places = places(*expected);
    let ours = if result.half > 0.0 {
        format!("{:.places$} ± {:.places$}", result.mean, result.half)
    } else {
        format!("{:.places$}", result.mean)
    };
    let off = match (result.mean - expected, *expected) {
        (off, 0.0) => format!("{off:.places$}"),
        (off, expected) => format!("{:+.1}%", 100.0 * off / expected).replace("-0.0%", "+0.0%"),
    };
    let calls = format!("{seeds} × {}", count(calls / seeds as f64));
    let cells = [
        row.id,
        &row.model,
        what,
        source,
        &format!("{expected:.places$}"),
        &ours,
        &off,
        &calls,
        result.verdict,
    ];
    format!("| {} |", cells.join(" | "))
}

/// How many decimal places show four digits of a number.
fn places(number: f64) -> usize {
    if number == 0.0 {
        return 2;
    }
    [1e3, 1e2, 1e1, 1.0, 0.1].iter().position(|least| number.abs() >= *least).unwrap_or(5)
}

fn count(calls: f64) -> String {
    match calls {
        c if c >= 1e6 => format!("{:.1}M", c / 1e6),
        c if c >= 1e4 => format!("{:.0}k", c / 1e3),
        c => format!("{c:.0}"),
    }
}

/// What stands for a verdict where the run is too short for one; the page has that of the full run.
pub(crate) const NOT_LOOKED_AT: &str = "not looked at";

/// A line without what depends on how long it was run.
fn frame(line: &str) -> String {
    let cells: Vec<&str> = line.split('|').collect();
    let kept = cells.iter().enumerate().filter(|(place, _)| !BY_SIZE.contains(place));
    kept.map(|(_, cell)| cell.trim()).collect::<Vec<_>>().join("|")
}

/// Holds a section's table to these lines, or writes them. A line of which it is said so is compared
/// as a whole, the others but for the figures.
pub(crate) fn hold(section: &str, lines: &[(String, bool)], full: bool) {
    let _one = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fidelity.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (begin, end) = (format!("<!-- {section}: made by a test -->\n"), "<!-- end -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("there is no `{begin}`"));
    let (table, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        assert!(full, "the document has the figures of the full run: FIDELITY=full");
        let table: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
        let table = table.join("\n");
        std::fs::write(&file, format!("{before}{begin}{HEAD}{table}\n{end}{after}")).unwrap();
        return;
    }
    let committed: Vec<&str> = table.lines().skip(2).collect();
    let again = "run it again with FIDELITY=full UPDATE_DOCS=1";
    assert_eq!(committed.len(), lines.len(), "{section}: {again}");
    for (committed, (line, whole)) in committed.into_iter().zip(lines) {
        if *whole || full {
            assert_eq!(committed, line, "{again}");
        } else {
            let line = line.replace(NOT_LOOKED_AT, "agrees");
            assert_eq!(frame(committed), frame(&line), "{again}");
        }
    }
}
