//! Calls that succeeded, hop by hop: some from which a failure was hidden, and the slowest.

use std::collections::BTreeMap;

use maud::{Markup, html};
use trace::run_dir::{Example, Worth};

use super::{Part, kinds, waterfall};
use crate::explain;
use crate::render::millis;

/// How many of each are shown.
const SAVED_PER_KIND: usize = 1;
const SAVED: usize = 6;
const SLOWEST: usize = 3;
/// The page has no more of them once they take so many bytes.
const BYTES_MAX: usize = 400_000;

pub(super) fn section(part: &Part<'_>) -> Markup {
    let own = || part.page.examples.iter().filter(|example| part.has(example));
    let mut of_kind: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let saved = own().filter(|example| {
        let Some(Worth::Saved { origin, cause, mechanism, .. }) = &example.worth else { return false };
        let count = of_kind.entry((origin, cause, mechanism)).or_default();
        *count += 1;
        *count <= SAVED_PER_KIND
    });
    let mut shown: Vec<&Example> = saved.take(SAVED).collect();
    let mut slow: Vec<&Example> = own().filter(|example| example.worth == Some(Worth::Slow)).collect();
    slow.sort_by(|a, b| latency(b).total_cmp(&latency(a)));
    shown.extend(slow.into_iter().take(SLOWEST));
    let limit = BYTES_MAX / part.page.report.strategies.len().max(1);
    let mut bytes = 0;
    let mut articles = Vec::new();
    for example in shown {
        let article = article(part, example).into_string();
        bytes += article.len();
        if bytes > limit {
            break;
        }
        articles.push(article);
    }
    if articles.is_empty() {
        return html! {};
    }
    let body = html! {
        p.hint { "Calls whose client never knew of a failure, one of each kind, and the slowest ones that succeeded." }
        @for article in &articles { (maud::PreEscaped(article)) }
    };
    part.section("succeeded", "Calls that succeeded, hop by hop", &body)
}

fn latency(example: &Example) -> f64 {
    example.row.as_ref().map_or(0.0, |row| row.latency_ms)
}

fn article(part: &Part<'_>, example: &Example) -> Markup {
    let Some(row) = &example.row else { return html! {} };
    let (kind, title) = match &example.worth {
        Some(Worth::Saved { origin, cause, mechanism, .. }) => (
            part.page.kinds.id(origin, cause, mechanism),
            format!("Saved from {} at {origin}", kinds::what(cause, mechanism)),
        ),
        _ => (None, format!("Slow: {}", millis(row.latency_ms))),
    };
    html! {
        details.example data-kinds=[kind] {
            summary { span.kind { (title) } " " span.call { (explain::title(row)) } }
            (waterfall::table(row, example))
        }
    }
}
