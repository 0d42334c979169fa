//! Explained calls as a document.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trace::rows::{CallRow, HopRow};
use trace::{Exchange, HopId};

use super::Explained;
use crate::render::{Block, Tone, millis};
use crate::verdict::reason;

/// How long a header's value may be.
const VALUE_MAX: usize = 60;

pub(super) fn blocks(calls: &[Explained]) -> Vec<Block> {
    if calls.is_empty() {
        return vec![Block::Line(Tone::Plain, "no call failed: there is nothing to explain".to_owned())];
    }
    calls.iter().flat_map(call).collect()
}

fn call(explained: &Explained) -> Vec<Block> {
    let call = &explained.call;
    let mut blocks = vec![Block::Title(title(call))];
    if !call.path.is_empty() {
        blocks.push(Block::Line(Tone::Plain, call.path.clone()));
    }
    if !explained.hops.is_empty() {
        blocks.push(Block::Verbatim(tree(explained)));
    }
    if call.origin.is_empty() {
        blocks.push(Block::Line(Tone::Good, "the client got what it wanted".to_owned()));
        return blocks;
    }
    let verdict = format!("verdict: {} at {}", reason(&call.cause, &call.mechanism), call.origin);
    blocks.push(Block::Line(Tone::Plain, verdict));
    let texts =
        [("evidence", &*call.evidence), ("its own sign", &*call.sign), ("next step", &*call.next_step)];
    for (label, text) in texts {
        if !text.is_empty() {
            blocks.push(Block::Line(Tone::Plain, format!("{label}: {text}")));
        }
    }
    if explained.of_run {
        let marks = marks(explained.hops.iter());
        blocks.push(Block::Line(Tone::Plain, format!("faults injected into it: {marks}")));
    }
    blocks
}

/// The faults that left their mark on a call's hops, by name.
pub(crate) fn marks<'a>(hops: impl Iterator<Item = &'a HopRow>) -> String {
    let mut marks: Vec<&str> =
        hops.flat_map(|hop| hop.faults.split(';')).filter(|name| !name.is_empty()).collect();
    marks.sort_unstable();
    marks.dedup();
    if marks.is_empty() { "none".to_owned() } else { marks.join(", ") }
}

/// A call in one line.
pub(crate) fn title(call: &CallRow) -> String {
    let got = match (call.status, &*call.error) {
        (Some(status), "") => status.to_string(),
        (Some(status), error) => format!("{status}, then {error}"),
        (None, error) => error.to_owned(),
    };
    let attempts = match call.attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    let under = match &*call.strategy {
        "" => String::new(),
        strategy => format!(" under {strategy} with seed {}", call.seed),
    };
    format!(
        "Call {} of {}{under}, begun at {}: {got} after {}, {attempts}",
        call.call,
        call.client,
        millis(call.start_ms),
        millis(call.latency_ms)
    )
}

/// The hops, each indented below the one that it was made for. Times count from the call's begin.
fn tree(explained: &Explained) -> String {
    let call = &explained.call;
    let exchanges: BTreeMap<&str, &Exchange> = explained
        .example
        .iter()
        .flat_map(|example| &example.hops)
        .map(|hop| (hop.hop.as_str(), &hop.exchange))
        .collect();
    let mut depths: BTreeMap<HopId, usize> = BTreeMap::new();
    let mut text = String::new();
    for hop in &explained.hops {
        let depth = depths.get(&hop.parent).map_or(0, |above| above + 1);
        depths.insert(hop.hop, depth);
        let indent = "  ".repeat(depth);
        let since = (hop.start_us as f64 / 1e3 - call.start_ms).max(0.0);
        let born = if call.born == Some(hop.hop) { "  <- born here" } else { "" };
        line(
            &mut text,
            format_args!("{:>8}  {indent}{} -> {} #{}{born}", millis(since), hop.from, hop.to, hop.attempt),
        );
        line(&mut text, format_args!("{:>8}  {indent}  {}", "", outcome(hop)));
        if let Some(exchange) = exchanges.get(hop.hop.to_string().as_str()) {
            write_exchange(&mut text, &format!("{:>8}  {indent}  ", ""), exchange);
        }
    }
    text
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a String takes any text");
}

/// What a hop's caller saw, and whether its callee saw anything.
pub(crate) fn outcome(hop: &HopRow) -> String {
    let mut text = match (hop.status, &*hop.error) {
        (Some(status), "") => status.to_string(),
        (Some(status), error) => format!("{status}, then {error}"),
        (None, error) => error.to_owned(),
    };
    text.push_str(" after ");
    text.push_str(&millis(hop.duration_us as f64 / 1e3));
    if !hop.generated_by.is_empty() {
        text.push_str(", made by ");
        text.push_str(&hop.generated_by);
    }
    if !hop.seen_by_callee {
        text.push_str(", never seen by ");
        text.push_str(&hop.to);
    }
    if hop.reused {
        text.push_str(", on a used connection");
    }
    text
}

fn write_exchange(text: &mut String, indent: &str, exchange: &Exchange) {
    line(text, format_args!("{indent}{} {}", exchange.method, exchange.url));
    for (sign, headers) in [('>', &exchange.request_headers), ('<', &exchange.response_headers)] {
        for (name, value) in headers {
            let printable = value.chars().filter(|c| !c.is_control());
            let mut shown: String = printable.take(VALUE_MAX).collect();
            if value.chars().count() > VALUE_MAX {
                shown.push('…');
            }
            line(text, format_args!("{indent}{sign} {name}: {shown}"));
        }
    }
    if let Some(error) = &exchange.error {
        line(text, format_args!("{indent}! {error}"));
    }
}
