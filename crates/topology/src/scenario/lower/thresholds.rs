//! Thresholds: `success_rate >= 99%`, `p(99) < 800ms`.

use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::super::source_map::shorten;
use super::super::{Comparison, Metric, Threshold};
use crate::units::{DurationText, Rate, Share};

/// The metrics, as a scenario writes them.
const METRICS: [&str; 7] =
    ["success_rate", "p(99)", "max", "amplification", "attempts_per_call", "goodput", "failed"];

/// The comparisons, the longer ones first.
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

pub(super) fn lower(texts: &[String], problems: &mut Collector<'_>) -> Vec<Threshold> {
    let at = Path::root().at("thresholds");
    let mut thresholds = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        match parse(text) {
            Ok(threshold) => thresholds.push(threshold),
            Err(wrong) => {
                let at = at.at(i);
                problems.value(&at).word(&wrong.part).maybe_help(|| wrong.help).say(wrong.message);
            }
        }
    }
    thresholds
}

/// What is wrong with a threshold.
struct Wrong {
    /// Which part of it.
    part: String,
    message: String,
    help: Option<String>,
}

fn parse(text: &str) -> Result<Threshold, Wrong> {
    let wrong =
        |part: &str, message: String, help: Option<String>| Wrong { part: part.to_owned(), message, help };
    let split = text.find(['<', '>', '=', '!']).and_then(|at| {
        let (metric, rest) = text.split_at(at);
        COMPARISONS
            .iter()
            .find_map(|(sign, how)| Some((metric.trim(), *how, rest.strip_prefix(sign)?.trim())))
    });
    let Some((name, comparison, limit)) = split else {
        let message = format!("`{}` compares nothing with `<`, `<=`, `>` or `>=`", shorten(text));
        return Err(wrong("", message, Some("write it as `success_rate >= 99%`".to_owned())));
    };
    let Some(metric) = metric(name) else {
        let help = did_you_mean(name, METRICS, "the figures are");
        return Err(wrong(name, format!("there is no figure `{}`", shorten(name)), help));
    };
    let value = value(metric, limit).map_err(|(message, example)| {
        wrong(limit, message, Some(format!("write it as `{name} {} {example}`", sign(comparison))))
    })?;
    Ok(Threshold { text: text.to_owned(), metric, comparison, value })
}

fn sign(comparison: Comparison) -> &'static str {
    COMPARISONS.iter().find(|(_, how)| *how == comparison).map_or("<", |(sign, _)| sign)
}

fn metric(name: &str) -> Option<Metric> {
    Some(match name {
        "success_rate" => Metric::SuccessRate,
        "max" => Metric::Max,
        "amplification" => Metric::Amplification,
        "attempts_per_call" => Metric::AttemptsPerCall,
        "goodput" => Metric::Goodput,
        "failed" => Metric::Failed,
        other => {
            let rest = other.strip_prefix('p')?.trim();
            let number = rest.strip_prefix('(').map_or(Some(rest), |inside| inside.strip_suffix(')'))?;
            let percentile: f64 = number.trim().parse().ok()?;
            (percentile > 0.0 && percentile < 100.0).then_some(Metric::Percentile(percentile))?
        }
    })
}

/// The limit in the metric's unit; else what is wrong with it, and an example.
fn value(metric: Metric, limit: &str) -> Result<f64, (String, &'static str)> {
    match metric {
        Metric::SuccessRate => {
            limit.parse().map(|share: Share| share.get()).map_err(|problem| (problem, "99%"))
        }
        Metric::Percentile(_) | Metric::Max => {
            let millis = |time: DurationText| time.0.as_secs_f64() * 1e3;
            limit.parse().map(millis).map_err(|problem| (problem, "800ms"))
        }
        Metric::Goodput => limit.parse().map(|rate: Rate| rate.get()).map_err(|problem| (problem, "100/s")),
        Metric::Failed => {
            let count: Result<u32, _> = limit.parse();
            count.map(f64::from).map_err(|_| (format!("`{}` is not a whole number", shorten(limit)), "10"))
        }
        Metric::Amplification | Metric::AttemptsPerCall => match limit.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
            _ => Err((format!("`{}` is not a number of 0 or more", shorten(limit)), "1.5")),
        },
    }
}
