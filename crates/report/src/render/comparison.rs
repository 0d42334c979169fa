//! A comparison of strategies as a document.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use trace::manifest::ThresholdVerdict;
use trace::rows::{Name, StrategyRow};

use super::blocks::{Block, Column, Table, Tone};
use super::courses;
use super::document::{caveats, figure, score, unmatched, with_courses};
use super::quantity::{amount, millis_or_none, percent};
use crate::Report;
use crate::comparison::{Advice, Conclusion, in_order, named};
use crate::figures::deepest;

/// How many origins are listed for each strategy.
const ORIGINS: usize = 3;

pub(super) fn blocks(report: &Report, conclusion: &Conclusion) -> Vec<Block> {
    let rows = in_order(&report.strategies);
    let place = deepest(&report.run);
    let legend = |text: String| Block::Line(Tone::Plain, text);
    let mut blocks = vec![
        Block::Title(title(report)),
        Block::Table(success(&rows)),
        legend(format!("* no strategy of this rank or a better one puts less load on {place} (Pareto)")),
        legend(basis(report)),
        Block::Title("What each costs".to_owned()),
        Block::Table(cost(&rows)),
        legend(format!(
            "load: attempts at {place} per call; at most: what one call can come to if all fails"
        )),
    ];
    blocks.extend(spending(&rows));
    blocks.push(Block::Title("What to choose".to_owned()));
    for (i, reason) in conclusion.reasons.iter().enumerate() {
        let tone = match (i, conclusion.advice) {
            (0, Advice::Choose | Advice::Keep) => Tone::Good,
            (0, Advice::Undecided) => Tone::Warning,
            _ => Tone::Plain,
        };
        blocks.push(Block::Line(tone, reason.clone()));
    }
    blocks.extend(collapsed(report));
    blocks.extend(thresholds(report, conclusion));
    if !report.origins.is_empty() {
        blocks.push(Block::Title("What stayed visible".to_owned()));
        let table = visible(report, &rows);
        let lines: Vec<_> = table.rows.iter().map(|row| [&*row[0], &*row[1], &*row[2], &*row[3]]).collect();
        let courses = courses::visible(report, &lines);
        blocks.push(with_courses(table, courses));
    }
    blocks.push(Block::Title("How far to trust it".to_owned()));
    blocks.push(score(report));
    blocks.extend(unmatched(report));
    blocks.extend(caveats(report));
    blocks
}

/// So many seeds.
pub(super) fn seeds(seeds: u64) -> String {
    if seeds == 1 { "1 seed".to_owned() } else { format!("{seeds} seeds") }
}

fn title(report: &Report) -> String {
    let calls = || report.strategies.iter().map(|row| row.calls);
    let (fewest, most) = (calls().min().unwrap_or(0), calls().max().unwrap_or(0));
    let calls =
        if fewest == most { format!("the same {most} calls") } else { format!("{fewest} to {most} calls") };
    format!("{} strategies, {calls}, {}", report.strategies.len(), seeds(report.run.seeds))
}

/// What the intervals rest on.
pub(crate) fn basis(report: &Report) -> String {
    let first = report.strategies.first().map_or("", |row| &*row.strategy);
    let from = if report.run.seeds == 1 {
        "from pairs of calls; these depend on their neighbours, so `--seeds 5` is surer".to_owned()
    } else {
        format!("from the differences of the {} seeds", report.run.seeds)
    };
    let pairs = report.strategies.iter().filter_map(|row| row.pairs);
    let some = pairs.min().filter(|&pairs| report.strategies.iter().any(|row| row.calls > pairs));
    let over = some.map_or_else(String::new, |pairs| format!(", over {pairs} calls or more in common"));
    // Each is wider than one by itself would be; see `Confidence::shared_by`.
    let intervals = match report.strategies.len() {
        2 => "with 95% interval",
        _ => "with 95% intervals that all hold at once,",
    };
    format!("vs: percentage points against {}, {intervals} {from}{over}", named(first))
}

fn success(rows: &[&StrategyRow]) -> Table {
    let columns = vec![
        Column::word("rank"),
        Column::name("strategy"),
        Column::number("success"),
        Column::number("95%\ninterval"),
        Column::number("vs"),
        Column::number("95%\ninterval"),
        Column::number("p50"),
        Column::number("p99"),
    ];
    let row = |row: &&StrategyRow| {
        let interval = row.success_low.zip(row.success_high);
        let versus = row.success_vs_low.zip(row.success_vs_high);
        vec![
            format!("{}{}", row.rank, if row.pareto == Some(true) { " *" } else { "" }),
            shown(&row.strategy),
            row.success_rate.map_or_else(String::new, percent),
            interval
                .map_or_else(String::new, |(low, high)| format!("{:.1}–{:.1}", 100.0 * low, 100.0 * high)),
            row.success_vs.map_or_else(String::new, points),
            versus.map_or_else(String::new, |(low, high)| format!("{}…{}", points(low), points(high))),
            millis_or_none(row.p50_ms),
            millis_or_none(row.p99_ms),
        ]
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

fn cost(rows: &[&StrategyRow]) -> Table {
    let columns = vec![
        Column::name("strategy"),
        Column::number("attempts\na call"),
        Column::number("load"),
        Column::number("vs"),
        Column::number("at\nmost"),
        Column::number("wasted\nwork"),
        Column::number("succeeded\na second"),
    ];
    let row = |row: &&StrategyRow| {
        vec![
            shown(&row.strategy),
            format!("{:.2}", row.attempts_per_call),
            format!("{:.2}", row.amplification),
            row.load_vs.map_or_else(String::new, |load| format!("{:+.0}%", 100.0 * load)),
            row.bound.map_or_else(String::new, |bound| bound.to_string()),
            percent(row.wasted_work),
            format!("{:.1}", row.goodput_per_s),
        ]
    };
    Table { columns, rows: rows.iter().map(row).collect() }
}

/// What model servers made under each strategy, where there are any.
fn spending(rows: &[&StrategyRow]) -> Vec<Block> {
    if rows.iter().all(|row| row.prompt_tokens.is_none()) {
        return Vec::new();
    }
    let priced = rows.iter().any(|row| row.money.is_some_and(|money| money > 0.0));
    let mut columns = vec![
        Column::name("strategy"),
        Column::number("prompt\ntokens"),
        Column::number("completion\ntokens"),
        Column::number("for\nnobody"),
    ];
    if priced {
        columns.extend([
            Column::number("money"),
            Column::number("for\nnobody"),
            Column::number("per 1000\nsucceeded"),
        ]);
    }
    let row = |row: &&StrategyRow| {
        let count = |tokens: Option<u64>| tokens.map_or_else(String::new, |tokens| tokens.to_string());
        let mut cells = vec![
            shown(&row.strategy),
            count(row.prompt_tokens),
            count(row.completion_tokens),
            count(row.wasted_tokens),
        ];
        if priced {
            let money = row.money.unwrap_or(0.0);
            let each = (row.succeeded > 0).then(|| amount(1000.0 * money / row.succeeded as f64));
            cells.extend([amount(money), amount(row.wasted_money.unwrap_or(0.0)), each.unwrap_or_default()]);
        }
        cells
    };
    let title = if priced { "Tokens and money" } else { "Tokens" };
    vec![
        Block::Title(title.to_owned()),
        Block::Table(Table { columns, rows: rows.iter().map(row).collect() }),
    ]
}

/// The main origins under each strategy, whatever status the client got.
fn visible(report: &Report, rows: &[&StrategyRow]) -> Table {
    let columns = vec![
        Column::name("strategy"),
        Column::name("origin"),
        Column::word("cause"),
        Column::name("mechanism"),
        Column::number("failed"),
        Column::number("masked"),
    ];
    let mut lines = Vec::new();
    for row in rows {
        let mut counts: BTreeMap<[&Name; 3], (u64, u64)> = BTreeMap::new();
        for origin in report.origins.iter().filter(|origin| origin.strategy == row.strategy) {
            let (failed, masked) =
                counts.entry([&origin.origin, &origin.cause, &origin.mechanism]).or_default();
            *failed += origin.surfaced;
            *masked += origin.masked;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, (failed, masked))| (Reverse(*failed), Reverse(*masked)));
        let mut line = |what: [String; 3], (failed, masked): (u64, u64)| {
            let [origin, cause, mechanism] = what;
            lines.push(vec![
                shown(&row.strategy),
                origin,
                cause,
                mechanism,
                failed.to_string(),
                masked.to_string(),
            ]);
        };
        // One more takes no more room than to sum it up.
        let listed = if counts.len() == ORIGINS + 1 { counts.len() } else { counts.len().min(ORIGINS) };
        let rest = counts.split_off(listed);
        for (what, count) in counts {
            line(what.map(ToString::to_string), count);
        }
        if !rest.is_empty() {
            let sum = rest.iter().fold((0, 0), |sum, (_, count)| (sum.0 + count.0, sum.1 + count.1));
            line([format!("{} others", rest.len()), String::new(), String::new()], sum);
        }
    }
    Table { columns, rows: lines }
}

/// The strategies under which a trigger that is over has left the system down.
pub(crate) fn collapsed(report: &Report) -> impl Iterator<Item = Block> {
    let collapsed = report.run.aftermaths.iter().filter(|aftermath| aftermath.collapsed);
    collapsed.filter_map(|aftermath| {
        let words = aftermath.words.first()?;
        Some(Block::Line(Tone::Bad, format!("{}: {words}", named(&aftermath.strategy))))
    })
}

/// Each threshold once; it counts for the strategy that comes first.
fn thresholds(report: &Report, conclusion: &Conclusion) -> Vec<Block> {
    let all = &report.run.thresholds;
    let of_first = all.iter().filter(|verdict| verdict.strategy == conclusion.strategy);
    let line = |verdict: &ThresholdVerdict| {
        let same = || all.iter().filter(|other| other.text == verdict.text);
        let list = |met: bool| {
            let each = same().filter(|other| other.met == met).map(|other| {
                let figure = other.figure.map_or_else(|| "no call".to_owned(), |f| figure(&other.text, f));
                format!("{} ({figure})", named(&other.strategy))
            });
            each.collect::<Vec<_>>().join(", ")
        };
        let (tone, first, second) =
            if verdict.met { (Tone::Good, "met", "missed") } else { (Tone::Bad, "missed", "met") };
        let others = match list(!verdict.met) {
            others if others.is_empty() => String::new(),
            others => format!("; {second} by {others}"),
        };
        Block::Line(tone, format!("{first}: {} by {}{others}", verdict.text, list(verdict.met)))
    };
    of_first.map(line).collect()
}

/// A strategy's name in a table.
pub(super) fn shown(strategy: &str) -> String {
    if strategy.is_empty() { "(own policy)".to_owned() } else { strategy.to_owned() }
}

/// A difference of shares in percentage points.
pub(crate) fn points(difference: f64) -> String {
    // A zero has no sign.
    let tenths = (1000.0 * difference).round();
    if tenths == 0.0 { "0.0".to_owned() } else { format!("{:+.1}", tenths / 10.0) }
}

#[cfg(test)]
mod tests;
