//! The means over several seeds.

use super::blocks::{Block, Column, Table, Tone};
use super::quantity::{millis, percent};
use crate::SampleRow;

/// What a strategy has shown over several seeds.
pub(super) fn blocks(row: &SampleRow) -> Vec<Block> {
    let of = if row.strategy.is_empty() { String::new() } else { format!("{}: ", row.strategy) };
    let text = format!(
        "{of}{} calls under {} seeds, {} of the work wasted",
        row.calls,
        row.seeds,
        percent(row.wasted_work)
    );
    vec![Block::Line(Tone::Plain, text), Block::Table(table(row))]
}

/// Its means, each with its interval.
pub(crate) fn table(row: &SampleRow) -> Table {
    let columns = vec![
        Column::name("figure"),
        Column::number("mean"),
        Column::number("95% interval"),
        Column::number("±"),
    ];
    let rate = |value: f64| format!("{value:.1}");
    let attempts = |value: f64| format!("{value:.3}");
    let mut rows = Vec::new();
    let mut line = |what: &str,
                    mean: Option<f64>,
                    ends: Option<(f64, f64)>,
                    shown: &dyn Fn(f64) -> String| {
        let Some(mean) = mean else { return };
        let interval =
            ends.map_or_else(String::new, |(low, high)| format!("{} to {}", shown(low), shown(high)));
        let relative = ends.filter(|_| mean > 0.0).map(|(low, high)| (high - low) / 2.0 / mean);
        rows.push(vec![what.to_owned(), shown(mean), interval, relative.map_or_else(String::new, fraction)]);
    };
    // None of them can be negative.
    let around = |mean: Option<f64>, half: Option<f64>| {
        mean.zip(half).map(|(mean, half)| ((mean - half).max(0.0), mean + half))
    };
    line("success", row.success_rate, row.success_low.zip(row.success_high), &percent);
    line("p50", row.p50_ms, around(row.p50_ms, row.p50_half_ms), &millis);
    line("p90", row.p90_ms, around(row.p90_ms, row.p90_half_ms), &millis);
    line("p99", row.p99_ms, around(row.p99_ms, row.p99_half_ms), &millis);
    for (what, mean, half, shown) in [
        ("attempts a call", row.attempts_per_call, row.attempts_half, &attempts as &dyn Fn(f64) -> String),
        ("attempts at the deepest", row.amplification, row.amplification_half, &attempts),
        ("succeeded a second", row.goodput_per_s, row.goodput_half_per_s, &rate),
    ] {
        line(what, Some(mean), around(Some(mean), half), shown);
    }
    Table { columns, rows }
}

/// How wide an interval is to each side, as a fraction of the mean.
fn fraction(fraction: f64) -> String {
    if fraction < 0.000_5 { "<0.1%".to_owned() } else { format!("{:.1}%", 100.0 * fraction) }
}
