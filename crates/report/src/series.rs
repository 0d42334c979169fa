//! Several runs into one folder: the same calls under each strategy, seed after seed.

use std::sync::Arc;

use topology::Scenario;
use trace::{RunDir, RunDirError};

use crate::comparison::Matches;
use crate::files::{Files, Mark};
use crate::outcomes::Outcomes;
use crate::tally::Tally;
use crate::{Figures, Recorder};

/// Records runs one after another: a round of all strategies under one seed, the same under the next,
/// and so on. A single run is a round of one.
///
/// What counts, in the figures and in the folder, can be compared: rounds that are whole, and of the
/// first round whatever has come to its end. Only if nothing has does a run count that was cut short.
#[derive(Debug)]
pub struct Series {
    files: Option<Files>,
    /// What each strategy has shown in whole rounds, with its scenario.
    whole: Vec<(Arc<Scenario>, Tally)>,
    /// The same with what the round under way has added so far.
    round: Vec<(Arc<Scenario>, Tally)>,
    /// How the calls of the round under way have ended.
    outcomes: Vec<Outcomes>,
    matches: Matches,
    rounds: u64,
    strategies: usize,
    /// The begin of the round under way, and of the run under way.
    marks: Option<(Mark, Mark)>,
}

impl Series {
    /// A series of rounds of so many strategies.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn create(dir: &RunDir, strategies: usize) -> Result<Self, RunDirError> {
        Ok(Self {
            files: Some(Files::create(dir)?),
            whole: Vec::new(),
            round: Vec::new(),
            outcomes: Vec::new(),
            matches: Matches::default(),
            rounds: 0,
            strategies,
            marks: None,
        })
    }

    /// The recorder of the next run, whose scenario has the seed of its round and the strategy whose
    /// turn it is in force. It comes back by [`Series::end`] before the next one is asked for.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn begin(&mut self, scenario: Arc<Scenario>) -> Result<Recorder, RunDirError> {
        let before = self.whole.get(self.round.len());
        let tally = before.map_or_else(|| Tally::new(&scenario), |(_, tally)| tally.clone());
        let mut files = self.files.take();
        if let Some(files) = &mut files {
            let now = files.begin()?;
            let of_round =
                self.marks.filter(|_| !self.round.is_empty()).map_or(now, |(of_round, _)| of_round);
            self.marks = Some((of_round, now));
        }
        Ok(Recorder::on_top(scenario, tally, files))
    }

    /// A run has ended. `matched` is for each fault how many attempts it has matched in it.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn end(&mut self, recorder: Recorder, matched: &[u64], interrupted: bool) -> Result<(), RunDirError> {
        let recorded = recorder.close(matched)?;
        self.files = recorded.files;
        if interrupted && (self.rounds > 0 || !self.round.is_empty()) {
            return self.take_back(|(_, of_run)| of_run);
        }
        self.round.push((recorded.scenario, recorded.tally));
        self.outcomes.push(recorded.outcomes);
        if self.round.len() == self.strategies {
            self.close_round();
        }
        Ok(())
    }

    fn close_round(&mut self) {
        self.matches.add(&self.outcomes);
        self.outcomes.clear();
        self.whole = std::mem::take(&mut self.round);
        self.rounds += 1;
    }

    fn take_back(&mut self, which: impl Fn((Mark, Mark)) -> Mark) -> Result<(), RunDirError> {
        match (&mut self.files, self.marks) {
            (Some(files), Some(marks)) => files.take_back(which(marks)),
            _ => Ok(()),
        }
    }

    /// What has come of it.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn finish(mut self) -> Result<Figures, RunDirError> {
        if self.rounds == 0 {
            self.close_round();
        } else if !self.round.is_empty() {
            self.take_back(|(of_round, _)| of_round)?;
        }
        let each = self.whole.into_iter().map(|(scenario, tally)| tally.figures(&scenario));
        let mut figures = Figures { seeds: self.rounds, ..Figures::join(each.collect()) };
        if figures.strategies.len() > 1 {
            self.matches.compare(&mut figures.strategies);
        }
        Ok(figures)
    }
}

#[cfg(test)]
mod tests;
