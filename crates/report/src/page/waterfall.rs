//! One call's hops along time, each as both of its sides saw it.
//!
//! A bar is a box at a share of the row's width: a chart would need one more scale for nothing.

use std::collections::BTreeMap;

use maud::{Markup, html};
use trace::rows::CallRow;
use trace::run_dir::{Example, Worth};
use trace::{CalleeSide, Exchange, HopId, Step};

use crate::explain;
use crate::render::millis;

/// How many header fields are shown, and how many characters of a value.
const HEADERS_MAX: usize = 30;
const VALUE_MAX: usize = 160;

pub(super) fn table(row: &CallRow, example: &Example) -> Markup {
    let exchanges: BTreeMap<&str, &Exchange> =
        example.hops.iter().map(|hop| (hop.hop.as_str(), &hop.exchange)).collect();
    let steps = in_order(&example.steps, HopId::root(row.call));
    let begin = row.start_ms * 1e3;
    let ends = example.steps.iter().map(|step| {
        let callee = step.callee.as_ref().map_or(0, |callee| callee.finished_us);
        (step.hop.start_us + step.hop.duration_us).max(callee) as f64
    });
    let end = ends.fold(begin + row.latency_ms * 1e3, f64::max);
    let scale = Scale { begin, span: (end - begin).max(1.0) };
    html! {
        div.wide role="group" aria-label="Hops of the call, scrollable" {
            table.waterfall {
                thead { tr {
                    th scope="col" { "Hop" }
                    th scope="col" { "Caller saw" }
                    th scope="col" { "Callee saw" }
                    th scope="col" { "From begin to " (millis(scale.span / 1e3)) }
                } }
                tbody { @for (depth, step) in &steps { (line(row, example.worth.as_ref(), &scale, *depth, step)) } }
            }
        }
        @for (_, step) in &steps {
            @if let Some(exchange) = exchanges.get(step.hop.hop.to_string().as_str()) {
                (wire(step, exchange))
            }
        }
    }
}

struct Scale {
    /// In microseconds from the start of the run.
    begin: f64,
    span: f64,
}

impl Scale {
    fn place(&self, from_us: u64, to_us: u64) -> String {
        let share = |us: u64| ((us as f64 - self.begin) / self.span * 100.0).clamp(0.0, 100.0);
        let (from, to) = (share(from_us), share(to_us));
        format!("left:{from:.2}%;width:{:.2}%", (to - from).max(0.4))
    }
}

/// The steps in the order of a tree, each with its depth.
fn in_order(steps: &[Step], root: HopId) -> Vec<(usize, &Step)> {
    let hops = explain::in_order(steps.iter().map(|step| step.hop.clone()).collect(), root);
    let mut depths: BTreeMap<HopId, usize> = BTreeMap::new();
    let mut ordered = Vec::new();
    for hop in hops {
        let depth = depths.get(&hop.parent).map_or(0, |above| above + 1);
        depths.insert(hop.hop, depth);
        ordered.extend(steps.iter().find(|step| step.hop.hop == hop.hop).map(|step| (depth, step)));
    }
    ordered
}

fn line(row: &CallRow, worth: Option<&Worth>, scale: &Scale, depth: usize, step: &Step) -> Markup {
    let hop = &step.hop;
    let is_born = row.born == Some(hop.hop);
    let is_hidden = matches!(worth, Some(Worth::Saved { hop, .. }) if *hop == step.hop.hop.to_string());
    let well = hop.error.is_empty() && hop.status.is_some_and(|status| status < 400);
    let end = hop.start_us + hop.duration_us;
    html! {
        tr.born[is_born || is_hidden] {
            th scope="row" style={ "--depth:" (depth.min(12)) } {
                (hop.from) " → " (hop.to) " " span.attempt { "#" (hop.attempt) }
                @if is_born { " " span.flag { "✗ born here" } }
                @if is_hidden { " " span.flag { "✗ hidden" } }
            }
            td { (explain::outcome(hop)) @if step.bytes > 0 { ", " (step.bytes) " bytes" } }
            td { @match &step.callee {
                Some(callee) => (callee_saw(callee)),
                None => span.unseen { "nothing: no request came" },
            } }
            td.bars {
                div.track {
                    span class={ "caller " (if well { "well" } else { "failed" }) } style=(scale.place(hop.start_us, end))
                        data-tip={ (hop.from) " waited " (millis(hop.duration_us as f64 / 1e3)) } {}
                    @if let Some(callee) = &step.callee {
                        @let started = callee.started_us.unwrap_or(callee.finished_us);
                        @if started > callee.arrived_us {
                            span.queue style=(scale.place(callee.arrived_us, started))
                                data-tip={ (hop.to) " had it wait " (millis((started - callee.arrived_us) as f64 / 1e3)) } {}
                        }
                        @if callee.finished_us > started {
                            span.work style=(scale.place(started, callee.finished_us))
                                data-tip={ (hop.to) " had it in hand for " (millis((callee.finished_us - started) as f64 / 1e3)) } {}
                        }
                    }
                }
            }
        }
    }
}

/// What a callee saw, in words.
fn callee_saw(callee: &CalleeSide) -> String {
    let mut text = match callee.status {
        Some(status) => format!("{status}, {}", callee.source),
        None => callee.end.clone(),
    };
    if callee.status.is_some() && callee.end != "answered" {
        text = format!("{text}; {}", callee.end);
    }
    if callee.status.is_some() && callee.sent != "whole" {
        text = format!("{text}; sent {}", callee.sent);
    }
    let waited = callee.queued.checked_sub(1).filter(|_| callee.queued > 0);
    match waited {
        Some(_) => format!("{text} ({} inside, {} waiting)", callee.in_flight, callee.queued),
        None => format!("{text} ({} inside)", callee.in_flight),
    }
}

/// What was on the wire.
fn wire(step: &Step, exchange: &Exchange) -> Markup {
    let hop = &step.hop;
    let fields = |sign: &'static str, fields: &[(String, String)]| {
        html! {
            @for (name, value) in fields.iter().take(HEADERS_MAX) {
                span.sign { (sign) " " } b { (name) ": " } (shown(value)) "\n"
            }
            @if fields.len() > HEADERS_MAX { span.sign { (sign) " " } "and " (fields.len() - HEADERS_MAX) " more\n" }
        }
    };
    html! {
        details.wire {
            summary { "On the wire: " (hop.from) " → " (hop.to) " #" (hop.attempt) }
            pre tabindex="0" {
                (exchange.method) " " (shown(&exchange.url)) "\n"
                (fields(">", &exchange.request_headers))
                (fields("<", &exchange.response_headers))
                @if step.bytes > 0 { span.sign { "< " } (step.bytes) " bytes of the body\n" }
                @if let Some(error) = &exchange.error { span.sign { "! " } (shown(error)) "\n" }
            }
        }
    }
}

fn shown(value: &str) -> String {
    let mut text: String = value.chars().filter(|c| !c.is_control()).take(VALUE_MAX).collect();
    if value.chars().count() > VALUE_MAX {
        text.push('…');
    }
    text
}
