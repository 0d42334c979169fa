//! Two runs side by side as a page.

use maud::{Markup, html};
use trace::overview::{Bin, StrategyOverview};

use super::chart::{self, Frame, Role};
use super::origins::cause_sign;
use super::{count, counted, headline, strategy_name, timeline};
use crate::Report;
use crate::diff::{Change, Diff, StrategyDiff};
use crate::render::{Block, Tone, diff as words, millis, percent};

pub(super) fn document(diff: &Diff, before: &Report, after: &Report) -> Markup {
    let bar = html! {
        header {
            div.run {
                h1 { (diff.after.scenario) }
                p.meta { "before: " (words::side(&diff.before)) }
                p.meta { "after: " (words::side(&diff.after)) }
            }
            div.controls { button #theme type="button" aria-pressed="false" hidden { "Dark" } }
        }
    };
    let mut blocks = words::conclusion(diff);
    blocks.push(Block::Line(Tone::Plain, words::tolerated(&diff.tolerance)));
    let heading = match (diff.worse().count() as u64, diff.missed.len() as u64) {
        (0, 0) => "Nothing is worse".to_owned(),
        (0, missed) => format!("{} newly missed", counted(missed, "threshold")),
        (1, _) => "1 figure is worse".to_owned(),
        (worse, _) => format!("{} are worse", counted(worse, "figure")),
    };
    let main = html! {
        section.headline aria-labelledby="verdict" { h2 #verdict { (heading) } (headline::lines(&blocks)) }
        @for (number, strategy) in diff.strategies.iter().enumerate() {
            section.change aria-labelledby={ "change-" (number) } {
                h2 #{ "change-" (number) } {
                    @if diff.strategies.len() > 1 { "Under " (strategy_name(&strategy.strategy)) } @else { "Figures" }
                }
                (figures(strategy))
                (origins(strategy))
                @if let (Some(b), Some(a)) = (overview(before, &strategy.strategy), overview(after, &strategy.strategy)) {
                    (along_time(b, a))
                }
            }
        }
    };
    super::shell(&format!("{}: what has changed", diff.after.scenario), &after.run.versions.tool, &bar, &main)
}

/// The shape of a strategy's calls; of a plain run, of its only one.
fn overview<'a>(report: &'a Report, strategy: &str) -> Option<&'a StrategyOverview> {
    let all = &report.overview.as_ref()?.strategies;
    all.iter().find(|o| o.strategy == strategy).or(if all.len() == 1 { all.first() } else { None })
}

fn figures(strategy: &StrategyDiff) -> Markup {
    let sign = |change: Change| match change {
        Change::Better => "▲",
        Change::Same => "=",
        Change::Worse => "▼",
        Change::Unknown => "?",
    };
    html! {
        div.wide role="group" aria-label="Figures, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Figure" }
                    @for head in ["Before", "After", "Change"] { th.number scope="col" { (head) } }
                    th scope="col" { "Verdict" }
                } }
                tbody { @for figure in &strategy.figures {
                    tr {
                        th scope="row" { (figure.what) }
                        td.number { (words::number(figure.unit, figure.before)) }
                        td.number { (words::number(figure.unit, figure.after)) }
                        td.number { (words::change(figure)) }
                        td { span class={ "verdict " (words::verdict(figure.change)) } {
                            span aria-hidden="true" { (sign(figure.change)) " " } (words::verdict(figure.change))
                        } }
                    }
                } }
            }
        }
    }
}

fn origins(strategy: &StrategyDiff) -> Markup {
    if strategy.origins.is_empty() {
        return html! { p.none { "No call failed in either run." } };
    }
    let most = strategy.origins.iter().map(|o| o.before.max(o.after)).max().unwrap_or(1).max(1);
    let width = |n: u64| format!("width:{:.1}%", n as f64 / most as f64 * 100.0);
    html! {
        h3 { "Calls that failed, by where the failure was born" }
        div.wide role="group" aria-label="Origins, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Born at" } th scope="col" { "Cause" }
                    @for head in ["Before", "After", "Of all calls"] { th.number scope="col" { (head) } }
                    th scope="col" { "Before above, after below" }
                } }
                tbody { @for row in &strategy.origins {
                    tr {
                        th scope="row" { (row.origin) }
                        td { span.cause { (cause_sign(&row.cause)) " " (row.cause) } " " (row.mechanism) }
                        td.number { (count(row.before)) }
                        td.number { (count(row.after)) }
                        td.number { (words::points(row.change)) }
                        td { div.pair aria-hidden="true" { span.before style=(width(row.before)) {} span.after style=(width(row.after)) {} } }
                    }
                } }
            }
        }
    }
}

/// A chart: its caption, where it ends, what it shows of a bin, and how that is written.
type Drawn<'a> = (&'a str, f64, fn(&Bin) -> Option<f64>, &'a dyn Fn(f64) -> String);

/// The share of calls that succeed, and the slowest of them, in both runs.
fn along_time(before: &StrategyOverview, after: &StrategyOverview) -> Markup {
    let end = |o: &StrategyOverview| o.bins.len() as f64 * o.bin_ms / 1e3;
    let end_s = end(before).max(end(after));
    let points = |o: &StrategyOverview, of: fn(&Bin) -> Option<f64>| -> Vec<(f64, Option<f64>)> {
        let middle = |place: usize| (place as f64 + 0.5) * o.bin_ms / 1e3;
        o.bins.iter().enumerate().map(|(place, bin)| (middle(place), of(bin))).collect()
    };
    let share = |bin: &Bin| (bin.calls() > 0).then(|| bin.ok as f64 / bin.calls() as f64);
    let p99 = |bin: &Bin| bin.p99_ms;
    let most = chart::top(before.bins.iter().chain(&after.bins).filter_map(|bin| bin.p99_ms));
    let charts: [Drawn<'_>; 2] =
        [("Share of the calls that succeed", 1.05, share, &percent), ("p99 latency", most, p99, &millis)];
    html! {
        @for (caption, top, of, text) in charts {
            figure {
                figcaption { (caption) }
                (chart::legend([(Role::Series(0), "before"), (Role::Series(1), "after")]))
                @let frame = Frame { label: caption, height: 170, x: (0.0, end_s), y: (0.0, top), x_text: Some(&timeline::seconds), y_text: Some(text) };
                (chart::draw(&frame, &[], |plane| {
                    chart::line(plane, Role::Series(0), &points(before, of));
                    chart::line(plane, Role::Series(1), &points(after, of));
                }))
            }
        }
    }
}
