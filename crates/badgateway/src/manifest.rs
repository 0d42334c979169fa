//! `run.json`: what a run was, and how it ended.

use std::time::{Duration, SystemTime};

use sim::Summary;
use topology::Scenario;
use trace::Manifest;
use trace::manifest::{EdgeEntry, FORMAT, NodeEntry, Records, Score, Versions};

use crate::session::Engine;

/// What is known of a run when it begins.
pub(crate) fn begun(scenario: &Scenario, engine: Engine, start: SystemTime) -> Manifest {
    let topology = &scenario.topology;
    let name = |node| topology.node(node).name.clone();
    let nodes = topology.nodes().filter(|(_, node)| !node.synthetic);
    let edges = topology.edges().map(|(id, _)| topology.ends(id));
    Manifest {
        versions: Versions { tool: env!("CARGO_PKG_VERSION").to_owned(), format: FORMAT },
        scenario: scenario.name.clone(),
        engine: engine.name().to_owned(),
        seed: scenario.seed,
        strategy: scenario.strategy.clone(),
        start: humantime::format_rfc3339_seconds(start).to_string(),
        elapsed_s: 0.0,
        warmup_s: scenario.warmup.as_secs_f64(),
        finished: false,
        interrupted: false,
        machine_limit: None,
        notes: Vec::new(),
        thresholds: Vec::new(),
        score: Score::default(),
        unmatched: Vec::new(),
        nodes: nodes
            .map(|(_, node)| NodeEntry { name: node.name.clone(), kind: node.kind.name().to_owned() })
            .collect(),
        edges: edges
            .filter(|(from, _)| !topology.node(*from).synthetic)
            .map(|(from, to)| EdgeEntry { from: name(from), to: name(to) })
            .collect(),
        compared: Vec::new(),
        seeds: 1,
        records: Records::All,
        warnings: Vec::new(),
        aftermaths: Vec::new(),
    }
}

/// What is known of a system whose logs were read.
pub(crate) fn of_logs(scenario: &Scenario, now: SystemTime) -> Manifest {
    Manifest { engine: report::explain::LOGS.to_owned(), ..begun(scenario, Engine::Live, now) }
}

/// The same with what is known when all runs have ended.
pub(crate) fn ended(manifest: Manifest, summaries: &[Summary], interrupted: bool) -> Manifest {
    let longest = |of: fn(&Summary) -> Duration| summaries.iter().map(of).max().unwrap_or_default();
    let elapsed: Duration = summaries.iter().map(|summary| summary.elapsed).sum();
    let note = || {
        format!(
            "this machine began calls {} late at the median, {} at p99{}",
            late(longest(|summary| summary.lateness_p50)),
            late(longest(|summary| summary.lateness_p99)),
            if summaries.len() > 1 { ", in the worst of the runs" } else { "" }
        )
    };
    // A virtual clock is never late.
    let mut notes = manifest.notes;
    notes.extend((manifest.engine == Engine::Live.name()).then(note));
    let unrelated: u64 = summaries.iter().map(|summary| summary.unrelated).sum();
    if unrelated > 0 {
        notes.push(format!(
            "{unrelated} requests behind external programs could not be related to a call: the programs pass \
             on neither traceparent nor x-request-id, and several calls were under way"
        ));
    }
    Manifest {
        elapsed_s: (elapsed.as_secs_f64() * 1e3).round() / 1e3,
        finished: true,
        interrupted: interrupted || summaries.iter().any(|summary| summary.interrupted),
        machine_limit: machine_limit(summaries),
        notes,
        ..manifest
    }
}

/// The first limit that was met, and in how many more runs there was one.
fn machine_limit(summaries: &[Summary]) -> Option<String> {
    let mut limits = summaries.iter().filter_map(|summary| summary.limited_by_machine.clone());
    let first = limits.next()?;
    Some(match limits.count() {
        0 => first,
        more => format!("{first} (and {more} more of the runs)"),
    })
}

fn late(duration: Duration) -> String {
    format!("{:.2}ms", duration.as_secs_f64() * 1e3)
}
