//! The ledger of faults, and what each node made of its requests.

use maud::{Markup, html};
use trace::rows::{FaultRow, LayerRow};

use super::origins::cause_sign;
use super::{Part, count};

/// How many nodes are listed: more nobody reads, and the rest is in layers.csv.
const SHOWN: usize = 200;

pub(super) fn faults(part: &Part<'_>) -> Markup {
    let rows: Vec<&FaultRow> =
        part.page.report.faults.iter().filter(|row| part.is_own(&row.strategy)).collect();
    if rows.is_empty() {
        return html! {};
    }
    let body = html! {
        p.hint { "In attempts, of which a call can have several: injected = masked + surfaced + harmless." }
        div.wide role="group" aria-label="Faults, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Fault" }
                    th scope="col" { "At" }
                    th scope="col" { "Cause" }
                    th.number scope="col" data-tip="Attempts at its place, in its time and of its kind" { "Matched" }
                    th.number scope="col" data-tip="Attempts that it changed" { "Injected" }
                    th.number scope="col" data-tip="Their failure did not reach the client" { "Masked" }
                    th.number scope="col" data-tip="A failed call's verdict leads through them" { "Surfaced" }
                    th.number scope="col" data-tip="They ended well all the same" { "Harmless" }
                    th scope="col" { "Of the injected" }
                } }
                tbody { @for row in rows {
                    tr {
                        th scope="row" { (row.fault) }
                        td { (row.target) }
                        td { span class={ "cause " (row.cause) } { (cause_sign(&row.cause)) " " (row.cause) } " " (row.mechanism) }
                        @for n in [row.matched, row.injected, row.masked, row.surfaced, row.harmless] {
                            td.number { (count(n)) }
                        }
                        td { (shares(row)) }
                    }
                } }
            }
        }
        @for name in &part.page.report.run.unmatched {
            p.remark { span.sign aria-hidden="true" { "! " } (name) " matched nothing: the run says nothing about it" }
        }
    };
    part.section("faults", "What became of each fault", &body)
}

/// What the injected add up to, as a bar.
fn shares(row: &FaultRow) -> Markup {
    let parts = [("surfaced", row.surfaced), ("masked", row.masked), ("harmless", row.harmless)];
    let label = format!("{} surfaced, {} masked, {} harmless", row.surfaced, row.masked, row.harmless);
    html! {
        div.ledger role="img" aria-label=(label) data-tip=(label) {
            @for (name, n) in parts {
                @if n > 0 { span.(name) style={ "flex-grow:" (n) } {} }
            }
        }
    }
}

pub(super) fn layers(part: &Part<'_>) -> Markup {
    let rows: Vec<&LayerRow> =
        part.page.report.layers.iter().filter(|row| part.is_own(&row.strategy)).collect();
    let body = html! {
        p.hint { "A node " b { "makes" } " a status or " b { "passes on" } " one that it was given from below." }
        div.wide role="group" aria-label="Layers, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Node" }
                    th.number scope="col" { "Requests" }
                    th.number scope="col" data-tip="Answered in whole with a status below 400" { "OK" }
                    th.number scope="col" data-tip="Went well although one of the node's own attempts had failed" { "Absorbed" }
                    th.number scope="col" { "502 made" }
                    th.number scope="col" { "502 passed" }
                    th.number scope="col" { "5xx made" }
                    th.number scope="col" { "5xx passed" }
                } }
                tbody { @for row in rows.iter().take(SHOWN) {
                    tr {
                        th scope="row" { (row.node) }
                        @for n in [row.requests, row.ok, row.absorbed] { td.number { (count(n)) } }
                        @for (n, class) in [(row.generated_502, "made"), (row.forwarded_502, "passed"),
                            (row.generated_5xx, "made"), (row.forwarded_5xx, "passed")] {
                            td class={ "number " (class) (if n > 0 { " some" } else { "" }) } { (count(n)) }
                        }
                    }
                } }
            }
        }
        @if rows.len() > SHOWN { p.hint { "And " (count((rows.len() - SHOWN) as u64)) " more nodes in layers.csv." } }
    };
    part.section("layers", "What each node made of its requests", &body)
}
