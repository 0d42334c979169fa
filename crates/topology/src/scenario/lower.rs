//! From the file's shapes to what they mean. Nothing stops at the first problem. On the way, the
//! defaults that depend on something else are written into the file.

mod build;
mod chain;
mod edges;
mod external;
mod fallback;
mod fault_place;
mod faults;
mod lints;
mod llm;
mod loads;
mod nodes;
mod plan;
mod policy;
mod rules;
mod run;
mod side_effects;
mod strategies;
mod text;
mod thresholds;

use std::time::Duration;

use build::Build;
pub(super) use policy::{Around, fill_defaults, overridden, own as own_policy};

use super::Scenario;
use super::file::{ScenarioFile, WarmupFile};
use super::problem::Collector;
use super::written::Written;

/// The scenario, if no problem was found, here or before.
///
/// If the file is not whole, what refers from one part of it to another is not looked at.
pub(super) fn lower(mut file: ScenarioFile, whole: bool, problems: &mut Collector<'_>) -> Option<Scenario> {
    run::check(&file, problems);
    let mut build = Build { sound: whole, ..Build::default() };
    nodes::lower(&mut file, &mut build, problems);
    edges::lower(&mut file, &mut build, problems);
    if build.sound {
        chain::check(&build, problems);
        external::check_callees(&build, problems);
        fallback::lower(&file, &mut build, problems);
        plan::lower(&file, &mut build, problems);
        rules::mark_routes(&mut build);
    }
    let own = strategies::own_policies(&build);
    let strategies = strategies::lower(&mut file, &build, &own, problems);
    let mut loads = loads::lower(&mut file, &build, problems);
    let faults = faults::lower(&mut file, &mut build, &mut loads, problems);
    if file.warmup == WarmupFile::Auto {
        run::check_steady(&file, &loads, &faults, problems);
    }
    let thresholds = thresholds::lower(&file.thresholds, problems);
    lints::check(&file.lints.allow, problems);
    if !problems.is_empty() {
        return None;
    }
    let strategy = file.strategy.take();
    let mut scenario = Scenario {
        name: file.name.clone(),
        description: file.description.clone(),
        seed: file.seed,
        duration: file.duration.0,
        warmup: match file.warmup {
            WarmupFile::Given(time) => time.0,
            WarmupFile::Auto => Duration::ZERO,
        },
        finds_warmup: file.warmup == WarmupFile::Auto,
        topology: build.topology,
        loads,
        faults,
        strategies,
        strategy: String::new(),
        thresholds,
        allowed: file.lints.allow.clone(),
        written: Written::new(file, own),
    };
    if let Some(name) = strategy {
        scenario.apply_strategy(&name).expect("strategies::lower has looked for it");
    }
    Some(scenario)
}
