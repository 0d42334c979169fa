//! Results to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};

use crate::exit::Failure;

/// What may be printed, and how.
#[derive(Debug)]
pub(crate) struct Output {
    /// No progress, no hints.
    pub(crate) quiet: bool,
    /// Colours are wanted where they can be shown.
    colour: bool,
}

impl Output {
    pub(crate) fn new(quiet: bool, no_color: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { quiet, colour: !(no_color || set("NO_COLOR") || dumb) }
    }

    /// Whether results may be in colour.
    pub(crate) fn result_colour(&self) -> bool {
        self.colour && io::stdout().is_terminal()
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
