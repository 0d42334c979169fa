//! How long calls took.

use maud::{Markup, html};
use trace::overview::{LatencyBucket, StrategyOverview};

use super::chart::{self, Frame, Hit, Role};
use super::{Part, count, kinds};
use crate::render::{millis, millis_or_none};

pub(super) fn section(part: &Part<'_>) -> Markup {
    let Some(overview) = part.overview else {
        return part.section("latency", "How long calls took", &Part::without_overview());
    };
    if overview.latency.is_empty() {
        return html! {};
    }
    let row = part.figures;
    let body = html! {
        p.hint {
            "All calls, failed ones included; the axis is logarithmic. Median " (millis_or_none(row.p50_ms))
            ", p90 " (millis_or_none(row.p90_ms)) ", p99 " (millis_or_none(row.p99_ms))
            ", p99.9 " (millis_or_none(row.p999_ms)) ", max " (millis_or_none(row.max_ms)) "."
        }
        figure {
            (chart::legend([(Role::Ok, "ok"), (Role::Status502, "failed")]))
            (all(part, overview))
        }
        @for kind in &overview.kinds {
            @if let Some(id) = part.page.kinds.id(&kind.origin, &kind.cause, &kind.mechanism) {
                @if kind.latency.iter().any(|&n| n > 0) {
                    figure.only data-kinds=(id) hidden {
                        figcaption { "Only " (kinds::what(&kind.cause, &kind.mechanism)) " at " (kind.origin) }
                        (one_kind(overview, &kind.latency))
                    }
                }
            }
        }
    };
    part.section("latency", "How long calls took", &body)
}

fn all(part: &Part<'_>, overview: &StrategyOverview) -> Markup {
    let bars = |bucket: &LatencyBucket| [(Role::Ok, bucket.ok), (Role::Status502, bucket.failed)];
    let label = format!(
        "Distribution of latencies: median {}, p99 {}",
        millis_or_none(part.figures.p50_ms),
        millis_or_none(part.figures.p99_ms)
    );
    let marks = [("p50", part.figures.p50_ms), ("p90", part.figures.p90_ms), ("p99", part.figures.p99_ms)];
    histogram(&label, 200, &overview.latency, &marks, |place| bars(&overview.latency[place]))
}

fn one_kind(overview: &StrategyOverview, counts: &[u64]) -> Markup {
    let of = |place: usize| counts.get(place).copied().unwrap_or(0);
    let label = format!("Distribution of their latencies: {} calls", count(counts.iter().sum()));
    histogram(&label, 120, &overview.latency, &[], |place| [(Role::Ok, 0), (Role::Status502, of(place))])
}

/// Stacked bars over the logarithm of the latency.
fn histogram(
    label: &str,
    height: u32,
    buckets: &[LatencyBucket],
    marks: &[(&str, Option<f64>)],
    bars: impl Fn(usize) -> [(Role, u64); 2],
) -> Markup {
    let all = |place: usize| bars(place).iter().map(|(_, n)| n).sum::<u64>();
    let top = chart::top((0..buckets.len()).map(|place| all(place) as f64));
    let x = |bucket: &LatencyBucket| (bucket.from_ms.log10(), bucket.to_ms.log10());
    let first = buckets.first().map_or(0.0, |bucket| x(bucket).0);
    let last = buckets.last().map_or(1.0, |bucket| x(bucket).1);
    let hits = buckets.iter().enumerate().map(|(place, bucket)| {
        let [(_, ok), (_, failed)] = bars(place);
        let tip = format!("{} to {}: {ok} ok, {failed} failed", millis(bucket.from_ms), millis(bucket.to_ms));
        Hit { from: x(bucket).0, to: x(bucket).1, tip }
    });
    let x_text = |log: f64| millis(10_f64.powf(log));
    let y_text = |n: f64| if n.fract().abs() < 1e-9 { format!("{n:.0}") } else { String::new() };
    let frame = Frame {
        label,
        height,
        x: (first, last),
        y: (0.0, top),
        x_text: Some(&x_text),
        y_text: Some(&y_text),
    };
    chart::draw(&frame, &hits.collect::<Vec<_>>(), |plane| {
        for (place, bucket) in buckets.iter().enumerate() {
            let (from, to) = x(bucket);
            let gap = (to - from) * 0.06;
            let mut bottom = 0.0;
            for (role, n) in bars(place).into_iter().filter(|(_, n)| *n > 0) {
                chart::block(plane, role, (from + gap, to - gap), (bottom, bottom + n as f64));
                bottom += n as f64;
            }
        }
        let width = (last - first) / 600.0;
        for (place, (name, ms)) in marks.iter().enumerate() {
            let Some(at) = ms.filter(|ms| *ms > 0.0).map(f64::log10) else { continue };
            chart::block(plane, Role::Ink, (at - width / 2.0, at + width / 2.0), (0.0, top));
            let height = top * (0.95 - 0.09 * place as f64);
            chart::text(plane, (at + 3.0 * width, height), false, name);
        }
    })
}
