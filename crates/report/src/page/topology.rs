//! The topology as it was used: who called whom, where failures were born, and who passed them on.

mod layout;

use std::fmt::Write as _;

use maud::{Markup, html};
use trace::overview::EdgeTraffic;

use super::{Part, count, counted};
use crate::places::{Edge, Node, Places, role};
use crate::render::width::shorten;
use layout::Layout;

/// More nodes than this cannot be read; those with failures and traffic come first.
const NODES: usize = 60;

pub(super) fn section(part: &Part<'_>) -> Markup {
    let places = Places::new(part.page.report, part.figures, NODES);
    let (nodes, edges) = (&places.nodes, &places.edges);
    let all = part.page.report.run.nodes.len();
    let body = html! {
        p.hint {
            "Thicker: more attempts. "
            @if all > nodes.len() {
                "Drawn are the " (nodes.len()) " nodes of " (count(all as u64)) " with the most failures and requests. "
            }
            @if part.page.kinds.get(0).is_some() { "Choose a place to see only the failures that were born there." }
        }
        ul.legend {
            li { span.swatch.born aria-hidden="true" {} "failures born here" }
            li { span.swatch.passed aria-hidden="true" {} "only passed on" }
            li { span.swatch.clean aria-hidden="true" {} "no failure surfaced" }
            li { span.bolt aria-hidden="true" { "⚡" } "a fault was injected here" }
        }
        div.wide role="group" aria-label="Topology, scrollable" { (drawing(part, nodes, edges)) }
        (in_words(edges))
    };
    part.section("topology", "Who called whom", &body)
}

fn drawing(part: &Part<'_>, nodes: &[Node<'_>], edges: &[Edge<'_>]) -> Markup {
    let ends: Vec<(usize, usize)> = edges.iter().map(|edge| (edge.from, edge.to)).collect();
    let layout = Layout::new(nodes.len(), &ends);
    let most = edges.iter().filter_map(|e| e.traffic).map(|t| t.attempts).max().unwrap_or(1).max(1);
    let label =
        format!("Topology of {} nodes and {} edges; the table below says the same", nodes.len(), edges.len());
    let size = format!("0 0 {:.0} {:.0}", layout.width, layout.height);
    html! {
        svg.topology role="group" aria-label=(label) viewBox=(size) style={ "max-width:" (format!("{:.0}px", layout.width)) ";min-width:" (format!("{:.0}px", layout.width * 0.55)) } {
            @for edge in edges { (draw_edge(part, &layout, edge, most)) }
            @for (place, node) in nodes.iter().enumerate() { (draw_node(part, layout.at(place), node)) }
        }
    }
}

/// The attributes of something that filters by the failures born there.
struct Pick {
    kinds: Option<String>,
    name: String,
}

impl Pick {
    fn new(part: &Part<'_>, place: &str) -> Self {
        Self { kinds: part.page.kinds.at(place), name: format!("born at {place}") }
    }
}

fn draw_node(part: &Part<'_>, (x, y): (f64, f64), node: &Node<'_>) -> Markup {
    let (width, height) = (layout::NODE_WIDTH, layout::NODE_HEIGHT);
    let pick = Pick::new(part, node.name);
    let role = role(node.born, node.passed);
    let tip = node_tip(node);
    let transform = format!("translate({:.1} {:.1})", x - width / 2.0, y - height / 2.0);
    let sign = match node.kind {
        "client" => "●",
        "gateway" => "◆",
        _ => "■",
    };
    let line = match (node.born, node.passed, node.masked) {
        (0, 0, 0) => counted(node.requests, if node.kind == "client" { "call" } else { "request" }),
        (0, 0, masked) => format!("{} masked", count(masked)),
        (0, passed, _) => format!("↥ {} passed on", count(passed)),
        (born, 0, _) => format!("✗ {} born here", count(born)),
        (born, passed, _) => format!("✗ {} born · ↥ {}", count(born), count(passed)),
    };
    let inner = html! {
        rect.box width=(width) height=(height) rx="8" {}
        text.name x="12" y="21" { tspan.kind aria-hidden="true" { (sign) " " } (shorten(node.name, 18)) }
        text.line x="12" y="39" { (line) }
        @if !node.faults.is_empty() {
            circle.fault cx=(width) cy="0" r="11" {}
            text.bolt aria-hidden="true" x=(width) y="4.5" text-anchor="middle" { "⚡" }
        }
    };
    html! {
        @match &pick.kinds {
            Some(kinds) => {
                g class={ "node pick " (role) } transform=(transform) data-tip=(tip) data-pick=(kinds)
                    data-name=(pick.name) role="button" tabindex="0" aria-pressed="false" aria-description=(tip) { (inner) }
            }
            None => g class={ "node " (role) } transform=(transform) data-tip=(tip) { title { (tip) } (inner) },
        }
    }
}

fn node_tip(node: &Node<'_>) -> String {
    let mut tip = format!("{} ({}): {}", node.name, node.kind, counted(node.requests, "request"));
    for (n, what) in [
        (node.born, "failed calls born here"),
        (node.masked, "masked failures born here"),
        (node.passed, "failed calls passed on"),
    ] {
        if n > 0 {
            let _ = write!(tip, ", {} {what}", count(n));
        }
    }
    if !node.faults.is_empty() {
        let _ = write!(tip, "; faults: {}", node.faults.join(", "));
    }
    tip
}

fn draw_edge(part: &Part<'_>, layout: &Layout, edge: &Edge<'_>, most: u64) -> Markup {
    let path = layout.edge(edge.from, edge.to);
    let attempts = edge.traffic.map_or(0, |traffic| traffic.attempts);
    let passed = edge.traffic.map_or(0, |traffic| traffic.passed);
    let role = role(edge.born, passed);
    let width = format!("{:.1}", 1.5 + 6.5 * (attempts as f64 / most as f64).sqrt());
    let tip = edge_tip(edge);
    let pick = Pick::new(part, &edge.name);
    let (x, y) = path.middle;
    let line = match (edge.born, passed) {
        (0, 0) => count(attempts),
        (0, passed) => format!("↥ {}", count(passed)),
        (born, _) => format!("✗ {} born", count(born)),
    };
    let wide = 16.0 + 7.2 * line.chars().count() as f64;
    let inner = html! {
        path.line d=(path.d) stroke-width=(width) marker-end="url(#arrow)" {}
        path.reach d=(path.d) {}
        g transform=(format!("translate({x:.1} {y:.1})")) {
            rect.tag x=(format!("{:.1}", -wide / 2.0)) y="-11" width=(format!("{wide:.1}")) height="22" rx="11" {}
            text.tag-text text-anchor="middle" y="4" { (line) }
            @if !edge.faults.is_empty() {
                circle.fault cx="0" cy="-20" r="10" {}
                text.bolt aria-hidden="true" y="-15.5" text-anchor="middle" { "⚡" }
            }
        }
    };
    html! {
        @match &pick.kinds {
            Some(kinds) => {
                g class={ "edge pick " (role) } data-tip=(tip) data-pick=(kinds) data-name=(pick.name)
                    role="button" tabindex="0" aria-pressed="false" aria-description=(tip) { (inner) }
            }
            None => g class={ "edge " (role) } data-tip=(tip) { title { (tip) } (inner) },
        }
    }
}

fn edge_tip(edge: &Edge<'_>) -> String {
    let mut tip = edge.name.clone();
    if let Some(traffic) = edge.traffic {
        let _ = write!(tip, ": {}, {} ok", counted(traffic.attempts, "attempt"), count(traffic.ok));
        for (n, what) in [(traffic.unseen, "never seen by the callee"), (traffic.cancelled, "cancelled")] {
            if n > 0 {
                let _ = write!(tip, ", {} {what}", count(n));
            }
        }
        if traffic.passed > 0 {
            let _ = write!(tip, "; {} came up over it", counted(traffic.passed, "failed call"));
        }
    }
    for (n, what) in [(edge.born, "failed calls born on it"), (edge.masked, "masked failures born on it")] {
        if n > 0 {
            let _ = write!(tip, "; {} {what}", count(n));
        }
    }
    if !edge.faults.is_empty() {
        let _ = write!(tip, "; faults: {}", edge.faults.join(", "));
    }
    tip
}

/// The edges as a table.
fn in_words(edges: &[Edge<'_>]) -> Markup {
    html! {
        details {
            summary { "The same in numbers" }
            div.wide role="group" aria-label="Edges in numbers, scrollable" {
                table {
                    thead { tr {
                        th scope="col" { "Edge" }
                        @for head in ["Attempts", "OK", "Never seen", "Cancelled", "Born on it", "Masked", "Came up over it"] {
                            th.number scope="col" { (head) }
                        }
                        th scope="col" { "Faults" }
                    } }
                    tbody { @for edge in edges {
                        tr {
                            th scope="row" { (edge.name) }
                            @let of = |n: fn(&EdgeTraffic) -> u64| edge.traffic.map_or(0, n);
                            @for n in [of(|t| t.attempts), of(|t| t.ok), of(|t| t.unseen), of(|t| t.cancelled), edge.born, edge.masked, of(|t| t.passed)] {
                                td.number { (count(n)) }
                            }
                            td { (edge.faults.join(", ")) }
                        }
                    } }
                }
            }
        }
    }
}
