//! Circuit breakers.

use std::collections::VecDeque;
use std::time::Duration;

use topology::policy::{Breaker, Growth, Rate, Window as Looked};
use topology::units::DURATION_MAX;
use trace::{Outcome, Time};

use super::names;
use super::window::Window;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Closed,
    /// Until then nothing is let through.
    Open {
        until: Time,
    },
    /// So many probes are under way, and so many have succeeded.
    HalfOpen {
        under_way: u32,
        succeeded: u32,
    },
}

/// The state of one callee's breaker.
#[derive(Debug)]
pub(crate) struct BreakerState {
    state: State,
    /// Failures in a row.
    in_a_row: u32,
    /// How often it has opened since the callee was last well.
    opened: u32,
    /// The last attempts: whether each failed.
    latest: VecDeque<bool>,
    failed: u32,
    /// Attempts and failures of the recent past.
    recent: Window,
}

impl Default for BreakerState {
    fn default() -> Self {
        Self {
            state: State::Closed,
            in_a_row: 0,
            opened: 0,
            latest: VecDeque::new(),
            failed: 0,
            recent: Window::default(),
        }
    }
}

impl BreakerState {
    /// Whether an attempt is let through just now.
    pub(crate) fn admits(&self, policy: &Breaker, now: Time) -> bool {
        match self.state {
            State::Closed => true,
            State::Open { until } => now >= until,
            State::HalfOpen { under_way, succeeded } => {
                under_way < policy.probes && under_way + succeeded < policy.probes.max(policy.close_after)
            }
        }
    }

    /// Whether the callee is left alone.
    pub(crate) fn is_open(&self, now: Time) -> bool {
        matches!(self.state, State::Open { until } if now < until)
    }

    /// What it lets through, for people.
    pub(crate) fn told(&self, now: Time) -> trace::BreakerState {
        match self.state {
            State::Closed => trace::BreakerState::Closed,
            State::Open { until } if now < until => trace::BreakerState::Open,
            State::Open { .. } | State::HalfOpen { .. } => trace::BreakerState::HalfOpen,
        }
    }

    /// An attempt that was let through is sent.
    pub(crate) fn sent(&mut self, now: Time) {
        match &mut self.state {
            State::Open { until } if now >= *until => {
                self.state = State::HalfOpen { under_way: 1, succeeded: 0 };
            }
            State::Closed | State::Open { .. } => {}
            State::HalfOpen { under_way, .. } => *under_way += 1,
        }
    }

    /// An attempt was given up: it says nothing, but a probe's place is free again.
    pub(crate) fn forgot(&mut self) {
        if let State::HalfOpen { under_way, .. } = &mut self.state {
            *under_way = under_way.saturating_sub(1);
        }
    }

    /// An attempt has ended.
    pub(crate) fn ended(&mut self, policy: &Breaker, now: Time, outcome: Outcome) {
        let failed = names(&policy.counts, outcome);
        match &mut self.state {
            // It was sent before: what it says is known already.
            State::Open { .. } => {}
            State::HalfOpen { .. } if failed => self.open(policy, now),
            State::HalfOpen { under_way, succeeded } => {
                *under_way = under_way.saturating_sub(1);
                *succeeded += 1;
                if *succeeded >= policy.close_after {
                    *self = Self::default();
                }
            }
            State::Closed => {
                self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
                let in_a_row = policy.consecutive.is_some_and(|most| self.in_a_row >= most);
                let share = policy.rate.is_some_and(|rate| self.count(&rate, failed, now));
                if in_a_row || share {
                    self.open(policy, now);
                }
            }
        }
    }

    /// Counts an attempt; gives whether too many have failed.
    fn count(&mut self, rate: &Rate, failed: bool, now: Time) -> bool {
        let (calls, failures) = match rate.window {
            Looked::Calls(most) => {
                self.latest.push_back(failed);
                self.failed += u32::from(failed);
                if self.latest.len() > most as usize {
                    self.failed -= u32::from(self.latest.pop_front().unwrap_or_default());
                }
                (u32::try_from(self.latest.len()).unwrap_or(u32::MAX), self.failed)
            }
            Looked::Time(window) => {
                self.recent.advance(window, now);
                self.recent.add(1, u32::from(failed));
                self.recent.sums()
            }
        };
        calls >= rate.min_calls && f64::from(failures) >= rate.share.get() * f64::from(calls)
    }

    fn open(&mut self, policy: &Breaker, now: Time) {
        let until = now + nth(&policy.open_for, self.opened);
        *self =
            Self { state: State::Open { until }, opened: self.opened.saturating_add(1), ..Self::default() };
    }
}

/// The n-th (from 0) of a time that grows.
fn nth(growth: &Growth, n: u32) -> Duration {
    let grown = growth.base.as_secs_f64() * growth.factor.powi(i32::try_from(n).unwrap_or(i32::MAX));
    Duration::try_from_secs_f64(grown).unwrap_or(DURATION_MAX).min(growth.max)
}

#[cfg(test)]
mod tests;
