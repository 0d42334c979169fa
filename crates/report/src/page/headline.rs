//! The top of a page: what was run, and what came of it in one sentence.

use std::collections::BTreeMap;

use maud::{Markup, html};
use trace::overview::PathCount;
use trace::rows::OriginRow;

use super::{Page, Part, count, counted, kinds, strategy_name};
use crate::render::means;
use crate::render::{Block, Tone, aftermath, caveats, millis_or_none, percent, score, threshold};

/// How many origins the sentence names.
const NAMED: usize = 4;

/// What was run, and the switch of colours.
pub(super) fn bar(page: &Page<'_>) -> Markup {
    let run = &page.report.run;
    html! {
        header {
            div.run {
                h1 { (run.scenario) }
                @if let Some(scenario) = page.scenario.filter(|s| !s.description.is_empty()) {
                    p.about { (scenario.description) }
                }
                p.meta {
                    (run.engine) " engine · seed " (run.seed)
                    @if run.seeds > 1 { " to " (run.seed.saturating_add(run.seeds - 1)) }
                    @if !run.strategy.is_empty() { " · strategy " (run.strategy) }
                    " ·\n" time datetime=(run.start) { (run.start) } "\n· " (format!("{:.1}s", run.elapsed_s))
                }
            }
            div.controls {
                button #theme type="button" aria-pressed="false" hidden { "Dark" }
            }
        }
    }
}

pub(super) fn section(part: &Part<'_>) -> Markup {
    let row = part.figures;
    let failed = row.calls - row.succeeded;
    let heading = match (part.page.report.strategies.len() > 1, failed) {
        (true, _) => format!("Under {}", strategy_name(&row.strategy)),
        (false, 0) => "No call failed".to_owned(),
        (false, _) => format!("{} of {} failed", count(failed), counted(row.calls, "call")),
    };
    let body = html! {
        p.lead { (sentence(part)) }
        dl.figures {
            (figure("Calls", &count(row.calls), &format!("{} failed", count(failed))))
            (figure("Success rate", &row.success_rate.map_or_else(|| "none".to_owned(), percent), &interval(part)))
            (figure("Median latency", &millis_or_none(row.p50_ms), &format!("p90 {}", millis_or_none(row.p90_ms))))
            (figure("p99 latency", &millis_or_none(row.p99_ms), &format!("max {}", millis_or_none(row.max_ms))))
            (figure("Attempts per call", &format!("{:.2}", row.attempts_per_call),
                &format!("{:.2} at the deepest nodes", row.amplification)))
            (figure("Goodput", &format!("{:.1}/s", row.goodput_per_s),
                &format!("{} of the work wasted", percent(row.wasted_work))))
        }
        @if let (Some(rate), Some(low), Some(high)) = (row.success_rate, row.success_low, row.success_high) {
            (rate_bar(rate, low, high))
        }
        (seeds(part))
        (remarks(part))
    };
    part.section("headline", &heading, &body)
}

fn figure(name: &str, value: &str, beside: &str) -> Markup {
    html! { div { dt { (name) } dd { strong { (value) } span { (beside) } } } }
}

fn interval(part: &Part<'_>) -> String {
    match (part.figures.success_low, part.figures.success_high) {
        (Some(low), Some(high)) => {
            let seeds = part.page.report.run.seeds;
            let over = if seeds > 1 { format!(" over {seeds} seeds") } else { String::new() };
            format!("95% interval {} to {}{over}", percent(low), percent(high))
        }
        _ => "no call was made".to_owned(),
    }
}

/// The means over several seeds, with their intervals.
fn seeds(part: &Part<'_>) -> Markup {
    let Some(row) = part.page.report.means.iter().find(|row| part.is_own(&row.strategy)) else {
        return html! {};
    };
    let table = means::table(row);
    html! {
        h3 { "Over " (row.seeds) " seeds" }
        div.wide role="group" aria-label="Means over the seeds, scrollable" {
            table.means {
                thead { tr { @for (place, column) in table.columns.iter().enumerate() {
                    th.number[place > 0] scope="col" { (column.head) }
                } } }
                tbody { @for cells in &table.rows { tr { @for (place, cell) in cells.iter().enumerate() {
                    @if place == 0 { th scope="row" { (cell) } } @else { td.number { (cell) } }
                } } } }
            }
        }
    }
}

/// The success rate on a scale from nothing to all, with its interval.
fn rate_bar(rate: f64, low: f64, high: f64) -> Markup {
    let of = |share: f64| format!("{:.2}%", share * 100.0);
    let label = format!("Success rate {}, 95% interval {} to {}", percent(rate), percent(low), percent(high));
    html! {
        div.rate role="img" aria-label=(label) data-tip=(label) {
            span.good style={ "width:" (of(rate)) } {}
            span.interval style={ "left:" (of(low)) ";width:" (of(high - low)) } {}
        }
    }
}

/// Where the failures were born.
fn sentence(part: &Part<'_>) -> Markup {
    let row = part.figures;
    let failed = row.calls - row.succeeded;
    let origins: Vec<&OriginRow> =
        part.page.report.origins.iter().filter(|o| part.is_own(&o.strategy) && o.surfaced > 0).collect();
    if row.calls == 0 {
        return html! { "No call was made." };
    }
    if failed == 0 {
        let masked: u64 =
            part.page.report.origins.iter().filter(|o| part.is_own(&o.strategy)).map(|o| o.masked).sum();
        return html! {
            "Every call succeeded"
            @if masked > 0 { ", although " (counted(masked, "failure")) " had to be masked on the way" }
            "."
        };
    }
    if origins.is_empty() {
        // Only a folder that somebody has changed can be so.
        return html! { "Where they were born is not in the folder's origins.csv." };
    }
    let mut births: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for origin in &origins {
        *births.entry((&origin.origin, &origin.cause, &origin.mechanism)).or_default() += origin.surfaced;
    }
    let mut births: Vec<_> = births.into_iter().collect();
    births.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    let rest: u64 = births.iter().skip(NAMED).map(|(_, calls)| calls).sum();
    let elsewhere = births.len().saturating_sub(NAMED);
    let places = births.iter().take(NAMED).enumerate();
    let last = births.len().min(NAMED) - 1;
    html! {
        "The client got " (got(&origins))
        @if let Some(sender) = sender(part) { ", all from " b { (sender) } }
        ". "
        @if births.len() == 1 { "All were born " }
        @for (place, ((origin, cause, mechanism), calls)) in places {
            @if place > 0 { @if place == last && rest == 0 { " and " } @else { ", " } }
            @if births.len() > 1 { (count(*calls)) @if place == 0 { " were born " } @else { " " } }
            (at(origin)) b { (origin) } " (" (kinds::what(cause, mechanism)) ")"
        }
        @if rest > 0 { ", and " (count(rest)) " at " (counted(elsewhere as u64, "other origin")) }
        "."
    }
}

/// The statuses that the client got, in words.
fn got(origins: &[&OriginRow]) -> String {
    let mut statuses: BTreeMap<Option<u16>, u64> = BTreeMap::new();
    for origin in origins {
        *statuses.entry(origin.status).or_default() += origin.surfaced;
    }
    let mut statuses: Vec<_> = statuses.into_iter().collect();
    statuses.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    let word = |(status, calls): &(Option<u16>, u64)| match status {
        Some(status) => format!("{} × {status}", count(*calls)),
        None => format!("{} × no response", count(*calls)),
    };
    let words: Vec<_> = statuses.iter().map(word).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The node that the client had all failures from, if it was one.
fn sender(part: &Part<'_>) -> Option<String> {
    let top = |path: &PathCount| path.path.rsplit(" -> ").next()?.split_once('@').map(|(_, n)| n.to_owned());
    let mut senders = part.overview?.paths.iter().map(top);
    let first = senders.next()??;
    senders.all(|sender| sender.as_ref() == Some(&first)).then_some(first)
}

/// `at` a node, `on` an edge.
fn at(origin: &str) -> &'static str {
    if origin.contains(" -> ") { "on " } else { "at " }
}

/// Thresholds, the verdicts' score and what one must know before trusting the figures.
fn remarks(part: &Part<'_>) -> Markup {
    let report = part.page.report;
    let thresholds = report.run.thresholds.iter().filter(|t| part.is_own(&t.strategy));
    let mut blocks: Vec<Block> = thresholds.map(threshold).collect();
    if report.strategies.len() == 1 {
        blocks.extend(report.run.aftermaths.iter().flat_map(aftermath));
        blocks.push(score(report));
        blocks.extend(caveats(report));
    }
    lines(&blocks)
}

/// Sentences as a list.
pub(super) fn lines(blocks: &[Block]) -> Markup {
    let sign = |tone: Tone| match tone {
        Tone::Plain => ("plain", "·"),
        Tone::Good => ("good", "✓"),
        Tone::Bad => ("bad", "✗"),
        Tone::Warning => ("warning", "!"),
    };
    html! {
        ul.remarks {
            @for block in blocks {
                @if let Block::Line(tone, text) = block {
                    @let (class, sign) = sign(*tone);
                    li.(class) { span.sign aria-hidden="true" { (sign) } (prose(text)) }
                }
            }
        }
    }
}

/// A sentence, in which backticks mark what is written elsewhere.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// How to read the page.
pub(super) fn how_to_read() -> Markup {
    html! {
        p.reading {
            "Each number here is from the files beside this page. A failure is " b { "born" }
            " where it first showed; everything above only " b { "passed it on" }
            ". It is " b { "masked" } " if a retry, a hedge or a fallback hid it, and "
            b { "surfaced" } " if the client saw it."
        }
    }
}
