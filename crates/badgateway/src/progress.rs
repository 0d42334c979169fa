//! How a run is going, on stderr: one line that is written over, or a line now and then where
//! stderr is no terminal.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sim::live::Progress;

/// How often a line that is written over changes.
pub(crate) const EVERY_ON_TERMINAL: Duration = Duration::from_secs(1);
/// How often a line is added elsewhere.
pub(crate) const EVERY_ELSEWHERE: Duration = Duration::from_secs(5);
/// How long a line may be on a terminal.
const COLUMNS: usize = 79;

/// Prints a run's progress.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    terminal: bool,
    /// How long it goes on, if that is known.
    duration: Option<Duration>,
    /// What was printed last, and when: by the wall clock, whatever the run's own does.
    last: Mutex<(Instant, Progress)>,
}

impl ProgressLine {
    /// One for a run whose load goes on for so long.
    pub(crate) fn new(duration: Option<Duration>) -> Self {
        let last = Mutex::new((Instant::now(), Progress::default()));
        Self { terminal: std::io::stderr().is_terminal(), duration, last }
    }

    /// Prints a line, if it is time for one.
    pub(crate) fn show(&self, now: &Progress) {
        let Ok(mut last) = self.last.lock() else { return };
        let every = if self.terminal { EVERY_ON_TERMINAL } else { EVERY_ELSEWHERE };
        if last.0.elapsed() < every {
            return;
        }
        let text = line(&last.1, now, self.duration);
        *last = (Instant::now(), now.clone());
        // Where this cannot be printed, there is nobody to tell.
        let _ = if self.terminal {
            let text: String = text.chars().take(COLUMNS).collect();
            write!(std::io::stderr(), "\r{text}\x1b[K")
        } else {
            writeln!(std::io::stderr(), "{text}")
        };
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// What has happened since the last line.
fn line(last: &Progress, now: &Progress, duration: Option<Duration>) -> String {
    let seconds = now.elapsed.saturating_sub(last.elapsed).as_secs_f64().max(1e-3);
    let rate = now.started.saturating_sub(last.started) as f64 / seconds;
    let failing = now.failed.saturating_sub(last.failed);
    let mut text = format!(
        "{:.0}s{}  {rate:.0} calls/s  {} ok  {} failed ({failing} just now)  {} in flight",
        now.elapsed.as_secs_f64(),
        duration.map(|duration| format!(" of {:.0}s", duration.as_secs_f64())).unwrap_or_default(),
        now.ok,
        now.failed,
        now.in_flight
    );
    if !now.active_faults.is_empty() {
        text.push_str("  faults: ");
        text.push_str(&now.active_faults.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_new() {
        let last = Progress {
            elapsed: Duration::from_secs(5),
            started: 900,
            ok: 890,
            failed: 2,
            ..Progress::default()
        };
        let now = Progress {
            elapsed: Duration::from_secs(7),
            started: 1300,
            ok: 1200,
            failed: 82,
            in_flight: 18,
            active_faults: vec!["app-crash".to_owned()],
        };
        assert_eq!(
            line(&last, &now, Some(Duration::from_secs(20))),
            "7s of 20s  200 calls/s  1200 ok  82 failed (80 just now)  18 in flight  faults: app-crash"
        );
    }
}
