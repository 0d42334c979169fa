//! What Prometheus and Grafana are to know of a scenario: alert rules, a dashboard, a scrape configuration.

mod config;
mod dashboard;
mod rules;
mod windows;

use topology::Scenario;
use topology::scenario::{Comparison, Metric};

pub use config::config;
pub use dashboard::dashboard;
pub use rules::rules;
pub use windows::Windows;

/// What is promised where a scenario does not say.
const PROMISED: f64 = 0.99;

/// The success rate that a scenario promises, and whether it says so itself.
fn objective(scenario: &Scenario) -> (f64, bool) {
    let promised = scenario.thresholds.iter().filter(|threshold| {
        threshold.metric == Metric::SuccessRate
            && matches!(threshold.comparison, Comparison::AtLeast | Comparison::Above)
            // All calls are more than anyone can promise: any failure would be too much.
            && threshold.value < 1.0
    });
    let strictest = promised.map(|threshold| threshold.value).max_by(f64::total_cmp);
    (strictest.unwrap_or(PROMISED), strictest.is_some())
}

/// A number as expressions have it.
fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
