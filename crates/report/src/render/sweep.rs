//! A sweep as a document: its rows if they are few, else what they range over.

use std::borrow::Cow;

use super::blocks::{Block, Column, Kind, Table, Tone};
use super::comparison::{seeds, shown};
use super::quantity::{millis_or_none, percent};
use crate::comparison::named;
use crate::sweep::{Outcome, PointRow, Range, StrategySummary};

pub(super) fn blocks(outcome: &Outcome) -> Vec<Block> {
    let mut blocks = vec![Block::Title(title(outcome))];
    if outcome.rows.is_empty() {
        blocks.push(Block::Table(ranges(outcome)));
    } else {
        blocks.push(Block::Table(rows(outcome)));
    }
    blocks.extend(turns(outcome));
    blocks
}

fn title(outcome: &Outcome) -> String {
    let shard = outcome.sweep.shard;
    let part = if shard.of > 1 { format!("shard {shard}: ") } else { String::new() };
    let at_most = if outcome.sweep.precision.is_some() { "at most " } else { "" };
    format!(
        "{part}{}, {} a point, {at_most}{}",
        counted(outcome.points, "point"),
        counted(outcome.strategies.len() as u64, "row"),
        seeds(outcome.sweep.seeds)
    )
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn rows(outcome: &Outcome) -> Table {
    let varied = outcome.sweep.vary.iter();
    let mut columns: Vec<Column> =
        varied.map(|axis| Column { head: Cow::Owned(heading(&axis.path)), kind: Kind::Name }).collect();
    columns.extend([
        Column::name("strategy"),
        Column::number("success"),
        Column::number("95%\ninterval"),
        Column::number("p50"),
        Column::number("p99"),
        Column::number("load"),
        Column::number("succeeded\na second"),
    ]);
    let row = |PointRow { values, row }: &PointRow| {
        let interval = row.success_low.zip(row.success_high);
        let figures = [
            shown(&row.strategy),
            row.success_rate.map_or_else(|| "none".to_owned(), percent),
            interval
                .map_or_else(String::new, |(low, high)| format!("{:.1}–{:.1}", 100.0 * low, 100.0 * high)),
            millis_or_none(row.p50_ms),
            millis_or_none(row.p99_ms),
            format!("{:.2}", row.amplification),
            format!("{:.1}", row.goodput_per_s),
        ];
        values.iter().cloned().chain(figures).collect()
    };
    Table { columns, rows: outcome.rows.iter().map(row).collect() }
}

/// A path above a column that is narrower than it: its last steps on lines of their own.
fn heading(path: &str) -> String {
    path.replace('.', ".\n")
}

fn ranges(outcome: &Outcome) -> Table {
    let columns = vec![
        Column::name("strategy"),
        Column::number("success"),
        Column::number("p99"),
        Column::number("load"),
        Column::number("succeeded\na second"),
    ];
    let range = |range: Option<Range>, text: &dyn Fn(f64) -> String| {
        range.map_or_else(|| "none".to_owned(), |r| format!("{}–{}", text(r.min), text(r.max)))
    };
    let row = |summary: &StrategySummary| {
        vec![
            shown(&summary.strategy),
            range(summary.success_rate, &percent),
            range(summary.p99_ms, &|ms| millis_or_none(Some(ms))),
            range(summary.amplification, &|load| format!("{load:.2}")),
            range(summary.goodput_per_s, &|rate| format!("{rate:.1}")),
        ]
    };
    Table { columns, rows: outcome.strategies.iter().map(row).collect() }
}

/// Where another strategy becomes the best.
fn turns(outcome: &Outcome) -> Vec<Block> {
    /// More than this is no longer a pattern to be read.
    const SHOWN: usize = 10;
    let Some(axis) = outcome.sweep.vary.first().filter(|_| !outcome.turns.is_empty()) else {
        return Vec::new();
    };
    let over = if outcome.sweep.vary.len() > 1 { ", on average over all else that is varied" } else { "" };
    let mut blocks = vec![Block::Title(format!("Which succeeds most along {}{over}", axis.path))];
    blocks.extend(outcome.turns.iter().take(SHOWN).map(|turn| {
        let place =
            if turn.from == turn.to { turn.from.clone() } else { format!("{} to {}", turn.from, turn.to) };
        Block::Line(Tone::Plain, format!("{place}: {}", named(&turn.strategy)))
    }));
    if outcome.turns.len() > SHOWN {
        let more = outcome.turns.len() - SHOWN;
        blocks.push(Block::Line(Tone::Plain, format!("and {} more", counted(more as u64, "change"))));
    }
    blocks.push(Block::Line(
        Tone::Plain,
        "by the mean success rate: where the intervals in sweep.csv overlap, it may be chance".to_owned(),
    ));
    blocks
}
