//! What has changed between two runs, as a document.

use super::blocks::{Block, Column, Table, Tone};
use super::comparison::shown;
use super::quantity::{millis, percent};
use crate::diff::{Change, Diff, Judged, OriginDiff, Side, Tolerance, Unit};

/// How many origins are listed for each strategy.
const ORIGINS: usize = 10;

pub(super) fn blocks(diff: &Diff) -> Vec<Block> {
    let line = |text: String| Block::Line(Tone::Plain, text);
    let mut blocks = vec![
        Block::Title("What has changed".to_owned()),
        line(format!("before: {}", side(&diff.before))),
        line(format!("after:  {}", side(&diff.after))),
    ];
    for strategy in &diff.strategies {
        let of = if diff.strategies.len() > 1 {
            format!(" under {}", shown(&strategy.strategy))
        } else {
            String::new()
        };
        blocks.push(Block::Title(format!("Figures{of}")));
        blocks.push(Block::Table(figures(&strategy.figures)));
        if !strategy.origins.is_empty() {
            blocks.push(Block::Title(format!("Calls that failed{of}, by where the failure was born")));
            blocks.push(Block::Table(origins(&strategy.origins)));
        }
    }
    blocks.push(Block::Title("In short".to_owned()));
    blocks.extend(conclusion(diff));
    blocks.push(line(tolerated(&diff.tolerance)));
    blocks
}

/// What follows, in sentences.
pub(crate) fn conclusion(diff: &Diff) -> Vec<Block> {
    let mut blocks = Vec::new();
    if diff.strategies.is_empty() {
        blocks.push(Block::Line(Tone::Warning, "the runs have no strategy in common".to_owned()));
    }
    for (strategy, figure) in diff.worse() {
        let of =
            if diff.strategies.len() > 1 { format!(" under {}", shown(strategy)) } else { String::new() };
        let text = format!(
            "{} is worse{of}: {} instead of {}",
            figure.what,
            number(figure.unit, figure.after),
            number(figure.unit, figure.before)
        );
        blocks.push(Block::Line(Tone::Bad, text));
    }
    let missed = diff.missed.iter().map(|text| Block::Line(Tone::Bad, format!("newly missed: {text}")));
    blocks.extend(missed);
    if !diff.is_regression() && !diff.strategies.is_empty() {
        blocks.push(Block::Line(Tone::Good, "nothing is worse by more than the tolerance".to_owned()));
    }
    for name in &diff.unpaired {
        let text = format!("{} is in one of the runs only", shown(name));
        blocks.push(Block::Line(Tone::Warning, text));
    }
    blocks
}

pub(crate) fn tolerated(tolerance: &Tolerance) -> String {
    let Tolerance { success, latency, load, goodput } = tolerance;
    format!(
        "tolerance: success {} points and not by chance, latency {} and 1ms, load {}, goodput {}",
        round(success * 100.0),
        part(*latency),
        part(*load),
        part(*goodput)
    )
}

fn part(share: f64) -> String {
    format!("{}%", round(share * 100.0))
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

pub(crate) fn side(side: &Side) -> String {
    format!("{}, {} engine, seed {}, {}", side.scenario, side.engine, side.seed, side.start)
}

fn figures(rows: &[Judged]) -> Table {
    let columns = vec![
        Column::name("figure"),
        Column::number("before"),
        Column::number("after"),
        Column::number("change"),
        Column::word("verdict"),
    ];
    let row = |row: &Judged| {
        vec![
            row.what.to_owned(),
            number(row.unit, row.before),
            number(row.unit, row.after),
            change(row),
            verdict(row.change).to_owned(),
        ]
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

pub(crate) fn verdict(change: Change) -> &'static str {
    match change {
        Change::Better => "better",
        Change::Same => "same",
        Change::Worse => "worse",
        Change::Unknown => "unknown",
    }
}

pub(crate) fn number(unit: Unit, figure: Option<f64>) -> String {
    let Some(figure) = figure else { return "none".to_owned() };
    match unit {
        Unit::Share => percent(figure),
        Unit::Milliseconds => millis(figure),
        Unit::PerCall => format!("{figure:.3}"),
        Unit::PerSecond => format!("{figure:.1}/s"),
    }
}

/// By how much: of a share in points, of anything else as a part of what it was.
pub(crate) fn change(row: &Judged) -> String {
    match (row.before, row.after) {
        (Some(before), Some(after)) if row.unit == Unit::Share => points(after - before),
        (Some(before), Some(after)) if before > 0.0 => format!("{:+.1}%", 100.0 * (after - before) / before),
        _ => String::new(),
    }
}

/// A difference of two shares. None has no sign.
pub(crate) fn points(difference: f64) -> String {
    let text = format!("{:+.1} points", 100.0 * difference);
    text.strip_prefix("-0.0").map_or(text.clone(), |rest| format!("+0.0{rest}"))
}

fn origins(rows: &[OriginDiff]) -> Table {
    let columns = vec![
        Column::name("origin"),
        Column::word("cause"),
        Column::name("mechanism"),
        Column::number("before"),
        Column::number("after"),
        Column::number("of all calls"),
    ];
    let row = |row: &OriginDiff| {
        vec![
            row.origin.clone(),
            row.cause.clone(),
            row.mechanism.clone(),
            row.before.to_string(),
            row.after.to_string(),
            points(row.change),
        ]
    };
    Table { columns, rows: rows.iter().take(ORIGINS).map(row).collect() }
}
