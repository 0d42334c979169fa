//! Which lints a scenario allows.

use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use crate::lint;

pub(super) fn check(allowed: &[String], problems: &mut Collector<'_>) {
    for (i, id) in allowed.iter().enumerate() {
        let ids = lint::RULES.iter().map(|rule| rule.id);
        if !ids.clone().any(|known| known == id) {
            let at = Path::root().at("lints").at("allow").at(i);
            let help = || did_you_mean(id, ids, "the rules are");
            problems.value(&at).maybe_help(help).say(format!("there is no lint `{id}`"));
        }
    }
}
