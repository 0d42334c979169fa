//! How runs are shown while they go: by the live view, by lines, or not at all.

use std::sync::Arc;
use std::time::Duration;

use report::Recorder;
use sim::Progress;
use topology::Scenario;
use trace::rows::StrategyRow;

use crate::count_line::To;
use crate::output::Output;
use crate::progress::ProgressLine;
use crate::view::View;

/// What shows them.
#[derive(Debug)]
pub(crate) enum Shown {
    Not,
    Lines,
    View(View),
}

impl Shown {
    /// What is to show runs of this scenario.
    pub(crate) fn new(scenario: &Scenario, engine: &str, output: &Output) -> Self {
        let view = || View::start(scenario, engine, output.diagnostic_colour(), Output::charset());
        match output.shows_view().then(view).flatten() {
            Some(view) => Self::View(view),
            None if output.shows_progress() => Self::Lines,
            None => Self::Not,
        }
    }

    /// Which of several runs the next one is.
    pub(crate) fn turn(&self, text: String, output: &Output) {
        match self {
            Self::View(view) => view.turn(text),
            Self::Lines | Self::Not => output.hint(&text),
        }
    }

    /// A run begins, with this recorder; its load goes on for so long, if that is known.
    pub(crate) fn begin(
        &self,
        scenario: &Arc<Scenario>,
        duration: Option<Duration>,
        recorder: Recorder,
    ) -> (Recorder, ShownRun) {
        match self {
            Self::Not => (recorder, ShownRun::Not),
            Self::Lines => (recorder, ShownRun::Line(Arc::new(ProgressLine::new(duration)))),
            Self::View(view) => {
                let watch = view.begin(scenario.clone(), duration);
                (recorder.watched(watch), ShownRun::View(Arc::new(view.progress())))
            }
        }
    }

    /// Where the user's own client is to call.
    pub(crate) fn entries(&self, entries: Vec<String>) {
        if let Self::View(view) = self {
            view.entries(entries);
        }
    }

    /// Where it is said how many of many runs are done.
    pub(crate) fn count_to(&self, output: &Output) -> To {
        match self {
            Self::View(view) => To::View(Box::new(view.count())),
            Self::Lines | Self::Not => To::stderr(output),
        }
    }

    /// What each strategy has shown so far.
    pub(crate) fn results(&self, results: impl FnOnce() -> Vec<StrategyRow>) {
        if let Self::View(view) = self {
            view.results(results());
        }
    }
}

/// What shows one run.
#[derive(Clone)]
pub(crate) enum ShownRun {
    Not,
    Line(Arc<ProgressLine>),
    View(Arc<dyn Fn(&Progress) + Send + Sync>),
}

impl ShownRun {
    /// Told how it is going.
    pub(crate) fn progress(&self) -> impl Fn(&Progress) + Send + 'static {
        let shown = self.clone();
        move |now| match &shown {
            Self::Not => {}
            Self::Line(line) => line.show(now),
            Self::View(view) => view(now),
        }
    }

    /// It has ended.
    pub(crate) fn end(self) {
        if let Self::Line(line) = self {
            line.clear();
        }
    }
}
