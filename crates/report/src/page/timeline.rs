//! What happened when: several charts over one axis of time.

use maud::{Markup, html};
use trace::overview::{Bin, Kind, StrategyOverview};

use super::chart::{self, Frame, Hit, Role};
use super::{Page, Part, count};
use crate::render::{millis, millis_or_none};

/// How many nodes have lines of their own: those that were fullest.
const NODES: usize = 6;
/// How many bands faults may have in all, and how many faults have a lane.
const BANDS: usize = 400;
const LANES: usize = 16;

/// Reads the axis of time.
struct Clock<'a> {
    overview: &'a StrategyOverview,
    end_s: f64,
}

/// A fault's time.
pub(super) struct Lane {
    pub(super) name: String,
    at: String,
    /// From and to, in seconds, in order.
    pub(super) bands: Vec<(f64, f64)>,
}

pub(super) fn section(part: &Part<'_>) -> Markup {
    let Some(overview) = part.overview else {
        return part.section("timeline", "When it happened", &Part::without_overview());
    };
    let clock = Clock { overview, end_s: overview.bins.len() as f64 * overview.bin_ms / 1e3 };
    let lanes = lanes(part.page, clock.end_s);
    let body = html! {
        p.hint {
            "Calls are shown when they should have begun, in steps of " (millis(overview.bin_ms)) "."
            @if part.page.report.run.seeds > 1 { " All seeds are added up." }
            @if part.page.report.run.warmup_s > 0.0 {
                " The first " (format!("{}s", part.page.report.run.warmup_s)) " are the warm-up, which the figures leave out."
            }
        }
        @if !lanes.is_empty() {
            figure {
                figcaption { "Faults" }
                (fault_lanes(&clock, &lanes))
            }
        }
        figure {
            figcaption { "Calls by what the client got" }
            (chart::legend([(Role::Ok, "ok"), (Role::Status502, "502"), (Role::OtherStatus, "other status"),
                (Role::NoResponse, "no response")]))
            (calls(&clock, &lanes))
        }
        @for (id, kind) in kinds(part, overview) {
            figure.only data-kinds=(id) hidden {
                figcaption { "Only " (super::kinds::what(&kind.cause, &kind.mechanism)) " at " (kind.origin) }
                (chart::legend([(Role::Status502, "surfaced"), (Role::Masked, "masked")]))
                (one_kind(&clock, &lanes, kind))
            }
        }
        (fullness(&clock, &lanes, "Requests inside each node", |node| &node.in_flight))
        (fullness(&clock, &lanes, "Requests waiting for a worker", |node| &node.queued))
        figure {
            figcaption { "Latency" }
            (chart::legend([(Role::Series(0), "median"), (Role::Series(1), "p99")]))
            (latency(&clock, &lanes))
        }
        (numbers(&clock))
    };
    part.section("timeline", "When it happened", &body)
}

impl Clock<'_> {
    fn bin_s(&self) -> f64 {
        self.overview.bin_ms / 1e3
    }

    fn at(&self, bin: usize) -> (f64, f64) {
        (bin as f64 * self.bin_s(), (bin + 1) as f64 * self.bin_s())
    }

    fn frame<'a>(
        &self,
        label: &'a str,
        height: u32,
        top: f64,
        y: Option<&'a dyn Fn(f64) -> String>,
    ) -> Frame<'a> {
        Frame { label, height, x: (0.0, self.end_s), y: (0.0, top), x_text: Some(&seconds), y_text: y }
    }

    fn hits(&self, tip: impl Fn(usize) -> String) -> Vec<Hit> {
        let hit = |bin: usize| {
            let (from, to) = self.at(bin);
            let time = format!("{} to {}: ", millis(from * 1e3), millis(to * 1e3));
            Hit { from, to, tip: time + &tip(bin) }
        };
        (0..self.overview.bins.len()).map(hit).collect()
    }
}

pub(super) fn seconds(s: f64) -> String {
    format!("{}s", (s * 1e3).round() / 1e3)
}

fn whole(n: f64) -> String {
    if n.fract().abs() < 1e-9 { format!("{n:.0}") } else { String::new() }
}

fn kinds<'a>(part: &Part<'a>, overview: &'a StrategyOverview) -> Vec<(usize, &'a Kind)> {
    let id = |kind: &'a Kind| Some((part.page.kinds.id(&kind.origin, &kind.cause, &kind.mechanism)?, kind));
    overview.kinds.iter().filter_map(id).collect()
}

/// When each fault was active, as the scenario has it.
pub(super) fn lanes(page: &Page<'_>, end_s: f64) -> Vec<Lane> {
    let Some(scenario) = page.scenario else { return Vec::new() };
    // It comes from a file.
    let until = std::time::Duration::try_from_secs_f64(end_s).unwrap_or_default();
    let mut left = BANDS;
    let mut lanes = Vec::new();
    for fault in scenario.faults.iter().take(LANES) {
        let active = fault.times(until);
        let bands =
            active.iter().take(left).map(|(from, to)| (from.as_secs_f64(), to.as_secs_f64().min(end_s)));
        let bands: Vec<_> = bands.collect();
        left -= bands.len();
        lanes.push(Lane { name: fault.name.clone(), at: fault.at.clone(), bands });
    }
    lanes
}

pub(super) fn shade(plane: &mut chart::Plane<'_, '_>, lanes: &[Lane], top: f64) {
    for &(from, to) in lanes.iter().flat_map(|lane| &lane.bands) {
        chart::block(plane, Role::Fault, (from, to), (0.0, top));
    }
}

fn fault_lanes(clock: &Clock<'_>, lanes: &[Lane]) -> Markup {
    let label = lanes.iter().map(|lane| {
        let times: Vec<_> =
            lane.bands.iter().take(3).map(|(from, to)| format!("{from:.1}s to {to:.1}s")).collect();
        format!("{} at {}: {}", lane.name, lane.at, times.join(", "))
    });
    let label = format!("Faults and their times. {}", label.collect::<Vec<_>>().join("; "));
    let height = u32::try_from(lanes.len()).unwrap_or(1) * 24 + 16;
    let frame = Frame {
        label: &label,
        height,
        x: (0.0, clock.end_s),
        y: (0.0, lanes.len() as f64),
        x_text: None,
        y_text: None,
    };
    chart::draw(&frame, &[], |plane| {
        for (place, lane) in lanes.iter().enumerate() {
            let bottom = (lanes.len() - 1 - place) as f64;
            for &(from, to) in &lane.bands {
                // A moment is seen too.
                let to = to.max(from + clock.end_s / 300.0);
                chart::block(plane, Role::Rule, (from, to), (bottom + 0.12, bottom + 0.88));
            }
            let first = lane.bands.first().map_or(0.0, |band| band.0);
            let last = lane.bands.last().map_or(0.0, |band| band.1);
            let name = format!("{} at {}", lane.name, lane.at);
            // The name stands where there is most room beside the bands.
            let (at, end) = if clock.end_s - last >= first { (last, false) } else { (first, true) };
            let gap = clock.end_s / 150.0;
            let at = if end { at - gap } else { at + gap };
            chart::text(plane, (at, bottom + 0.5), end, &name);
        }
    })
}

fn calls(clock: &Clock<'_>, lanes: &[Lane]) -> Markup {
    let bins = &clock.overview.bins;
    let top = chart::top(bins.iter().map(|bin| bin.calls() as f64));
    let (calls, failed): (u64, u64) =
        bins.iter().fold((0, 0), |(calls, failed), bin| (calls + bin.calls(), failed + bin.failed()));
    let label = format!("Calls over time: {} in all, {} failed", count(calls), count(failed));
    let hits = clock.hits(|bin| outcome(&bins[bin]));
    let text = whole;
    chart::draw(&clock.frame(&label, 190, top, Some(&text)), &hits, |plane| {
        shade(plane, lanes, top);
        for (number, bin) in bins.iter().enumerate() {
            let stack = [
                (Role::Ok, bin.ok),
                (Role::Status502, bin.status_502),
                (Role::OtherStatus, bin.other_status),
                (Role::NoResponse, bin.no_response),
            ];
            bar(plane, clock, number, &stack);
        }
    })
}

/// One bin's bar, made of parts that stand on one another.
fn bar(plane: &mut chart::Plane<'_, '_>, clock: &Clock<'_>, bin: usize, stack: &[(Role, u64)]) {
    let (from, to) = clock.at(bin);
    let gap = clock.bin_s() * 0.08;
    let mut bottom = 0.0;
    for &(role, n) in stack.iter().filter(|(_, n)| *n > 0) {
        chart::block(plane, role, (from + gap, to - gap), (bottom, bottom + n as f64));
        bottom += n as f64;
    }
}

fn outcome(bin: &Bin) -> String {
    let parts = [
        (bin.ok, "ok"),
        (bin.status_502, "502"),
        (bin.other_status, "other status"),
        (bin.no_response, "no response"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() { "no call".to_owned() } else { parts.join(", ") }
}

fn one_kind(clock: &Clock<'_>, lanes: &[Lane], kind: &Kind) -> Markup {
    let of = |counts: &[u64], bin: usize| counts.get(bin).copied().unwrap_or(0);
    let both = |bin: usize| (of(&kind.surfaced, bin), of(&kind.masked, bin));
    let bins = clock.overview.bins.len();
    let top = chart::top((0..bins).map(|bin| (both(bin).0 + both(bin).1) as f64));
    let (surfaced, masked) = (kind.surfaced.iter().sum(), kind.masked.iter().sum());
    let label = format!(
        "{} at {} over time: {} surfaced, {} masked",
        super::kinds::what(&kind.cause, &kind.mechanism),
        kind.origin,
        count(surfaced),
        count(masked)
    );
    let hits = clock.hits(|bin| format!("{} surfaced, {} masked", both(bin).0, both(bin).1));
    let text = whole;
    chart::draw(&clock.frame(&label, 130, top, Some(&text)), &hits, |plane| {
        shade(plane, lanes, top);
        for bin in 0..bins {
            let (surfaced, masked) = both(bin);
            bar(plane, clock, bin, &[(Role::Status502, surfaced), (Role::Masked, masked)]);
        }
    })
}

fn fullness(
    clock: &Clock<'_>,
    lanes: &[Lane],
    caption: &str,
    of: fn(&trace::overview::NodeBins) -> &Vec<u32>,
) -> Markup {
    let most = |node: &trace::overview::NodeBins| of(node).iter().copied().max().unwrap_or(0);
    let mut nodes: Vec<_> = clock.overview.nodes.iter().filter(|node| most(node) > 0).collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(most(node)));
    nodes.truncate(NODES);
    if nodes.is_empty() {
        return html! {};
    }
    let top = chart::top(nodes.iter().map(|node| f64::from(most(node))));
    let each: Vec<_> = nodes.iter().map(|node| format!("{} at most {}", node.node, most(node))).collect();
    let label = format!("{caption} over time: {}", each.join(", "));
    let value = |node: &trace::overview::NodeBins, bin: usize| of(node).get(bin).copied().unwrap_or(0);
    let hits = clock.hits(|bin| {
        let each: Vec<_> = nodes.iter().map(|node| format!("{} {}", node.node, value(node, bin))).collect();
        each.join(", ")
    });
    let text = whole;
    let series = |place: usize| Role::Series(u8::try_from(place).unwrap_or(0));
    html! {
        figure {
            figcaption { (caption) ", at most" }
            (chart::legend(nodes.iter().enumerate().map(|(place, node)| (series(place), &*node.node))))
            (chart::draw(&clock.frame(&label, 140, top, Some(&text)), &hits, |plane| {
                shade(plane, lanes, top);
                for (place, node) in nodes.iter().enumerate().rev() {
                    let points = (0..clock.overview.bins.len()).map(|bin| {
                        let (from, to) = clock.at(bin);
                        (f64::midpoint(from, to), Some(f64::from(value(node, bin))))
                    });
                    chart::line(plane, series(place), &points.collect::<Vec<_>>());
                }
            }))
        }
    }
}

fn latency(clock: &Clock<'_>, lanes: &[Lane]) -> Markup {
    let bins = &clock.overview.bins;
    let top = chart::top(bins.iter().filter_map(|bin| bin.p99_ms));
    let label = format!(
        "Latency over time: p99 up to {}",
        millis(bins.iter().filter_map(|bin| bin.p99_ms).fold(0.0, f64::max))
    );
    let hits = clock.hits(|bin| {
        format!("median {}, p99 {}", millis_or_none(bins[bin].p50_ms), millis_or_none(bins[bin].p99_ms))
    });
    let text = |ms: f64| if ms < 1e-9 { "0".to_owned() } else { millis(ms) };
    let points = |of: fn(&Bin) -> Option<f64>| {
        let point = |(number, bin): (usize, &Bin)| {
            let (from, to) = clock.at(number);
            (f64::midpoint(from, to), of(bin))
        };
        bins.iter().enumerate().map(point).collect::<Vec<_>>()
    };
    chart::draw(&clock.frame(&label, 160, top, Some(&text)), &hits, |plane| {
        shade(plane, lanes, top);
        chart::line(plane, Role::Series(1), &points(|bin| bin.p99_ms));
        chart::line(plane, Role::Series(0), &points(|bin| bin.p50_ms));
    })
}

/// The same for those who do not see charts.
fn numbers(clock: &Clock<'_>) -> Markup {
    html! {
        details {
            summary { "The same in numbers" }
            div.wide role="group" aria-label="Timeline in numbers, scrollable" {
                table.numbers {
                    thead { tr { @for head in ["From", "OK", "502", "Other status", "No response", "Median", "p99"] {
                        th.number scope="col" { (head) }
                    } } }
                    tbody { @for (number, bin) in clock.overview.bins.iter().enumerate() {
                        tr {
                            th.number scope="row" { (seconds(clock.at(number).0)) }
                            @for n in [bin.ok, bin.status_502, bin.other_status, bin.no_response] {
                                td.number { (n) }
                            }
                            td.number { (millis_or_none(bin.p50_ms)) }
                            td.number { (millis_or_none(bin.p99_ms)) }
                        }
                    } }
                }
            }
        }
    }
}
