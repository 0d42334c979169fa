//! Retry presets: what a product or a piece of code does, by name.

use super::file::{BackoffFile, BackoffLong, RetryFile, StrategyFile, WhenItem, seconds};

/// A named retry policy, with its source.
#[derive(Debug)]
pub struct Preset {
    /// As written in a scenario.
    pub name: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// One sentence: what it does.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    strategy: fn() -> StrategyFile,
}

/// Every preset.
pub static ALL: [Preset; 1] = [Preset {
    name: "python-requests-loop",
    aliases: &["naive-article-loop"],
    about: "a loop of three attempts around `requests.get` that sleeps 2 s after a 502 and gives up on all else",
    source: "measured: the loop with requests 2, against a server that answers 502, 503, 429 or resets",
    strategy: || StrategyFile { retry: Some(python_requests_loop()), ..StrategyFile::default() },
}];

/// A preset by its name or another name of it.
pub fn find(name: &str) -> Option<&'static Preset> {
    ALL.iter().find(|p| p.name == name || p.aliases.contains(&name))
}

impl Preset {
    pub(super) fn strategy(&self) -> StrategyFile {
        (self.strategy)()
    }
}

fn python_requests_loop() -> RetryFile {
    RetryFile {
        max_attempts: 3,
        when: vec![WhenItem::Status(502)],
        backoff: BackoffFile::Some(BackoffLong::Constant { delay: seconds(2) }),
        ..RetryFile::default()
    }
}
