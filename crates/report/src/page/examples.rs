//! Failed calls, hop by hop: a sample of each kind.

use std::collections::BTreeMap;

use maud::{Markup, html};
use trace::manifest::Records;
use trace::run_dir::Example;

use super::{Part, kinds, waterfall};
use crate::explain;

/// How many calls of a kind are shown.
const PER_KIND: u32 = 2;
/// The page has no more examples once they take so many bytes.
const BYTES_MAX: usize = 700_000;

pub(super) fn section(part: &Part<'_>) -> Markup {
    let failed = part.figures.calls > part.figures.succeeded;
    let own: Vec<&Example> = part.page.examples.iter().filter(|e| part.has(e) && e.worth.is_none()).collect();
    if own.is_empty() && !failed {
        return html! {};
    }
    let mut shown: BTreeMap<usize, u32> = BTreeMap::new();
    let mut bytes = 0;
    let limit = BYTES_MAX / part.page.report.strategies.len().max(1);
    let mut articles = Vec::new();
    for example in own {
        let Some(row) = &example.row else { continue };
        let Some(kind) = part.page.kinds.id(&row.origin, &row.cause, &row.mechanism) else { continue };
        let shown = shown.entry(kind).or_default();
        if *shown >= PER_KIND || bytes >= limit {
            continue;
        }
        *shown += 1;
        let article = article(part, kind, example, *shown == 1).into_string();
        bytes += article.len();
        articles.push((kind, article));
    }
    articles.sort_by_key(|(kind, _)| *kind);
    let body = html! {
        @if articles.is_empty() {
            p.none.no-example {
                "No failed call was kept with this run"
                @if part.page.report.run.records == Records::None { ": it was made with " code { "--records none" } }
                "."
            }
        } @else {
            p.hint { "A sample of each kind of failure, hop by hop. " code { "badgateway explain" } " shows any other call." }
            p.no-example.none hidden { "No call that failed so was kept: where a failure was always masked, none failed." }
            @for (_, article) in &articles { (maud::PreEscaped(article)) }
        }
    };
    part.section("examples", "Failed calls, hop by hop", &body)
}

fn article(part: &Part<'_>, kind: usize, example: &Example, open: bool) -> Markup {
    let Some(row) = &example.row else { return html! {} };
    let title = part.page.kinds.get(kind).map(kinds::Kind::title).unwrap_or_default();
    html! {
        details.example data-kinds=(kind) open[open] {
            summary { span.kind { (title) } " " span.call { (explain::title(row)) } }
            @if !row.path.is_empty() { p.way { (row.path) } }
            (waterfall::table(row, example))
            dl.verdict {
                dt { "Verdict" } dd { (kinds::what(&row.cause, &row.mechanism)) " at " b { (row.origin) } }
                @if !row.evidence.is_empty() { dt { "Evidence" } dd { (row.evidence) } }
                @if !row.sign.is_empty() { dt { "Its own sign" } dd { (row.sign) } }
                @if !row.next_step.is_empty() { dt { "Next step" } dd { (row.next_step) } }
                @let marks = explain::marks(example.steps.iter().map(|step| &step.hop));
                dt { "Injected" } dd { (marks) }
            }
        }
    }
}
