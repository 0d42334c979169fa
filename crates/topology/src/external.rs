//! An external node: a real program that someone else wrote, as declared.

use std::time::Duration;

use crate::template::Template;

/// How an external node is had, and when it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Who runs it.
    pub program: Program,
    /// When it is ready.
    pub ready: Ready,
    /// It can stand in for a gateway in virtual time: a profile was given.
    pub simulated: bool,
}

/// Who runs an external node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// The engine starts it and ends it.
    Started {
        /// The program and its arguments; never empty.
        command: Vec<Template>,
        /// A file that is written for it.
        config: Option<ConfigFile>,
    },
    /// It runs already.
    Running {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
    },
}

/// A file that is written for a program before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// The file's name.
    pub name: String,
    /// What is in it.
    pub text: Template,
}

/// When a program is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Once a GET of this path is answered with a status below 400; `None`: once it listens.
    pub path: Option<String>,
    /// No later than so long after its start.
    pub within: Duration,
}

impl External {
    /// All texts in which something is filled in.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let (command, config) = match &self.program {
            Program::Started { command, config } => (command.as_slice(), config.as_ref()),
            Program::Running { .. } => (&[][..], None),
        };
        command.iter().chain(config.map(|config| &config.text))
    }
}
