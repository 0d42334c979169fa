//! Everything that is counted over the calls of runs, in memory that does not grow with them.

mod layers;
mod ledger;
mod origins;
mod programs;
mod score;
mod spending;
mod strategy;

use topology::Scenario;
use trace::manifest::Aftermath;
use trace::rows::StrategyRow;
use trace::{CallTrace, HopId, Served, Time};

use crate::aftermath::Course;
use crate::attribution::{Lifecycle, attribute, born};
use crate::names::Names;
use crate::overview::Shape;
use crate::{Figures, Verdict, anatomy, thresholds};

use layers::Layers;
use ledger::Ledger;
pub(crate) use origins::Origins;
use programs::Programs;
use score::ScoreTally;
pub(crate) use strategy::StrategyTally;

/// A call, and what is said about its failures.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What was seen of it.
    pub trace: &'a CallTrace,
    /// If the call failed.
    pub verdict: Option<Verdict>,
    /// If it succeeded: the attempts that failed all the same, each with its verdict.
    pub masked: Vec<(HopId, Verdict)>,
}

impl<'a> Judged<'a> {
    pub(crate) fn new(scenario: &Scenario, lifecycle: &Lifecycle, trace: &'a CallTrace) -> Self {
        let verdict = (!trace.end.is_ok()).then(|| attribute(scenario, lifecycle, trace));
        // In a call that failed nothing was hidden.
        let hidden = anatomy::deepest_failures(trace).filter(|_| verdict.is_none());
        let masked = hidden.map(|a| (a.hop, born(scenario, lifecycle, trace, a.hop))).collect();
        Self { trace, verdict, masked }
    }

    /// Whether something failed, be it that the client never knew.
    pub(crate) fn has_failure(&self) -> bool {
        self.verdict.is_some() || !self.masked.is_empty()
    }
}

/// All counts of one strategy's runs.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    origins: Origins,
    layers: Layers,
    ledger: Ledger,
    score: ScoreTally,
    programs: Programs,
    strategy: StrategyTally,
    /// None where no page will be made: in a sweep.
    shape: Option<Shape>,
    /// Of the first run; none in a sweep, and if no trigger is over before the load is.
    course: Option<Course>,
}

impl Tally {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self {
            origins: Origins::default(),
            layers: Layers::new(scenario),
            ledger: Ledger::new(scenario),
            score: ScoreTally::default(),
            programs: Programs::new(scenario),
            strategy: StrategyTally::new(scenario),
            shape: None,
            course: None,
        }
    }

    /// The same with what only a run's folder needs.
    pub(crate) fn of_folder(scenario: &Scenario) -> Self {
        Self { shape: Some(Shape::new(scenario)), course: Course::of(scenario), ..Self::new(scenario) }
    }

    /// A node is done with a request.
    pub(crate) fn served(&mut self, scenario: &Scenario, served: &Served) {
        if let Some(shape) = &mut self.shape {
            shape.served(scenario, served);
        }
    }

    /// A call has ended, which may be of the warm-up: then it does not count.
    pub(crate) fn add(&mut self, scenario: &Scenario, call: &Judged<'_>, counts: bool) {
        if let Some(shape) = &mut self.shape {
            shape.call(scenario, call, counts);
        }
        if !counts && self.course.is_none() {
            return;
        }
        let cost = self.strategy.cost(scenario, call.trace);
        if let Some(course) = &mut self.course {
            course.add(call.trace, cost);
        }
        if !counts {
            return;
        }
        self.origins.add(call);
        self.layers.add(scenario, call.trace);
        self.ledger.add(call);
        self.score.add(scenario, call);
        self.programs.add(scenario, call.trace);
        self.strategy.add(scenario, call.trace, cost);
    }

    /// A run has ended at this moment. `matched` is for each fault how many attempts it has matched.
    pub(crate) fn end_run(&mut self, scenario: &Scenario, matched: &[u64], now: Time) {
        self.ledger.end_run(matched);
        self.strategy.end_run(scenario, now);
    }

    /// Adds what another run under the same strategy has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.origins.merge(&other.origins);
        self.layers.merge(&other.layers);
        self.ledger.merge(&other.ledger);
        self.score.merge(&other.score);
        self.programs.merge(&other.programs);
        self.strategy.merge(&other.strategy);
        if let (Some(shape), Some(other)) = (&mut self.shape, &other.shape) {
            shape.merge(other);
        }
    }

    /// What came after the run's trigger.
    pub(crate) fn aftermath(&self, scenario: &Scenario) -> Option<Aftermath> {
        self.course.as_ref()?.after(scenario)
    }

    /// The strategy's figures so far, and those of more runs.
    pub(crate) fn row_with(&self, more: Option<&Self>, scenario: &Scenario) -> StrategyRow {
        let mut strategy = self.strategy.clone();
        if let Some(more) = more {
            strategy.merge(&more.strategy);
        }
        strategy.row(scenario, &Names::new(scenario))
    }

    /// The strategy's figures so far.
    pub(crate) fn row(&self, scenario: &Scenario) -> StrategyRow {
        self.strategy.row(scenario, &Names::new(scenario))
    }

    /// What has come of it.
    pub(crate) fn figures(self, scenario: &Scenario) -> Figures {
        let names = Names::new(scenario);
        let faults = self.ledger.rows(scenario, &names);
        let never = |row: &&trace::rows::FaultRow| row.matched == 0;
        let origins = self.origins.rows(&names, self.strategy.failed());
        debug_assert_eq!(
            origins.iter().map(|row| row.surfaced).sum::<u64>(),
            self.strategy.failed(),
            "each failed call has exactly one origin"
        );
        let row = self.strategy.row(scenario, &names);
        Figures {
            origins,
            layers: self.layers.rows(scenario, &names),
            unmatched: faults.iter().filter(never).map(|row| row.fault.to_string()).collect(),
            faults,
            thresholds: thresholds::evaluate(scenario, &self.strategy),
            score: self.score.into_score(),
            limits: self.programs.limits(&names),
            overview: self.shape.map(|shape| shape.overview(scenario, &names)).into_iter().collect(),
            aftermaths: self.course.and_then(|course| course.after(scenario)).into_iter().collect(),
            by_seed: vec![row.of_seed(scenario.seed)],
            strategies: vec![row],
            seeds: 1,
        }
    }
}
