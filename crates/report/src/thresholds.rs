//! Whether a run's figures are what its scenario asks for.

use topology::Scenario;
use topology::scenario::Threshold;
use trace::manifest::ThresholdVerdict;

use crate::statistics::round;
use crate::tally::StrategyTally;

/// A verdict for each threshold. One about a figure that does not exist, for want of calls, is not
/// met.
pub(crate) fn evaluate(scenario: &Scenario, figures: &StrategyTally) -> Vec<ThresholdVerdict> {
    let verdict = |threshold: &Threshold| {
        let figure = figures.figure(threshold.metric);
        ThresholdVerdict {
            strategy: scenario.strategy.clone(),
            text: threshold.text.clone(),
            figure: figure.map(|f| round(f, 6)),
            met: figure.is_some_and(|f| threshold.comparison.holds(f, threshold.value)),
        }
    };
    scenario.thresholds.iter().map(verdict).collect()
}
