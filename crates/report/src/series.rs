//! Several runs into one folder: the same calls under each strategy, seed after seed.

use std::sync::Arc;

use topology::Scenario;
use trace::manifest::Aftermath;
use trace::rows::{SeedRow, StrategyRow};
use trace::{RunDir, RunDirError};

use crate::aftermath;
use crate::comparison::Matches;
use crate::files::{Files, Logs, Mark};
use crate::outcomes::Outcomes;
use crate::recorder::Recorded;
use crate::tally::Tally;
use crate::{Figures, Recorder, Sample};

/// Records runs one after another: a round of all strategies under one seed, the same under the next,
/// and so on. A single run is a round of one.
///
/// What counts, in the figures and in the folder, can be compared: rounds that are whole, and of the
/// first round whatever has come to its end. Only if nothing has does a run count that was cut short.
#[derive(Debug)]
pub struct Series {
    dir: RunDir,
    logs: Logs,
    files: Option<Files>,
    /// What each strategy has shown in whole rounds, with its scenario.
    whole: Vec<(Arc<Scenario>, Tally)>,
    /// The same of each seed of a whole round.
    seeds: Vec<SeedRow>,
    /// What came after the trigger in each of its runs.
    aftermaths: Vec<Aftermath>,
    /// What each strategy has shown in the round under way.
    round: Vec<(Arc<Scenario>, Tally)>,
    /// How the calls of the round under way have ended.
    outcomes: Vec<Outcomes>,
    matches: Matches,
    rounds: u64,
    strategies: usize,
    /// The begin of the round under way, and of the run under way.
    marks: Option<(Mark, Mark)>,
    /// How many runs went on beside others.
    parts: usize,
}

impl Series {
    /// A series of rounds of so many strategies, of whose calls this is written.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn create(dir: &RunDir, strategies: usize, logs: Logs) -> Result<Self, RunDirError> {
        Ok(Self {
            dir: dir.clone(),
            files: Some(Files::create(dir, &logs)?),
            logs,
            whole: Vec::new(),
            seeds: Vec::new(),
            aftermaths: Vec::new(),
            round: Vec::new(),
            outcomes: Vec::new(),
            matches: Matches::default(),
            rounds: 0,
            strategies,
            marks: None,
            parts: 0,
        })
    }

    /// The recorder of the next run, whose scenario has the seed of its round and the strategy whose
    /// turn it is in force. It comes back by [`Series::end`] before the next one is asked for.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn begin(&mut self, scenario: Arc<Scenario>) -> Result<Recorder, RunDirError> {
        self.mark()?;
        let (files, outcomes) = (self.files.take(), self.outcomes());
        Ok(Recorder::with(scenario, files, outcomes))
    }

    /// The same for a run that may go on beside others. They come back by [`Series::end_beside`], in the
    /// order in which they were asked for.
    ///
    /// # Errors
    /// If a file cannot be made.
    pub fn begin_beside(&mut self, scenario: Arc<Scenario>) -> Result<Recorder, RunDirError> {
        let part = self.dir.part(self.parts)?;
        let access = self.logs.access.is_some().then(|| part.access_log());
        let files = Files::create(&part, &Logs { access, ..self.logs })?;
        self.parts += 1;
        Ok(Recorder::with(scenario, Some(files), self.outcomes()))
    }

    /// Where a run notes how its calls have ended, if there is another to compare them with.
    fn outcomes(&self) -> Option<Outcomes> {
        (self.strategies > 1).then(Outcomes::default)
    }

    /// What is written from here on is of the next run.
    fn mark(&mut self) -> Result<(), RunDirError> {
        let Some(files) = &mut self.files else { return Ok(()) };
        let now = files.begin()?;
        let of_round = self.marks.filter(|_| !self.round.is_empty()).map_or(now, |(of_round, _)| of_round);
        self.marks = Some((of_round, now));
        Ok(())
    }

    /// A run has ended. `matched` is for each fault how many attempts it has matched in it.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn end(&mut self, recorder: Recorder, matched: &[u64], interrupted: bool) -> Result<(), RunDirError> {
        let mut recorded = recorder.close(matched)?;
        self.files = recorded.files.take();
        if interrupted && self.has_run() {
            return self.take_back(|(_, of_run)| of_run);
        }
        self.count(recorded);
        Ok(())
    }

    /// The same of a run that went on beside others.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn end_beside(
        &mut self,
        recorder: Recorder,
        matched: &[u64],
        interrupted: bool,
    ) -> Result<(), RunDirError> {
        let mut recorded = recorder.close(matched)?;
        if interrupted && self.has_run() {
            return Ok(());
        }
        self.mark()?;
        if let (Some(files), Some(part)) = (&mut self.files, recorded.files.take()) {
            files.take_in(part)?;
        }
        self.count(recorded);
        Ok(())
    }

    fn has_run(&self) -> bool {
        self.rounds > 0 || !self.round.is_empty()
    }

    fn count(&mut self, recorded: Recorded) {
        self.round.push((recorded.scenario, recorded.tally));
        self.outcomes.extend(recorded.outcomes);
        if self.round.len() == self.strategies {
            self.close_round();
        }
    }

    fn close_round(&mut self) {
        self.matches.add(&self.outcomes);
        self.outcomes.clear();
        let round = std::mem::take(&mut self.round);
        self.seeds.extend(round.iter().map(|(scenario, tally)| tally.row(scenario).of_seed(scenario.seed)));
        self.aftermaths.extend(round.iter().filter_map(|(scenario, tally)| tally.aftermath(scenario)));
        if self.whole.is_empty() {
            self.whole = round;
        } else {
            for ((_, whole), (_, tally)) in self.whole.iter_mut().zip(&round) {
                whole.merge(tally);
            }
        }
        self.rounds += 1;
    }

    /// Whether no round is under way.
    pub fn is_between_rounds(&self) -> bool {
        self.round.is_empty()
    }

    /// Whether all figures of all strategies are known this well from whole rounds; see
    /// [`Sample::is_known`].
    pub fn is_known(&self, fraction: f64) -> bool {
        let sample = |strategy: &str| Sample::of(&self.seeds, strategy);
        let known = |scenario: &Scenario| sample(&scenario.strategy).is_known(fraction);
        !self.whole.is_empty() && self.whole.iter().all(|(scenario, _)| known(scenario))
    }

    /// What each strategy has shown so far, in the order of their turns.
    pub fn so_far(&self) -> Vec<StrategyRow> {
        let of_round = |place: usize| self.round.get(place).map(|(_, tally)| tally);
        let whole = self.whole.iter().enumerate();
        let whole = whole.map(|(place, (scenario, tally))| tally.row_with(of_round(place), scenario));
        let first = self.round.iter().skip(self.whole.len());
        whole.chain(first.map(|(scenario, tally)| tally.row_with(None, scenario))).collect()
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
        self.dir.remove_parts()?;
        if self.rounds == 0 {
            self.close_round();
        } else if !self.round.is_empty() {
            self.take_back(|(of_round, _)| of_round)?;
        }
        let each = self.whole.into_iter().map(|(scenario, tally)| tally.figures(&scenario));
        let mut figures = Figures {
            seeds: self.rounds,
            by_seed: self.seeds,
            aftermaths: aftermath::over_seeds(self.aftermaths, self.rounds),
            ..Figures::join(each.collect())
        };
        if figures.strategies.len() > 1 {
            self.matches.compare(&mut figures.strategies);
        }
        Ok(figures)
    }
}

#[cfg(test)]
mod tests;
