//! A run's thresholds as `JUnit`'s XML, which CI systems read: a case for each.
//!
//! Source of the format: the schema of the Jenkins xUnit plugin.

use std::io::{self, Write};

use maud::{Markup, PreEscaped, html};
use trace::manifest::ThresholdVerdict;

use super::document::figure;
use super::quantity::percent;
use crate::Report;

/// How many origins a failure's text names.
const ORIGINS: usize = 5;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let thresholds = &report.run.thresholds;
    let missed = thresholds.iter().filter(|t| !t.met).count();
    let run = &report.run;
    let xml = html! {
        testsuites name="badgateway" tests=(thresholds.len()) failures=(missed) {
            testsuite name=(clean(&run.scenario)) tests=(thresholds.len()) failures=(missed) errors="0"
                time=(run.elapsed_s) timestamp=(clean(run.start.trim_end_matches('Z'))) {
                properties {
                    property name="engine" value=(run.engine) {}
                    property name="seed" value=(run.seed) {}
                }
                @for threshold in thresholds { (case(report, threshold)) }
            }
        }
    };
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.into_string())
}

fn case(report: &Report, threshold: &ThresholdVerdict) -> Markup {
    let scenario = clean(&report.run.scenario);
    let class = match &*threshold.strategy {
        "" => scenario,
        strategy => format!("{scenario}.{}", clean(strategy)),
    };
    html! {
        testcase classname=(class) name=(clean(&threshold.text)) time="0" {
            @if !threshold.met {
                @let found = threshold.figure.map_or_else(|| "there was no call".to_owned(), |f| figure(&threshold.text, f));
                failure type="threshold" message=(clean(&format!("missed: {} ({found})", threshold.text))) {
                    (PreEscaped("\n"))
                    @for line in born(report, threshold) { (clean(&line)) "\n" }
                }
            }
        }
    }
}

/// Where the calls failed that may have made a threshold be missed.
fn born(report: &Report, threshold: &ThresholdVerdict) -> Vec<String> {
    let own = report.origins.iter().filter(|o| *o.strategy == *threshold.strategy && o.surfaced > 0);
    let line = |row: &trace::rows::OriginRow| {
        let status = row.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        let reason = crate::verdict::reason(&row.cause, &row.mechanism);
        format!("{} calls ({}): {status}, born at {}: {reason}", row.surfaced, percent(row.share), row.origin)
    };
    own.take(ORIGINS).map(line).collect()
}

/// A text without what XML has no place for.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
