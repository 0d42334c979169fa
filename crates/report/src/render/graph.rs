//! The topology with a run's results, for Graphviz and for Mermaid.

use std::fmt::Write as _;
use std::io::{self, Write};

use trace::rows::StrategyRow;

use super::comparison::shown;
use crate::Report;
use crate::places::{Edge, Node, Places, role};

/// More nodes than this no drawing shows.
const NODES: usize = 500;

/// The strategy that is drawn: of several, the one that comes first.
fn drawn(report: &Report) -> Option<&StrategyRow> {
    let first = report.conclusion.as_ref().map(|conclusion| &*conclusion.strategy);
    let by_name = report.strategies.iter().find(|row| Some(&*row.strategy) == first);
    by_name.or(report.strategies.first())
}

fn title(report: &Report, row: &StrategyRow) -> String {
    let failed = row.calls - row.succeeded;
    let of =
        if report.strategies.len() > 1 { format!(" under {}", shown(&row.strategy)) } else { String::new() };
    format!("{}{of}: {failed} of {} calls failed", report.run.scenario, row.calls)
}

/// What is said of a node, line by line.
fn node_lines(node: &Node<'_>) -> Vec<String> {
    let mut lines = vec![node.name.to_owned(), format!("{} requests", node.requests)];
    for (n, what) in [(node.born, "born here"), (node.masked, "masked"), (node.passed, "passed on")] {
        if n > 0 {
            lines.push(format!("{n} {what}"));
        }
    }
    if !node.faults.is_empty() {
        lines.push(format!("faults: {}", node.faults.join(", ")));
    }
    lines
}

fn edge_lines(edge: &Edge<'_>) -> Vec<String> {
    let traffic = edge.traffic;
    let mut lines: Vec<String> = traffic.map(|t| format!("{} attempts", t.attempts)).into_iter().collect();
    let passed = traffic.map_or(0, |t| t.passed);
    for (n, what) in [(edge.born, "born here"), (edge.masked, "masked"), (passed, "came up")] {
        if n > 0 {
            lines.push(format!("{n} {what}"));
        }
    }
    if !edge.faults.is_empty() {
        lines.push(format!("faults: {}", edge.faults.join(", ")));
    }
    lines
}

fn edge_role(edge: &Edge<'_>) -> &'static str {
    role(edge.born, edge.traffic.map_or(0, |t| t.passed))
}

pub(super) fn dot(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(row) = drawn(report) else { return writeln!(out, "digraph {{}}") };
    let places = Places::new(report, row, NODES);
    let text = |lines: &[String]| {
        let quoted = |line: &String| line.replace('\\', "\\\\").replace('"', "\\\"");
        lines.iter().map(quoted).collect::<Vec<_>>().join("\\n")
    };
    let look = |role: &str| match role {
        "born" => "color=\"#c0262d\", penwidth=2.5",
        "passed" => "color=\"#9a6700\", style=dashed",
        _ => "color=\"#55606f\"",
    };
    writeln!(out, "digraph {{")?;
    writeln!(out, "  rankdir=LR; label=\"{}\"; labelloc=t;", text(&[title(report, row)]))?;
    writeln!(out, "  node [fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=11];")?;
    for (id, node) in places.nodes.iter().enumerate() {
        let shape = match node.kind {
            "client" => "oval",
            "gateway" => "hexagon",
            _ => "box",
        };
        let look = look(role(node.born, node.passed));
        writeln!(out, "  n{id} [shape={shape}, {look}, label=\"{}\"];", text(&node_lines(node)))?;
    }
    for edge in &places.edges {
        let look = look(edge_role(edge));
        writeln!(out, "  n{} -> n{} [{look}, label=\"{}\"];", edge.from, edge.to, text(&edge_lines(edge)))?;
    }
    writeln!(out, "}}")
}

pub(super) fn mermaid(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(row) = drawn(report) else { return writeln!(out, "flowchart LR") };
    let places = Places::new(report, row, NODES);
    writeln!(out, "---\ntitle: \"{}\"\n---\nflowchart LR", escaped(&[title(report, row)]))?;
    for (id, node) in places.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            "client" => ("([", "])"),
            "gateway" => ("{{", "}}"),
            _ => ("[", "]"),
        };
        let label = escaped(&node_lines(node));
        writeln!(out, "  n{id}{open}\"{label}\"{close}:::{}", role(node.born, node.passed))?;
    }
    for edge in &places.edges {
        let arrow = match edge_role(edge) {
            "born" => "==>",
            "passed" => "-.->",
            _ => "-->",
        };
        writeln!(out, "  n{} {arrow}|\"{}\"| n{}", edge.from, escaped(&edge_lines(edge)), edge.to)?;
    }
    writeln!(out, "  classDef born stroke:#c0262d,stroke-width:3px")?;
    writeln!(out, "  classDef passed stroke:#9a6700,stroke-dasharray:6 3")?;
    writeln!(out, "  classDef clean stroke:#55606f")
}

/// Lines as a Mermaid text: what would end it, or be taken for markup, as an entity by its number.
fn escaped(lines: &[String]) -> String {
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            text.push_str("<br/>");
        }
        for c in line.chars() {
            if c.is_alphanumeric() || " -_.,:/+()".contains(c) {
                text.push(c);
            } else if !c.is_control() {
                let _ = write!(text, "#{};", u32::from(c));
            }
        }
    }
    text
}
