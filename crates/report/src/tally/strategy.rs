//! One strategy's figures: success, latency, and what they cost.

use std::time::Duration;

use topology::scenario::Metric;
use topology::{Failure, NodeKind, Scenario};
use trace::rows::StrategyRow;
use trace::{CallTrace, Time};

use super::spending::Spending;
use crate::aftermath::Cost;
use crate::anatomy::is_used;
use crate::names::Names;
use crate::statistics::{Latencies, ratio, round, wilson};

/// Counts over all calls.
#[derive(Debug, Clone)]
pub(crate) struct StrategyTally {
    /// By node: whether it is one of the deepest.
    deepest: Vec<bool>,
    calls: u64,
    succeeded: u64,
    latencies: Latencies,
    client_attempts: u64,
    deepest_attempts: u64,
    worked: Duration,
    wasted: Duration,
    /// Where there are model servers.
    spending: Option<Spending>,
    /// How long the load went on outside the warm-up, over all runs.
    measured: Duration,
}

impl StrategyTally {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let has_models = scenario.topology.nodes().any(|(_, node)| node.llm.is_some());
        let mut deepest = vec![false; scenario.topology.node_count()];
        for node in scenario.deepest() {
            deepest[node.index()] = true;
        }
        Self {
            deepest,
            calls: 0,
            succeeded: 0,
            latencies: Latencies::new(),
            client_attempts: 0,
            deepest_attempts: 0,
            worked: Duration::ZERO,
            wasted: Duration::ZERO,
            spending: has_models.then(Spending::default),
            measured: Duration::ZERO,
        }
    }

    pub(super) fn add(&mut self, scenario: &Scenario, trace: &CallTrace, cost: Cost) {
        if let Some(spending) = &mut self.spending {
            spending.add(scenario, trace);
        }
        self.calls += 1;
        self.succeeded += u64::from(trace.end.is_ok());
        self.latencies.add(trace.end.latency());
        self.client_attempts += u64::from(trace.end.attempts);
        let Cost { attempts, worked, wasted } = cost;
        self.deepest_attempts += attempts;
        self.worked += worked;
        self.wasted += wasted;
    }

    /// What a call has cost.
    pub(super) fn cost(&self, scenario: &Scenario, trace: &CallTrace) -> Cost {
        let mut cost = Cost::default();
        for attempt in &trace.attempts {
            // What a caller's own connection limit holds back arrives nowhere.
            let sent = !attempt.outcome.failure().is_some_and(Failure::is_local);
            let callee = scenario.topology.ends(attempt.edge).1;
            cost.attempts += u64::from(sent && self.deepest[callee.index()]);
        }
        for served in trace.served.iter().filter(|s| !s.worked.is_zero()) {
            let callee = scenario.topology.ends(served.edge).1;
            if scenario.topology.node(callee).kind == NodeKind::Server {
                cost.worked += served.worked;
                if !is_used(trace, served.hop) {
                    cost.wasted += served.worked;
                }
            }
        }
        cost
    }

    pub(super) fn end_run(&mut self, scenario: &Scenario, now: Time) {
        let end = scenario.duration.min(now.since_start());
        self.measured += end.saturating_sub(scenario.warmup);
    }

    /// Adds what another run has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self {
            deepest: _,
            calls,
            succeeded,
            latencies,
            client_attempts,
            deepest_attempts,
            worked,
            wasted,
            spending,
            measured,
        } = other;
        if let (Some(spending), Some(other)) = (&mut self.spending, spending) {
            spending.merge(other);
        }
        self.calls += calls;
        self.succeeded += succeeded;
        self.latencies.merge(latencies);
        self.client_attempts += client_attempts;
        self.deepest_attempts += deepest_attempts;
        self.worked += *worked;
        self.wasted += *wasted;
        self.measured += *measured;
    }

    pub(super) fn failed(&self) -> u64 {
        self.calls - self.succeeded
    }

    /// The figure that a threshold is about; `None` if there is no call to take it from.
    pub(crate) fn figure(&self, metric: Metric) -> Option<f64> {
        let calls = self.calls as f64;
        let some_calls = self.calls > 0;
        match metric {
            Metric::SuccessRate => some_calls.then(|| self.succeeded as f64 / calls),
            Metric::Percentile(percent) => self.latencies.quantile_ms(percent / 100.0),
            Metric::Max => self.latencies.max_ms(),
            Metric::Amplification => some_calls.then(|| self.deepest_attempts as f64 / calls),
            Metric::AttemptsPerCall => some_calls.then(|| self.client_attempts as f64 / calls),
            Metric::Goodput => Some(self.goodput_per_s()),
            Metric::Failed => Some(self.failed() as f64),
        }
    }

    /// Calls that succeeded, per second of the load that is not warm-up.
    fn goodput_per_s(&self) -> f64 {
        ratio(self.succeeded as f64, self.measured.as_secs_f64())
    }

    pub(super) fn row(&self, scenario: &Scenario, names: &Names) -> StrategyRow {
        let calls = self.calls as f64;
        let interval = wilson(self.succeeded, self.calls);
        StrategyRow {
            strategy: names.strategy.clone(),
            calls: self.calls,
            succeeded: self.succeeded,
            success_rate: interval.map(|_| ratio(self.succeeded as f64, calls)),
            success_low: interval.map(|(low, _)| round(low, 6)),
            success_high: interval.map(|(_, high)| round(high, 6)),
            p50_ms: self.latencies.quantile_ms(0.5),
            p90_ms: self.latencies.quantile_ms(0.9),
            p99_ms: self.latencies.quantile_ms(0.99),
            p999_ms: self.latencies.quantile_ms(0.999),
            max_ms: self.latencies.max_ms(),
            attempts_per_call: ratio(self.client_attempts as f64, calls),
            amplification: ratio(self.deepest_attempts as f64, calls),
            wasted_work: ratio(self.wasted.as_secs_f64(), self.worked.as_secs_f64()),
            goodput_per_s: self.goodput_per_s(),
            rank: 1,
            bound: Some(scenario.attempts_bound()),
            pareto: None,
            pairs: None,
            success_vs: None,
            success_vs_low: None,
            success_vs_high: None,
            load_vs: None,
            p99_vs_ms: None,
            prompt_tokens: self.spending.map(|spent| spent.prompt),
            completion_tokens: self.spending.map(|spent| spent.completion),
            wasted_tokens: self.spending.map(|spent| spent.wasted),
            money: self.spending.map(|spent| round(spent.money, 6)),
            wasted_money: self.spending.map(|spent| round(spent.wasted_money, 6)),
        }
    }
}
