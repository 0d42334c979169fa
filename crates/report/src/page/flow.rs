//! The ways of failures, as a flow: from where they were born, over each hop's status, to what the
//! client got.
//!
//! No crate draws flows without much else: this stacks bars in columns and joins them by bands.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};
use trace::overview::PathCount;

use super::origins::{cause_sign, status};
use super::{Part, count, counted, kinds};
use crate::render::width::shorten;

/// How many ways are drawn: those that most calls went.
const WAYS: usize = 40;
const COLUMN: f64 = 190.0;
const BAR: f64 = 12.0;
const LABEL: f64 = 30.0;
const TOP: f64 = 34.0;
/// How high all calls together are, beside the room for labels.
const HEIGHT: f64 = 180.0;

/// A bar: what was seen at one depth.
#[derive(Debug, Default)]
struct Bar {
    label: String,
    calls: u64,
    /// Bands on its left and on its right are stacked from here.
    into: f64,
    out: f64,
    y: f64,
    kinds: Vec<usize>,
}

/// A band between two bars.
struct Band {
    kind: usize,
    cause: String,
    from: (usize, usize),
    to: (usize, usize),
    calls: u64,
}

pub(super) fn section(part: &Part<'_>) -> Markup {
    let Some(overview) = part.overview else {
        return part.section("flow", "How each failure came up", &Part::without_overview());
    };
    let ways: Vec<&PathCount> = overview.paths.iter().filter(|path| !path.origin.is_empty()).collect();
    if ways.is_empty() {
        return html! {};
    }
    let shown = &ways[..ways.len().min(WAYS)];
    let all: u64 = overview.paths.iter().map(|path| path.calls).sum();
    let drawn: u64 = shown.iter().map(|path| path.calls).sum();
    let body = html! {
        p.hint {
            "From the cause on the left over what each caller saw to what the client got. The higher, the more calls."
            @if drawn < all { " Shown are the " (WAYS) " most frequent ways, of " (count(drawn)) " of " (counted(all, "failed call")) "." }
        }
        div.wide role="group" aria-label="Ways of failures, scrollable" { (drawing(part, shown)) }
        (in_words(part, shown))
    };
    part.section("flow", "How each failure came up to the client", &body)
}

/// What is seen on a way, from its cause to the client.
fn stations(way: &PathCount) -> Vec<String> {
    let cause = format!("{} {}", cause_sign(&way.cause), kinds::what(&way.cause, &way.mechanism));
    let got = way.status.map_or_else(|| "no response".to_owned(), |status| format!("client got {status}"));
    // Where the client itself saw what was born there is no status on the way.
    let hops = way.path.split(" -> ").filter(|hop| !hop.is_empty()).map(str::to_owned);
    std::iter::once(cause).chain(hops).chain(std::iter::once(got)).collect()
}

fn drawing(part: &Part<'_>, ways: &[&PathCount]) -> Markup {
    let ways: Vec<_> = ways
        .iter()
        .map(|way| {
            (
                *way,
                part.page.kinds.id(&way.origin, &way.cause, &way.mechanism).unwrap_or_default(),
                stations(way),
            )
        })
        .collect();
    let columns = ways.iter().map(|(_, _, stations)| stations.len()).max().unwrap_or(2);
    let mut bars: Vec<Vec<Bar>> = (0..columns).map(|_| Vec::new()).collect();
    let mut bands: BTreeMap<(usize, usize, usize, usize), Band> = BTreeMap::new();
    for (way, kind, stations) in &ways {
        // All ways end in the last column.
        let first = columns - stations.len();
        let mut before = None;
        for (place, label) in stations.iter().enumerate() {
            let column = first + place;
            let bar = find(&mut bars[column], label);
            let at = &mut bars[column][bar];
            at.calls += way.calls;
            if !at.kinds.contains(kind) {
                at.kinds.push(*kind);
            }
            if let Some(from) = before {
                let band = bands.entry((column, from, bar, *kind)).or_insert_with(|| Band {
                    kind: *kind,
                    cause: way.cause.clone(),
                    from: (column - 1, from),
                    to: (column, bar),
                    calls: 0,
                });
                band.calls += way.calls;
            }
            before = Some(bar);
        }
    }
    let all: u64 = ways.iter().map(|(way, ..)| way.calls).sum();
    let scale = HEIGHT / all.max(1) as f64;
    let mut height = 0.0_f64;
    for column in &mut bars {
        let mut y = TOP;
        for bar in column.iter_mut() {
            bar.y = y;
            y += (bar.calls as f64 * scale).max(3.0) + LABEL;
        }
        height = height.max(y);
    }
    let width = (columns - 1) as f64 * COLUMN + BAR + 150.0;
    let joined: Vec<Markup> = bands.values().map(|band| join(part, &mut bars, band, scale)).collect();
    let label = format!(
        "Flow of {} from their causes to the client; the table below says the same",
        counted(all, "failed call")
    );
    html! {
        svg.flow role="img" aria-label=(label) viewBox=(format!("0 0 {width:.0} {height:.0}"))
            style={ "max-width:" (format!("{width:.0}px")) ";min-width:" (format!("{:.0}px", width * 0.7)) } {
            @for band in &joined { (band) }
            @for (column, bars) in bars.iter().enumerate() {
                @for bar in bars { (stand(column, bar, scale)) }
            }
        }
    }
}

fn find(bars: &mut Vec<Bar>, label: &str) -> usize {
    bars.iter().position(|bar| bar.label == label).unwrap_or_else(|| {
        bars.push(Bar { label: label.to_owned(), ..Bar::default() });
        bars.len() - 1
    })
}

fn stand(column: usize, bar: &Bar, scale: f64) -> Markup {
    let x = column as f64 * COLUMN;
    let height = (bar.calls as f64 * scale).max(3.0);
    let ids: Vec<_> = bar.kinds.iter().map(ToString::to_string).collect();
    html! {
        g data-kinds=(ids.join(" ")) data-tip={ (bar.label) ": " (counted(bar.calls, "failed call")) } {
            rect.bar x=(format!("{x:.1}")) y=(format!("{:.1}", bar.y)) width=(BAR) height=(format!("{height:.1}")) {}
            text x=(format!("{x:.1}")) y=(format!("{:.1}", bar.y - 6.0)) { (shorten(&bar.label, 22)) tspan.n { " " (count(bar.calls)) } }
        }
    }
}

fn join(part: &Part<'_>, bars: &mut [Vec<Bar>], band: &Band, scale: f64) -> Markup {
    let thick = band.calls as f64 * scale;
    let mut place = |(column, bar): (usize, usize), out: bool| {
        let bar = &mut bars[column][bar];
        let used = if out { &mut bar.out } else { &mut bar.into };
        let y = bar.y + *used;
        *used += thick;
        (column as f64 * COLUMN + if out { BAR } else { 0.0 }, y)
    };
    let ((x1, y1), (x2, y2)) = (place(band.from, true), place(band.to, false));
    let middle = f64::midpoint(x1, x2);
    let thick = thick.max(1.5);
    let mut d = String::new();
    let _ = write!(
        d,
        "M{x1:.1} {y1:.1}C{middle:.1} {y1:.1} {middle:.1} {y2:.1} {x2:.1} {y2:.1}V{:.1}C{middle:.1} {:.1} {middle:.1} {:.1} {x1:.1} {:.1}z",
        y2 + thick,
        y2 + thick,
        y1 + thick,
        y1 + thick
    );
    let name = part.page.kinds.get(band.kind).map(kinds::Kind::title).unwrap_or_default();
    html! {
        path class={ "band " (band.cause) } d=(d) data-kinds=(band.kind) data-pick=(band.kind) data-name=(name)
            data-tip={ (name) ": " (counted(band.calls, "failed call")) } {}
    }
}

/// The ways as a table.
fn in_words(part: &Part<'_>, ways: &[&PathCount]) -> Markup {
    html! {
        details {
            summary { "The same in words" }
            div.wide role="group" aria-label="Ways of failures in words, scrollable" {
                table {
                    thead { tr {
                        th scope="col" { "Client got" } th scope="col" { "Way" } th scope="col" { "Cause" }
                        th.number scope="col" { "Calls" }
                    } }
                    tbody { @for way in ways {
                        tr data-kinds=[part.page.kinds.id(&way.origin, &way.cause, &way.mechanism)] {
                            td { (status(way.status)) }
                            td { (way.path) }
                            td { (cause_sign(&way.cause)) " " (kinds::what(&way.cause, &way.mechanism)) " at " (way.origin) }
                            td.number { (count(way.calls)) }
                        }
                    } }
                }
            }
        }
    }
}
