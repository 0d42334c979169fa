//! Where failures were born: the table that filters everything else.

use maud::{Markup, html};
use trace::rows::OriginRow;

use super::{Part, count};
use crate::render::{millis, percent};

pub(super) fn section(part: &Part<'_>) -> Markup {
    let rows: Vec<&OriginRow> =
        part.page.report.origins.iter().filter(|row| part.is_own(&row.strategy)).collect();
    let body = html! {
        @if rows.is_empty() {
            p.none { "No failure was seen, neither surfaced nor masked." }
        } @else {
            p.hint { "Choose a row to see only its failures in all that follows." }
            div.wide role="group" aria-label="Origins of failures, scrollable" {
                table {
                    thead { tr {
                        th scope="col" { "Client got" }
                        th scope="col" { "Born at" }
                        th scope="col" { "Cause" }
                        th.number scope="col" data-tip="Calls that failed by it" { "Failed" }
                        th.number scope="col" data-tip="Failures that a retry, a hedge or a fallback hid" { "Masked" }
                        th scope="col" { "Share of the failed" }
                        th scope="col" { "Seen" }
                    } }
                    tbody { @for row in rows { (self::row(part, row)) } }
                }
            }
        }
    };
    part.section("origins", "Where the failures were born", &body)
}

fn row(part: &Part<'_>, row: &OriginRow) -> Markup {
    let id = part.page.kinds.id(&row.origin, &row.cause, &row.mechanism).unwrap_or_default();
    let name = part.page.kinds.get(id).map(super::kinds::Kind::title).unwrap_or_default();
    html! {
        tr data-kinds=(id) {
            td { (status(row.status)) }
            th scope="row" {
                button.pick type="button" aria-pressed="false" data-pick=(id) data-name=(name) {
                    span.mark aria-hidden="true" { @if *row.origin_kind == *"edge" { "⇢" } @else { "■" } }
                    (row.origin)
                }
            }
            td { span class={ "cause " (row.cause) } { (cause_sign(&row.cause)) " " (row.cause) } " " (row.mechanism) }
            td.number { (count(row.surfaced)) }
            td.number { (count(row.masked)) }
            td { div.share { @if row.surfaced > 0 { span style={ "width:" (format!("{:.1}%", row.share * 100.0)) } {} } (percent(row.share)) } }
            td.time { (millis(row.first_ms)) "–" (millis(row.last_ms)) }
        }
    }
}

/// What a client got.
pub(super) fn status(status: Option<u16>) -> Markup {
    html! {
        @match status {
            Some(status) => span class={ "status s" (status / 100) } { (status) },
            None => span.status.none data-tip="No response came" { "none" },
        }
    }
}

/// A sign for each cause.
pub(super) fn cause_sign(cause: &str) -> &'static str {
    match cause {
        "overload" => "▲",
        "network" => "⇄",
        "config" => "⚙",
        "crash" => "✖",
        "client" => "◐",
        _ => "?",
    }
}
