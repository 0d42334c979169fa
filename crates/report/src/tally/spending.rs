//! What model servers have made of tokens, and what that cost.

use topology::Scenario;
use trace::CallTrace;

use crate::anatomy::is_used;

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spending {
    pub(super) prompt: u64,
    pub(super) completion: u64,
    pub(super) wasted: u64,
    pub(super) money: f64,
    pub(super) wasted_money: f64,
}

impl Spending {
    /// Adds what one call has cost; what was made for answers that nobody used is wasted.
    pub(super) fn add(&mut self, scenario: &Scenario, trace: &CallTrace) {
        for served in &trace.served {
            let callee = scenario.topology.ends(served.edge).1;
            let Some(model) = &scenario.topology.node(callee).llm else { continue };
            let (prompt, completion) = (u64::from(served.usage.prompt), u64::from(served.usage.completion));
            let money = model.price.of(prompt, completion);
            let is_wasted = !is_used(trace, served.hop);
            self.merge(&Self {
                prompt,
                completion,
                wasted: if is_wasted { prompt + completion } else { 0 },
                money,
                wasted_money: if is_wasted { money } else { 0.0 },
            });
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.prompt += other.prompt;
        self.completion += other.completion;
        self.wasted += other.wasted;
        self.money += other.money;
        self.wasted_money += other.wasted_money;
    }
}
