//! `report.html`: a run as one page that needs nothing beside it, for an engineer to hand on.
//!
//! Charts are drawn by plotters and the topology is laid out by rust-sugiyama while the page is made;
//! the page's own script only filters, explains what is pointed at, and switches colours. It holds a
//! sample of the failed calls, so that its size does not grow with the run.

mod chart;
mod compare;
mod diff;
mod examples;
mod flow;
mod headline;
mod kinds;
mod latency;
mod origins;
mod succeeded;
mod tables;
mod timeline;
mod topology;
mod waterfall;

use std::path::PathBuf;

use ::topology::Scenario;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use trace::overview::StrategyOverview;
use trace::rows::StrategyRow;
use trace::run_dir::Example;
use trace::{RunDir, RunDirError};

use crate::Report;
use crate::diff::Diff;
use crate::render::percent;
use kinds::Kinds;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Makes a run's page and writes it into the run's folder; where it is.
///
/// # Errors
/// If a file cannot be read or the page not be written.
pub fn write(dir: &RunDir, report: &Report) -> Result<PathBuf, RunDirError> {
    // What a page shows of the scenario is when its faults were active; of logs there is none.
    let yaml = dir.read_scenario().ok();
    let scenario = yaml.and_then(|yaml| Scenario::parse(&yaml, "scenario.yaml").ok());
    dir.write_page(&html(report, scenario.as_ref(), &dir.read_examples()?))
}

/// A run's page.
pub fn html(report: &Report, scenario: Option<&Scenario>, examples: &[Example]) -> String {
    let report = &report.between_seeds();
    let page = Page { report, scenario, examples, kinds: Kinds::new(&report.origins) };
    page.document().into_string()
}

/// The page of what has changed between two runs.
pub fn diff(diff: &Diff, before: &Report, after: &Report) -> String {
    diff::document(diff, before, after).into_string()
}

/// What a page is made of.
struct Page<'a> {
    report: &'a Report,
    scenario: Option<&'a Scenario>,
    examples: &'a [Example],
    kinds: Kinds,
}

/// One strategy's part of it.
struct Part<'a> {
    page: &'a Page<'a>,
    /// Tells its parts of the document from those of other strategies.
    number: usize,
    figures: &'a StrategyRow,
    overview: Option<&'a StrategyOverview>,
}

impl Page<'_> {
    fn document(&self) -> Markup {
        let main = html! {
            @match &self.report.conclusion {
                Some(conclusion) => {
                    (compare::sections(self, conclusion))
                    @for part in self.parts() { (part.folded()) }
                }
                None => @for part in self.parts() { (part.sections()) },
            }
            (headline::how_to_read())
        };
        let run = &self.report.run;
        let title = format!("{}: where the failures were born", run.scenario);
        shell(&title, &run.versions.tool, &headline::bar(self), &main)
    }

    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.report.strategies.iter().enumerate().map(|(number, figures)| Part {
            page: self,
            number,
            figures,
            overview: self.overview(&figures.strategy),
        })
    }

    fn overview(&self, strategy: &str) -> Option<&StrategyOverview> {
        let all = self.report.overview.iter().flat_map(|overview| &overview.strategies);
        all.into_iter().find(|overview| overview.strategy == strategy)
    }
}

impl Part<'_> {
    fn sections(&self) -> Markup {
        html! {
            (headline::section(self))
            (topology::section(self))
            (origins::section(self))
            (timeline::section(self))
            (latency::section(self))
            (flow::section(self))
            (tables::faults(self))
            (tables::layers(self))
            (examples::section(self))
            (succeeded::section(self))
        }
    }

    /// The same to be opened: one of several.
    fn folded(&self) -> Markup {
        let row = self.figures;
        html! {
            details.strategy {
                summary { h2 { "Under " (strategy_name(&row.strategy)) } span {
                    (counted(row.calls, "call")) ", " (row.success_rate.map_or_else(|| "none".to_owned(), percent)) " succeeded"
                } }
                (self.sections())
            }
        }
    }

    /// Whether a row is of this strategy.
    fn is_own(&self, strategy: &str) -> bool {
        *self.figures.strategy == *strategy
    }

    /// Whether a call is of this strategy, and can be shown.
    fn has(&self, example: &Example) -> bool {
        example.strategy.as_deref().is_none_or(|of| self.is_own(of)) && example.row.is_some()
    }

    /// An element's name that no other strategy's has.
    fn id(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    /// A section with its heading.
    fn section(&self, name: &str, heading: &str, body: &Markup) -> Markup {
        let id = self.id(name);
        html! {
            section.(name) aria-labelledby=(id) {
                h2 #(id) { (heading) }
                (body)
            }
        }
    }

    /// What stands where a folder from before format 1.2 has no overview.
    fn without_overview() -> Markup {
        html! { p.none { "This run's folder has no overview.json, which this is drawn from." } }
    }
}

/// The document around a page's parts.
fn shell(title: &str, version: &str, bar: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                meta name="generator" content={ "badgateway " (version) };
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (patterns())
                (bar)
                main #main { (main) }
                footer { p { "badgateway " (version) } }
                div #filter role="status" aria-live="polite" hidden {
                    span { "Only " strong #filter-name {} }
                    button #clear type="button" { "Show all" }
                }
                div #tip role="status" hidden {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Fill patterns, so that no meaning is told by colour alone.
fn patterns() -> Markup {
    let stripes = |id: &str, turn: u32| {
        html! {
            pattern #(id) width="7" height="7" patternUnits="userSpaceOnUse"
                patternTransform={ "rotate(" (turn) ")" } {
                rect class={ (id) "-ground" } width="7" height="7" {}
                rect class={ (id) "-stripe" } width="2.5" height="7" {}
            }
        }
    };
    html! {
        svg.patterns aria-hidden="true" width="0" height="0" {
            defs {
                (stripes("hatch-passed", 45))
                (stripes("hatch-other", 45))
                (stripes("hatch-none", 135))
                (stripes("hatch-masked", 90))
                marker #arrow viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
                    markerUnits="userSpaceOnUse" orient="auto" {
                    path d="M0 0L8 4L0 8z" {}
                }
            }
        }
    }
}

/// A count as people read it.
fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something.
fn counted(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A strategy, as it is called in a heading.
fn strategy_name(strategy: &str) -> &str {
    if strategy.is_empty() { "the clients' own policy" } else { strategy }
}

#[cfg(test)]
pub(crate) mod tests;
