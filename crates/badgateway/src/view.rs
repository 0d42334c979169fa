//! A run while it goes, drawn on the terminal a few times a second.
//!
//! A thread of its own draws from what the run has told last: however slow the terminal is, the run does
//! not wait for it.

mod draw;
mod history;
mod screen;
mod state;
mod tables;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use report::Watch;
use report::render::Charset;
use sim::Progress;
use topology::Scenario;
use trace::rows::StrategyRow;

pub(crate) use screen::give_back_now;
use state::{Run, State};

/// How often it is drawn.
pub(crate) const EVERY: Duration = Duration::from_millis(100);
/// What ends sooner is not worth another screen.
const SOON: Duration = Duration::from_millis(500);

/// Whether there is a terminal to draw on.
pub(crate) fn is_possible() -> bool {
    screen::is_there()
}

/// The view of one or several runs; with this value it goes.
#[derive(Debug)]
pub(crate) struct View {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    ends: AtomicBool,
}

impl View {
    /// One of these runs by this engine.
    pub(crate) fn start(scenario: &Scenario, engine: &str, colour: bool, charset: Charset) -> Option<Self> {
        let state = State::new(scenario, engine, colour, charset);
        let shared = Arc::new(Shared { state: Mutex::new(state), ends: AtomicBool::new(false) });
        let drawn = shared.clone();
        let thread = std::thread::Builder::new().name("view".to_owned());
        let thread = thread.spawn(move || drawn.draw()).ok()?;
        Some(Self { shared, thread: Some(thread) })
    }

    /// Which of several runs the next one is.
    pub(crate) fn turn(&self, text: String) {
        self.shared.state().turn = Some(text);
    }

    /// The next run begins; its load goes on for so long, if that is known. Whoever records it is asked by
    /// the watch.
    pub(crate) fn begin(&self, scenario: Arc<Scenario>, duration: Option<Duration>) -> Watch {
        let watch = Watch::default();
        self.shared.state().run = Some(Run::new(scenario, duration, watch.clone()));
        watch
    }

    /// How it is going.
    pub(crate) fn progress(&self) -> impl Fn(&Progress) + Send + Sync + 'static {
        let shared = self.shared.clone();
        move |now| {
            if let Some(run) = &mut shared.state().run {
                run.go_on(now);
            }
        }
    }

    /// Where the user's own client is to call.
    pub(crate) fn entries(&self, entries: Vec<String>) {
        self.shared.state().entries = entries;
    }

    /// Told how many of many runs are done, in words.
    pub(crate) fn count(&self) -> impl Fn(String) + Send + Sync + 'static {
        let shared = self.shared.clone();
        move |text| shared.state().count = Some(text)
    }

    /// What each strategy has shown so far.
    pub(crate) fn results(&self, results: Vec<StrategyRow>) {
        self.shared.state().results = results;
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that has panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws until it is to end. A terminal on which nothing can be drawn is left alone.
    fn draw(&self) {
        let begin = Instant::now();
        let mut screen = None;
        while !self.ends.load(Ordering::Acquire) {
            std::thread::park_timeout(EVERY);
            self.state().look();
            if begin.elapsed() < SOON || self.ends.load(Ordering::Acquire) {
                continue;
            }
            if screen.is_none() {
                let Ok(new) = screen::Screen::new() else { return };
                screen = Some(new);
            }
            // A copy: the run is not to wait for the terminal.
            let state = self.state().clone();
            let drawn = screen.as_mut().map(|screen| screen.draw(|frame| draw::draw(frame, &state)));
            if matches!(drawn, Some(Err(_))) {
                return;
            }
        }
    }
}
