//! How far two engines agree, as a document.

use super::blocks::{Block, Column, Table, Tone};
use super::quantity::millis;
use crate::Agreement;
use crate::agreement::{Basis, Injection, Judgement, Line, Unit};

pub(super) fn blocks(agreement: &Agreement) -> Vec<Block> {
    let note = |text: &str| Block::Line(Tone::Plain, text.to_owned());
    let mut blocks = vec![
        Block::Title("The same scenario by both engines".to_owned()),
        Block::Table(figures(&agreement.figures)),
        note("tolerance: the 99.9% binomial interval; of latencies the larger of 10% and 2ms"),
    ];
    if !agreement.faults.is_empty() {
        blocks.push(Block::Title("Which attempts each fault has hit".to_owned()));
        blocks.push(Block::Table(faults(&agreement.faults)));
        blocks.extend(legend(&agreement.faults));
    }
    blocks.push(Block::Title("In short".to_owned()));
    let tone = match agreement.verdict() {
        Judgement::Agrees => Tone::Good,
        Judgement::Undecided => Tone::Warning,
        Judgement::Differs => Tone::Bad,
    };
    blocks.push(Block::Line(tone, agreement.sentence().to_owned()));
    blocks
}

fn figures(lines: &[Line]) -> Table {
    let columns = vec![
        Column::name("figure"),
        Column::number("live"),
        Column::number("virtual"),
        Column::number("tolerance"),
        Column::word("verdict"),
    ];
    let row = |line: &Line| {
        let shown = |figure: Option<f64>| figure.map_or_else(|| "none".to_owned(), |f| number(line.unit, f));
        let tolerance = match line.unit {
            Unit::Share => format!("±{:.1} points", 100.0 * line.tolerance),
            unit => format!("±{}", number(unit, line.tolerance)),
        };
        let verdict = line.verdict.name().to_owned();
        vec![line.what.clone(), shown(line.live), shown(line.virtual_time), tolerance, verdict]
    };
    Table { columns, rows: lines.iter().map(row).collect() }
}

fn number(unit: Unit, figure: f64) -> String {
    match unit {
        Unit::Share => format!("{:.1}%", 100.0 * figure),
        // A tolerance of 3.7 calls is one of 3.
        Unit::Count => format!("{:.0}", figure.floor()),
        Unit::Milliseconds => millis(figure),
        Unit::PerCall => format!("{figure:.3}"),
    }
}

fn faults(injections: &[Injection]) -> Table {
    let columns = vec![
        Column::name("fault"),
        Column::word("basis"),
        Column::number("live"),
        Column::number("virtual"),
        Column::number("both"),
        Column::number("no\npair"),
        Column::number("at an\nedge"),
        Column::number("cut\nshort"),
        Column::number("differ"),
        Column::word("verdict"),
    ];
    let row = |fault: &Injection| {
        let basis = match fault.basis {
            Basis::Drawn => "drawn",
            Basis::Met => "met",
        };
        let counts = [
            fault.live,
            fault.virtual_time,
            fault.both,
            fault.unpaired,
            fault.at_edges,
            fault.cut_short,
            fault.differ,
        ];
        let mut cells = vec![fault.fault.clone(), basis.to_owned()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(fault.verdict.name().to_owned());
        cells
    };
    Table { columns, rows: injections.iter().map(row).collect() }
}

/// What the words and numbers in the table of faults mean, as far as they occur.
fn legend(injections: &[Injection]) -> Vec<Block> {
    let any = |of: fn(&Injection) -> bool| injections.iter().any(of);
    let lines = [
        (
            any(|fault| fault.basis == Basis::Drawn),
            "drawn: keyed by the attempt, so if both engines make it both must hit it",
        ),
        (
            any(|fault| fault.basis == Basis::Met),
            "met: it depends on what else goes on, so it must only hit as many",
        ),
        (any(|fault| fault.unpaired > 0), "no pair: hit by one engine, and not made by the other"),
        (
            any(|fault| fault.at_edges > 0),
            "at an edge: began within the fault's time by one engine only, for the live one is late by a little",
        ),
        (
            any(|fault| fault.cut_short > 0),
            "cut short: by the other engine it failed before the fault could show",
        ),
    ];
    let always = "each must hit as many in both, within the 99.9% binomial interval";
    let lines = std::iter::once((true, always)).chain(lines);
    let shown = lines.filter(|(occurs, _)| *occurs);
    shown.map(|(_, text)| Block::Line(Tone::Plain, text.to_owned())).collect()
}
