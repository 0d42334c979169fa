//! The terminal while it shows the live view: the other screen, without a cursor and without the echo of
//! keys; Ctrl-Z, after which the shell would be on that screen, does nothing. Whatever ends the program
//! leaves the terminal as it was.

use std::io::{self, BufWriter, IsTerminal, Stderr, Write};
use std::sync::{Mutex, MutexGuard, Once, PoisonError, TryLockError};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::queue;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

/// What the terminal shows. There is one for the process, so one that panics or is told to end at once
/// can give it back, whoever draws.
static SHOWN: Mutex<Shown> = Mutex::new(Shown::Usual);

#[derive(Debug)]
enum Shown {
    /// What it has always shown.
    Usual,
    /// The live view. How it was set up before comes with it.
    View(keys::Before),
    /// What it has always shown, and so it stays: the program ends.
    Over,
}

/// Less than this shows nothing.
const LEAST: (u16, u16) = (20, 4);

/// Whether stderr is a terminal on which something can be shown.
pub(super) fn is_there() -> bool {
    io::stderr().is_terminal()
        && is_ours()
        && size().is_some_and(|area| area.width >= LEAST.0 && area.height >= LEAST.1)
}

/// The screen as it is drawn on.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stderr>>>,
    area: Rect,
}

impl Screen {
    pub(super) fn new() -> io::Result<Self> {
        give_back_on_panic();
        let area = size().unwrap_or_default();
        let backend = CrosstermBackend::new(BufWriter::new(io::stderr()));
        let options = TerminalOptions { viewport: Viewport::Fixed(area) };
        Ok(Self { terminal: Terminal::with_options(backend, options)?, area })
    }

    /// Draws, unless the terminal is to show what it usually does.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let mut shown = lock();
        match *shown {
            Shown::Over => return Ok(()),
            Shown::Usual if !is_ours() => return Ok(()),
            Shown::Usual => {
                *shown = Shown::View(keys::off());
                let mut err = io::stderr();
                queue!(err, EnterAlternateScreen, Hide)?;
                err.flush()?;
                self.area = Rect::default();
            }
            Shown::View(_) => {}
        }
        let area = size().unwrap_or(self.area);
        if area != self.area {
            self.area = area;
            self.terminal.resize(area)?;
        }
        self.terminal.draw(draw)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(lock(), Shown::Usual);
    }
}

/// The terminal shows what it usually does, if it can be had at once.
pub(crate) fn give_back_now() {
    for _ in 0..50 {
        match SHOWN.try_lock() {
            Ok(shown) => return give_back(shown, Shown::Over),
            Err(TryLockError::Poisoned(shown)) => return give_back(shown.into_inner(), Shown::Over),
            // Someone draws; it may be the one who panics.
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    show_usual();
}

fn give_back(mut shown: MutexGuard<'_, Shown>, then: Shown) {
    if let Shown::View(before) = std::mem::replace(&mut *shown, then) {
        show_usual();
        keys::restore(&before);
    }
}

fn show_usual() {
    let mut err = io::stderr();
    // Where this cannot be printed, there is nobody to tell.
    let _ = queue!(err, Show, LeaveAlternateScreen).and_then(|()| err.flush());
}

fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back_now();
            usual(panic);
        }));
    });
}

fn lock() -> MutexGuard<'static, Shown> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the terminal is this program's to set up, and not that of a command after which the shell did
/// not wait for this one.
#[cfg(unix)]
fn is_ours() -> bool {
    // Where nobody controls jobs, it is.
    rustix::termios::tcgetpgrp(io::stderr()).map_or(true, |group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn is_ours() -> bool {
    true
}

#[cfg(unix)]
fn size() -> Option<Rect> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| Rect::new(0, 0, size.ws_col, size.ws_row))
}

#[cfg(not(unix))]
fn size() -> Option<Rect> {
    let (columns, rows) = ratatui::crossterm::terminal::size().ok()?;
    Some(Rect::new(0, 0, columns, rows))
}

/// What keys do.
#[cfg(unix)]
mod keys {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// In place of a key: none does this.
    const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

    #[derive(Debug)]
    pub(super) struct Before(Option<Termios>);

    pub(super) fn off() -> Before {
        let Ok(before) = tcgetattr(io::stderr()) else { return Before(None) };
        let mut without = before.clone();
        without.local_modes.remove(LocalModes::ECHO);
        without.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        // If it cannot be set, keys show until the next drawing.
        let _ = tcsetattr(io::stderr(), OptionalActions::Now, &without);
        Before(Some(before))
    }

    pub(super) fn restore(before: &Before) {
        if let Some(before) = &before.0 {
            let _ = tcsetattr(io::stderr(), OptionalActions::Now, before);
        }
    }
}

#[cfg(not(unix))]
mod keys {
    #[derive(Debug)]
    pub(super) struct Before;

    pub(super) fn off() -> Before {
        Before
    }

    pub(super) fn restore(_: &Before) {}
}
