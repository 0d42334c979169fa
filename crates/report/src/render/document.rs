//! A run's report as a document.

use std::fmt::Write as _;

use trace::manifest::{Aftermath, ThresholdVerdict};
use trace::rows::{FaultRow, LayerRow, OriginRow, StrategyRow};

use super::blocks::{Block, Column, Courses, Table, Tone};
use super::comparison::{self, seeds};
use super::courses;
use super::means;
use super::quantity::{amount, millis, millis_or_none, percent};
use crate::Report;

pub(super) fn blocks(report: &Report) -> Vec<Block> {
    match &report.conclusion {
        Some(conclusion) => comparison::blocks(&report.between_seeds(), conclusion),
        None => of_one(report),
    }
}

/// A run under one strategy.
fn of_one(report: &Report) -> Vec<Block> {
    let mut blocks = Vec::new();
    let failed = report.failed();
    blocks.push(Block::Title(match failed {
        0 => "No call failed".to_owned(),
        1 => "Where the failed call was born".to_owned(),
        _ => format!("Where the {failed} failed calls were born"),
    }));
    if !report.origins.is_empty() {
        blocks.push(Block::Table(origins(&report.origins)));
    }
    blocks.extend(courses::failures(report));
    blocks.push(Block::Title("What each node made of its requests".to_owned()));
    let full = courses::fullness(report, report.layers.iter().map(|row| &*row.node));
    blocks.push(with_courses(layers(&report.layers), full));
    if !report.faults.is_empty() {
        blocks.push(Block::Title("What became of each fault".to_owned()));
        blocks.push(Block::Table(faults(&report.faults)));
        blocks.extend(unmatched(report));
    }
    blocks.push(Block::Title("In short".to_owned()));
    // Calls of one seed depend on each other: what is known of several comes from the seeds.
    if report.means.is_empty() {
        blocks.extend(report.strategies.iter().flat_map(summary));
    }
    blocks.extend(report.means.iter().flat_map(means::blocks));
    blocks.extend(report.run.aftermaths.iter().flat_map(aftermath));
    blocks.push(score(report));
    blocks.extend(report.run.thresholds.iter().map(threshold));
    blocks.extend(caveats(report));
    blocks
}

/// Faults that have shown nothing.
pub(super) fn unmatched(report: &Report) -> impl Iterator<Item = Block> {
    let warning = |name: &String| {
        Block::Line(Tone::Warning, format!("{name} matched nothing: the run says nothing about it"))
    };
    report.run.unmatched.iter().map(warning)
}

/// A table, with courses if there are any.
pub(super) fn with_courses(table: Table, courses: Option<Courses>) -> Block {
    match courses {
        Some(courses) => Block::Courses(table, courses),
        None => Block::Table(table),
    }
}

pub(super) fn origins(rows: &[OriginRow]) -> Table {
    let columns = vec![
        Column::word("status"),
        Column::name("origin"),
        Column::word("cause"),
        Column::name("mechanism"),
        Column::number("failed"),
        Column::number("masked"),
        Column::number("share"),
    ];
    let row = |row: &OriginRow| {
        vec![
            row.status.map_or_else(|| "none".to_owned(), |s| s.to_string()),
            row.origin.to_string(),
            row.cause.to_string(),
            row.mechanism.to_string(),
            row.surfaced.to_string(),
            row.masked.to_string(),
            percent(row.share),
        ]
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

pub(super) fn layers(rows: &[LayerRow]) -> Table {
    let columns = vec![
        Column::name("node"),
        Column::number("requests"),
        Column::number("ok"),
        Column::number("absorbed"),
        Column::number("502\nmade"),
        Column::number("502\npassed"),
        Column::number("5xx\nmade"),
        Column::number("5xx\npassed"),
    ];
    let row = |row: &LayerRow| {
        let counts = [
            row.requests,
            row.ok,
            row.absorbed,
            row.generated_502,
            row.forwarded_502,
            row.generated_5xx,
            row.forwarded_5xx,
        ];
        [row.node.to_string()].into_iter().chain(counts.map(|n| n.to_string())).collect()
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

fn faults(rows: &[FaultRow]) -> Table {
    let columns = vec![
        Column::name("fault"),
        Column::name("at"),
        Column::number("matched"),
        Column::number("injected"),
        Column::number("masked"),
        Column::number("surfaced"),
        Column::number("harmless"),
    ];
    let row = |row: &FaultRow| {
        let counts = [row.matched, row.injected, row.masked, row.surfaced, row.harmless];
        [row.fault.to_string(), row.target.to_string()]
            .into_iter()
            .chain(counts.map(|n| n.to_string()))
            .collect()
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

fn summary(row: &StrategyRow) -> Vec<Block> {
    let of = if row.strategy.is_empty() { String::new() } else { format!("{}: ", row.strategy) };
    let line = |text: String| Block::Line(Tone::Plain, text);
    let (Some(rate), Some(low), Some(high)) = (row.success_rate, row.success_low, row.success_high) else {
        return vec![line(format!("{of}no call was made"))];
    };
    let mut lines = vec![
        line(format!(
            "{of}{} calls, {} succeeded (95% interval {} to {})",
            row.calls,
            percent(rate),
            percent(low),
            percent(high)
        )),
        line(format!(
            "latency: p50 {}, p90 {}, p99 {}, max {}",
            millis_or_none(row.p50_ms),
            millis_or_none(row.p90_ms),
            millis_or_none(row.p99_ms),
            millis_or_none(row.max_ms)
        )),
        line(format!(
            "cost: {:.2} attempts a call, {:.2} at the deepest nodes, {} of the work wasted",
            row.attempts_per_call,
            row.amplification,
            percent(row.wasted_work)
        )),
    ];
    lines.extend(spending(row).map(line));
    lines
}

/// What model servers have made, if there are any.
fn spending(row: &StrategyRow) -> Option<String> {
    let (prompt, completion) = row.prompt_tokens.zip(row.completion_tokens)?;
    let wasted = row.wasted_tokens.unwrap_or(0);
    let mut text = format!("tokens: {prompt} of prompts, {completion} of completions, {wasted} for nobody");
    if let (Some(money), Some(wasted)) = (row.money.filter(|money| *money > 0.0), row.wasted_money) {
        let _ = write!(text, "; money: {}, {} for nobody", amount(money), amount(wasted));
    }
    Some(text)
}

/// What came after a trigger that is over.
pub(crate) fn aftermath(aftermath: &Aftermath) -> Vec<Block> {
    let first = if aftermath.collapsed { Tone::Bad } else { Tone::Plain };
    let tones = std::iter::once(first).chain(std::iter::repeat(Tone::Plain));
    tones.zip(&aftermath.words).map(|(tone, words)| Block::Line(tone, words.clone())).collect()
}

pub(crate) fn score(report: &Report) -> Block {
    let score = &report.run.score;
    let scored = score.scored();
    if scored.total == 0 {
        let text = match score.unmarked {
            0 => "blind verdicts: none to score".to_owned(),
            n => format!("blind verdicts: none to score, {n} failed without a fault's mark"),
        };
        return Block::Line(Tone::Plain, text);
    }
    let more = match score.unmarked {
        0 => String::new(),
        n => format!(", {n} more failed without a fault's mark"),
    };
    let text = format!("blind verdicts: {} of {} right{more}", scored.right, scored.total);
    Block::Line(Tone::Plain, text)
}

pub(crate) fn threshold(verdict: &ThresholdVerdict) -> Block {
    let figure = verdict.figure.map_or_else(|| "there was no call".to_owned(), |f| figure(&verdict.text, f));
    let (tone, word) = if verdict.met { (Tone::Good, "met") } else { (Tone::Bad, "missed") };
    Block::Line(tone, format!("{word}: {} ({figure})", verdict.text))
}

/// A threshold's figure, in the unit that its text is about.
pub(super) fn figure(text: &str, figure: f64) -> String {
    if text.starts_with("success_rate") {
        format!("{:.2}%", figure * 100.0)
    } else if text.starts_with("p(") || text.starts_with("max") {
        millis(figure)
    } else if text.starts_with("goodput") {
        format!("{figure:.1}/s")
    } else if figure.fract() == 0.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}

/// What a reader must know before trusting the figures.
pub(crate) fn caveats(report: &Report) -> Vec<Block> {
    let run = &report.run;
    let mut blocks = Vec::new();
    if run.interrupted {
        let ran = if run.compared.is_empty() {
            "the part that ran".to_owned()
        } else {
            // Of several seeds only those count under which all strategies have run.
            format!("{} of {} strategies, {}", report.strategies.len(), run.compared.len(), seeds(run.seeds))
        };
        let text = format!("interrupted after {:.1}s: the figures are those of {ran}", run.elapsed_s);
        blocks.push(Block::Line(Tone::Warning, text));
    }
    if let Some(limit) = &run.machine_limit {
        blocks.push(Block::Line(Tone::Warning, limit.clone()));
    }
    blocks.extend(run.warnings.iter().map(|warning| Block::Line(Tone::Warning, warning.clone())));
    blocks.extend(run.notes.iter().map(|note| Block::Line(Tone::Plain, format!("note: {note}"))));
    blocks
}
