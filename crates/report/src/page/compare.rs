//! Strategies side by side: what each wins, and what it costs.

mod recovery;

use maud::{Markup, html};
use trace::overview::StrategyOverview;
use trace::rows::StrategyRow;

use super::chart::{self, Frame, Hit, Role};
use super::{Page, strategy_name, timeline};
use crate::comparison::{Advice, Conclusion, in_order};
use crate::render::{Block, Tone, basis, caveats, collapsed, millis, millis_or_none, percent, points, score};

/// How many strategies have lines of their own.
const LINES: usize = 8;

pub(super) fn sections(page: &Page<'_>, conclusion: &Conclusion) -> Markup {
    let rows = in_order(&page.report.strategies);
    html! {
        (advice(page, conclusion))
        (section("pareto", "Success against load", &pareto(page, &rows)))
        (section("ranks", "What each wins and costs", &ranks(page, &rows)))
        (section("percentiles", "How long calls take under each", &percentiles(page, &rows)))
        (section("goodput", "When calls succeed under each", &goodput(page)))
    }
}

fn section(name: &str, heading: &str, body: &Markup) -> Markup {
    html! { section.(name) aria-labelledby=(name) { h2 #(name) { (heading) } (body) } }
}

/// The same strategy has the same look everywhere.
fn look(page: &Page<'_>, strategy: &str) -> Role {
    let place = page.report.strategies.iter().position(|row| *row.strategy == *strategy);
    Role::Series(u8::try_from(place.unwrap_or(0)).unwrap_or(0))
}

fn advice(page: &Page<'_>, conclusion: &Conclusion) -> Markup {
    let reasons = conclusion.reasons.iter().skip(1);
    let mut blocks: Vec<Block> = reasons.map(|reason| Block::Line(Tone::Plain, reason.clone())).collect();
    blocks.extend(collapsed(page.report));
    blocks.push(score(page.report));
    blocks.extend(caveats(page.report));
    let heading = match conclusion.advice {
        Advice::Choose => format!("Choose {}", strategy_name(&conclusion.strategy)),
        Advice::Keep => format!("Keep {}", strategy_name(&conclusion.strategy)),
        Advice::Undecided => "No strategy can be told to be the best".to_owned(),
    };
    let body = html! {
        p.lead { @if let Some(first) = conclusion.reasons.first() { (super::headline::prose(first)) } }
        (super::headline::lines(&blocks))
    };
    html! { section.headline.advice aria-labelledby="advice" { h2 #advice { (heading) } (body) } }
}

/// Success against what it costs, with intervals.
fn pareto(page: &Page<'_>, rows: &[&StrategyRow]) -> Markup {
    let known: Vec<_> = rows.iter().filter_map(|row| Some((*row, row.success_rate?))).collect();
    let ends = known
        .iter()
        .flat_map(|(row, rate)| [row.success_low.unwrap_or(*rate), row.success_high.unwrap_or(*rate)]);
    let (low, high) = ends.fold((1.0_f64, 0.0_f64), |(low, high), end| (low.min(end), high.max(end)));
    let room = ((high - low) * 0.15).max(0.002);
    let loads = || known.iter().map(|(row, _)| row.amplification);
    let (least, most) = (loads().fold(f64::MAX, f64::min), loads().fold(0.0, f64::max));
    let gap = ((most - least) * 0.15).max(0.02);
    let label = known.iter().map(|(row, rate)| {
        format!(
            "{}: {} success at {:.2} attempts",
            strategy_name(&row.strategy),
            percent(*rate),
            row.amplification
        )
    });
    let label = format!("Success rate against load. {}", label.collect::<Vec<_>>().join("; "));
    let x_text = |load: f64| format!("{load:.2}");
    let y_text = |rate: f64| format!("{:.1}%", rate * 100.0);
    let frame = Frame {
        label: &label,
        height: 300,
        x: (least - gap, most + 2.0 * gap),
        y: (low - room, (high + room).min(1.0 + room / 4.0)),
        x_text: Some(&x_text),
        y_text: Some(&y_text),
    };
    let width = (most - least + 3.0 * gap) / 220.0;
    let hits = known.iter().map(|(row, rate)| Hit {
        from: row.amplification - 4.0 * width,
        to: row.amplification + 4.0 * width,
        tip: format!(
            "{}: {} ({}), {:.2} attempts at the deepest nodes a call",
            strategy_name(&row.strategy),
            percent(*rate),
            interval(row),
            row.amplification
        ),
    });
    html! {
        p.hint {
            "Upwards: more calls succeed. To the right: more attempts at the deepest nodes a call. "
            "The bars are 95% intervals; ★ marks strategies that none of their rank or better beats in load (Pareto)."
        }
        figure {
            (chart::legend(known.iter().map(|(row, _)| (look(page, &row.strategy), strategy_name(&row.strategy)))))
            (chart::draw(&frame, &hits.collect::<Vec<_>>(), |plane| {
                for (place, (row, rate)) in known.iter().enumerate() {
                    let role = look(page, &row.strategy);
                    let x = row.amplification;
                    if let (Some(low), Some(high)) = (row.success_low, row.success_high) {
                        chart::block(plane, role, (x - width / 8.0, x + width / 8.0), (low, high));
                        for end in [low, high] {
                            chart::line(plane, role, &[(x - width, Some(end)), (x + width, Some(end))]);
                        }
                    }
                    chart::dot(plane, role, (x, *rate));
                    let star = if row.pareto == Some(true) { "★ " } else { "" };
                    // What lies at one place is named below one another.
                    let is_near = |(other, its): &&(&StrategyRow, f64)| {
                        (other.amplification - x).abs() < 24.0 * width && (its - rate).abs() < (high - low + 2.0 * room) * 0.05
                    };
                    let above = known[..place].iter().filter(is_near).count() as f64;
                    let at = (x + 2.4 * width, rate - above * (high - low + 2.0 * room) * 0.055);
                    chart::text(plane, at, false, &format!("{star}{}", strategy_name(&row.strategy)));
                }
            }))
        }
    }
}

fn interval(row: &StrategyRow) -> String {
    match (row.success_low, row.success_high) {
        (Some(low), Some(high)) => format!("{:.1}–{:.1}%", low * 100.0, high * 100.0),
        _ => String::new(),
    }
}

fn ranks(page: &Page<'_>, rows: &[&StrategyRow]) -> Markup {
    html! {
        p.hint { (super::headline::prose(&basis(page.report))) }
        div.wide role="group" aria-label="Strategies, scrollable" {
            table {
                thead { tr {
                    th.number scope="col" { "Rank" }
                    th scope="col" { "Strategy" }
                    th.number scope="col" { "Calls" }
                    th.number scope="col" { "Succeeded" }
                    th.number scope="col" { "Success" }
                    th.number scope="col" { "95% interval" }
                    th.number scope="col" data-tip="Percentage points against the first strategy, over calls made under both" { "vs first" }
                    th.number scope="col" { "95% interval" }
                    th.number scope="col" data-tip="Attempts at the deepest nodes per call" { "Load" }
                    th.number scope="col" data-tip="What one call can come to if all fails" { "At most" }
                    th.number scope="col" data-tip="The share of the servers' time that went into answers nobody used" { "Wasted" }
                    th.number scope="col" { "Goodput" }
                } }
                tbody { @for row in rows {
                    tr {
                        td.number { (row.rank) @if row.pareto == Some(true) { " ★" } }
                        th scope="row" { (strategy_name(&row.strategy)) }
                        td.number { (super::count(row.calls)) }
                        td.number { (super::count(row.succeeded)) }
                        td.number { (row.success_rate.map_or_else(String::new, percent)) }
                        td.number { (interval(row)) }
                        td.number { (row.success_vs.map_or_else(String::new, points)) }
                        td.number { @if let (Some(low), Some(high)) = (row.success_vs_low, row.success_vs_high) {
                            (points(low)) " to " (points(high))
                        } }
                        td.number { (format!("{:.2}", row.amplification)) }
                        td.number { @if let Some(bound) = row.bound { (bound) } }
                        td.number { (percent(row.wasted_work)) }
                        td.number { (format!("{:.1}/s", row.goodput_per_s)) }
                    }
                } }
            }
        }
    }
}

/// Percentiles on a logarithmic scale, a row a strategy.
fn percentiles(page: &Page<'_>, rows: &[&StrategyRow]) -> Markup {
    let of = |row: &StrategyRow| {
        [("p50", row.p50_ms), ("p90", row.p90_ms), ("p99", row.p99_ms), ("p99.9", row.p999_ms)]
    };
    let all = || rows.iter().flat_map(|row| of(row)).filter_map(|(_, ms)| ms).filter(|ms| *ms > 0.0);
    let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    if most <= 0.0 {
        return html! { p.none { "There was no call." } };
    }
    let scale = |ms: f64| ((ms / least).ln() / (most / least).ln().max(1e-9) * 92.0 + 2.0).clamp(0.0, 98.0);
    html! {
        p.hint { "On a logarithmic scale from " (millis(least)) " to " (millis(most)) ": p50 ●, p90 ◆, p99 ■, p99.9 ▲." }
        div.wide role="group" aria-label="Percentiles, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Strategy" }
                    @for name in ["p50", "p90", "p99", "p99.9", "Max"] { th.number scope="col" { (name) } }
                    th scope="col" { "From p50 to p99.9" }
                } }
                tbody { @for row in rows {
                    tr {
                        th scope="row" { (strategy_name(&row.strategy)) }
                        @for (_, ms) in of(row) { td.number { (millis_or_none(ms)) } }
                        td.number { (millis_or_none(row.max_ms)) }
                        td.spread {
                            div.track aria-hidden="true" {
                                @let look = look(page, &row.strategy).class();
                                @for ((name, ms), sign) in of(row).into_iter().zip(["●", "◆", "■", "▲"]) {
                                    @if let Some(ms) = ms.filter(|ms| *ms > 0.0) {
                                        span class={ "at f " (look) } style=(format!("left:{:.1}%", scale(ms)))
                                            data-tip={ (name) " " (millis(ms)) } { (sign) }
                                    }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// Calls that succeeded, bin by bin, and how soon each strategy is back after a fault.
fn goodput(page: &Page<'_>) -> Markup {
    let Some(overview) = page.report.overview.as_ref().filter(|o| !o.strategies.is_empty()) else {
        return super::Part::without_overview();
    };
    let shown: Vec<&StrategyOverview> = overview.strategies.iter().take(LINES).collect();
    let bin_s = shown[0].bin_ms / 1e3;
    let bins = shown.iter().map(|s| s.bins.len()).max().unwrap_or(0);
    let end_s = bins as f64 * bin_s;
    let seeds = page.report.run.seeds.max(1) as f64;
    let rate = |strategy: &StrategyOverview, bin: usize| {
        strategy.bins.get(bin).map_or(0.0, |bin| bin.ok as f64 / bin_s / seeds)
    };
    let top = chart::top(shown.iter().flat_map(|s| (0..bins).map(|bin| rate(s, bin))));
    let label =
        format!("Calls that succeed per second, by when they began, under {} strategies", shown.len());
    let x_text = timeline::seconds;
    let y_text = |rate: f64| format!("{rate:.0}/s");
    let frame = Frame {
        label: &label,
        height: 240,
        x: (0.0, end_s),
        y: (0.0, top),
        x_text: Some(&x_text),
        y_text: Some(&y_text),
    };
    let lanes = timeline::lanes(page, end_s);
    let hits = (0..bins).map(|bin| {
        let each: Vec<_> =
            shown.iter().map(|s| format!("{} {:.1}/s", strategy_name(&s.strategy), rate(s, bin))).collect();
        let (from, to) = (bin as f64 * bin_s, (bin + 1) as f64 * bin_s);
        Hit { from, to, tip: format!("{} to {}: {}", millis(from * 1e3), millis(to * 1e3), each.join(", ")) }
    });
    html! {
        p.hint {
            "Calls that succeed per second, by when they should have begun"
            @if seeds > 1.0 { ", on average over the seeds" }
            ". Bands are the times of faults."
        }
        figure {
            (chart::legend(shown.iter().map(|s| (look(page, &s.strategy), strategy_name(&s.strategy)))))
            (chart::draw(&frame, &hits.collect::<Vec<_>>(), |plane| {
                timeline::shade(plane, &lanes, top);
                for strategy in shown.iter().rev() {
                    let points = (0..bins).map(|bin| ((bin as f64 + 0.5) * bin_s, Some(rate(strategy, bin))));
                    chart::line(plane, look(page, &strategy.strategy), &points.collect::<Vec<_>>());
                }
            }))
        }
        (recovery::table(&shown, &lanes, page.report.run.warmup_s))
    }
}
