//! What to choose, in words.

use schemars::JsonSchema;
use serde::Serialize;
use trace::rows::StrategyRow;

use super::in_order;
use crate::render::{millis, percent};

/// A p99 that differs by less than this fraction is not worth a word.
const P99_MATTERS: f64 = 0.1;
/// The same of the load.
const LOAD_MATTERS: f64 = 0.005;
/// The same of the share of work that is wasted, as a difference.
const WASTE_MATTERS: f64 = 0.01;

/// What follows from a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Conclusion {
    /// What to do.
    pub advice: Advice,
    /// The strategy that comes first; if none can be told apart, the cheapest.
    pub strategy: String,
    /// Why, in sentences, the most important one first.
    pub reasons: Vec<String>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Use another strategy than the first.
    Choose,
    /// Use the first one: no other is better.
    Keep,
    /// No strategy can be told apart from the best: measure more.
    Undecided,
}

/// Concludes from ranked strategies, the first of which the others are compared with. `place` is
/// where the load is counted. `None` if there is nothing to compare.
pub(crate) fn conclude(rows: &[StrategyRow], place: &str) -> Option<Conclusion> {
    let (first, others) = rows.split_first().filter(|(_, others)| !others.is_empty())?;
    let ordered = in_order(rows);
    let best = *ordered.first()?;
    let view = View { first, best, ordered: &ordered, place };
    let (advice, reasons) = if rows.iter().all(|row| row.rank == 1) {
        (Advice::Undecided, view.undecided(others))
    } else if best.strategy == first.strategy {
        (Advice::Keep, view.keep())
    } else {
        (Advice::Choose, view.choose())
    };
    Some(Conclusion { advice, strategy: best.strategy.to_string(), reasons })
}

/// A strategy's name in a sentence.
pub(crate) fn named(strategy: &str) -> String {
    if strategy.is_empty() { "the clients' own policy".to_owned() } else { format!("`{strategy}`") }
}

struct View<'a> {
    first: &'a StrategyRow,
    best: &'a StrategyRow,
    ordered: &'a [&'a StrategyRow],
    place: &'a str,
}

impl View<'_> {
    fn undecided(&self, others: &[StrategyRow]) -> Vec<String> {
        if self.ordered.iter().all(|row| row.calls == row.succeeded) {
            return vec![
                "no call failed under any strategy: there is nothing to tell them apart by".to_owned(),
            ];
        }
        let size = |row: &&StrategyRow| row.success_vs.unwrap_or(0.0).abs();
        let largest = others.iter().max_by(|a, b| size(a).total_cmp(&size(b)));
        let interval =
            largest.and_then(|row| Some((row, row.success_vs?, row.success_vs_low?, row.success_vs_high?)));
        let why = interval.map_or_else(
            || "they have no calls in common".to_owned(),
            |(row, mean, low, high)| {
                format!(
                    "the largest difference from {}, {:+.1} points under {}, may be chance (95% interval {:+.1} to {:+.1})",
                    named(&self.first.strategy),
                    100.0 * mean,
                    named(&row.strategy),
                    100.0 * low,
                    100.0 * high
                )
            },
        );
        vec![
            format!(
                "the strategies cannot be told apart by success: {why}; repeat it with more seeds (`--seeds`) or a longer `--duration`"
            ),
            format!(
                "the cheapest is {}, with {:.2} attempts a call at {}",
                named(&self.best.strategy),
                self.best.amplification,
                self.place
            ),
        ]
    }

    fn keep(&self) -> Vec<String> {
        let first = named(&self.first.strategy);
        let lead = if self.first.attempts_per_call > 1.0 {
            format!("keep {first}")
        } else {
            "do not retry".to_owned()
        };
        let better_than_all = self.ordered.iter().filter(|row| row.rank == 1).count() == 1;
        let why = if better_than_all {
            format!("under every other strategy more calls fail than under {first}")
        } else {
            format!("under no other strategy fewer calls fail than under {first}")
        };
        let mut reasons = vec![format!("{lead}: {why}")];
        reasons.extend(self.as_good());
        reasons.extend(self.worse());
        reasons
    }

    fn choose(&self) -> Vec<String> {
        let (first, best) = (named(&self.first.strategy), named(&self.best.strategy));
        let main = if self.first.rank > self.best.rank {
            format!(
                "choose {best}: it hides {} of the failures under {first}{}",
                self.hidden(self.best),
                self.for_load(self.best)
            )
        } else {
            format!("choose {best}: it is as good as {first} within the interval{}", self.for_load(self.best))
        };
        let mut reasons = vec![main];
        reasons.extend(self.as_good());
        reasons.extend(self.cheaper());
        reasons.extend(self.worse());
        reasons.extend(self.price());
        reasons
    }

    /// What the best one costs and risks beside the load.
    fn price(&self) -> Option<String> {
        let (first, best, place) = (self.first, self.best, self.place);
        let mut risks = Vec::new();
        if let (Some(now), Some(then)) = (first.p99_ms, best.p99_ms)
            && then >= (1.0 + P99_MATTERS) * now
        {
            risks.push(format!("p99 rises from {} to {}", millis(now), millis(then)));
        }
        risks.extend(self.waste(best));
        if let (Some(now), Some(then)) = (first.bound, best.bound)
            && then > now
        {
            risks.push(format!(
                "if all fails, a call makes up to {then} attempts at {place} instead of {now}"
            ));
        }
        let price = risks.join("; ");
        (!price.is_empty()).then(|| format!("the price of {}: {price}", named(&best.strategy)))
    }

    /// Those that share the best one's rank.
    fn as_good(&self) -> impl Iterator<Item = String> {
        let others = self.ordered.iter().filter(|row| row.rank == 1 && row.strategy != self.best.strategy);
        others.map(|row| {
            let name = named(&row.strategy);
            let mut costs = Vec::new();
            let load = row.amplification / self.best.amplification - 1.0;
            if load >= LOAD_MATTERS {
                costs.push(format!("costs {}", change(load, self.place)));
            }
            if let (Some(own), Some(best)) = (row.p99_ms, self.best.p99_ms)
                && (own - best).abs() >= P99_MATTERS * best
            {
                let (verb, preposition) = if own > best { ("adds", "to") } else { ("takes", "off") };
                costs.push(format!("{verb} {} {preposition} p99", millis((own - best).abs())));
            }
            match costs.join(" and ") {
                costs if costs.is_empty() => {
                    format!("{name} is as good within the interval, at the same cost")
                }
                costs => format!("{name} is as good within the interval, but {costs}"),
            }
        })
    }

    /// Those that hide less than the best, for less.
    fn cheaper(&self) -> impl Iterator<Item = String> {
        let enough = (1.0 - LOAD_MATTERS) * self.best.amplification;
        let helps = move |row: &&&StrategyRow| {
            row.amplification <= enough && row.success_vs_low.is_some_and(|low| low > 0.0)
        };
        let others = self.ordered.iter().filter(|row| row.rank > 1).filter(helps);
        others.map(|row| {
            format!(
                "if load matters more, {} hides {}{}",
                named(&row.strategy),
                self.hidden(row),
                self.for_load(row)
            )
        })
    }

    /// Those that do harm.
    fn worse(&self) -> impl Iterator<Item = String> {
        let harmful = |row: &&&StrategyRow| row.success_vs_high.is_some_and(|high| high < 0.0);
        self.ordered.iter().filter(harmful).map(|row| {
            let (name, first) = (named(&row.strategy), named(&self.first.strategy));
            let points = -100.0 * row.success_vs.unwrap_or(0.0);
            let load = self.for_load(row);
            let waste = self.waste(row).map_or_else(String::new, |waste| format!("; {waste}"));
            format!(
                "{name} makes it worse than {first}: {points:.1} points more of the calls fail{load}{waste}"
            )
        })
    }

    /// If a strategy has more of the servers' work wasted than the first one.
    fn waste(&self, row: &StrategyRow) -> Option<String> {
        let (then, now) = (row.wasted_work, self.first.wasted_work);
        (then - now >= WASTE_MATTERS).then(|| {
            let first = named(&self.first.strategy);
            format!("{} of the servers' work is wasted ({} under {first})", percent(then), percent(now))
        })
    }

    /// The share of the first one's failures that do not come through under another.
    fn hidden(&self, row: &StrategyRow) -> String {
        let failed = 1.0 - self.first.success_rate.unwrap_or(1.0);
        let hidden = row.success_vs.unwrap_or(0.0);
        if failed <= 0.0 {
            return "none".to_owned();
        }
        if hidden >= failed { "all".to_owned() } else { percent(hidden / failed) }
    }

    fn for_load(&self, row: &StrategyRow) -> String {
        row.load_vs.map_or_else(String::new, |load| format!(", for {}", change(load, self.place)))
    }
}

/// A change of the load by this fraction.
fn change(load: f64, place: &str) -> String {
    match load {
        load if load.abs() < LOAD_MATTERS => format!("the same load at {place}"),
        load if load >= 1.0 => format!("{:.1} times the load at {place}", 1.0 + load),
        load if load > 0.0 => format!("{:.0}% more load at {place}", 100.0 * load),
        load => format!("{:.0}% less load at {place}", -100.0 * load),
    }
}

#[cfg(test)]
mod tests;
