//! How many of many things are done, on stderr.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::progress::{EVERY_ELSEWHERE, EVERY_ON_TERMINAL};
use crate::view;

/// Prints how many are done, and how long the rest may take.
pub(crate) struct CountLine {
    what: &'static str,
    to: To,
    all: u64,
    begin: Instant,
    /// How many were there from the start.
    before: u64,
    now: Mutex<Now>,
}

/// Where to.
pub(crate) enum To {
    Nobody,
    /// A line that is written over.
    Terminal,
    /// Lines.
    Elsewhere,
    /// The live view.
    View(Box<dyn Fn(String) + Send + Sync>),
}

impl To {
    /// Stderr, if progress is shown.
    pub(crate) fn stderr(output: &Output) -> Self {
        match output.shows_progress() {
            true if std::io::stderr().is_terminal() => Self::Terminal,
            true => Self::Elsewhere,
            false => Self::Nobody,
        }
    }
}

struct Now {
    done: u64,
    shown: Instant,
}

impl CountLine {
    pub(crate) fn new(what: &'static str, done: u64, all: u64, to: To) -> Self {
        let begin = Instant::now();
        Self { what, to, all, begin, before: done, now: Mutex::new(Now { done, shown: begin }) }
    }

    /// One more is done.
    pub(crate) fn done(&self) {
        if let Ok(mut now) = self.now.lock() {
            now.done += 1;
        }
        self.tick();
    }

    /// Prints a line, if it is time for one.
    pub(crate) fn tick(&self) {
        let Ok(mut now) = self.now.lock() else { return };
        let every = match self.to {
            To::Nobody => return,
            To::Terminal => EVERY_ON_TERMINAL,
            To::Elsewhere => EVERY_ELSEWHERE,
            To::View(_) => view::EVERY,
        };
        if now.shown.elapsed() < every {
            return;
        }
        now.shown = Instant::now();
        let text = line(self.what, now.done, self.before, self.all, self.begin.elapsed());
        // Where this cannot be printed, there is nobody to tell.
        let _ = match &self.to {
            To::Nobody => Ok(()),
            To::Terminal => write!(std::io::stderr(), "\r{text}\x1b[K"),
            To::Elsewhere => writeln!(std::io::stderr(), "{text}"),
            To::View(view) => {
                view(text);
                Ok(())
            }
        };
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if matches!(self.to, To::Terminal) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// What is done of all, how fast, and how long the rest takes at that.
fn line(what: &str, done: u64, before: u64, all: u64, elapsed: Duration) -> String {
    let new = done.saturating_sub(before);
    if new == 0 {
        return format!("{done} of {all} {what}");
    }
    let rate = new as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = (all.saturating_sub(done) as f64 / rate).ceil();
    let left = humantime::format_duration(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX));
    let decimals = usize::from(rate < 10.0);
    format!("{done} of {all} {what}  {rate:.decimals$}/s  {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_rests_on_what_this_process_has_done() {
        assert_eq!(line("points", 3, 3, 20, Duration::from_secs(2)), "3 of 20 points");
        assert_eq!(
            line("points", 110, 100, 400, Duration::from_secs(4)),
            "110 of 400 points  2.5/s  1m 56s left"
        );
        assert_eq!(line("points", 400, 0, 400, Duration::from_secs(10)), "400 of 400 points  40/s  0s left");
    }
}
