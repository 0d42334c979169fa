//! The scenario's name and times.

use std::time::Duration;

use super::super::file::{ScenarioFile, WarmupFile};
use super::super::path::Path;
use super::super::problem::Collector;
use super::text::label_problem;
use crate::Fault;
use crate::load::{Arrivals, Load};

pub(super) fn check(file: &ScenarioFile, problems: &mut Collector<'_>) {
    let root = Path::root();
    let name = root.at("name");
    if let Some(problem) = label_problem(&file.name) {
        problems.value(&name).say(problem);
    } else if file.name.contains(['/', '\\']) || file.name.starts_with('.') {
        let help = "the folder of its runs is called after it";
        problems
            .value(&name)
            .help(help)
            .say("a scenario's name has no `/` or `\\`, and does not begin with a dot");
    }
    if file.duration.0.is_zero() {
        problems.value(&root.at("duration")).help("write `duration: 10s`").say("a run of 0s shows nothing");
    } else if let WarmupFile::Given(warmup) = file.warmup
        && warmup >= file.duration
    {
        let message = format!("the warm-up of {warmup} leaves nothing of the run's {}", file.duration);
        problems.value(&root.at("warmup")).say(message);
    }
}

/// A warm-up is found where a run tends to one steady state: what comes and goes in it is no warm-up.
pub(super) fn check_steady(
    file: &ScenarioFile,
    loads: &[Load],
    faults: &[Fault],
    problems: &mut Collector<'_>,
) {
    let end = file.duration.0;
    let fault = faults.iter().find(|fault| !is_steady_fault(fault, end)).map(|fault| &fault.name);
    let what = match fault {
        Some(name) => format!("the fault `{name}` comes or goes while the run goes on"),
        None if loads.iter().any(|load| !is_steady_load(load, end)) => {
            "the load changes while the run goes on".to_owned()
        }
        None => return,
    };
    problems
        .value(&Path::root().at("warmup"))
        .help("write how long it is, such as `warmup: 2s`, or leave it away")
        .say(format!("no warm-up can be found, because {what}"));
}

fn is_steady_fault(fault: &Fault, end: Duration) -> bool {
    let schedule = &fault.schedule;
    let is_whole = schedule.start.is_zero() && schedule.stop >= end && schedule.lasts.is_none();
    is_whole && fault.count.is_none() && fault.outages(end).is_empty()
}

fn is_steady_load(load: &Load, end: Duration) -> bool {
    let is_flat = match &load.arrivals {
        Arrivals::Open { stages, .. } => {
            let mut rates = stages.iter().flat_map(|stage| [stage.from_per_s, stage.to_per_s]);
            let first = rates.next();
            rates.all(|rate| Some(rate) == first)
        }
        Arrivals::Closed { .. } => true,
    };
    is_flat && load.start.is_zero() && load.stop >= end
}
