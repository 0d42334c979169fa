//! What logs and traces show, as a document.

use super::blocks::{Block, Tone};
use super::document::{layers, origins};
use crate::diagnosis::Diagnosis;

pub(super) fn blocks(diagnosis: &Diagnosis) -> Vec<Block> {
    let mut blocks = Vec::new();
    blocks.push(Block::Title(match (diagnosis.requests, diagnosis.failed()) {
        (0, _) => "There is no request in what was read".to_owned(),
        (_, 0) => "No request failed".to_owned(),
        (_, 1) => "Where the failed request was born".to_owned(),
        (_, failed) => format!("Where the {failed} failed requests were born"),
    }));
    if !diagnosis.origins.is_empty() {
        blocks.push(Block::Table(origins(&diagnosis.origins)));
    }
    if !diagnosis.layers.is_empty() {
        blocks.push(Block::Title("What each node made of its requests".to_owned()));
        blocks.push(Block::Table(layers(&diagnosis.layers)));
    }
    if !diagnosis.undecided.is_empty() {
        blocks.push(Block::Title("What would decide the rest".to_owned()));
    }
    for open in &diagnosis.undecided {
        blocks
            .push(Block::Line(Tone::Plain, format!("{} at {}: {}", open.failed, open.origin, open.evidence)));
        let found =
            if open.request.is_empty() { String::new() } else { format!(" (the first: {})", open.request) };
        blocks.push(Block::Line(Tone::Plain, format!("  next: {}{found}", open.next_step)));
    }
    blocks.push(Block::Title("In short".to_owned()));
    blocks.push(Block::Line(
        Tone::Plain,
        format!("{} requests, {} succeeded", diagnosis.requests, diagnosis.success()),
    ));
    for source in &diagnosis.files {
        let text = format!("read {}: {}, {}", source.file, source.format, records(source.records));
        blocks.push(Block::Line(Tone::Plain, text));
        if source.bad > 0 {
            let text = format!("{} of {} could not be read", source.bad, source.file);
            blocks.push(Block::Line(Tone::Warning, text));
        }
    }
    for bad in &diagnosis.bad {
        blocks.push(Block::Line(Tone::Plain, format!("  {}: {}: `{}`", bad.place, bad.reason, bad.text)));
    }
    blocks
}

fn records(n: u64) -> String {
    if n == 1 { "1 record".to_owned() } else { format!("{n} records") }
}
