//! Results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use report::render::{Charset, Look};

use crate::exit::Failure;
use crate::view;

/// What may be printed, and how.
#[derive(Debug)]
pub(crate) struct Output {
    /// No progress, no hints.
    pub(crate) quiet: bool,
    /// Colours are wanted where they can be shown.
    colour: bool,
    /// The terminal can do no more than print.
    dumb: bool,
    progress: ProgressName,
}

/// The names of the ways to show how a run is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ProgressName {
    /// A view of the whole screen where stderr is a terminal, else a line now and then.
    #[default]
    Auto,
    /// A line: on a terminal one that is written over, else one now and then.
    Plain,
    /// Nothing.
    None,
}

impl Output {
    pub(crate) fn new(quiet: bool, no_color: bool, progress: ProgressName) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { quiet, colour: !(no_color || set("NO_COLOR") || dumb), dumb, progress }
    }

    /// Whether it is shown how things are going.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && self.progress != ProgressName::None
    }

    /// Whether the whole screen is taken for that.
    pub(crate) fn shows_view(&self) -> bool {
        self.shows_progress() && self.progress == ProgressName::Auto && !self.dumb && view::is_possible()
    }

    /// What terminals can be taken to show.
    pub(crate) fn charset() -> Charset {
        // As a C library decides.
        let set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(set);
        let locale = name.and_then(|name| std::env::var(name).ok()).unwrap_or_default().to_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Charset::Unicode } else { Charset::Ascii }
    }

    /// Whether results may be in colour.
    pub(crate) fn result_colour(&self) -> bool {
        self.result_look().colour
    }

    /// What results may look like. Files can hold any characters.
    pub(crate) fn result_look(&self) -> Look {
        if !io::stdout().is_terminal() {
            return Look::default();
        }
        Look { colour: self.colour, charset: Self::charset() }
    }

    /// Whether diagnostics may be in colour.
    pub(crate) fn diagnostic_colour(&self) -> bool {
        self.colour && io::stderr().is_terminal()
    }

    /// Tells a person something that is no result.
    pub(crate) fn hint(&self, text: &str) {
        if !self.quiet {
            // Where this cannot be printed, there is nobody to tell.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Tells of something that went wrong beside what was asked for.
pub(crate) fn warn(text: &str) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}

/// Writes a result. That a reader has seen enough (`| head`) is no error.
pub(crate) fn result(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write the result: {error}")))
        }
        _ => {
            // What a closed pipe did not take is not tried again.
            drop(out.into_parts());
            Ok(())
        }
    }
}

/// Tells why the program could not do what it was asked for.
pub(crate) fn error(failure: &Failure) {
    let text = failure.text.trim_end();
    // A scenario's problems come with a heading of their own.
    let prefix = if failure.has_heading { "" } else { "error: " };
    let _ = writeln!(io::stderr(), "{prefix}{text}");
}
