//! The scenario's name and times.

use super::super::file::ScenarioFile;
use super::super::path::Path;
use super::super::problem::Collector;
use super::text::label_problem;

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
    } else if file.warmup >= file.duration {
        let message = format!("the warm-up of {} leaves nothing of the run's {}", file.warmup, file.duration);
        problems.value(&root.at("warmup")).say(message);
    }
}
