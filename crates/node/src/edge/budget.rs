//! Retry budgets.

use std::collections::VecDeque;
use std::time::Duration;

use topology::policy::{Budget, Refund};
use trace::{Outcome, Time};

/// How many parts of its window a ratio budget tells apart. As retries are remembered for one part
/// longer than calls, a ratio of 10% allows 10% * 100 / 101 in the long run.
const SLOTS: u32 = 100;

/// The state of a budget, which the calls to one callee share.
#[derive(Debug, Default)]
pub(crate) struct BudgetState {
    /// The tokens of a bucket.
    tokens: f64,
    /// Calls and retries of the recent past, for a ratio: since when, how many.
    slots: VecDeque<(Time, u32, u32)>,
    /// The sums of `slots`.
    recent: (u32, u32),
    /// Calls that have begun and not ended.
    calls: u32,
    /// Retries that are waiting or under way.
    retries: u32,
    /// Calls since the run began, and attempts of them that have failed.
    ever: (u64, u64),
    /// Retries that were asked for in vain.
    refused: u64,
}

/// What a retry has taken, for the call to remember.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct RetryCost {
    tokens: f64,
}

impl BudgetState {
    pub(crate) fn new(budget: Option<&Budget>) -> Self {
        let tokens = match budget {
            Some(Budget::Tokens(bucket)) => bucket.capacity,
            _ => 0.0,
        };
        Self { tokens, ..Self::default() }
    }

    /// A call begins.
    pub(crate) fn call_begins(&mut self, budget: Option<&Budget>, now: Time) {
        let Some(budget) = budget else { return };
        self.calls += 1;
        self.ever.0 += 1;
        match budget {
            Budget::Tokens(bucket) => self.fill(bucket.per_call, bucket.capacity),
            Budget::Ratio { window, .. } => {
                self.slot(*window, now).1 += 1;
                self.recent.0 += 1;
            }
            Budget::Failing { .. } | Budget::Concurrent { .. } => {}
        }
    }

    /// A call has ended, after so many retries.
    pub(crate) fn call_ends(&mut self, budget: Option<&Budget>, ok: bool, retries: u32, last: RetryCost) {
        let Some(budget) = budget else { return };
        self.calls = self.calls.saturating_sub(1);
        self.retries = self.retries.saturating_sub(retries);
        if let (true, Budget::Tokens(bucket)) = (ok, budget) {
            let refund = match bucket.after_retry {
                _ if retries == 0 => bucket.per_success,
                Refund::Tokens(tokens) => tokens,
                Refund::LastCost => last.tokens,
            };
            self.fill(refund, bucket.capacity);
        }
    }

    /// An attempt has failed so that it would be tried again.
    pub(crate) fn attempt_fails(&mut self, budget: Option<&Budget>) {
        self.ever.1 += 1;
        if let Some(Budget::Tokens(bucket)) = budget {
            self.tokens = (self.tokens - bucket.per_failure).max(0.0);
        }
    }

    /// How many retries there was not enough for.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes what one more retry needs; none if there is not enough.
    pub(crate) fn withdraw(
        &mut self,
        budget: Option<&Budget>,
        after: Option<Outcome>,
        now: Time,
    ) -> Option<RetryCost> {
        let taken = self.take(budget, after, now);
        self.refused += u64::from(taken.is_none());
        taken
    }

    fn take(&mut self, budget: Option<&Budget>, after: Option<Outcome>, now: Time) -> Option<RetryCost> {
        let mut taken = RetryCost::default();
        match budget {
            Some(Budget::Tokens(bucket)) => {
                let cost = match after {
                    Some(Outcome::Answered(429)) => bucket.throttled_cost,
                    Some(Outcome::Failed { failure, .. }) if failure.is_timeout() => bucket.timeout_cost,
                    _ => bucket.cost,
                };
                if self.tokens < cost || self.tokens <= bucket.above {
                    return None;
                }
                self.tokens -= cost;
                taken.tokens = cost;
            }
            Some(Budget::Ratio { ratio, min_per_s, window }) => {
                self.slot(*window, now);
                // Calls that may have left the window by now do not count, retries that may still be
                // in it do: what is allowed never exceeds the ratio of any window.
                let old = self.slots.iter().take_while(|slot| slot.0 + *window <= now);
                let calls = self.recent.0 - old.map(|slot| slot.1).sum::<u32>();
                let retries = self.recent.1;
                let allowed = ratio.get() * f64::from(calls) + min_per_s * window.as_secs_f64();
                if f64::from(retries) + 1.0 > allowed {
                    return None;
                }
                self.slot(*window, now).2 += 1;
                self.recent.1 += 1;
            }
            Some(Budget::Failing { share }) if self.ever.1 as f64 > share.get() * self.ever.0 as f64 => {
                return None;
            }
            None | Some(Budget::Failing { .. }) => {}
            Some(Budget::Concurrent { share, at_least }) => {
                let allowed = (share.get() * f64::from(self.calls)).max(f64::from(*at_least));
                if f64::from(self.retries) >= allowed {
                    return None;
                }
            }
        }
        self.retries += 1;
        Some(taken)
    }

    fn fill(&mut self, tokens: f64, capacity: f64) {
        self.tokens = (self.tokens + tokens).min(capacity);
    }

    /// The slot of this moment. One more than the window has is kept, for those that are partly old.
    fn slot(&mut self, window: Duration, now: Time) -> &mut (Time, u32, u32) {
        let length = window / SLOTS;
        while let Some(&(_, calls, retries)) = self.slots.front().filter(|s| s.0 + window + length <= now) {
            self.recent.0 -= calls;
            self.recent.1 -= retries;
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|s| s.0 + length <= now) {
            self.slots.push_back((now, 0, 0));
        }
        self.slots.back_mut().expect("one has just been put there, if there was none")
    }
}

#[cfg(test)]
mod tests;
