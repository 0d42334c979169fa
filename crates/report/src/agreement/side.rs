//! What one engine's run has left, as far as it is compared.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use topology::{Failure, FaultId, FaultSet, Scenario};
use trace::rows::{CallRow, HopRow, OriginRow, StrategyRow};
use trace::{CallId, HopId, RunDir, RunDirError};

use crate::{ReadError, Report};

/// A run by one engine.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) figures: StrategyRow,
    pub(super) origins: Vec<OriginRow>,
    /// All that were sent, those of the warm-up too.
    pub(super) attempts: HashMap<HopId, Tried>,
    /// How often a call is waited for, as a mean: until it begins, and in each of its attempts.
    pub(super) waits: f64,
    /// The attempts of each call's client.
    pub(super) by_client: Spread,
    /// The attempts that each call has sent to the deepest nodes.
    pub(super) at_deepest: Spread,
}

/// An attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    pub(super) start: Duration,
    /// The injector's marks.
    pub(super) faults: FaultSet,
    /// It ended with a whole response and a status below 400.
    pub(super) ok: bool,
}

/// How much a number scatters from call to call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread {
    calls: f64,
    sum: f64,
    squares: f64,
}

impl Spread {
    pub(super) fn add(&mut self, number: u32) {
        let number = f64::from(number);
        self.calls += 1.0;
        self.sum += number;
        self.squares += number * number;
    }

    /// The variance of the mean over all calls. One call that differs by one is always possible.
    pub(super) fn of_mean(&self) -> f64 {
        let calls = self.calls.max(1.0);
        let variance = (self.squares / calls - (self.sum / calls).powi(2)).max(0.0);
        (variance + 1.0 / calls) / calls
    }
}

impl Side {
    pub(super) fn read(scenario: &Scenario, dir: &RunDir) -> Result<Self, ReadError> {
        let Report { origins, strategies, .. } = Report::read(dir)?;
        let figures = strategies.into_iter().next().ok_or_else(|| {
            let reason = "it has no row".to_owned();
            ReadError::Files(RunDirError::Malformed { path: dir.path().join("strategies.csv"), reason })
        })?;
        let ids: HashMap<&str, FaultId> =
            scenario.fault_ids().map(|(id, fault)| (fault.name.as_str(), id)).collect();
        let deepest: HashSet<&str> =
            scenario.deepest().into_iter().map(|node| scenario.topology.node(node).name.as_str()).collect();
        let mut attempts = HashMap::new();
        let mut sent: HashMap<CallId, u32> = HashMap::new();
        for hop in dir.rows::<HopRow>()? {
            let hop = hop?;
            if Failure::ALL.iter().any(|failure| failure.is_local() && failure.name() == &*hop.error) {
                continue;
            }
            if deepest.contains(&*hop.to) {
                *sent.entry(hop.call).or_default() += 1;
            }
            let tried = Tried {
                start: Duration::from_micros(hop.start_us),
                faults: hop.faults.split(';').filter_map(|name| ids.get(name).copied()).collect(),
                ok: hop.error.is_empty() && hop.status.is_some_and(|status| status < 400),
            };
            attempts.insert(hop.hop, tried);
        }
        let mut calls = 0_u64;
        let warmup = crate::statistics::ms(scenario.warmup);
        let (mut by_client, mut at_deepest) = (Spread::default(), Spread::default());
        for call in dir.rows::<CallRow>()? {
            let call = call?;
            calls += 1;
            if call.start_ms >= warmup {
                by_client.add(call.attempts);
                at_deepest.add(sent.get(&call.call).copied().unwrap_or(0));
            }
        }
        let waits = 1.0 + attempts.len() as f64 / calls.max(1) as f64;
        Ok(Self { figures, origins, attempts, waits, by_client, at_deepest })
    }
}
