//! HAProxy: `defaults`, `frontend`, `backend` and `listen` sections. Source: its configuration manual. A
//! time-out that is nowhere set is none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Address, Entry, Route, Written, default_policy, flaw};
use super::{ConfigFile, Product};
use crate::policy::{Idempotent, Outcomes, Policy};
use crate::scenario::{Flaw, Range};
use crate::wire::Failure;

/// What a buffer holds of a head unless `tune.bufsize` says otherwise, less `tune.maxrewrite`.
const REWRITE: u64 = 1024;

/// A line, by its words.
#[derive(Debug, Clone)]
struct Line<'a> {
    words: Vec<&'a str>,
    at: Range,
}

/// A section.
#[derive(Debug, Clone)]
struct Section<'a> {
    kind: &'a str,
    name: &'a str,
    at: Range,
    /// Its own lines, after those of its defaults.
    lines: Vec<Line<'a>>,
}

pub(super) fn read(file: usize, config: ConfigFile<'_>) -> Result<Vec<Entry>, Flaw> {
    let sections = sections(config.text)?;
    let backends: BTreeMap<&str, &Section<'_>> = sections
        .iter()
        .filter(|section| matches!(section.kind, "backend" | "listen"))
        .map(|section| (section.name, section))
        .collect();
    let global = sections.iter().find(|section| section.kind == "global");
    let bufsize = global.and_then(|section| section.find(&["tune.bufsize"]));
    let is_http =
        |section: &&Section<'_>| section.find(&["mode"]).is_none_or(|l| l.words.get(1) != Some(&"tcp"));
    let mut entries = Vec::new();
    for section in sections.iter().filter(|s| matches!(s.kind, "frontend" | "listen")).filter(is_http) {
        let mut entry = Entry::new(Product::Haproxy, file, section.at);
        entry.listens = section.listens();
        if let Some((line, bytes)) =
            bufsize.and_then(|line| Some((line, line.words.get(1)?.parse::<u64>().ok()?)))
        {
            entry.head = bytes.saturating_sub(REWRITE);
            entry.written.insert("header_limit", line.at);
        }
        let idle = ["http-keep-alive", "http-request", "client"];
        match idle.iter().find_map(|which| section.timeout(which)) {
            Some((time, line)) => {
                entry.keep_alive = time;
                entry.written.insert("keep_alive", line.at);
            }
            None => entry.keep_alive = Duration::MAX,
        }
        let own = (section.kind == "listen").then_some(section);
        let used = section.lines.iter().filter(|l| matches!(l.words[0], "default_backend" | "use_backend"));
        let named = used.filter_map(|line| backends.get(line.words.get(1)?).copied());
        let mut seen: Vec<&str> = Vec::new();
        for backend in own.into_iter().chain(named) {
            if !seen.contains(&backend.name) {
                seen.push(backend.name);
                entry.routes.extend(backend.route());
            }
        }
        if !entry.routes.is_empty() {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// The sections, each with the lines of the defaults before it, or of those that it names.
fn sections(text: &str) -> Result<Vec<Section<'_>>, Flaw> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut byte = 0;
    for (number, line) in text.split('\n').enumerate() {
        let content = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = content.split_whitespace().collect();
        if let Some(first) = words.first().copied() {
            let indent = content.len() - content.trim_start().len();
            let at = Range {
                line: number + 1,
                column: content[..indent].chars().count() + 1,
                length: content.trim().chars().count(),
                byte: byte + indent,
            };
            let is_section = matches!(
                first,
                "global"
                    | "defaults"
                    | "frontend"
                    | "backend"
                    | "listen"
                    | "userlist"
                    | "peers"
                    | "resolvers"
                    | "mailers"
                    | "cache"
                    | "program"
                    | "ring"
                    | "http-errors"
            );
            if is_section {
                let name = words.get(1).copied().unwrap_or_default();
                let from = words.iter().position(|word| *word == "from").and_then(|i| words.get(i + 1));
                let lines = inherited(&sections, first, from.copied());
                sections.push(Section { kind: first, name, at, lines });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(Line { words, at });
            } else {
                let message = format!("`{first}` stands in no section");
                return Err(flaw(
                    at,
                    message,
                    "write `global`, `defaults`, `frontend` or `backend` above it",
                ));
            }
        }
        byte += line.len() + 1;
    }
    Ok(sections)
}

fn inherited<'a>(before: &[Section<'a>], kind: &str, from: Option<&str>) -> Vec<Line<'a>> {
    if !matches!(kind, "frontend" | "backend" | "listen" | "defaults")
        || (kind == "defaults" && from.is_none())
    {
        return Vec::new();
    }
    let named =
        |section: &&Section<'_>| section.kind == "defaults" && from.is_none_or(|name| section.name == name);
    before.iter().rfind(named).map(|section| section.lines.clone()).unwrap_or_default()
}

impl<'a> Section<'a> {
    /// The last line that begins with these words.
    fn find(&self, words: &[&str]) -> Option<&Line<'a>> {
        self.lines.iter().rfind(|line| line.words.starts_with(words))
    }

    fn timeout(&self, which: &str) -> Option<(Duration, &Line<'a>)> {
        let line = self.find(&["timeout", which])?;
        Some((time(line.words.get(2)?)?, line))
    }

    fn listens(&self) -> Vec<Address> {
        let binds = self.lines.iter().filter(|line| line.words[0] == "bind");
        let addresses = binds.filter_map(|line| line.words.get(1)).flat_map(|all| all.split(','));
        addresses.filter_map(|address| Address::parse(address, None)).collect()
    }

    /// Where the requests to this section go.
    fn route(&self) -> Option<Route> {
        let servers = self.lines.iter().filter(|line| line.words[0] == "server");
        let servers: Vec<Address> =
            servers.filter_map(|line| Address::parse(line.words.get(2)?, Some(80))).collect();
        if servers.is_empty() {
            return None;
        }
        let mut written = Written::new();
        let mut policy = default_policy(Product::Haproxy, servers.len());
        policy.timeout = self.timeout("server").map(|(time, line)| {
            written.insert("timeout", line.at);
            time
        });
        policy.connect_timeout = match self.timeout("connect") {
            Some((time, line)) => {
                written.insert("connect_timeout", line.at);
                time
            }
            None => Duration::MAX,
        };
        // By default only a request that can be sent again goes over a kept connection (`http-reuse safe`).
        policy.pool.reuse = self
            .find(&["http-reuse"])
            .is_some_and(|l| matches!(l.words.get(1), Some(&"always" | &"aggressive")));
        policy.pool.idle_timeout = Duration::from_secs(5);
        self.retries(servers.len(), &mut policy, &mut written);
        Some(Route { name: self.name.to_owned(), servers, policy, at: self.at, written })
    }

    fn retries(&self, servers: usize, policy: &mut Policy, written: &mut Written) {
        if let Some(line) = self.find(&["retries"]) {
            let retries = line.words.get(1).and_then(|text| text.parse::<u32>().ok()).unwrap_or(3);
            policy.retry.max_attempts = retries.saturating_add(1);
            written.insert("retry.max_attempts", line.at);
            written.insert("retry", line.at);
        }
        if let Some(line) = self.find(&["retry-on"]) {
            let mut outcomes = Outcomes::default();
            line.words[1..].iter().for_each(|word| add(word, &mut outcomes));
            policy.retry.when.outcomes = outcomes;
            policy.retry.when.idempotent = Idempotent::Any;
            written.insert("retry", line.at);
            written.insert("retry.when", line.at);
        }
        // Only then another server is asked, and only for the last attempt.
        let redispatch = self.find(&["option", "redispatch"]).is_some();
        if redispatch && servers > 1 {
            policy.retry.backoff = None;
        }
    }
}

fn add(word: &str, to: &mut Outcomes) {
    let refused = [Failure::ConnectionRefused, Failure::ConnectionTimeout];
    let empty = [Failure::ConnectionTerminated, Failure::HeadIncomplete];
    match word {
        "conn-failure" => to.add_failures(refused),
        "empty-response" => to.add_failures(empty),
        "junk-response" => to.add_failures([Failure::ProtocolError, Failure::HeadTooLarge]),
        "response-timeout" => to.add_failures([Failure::HeadTimeout]),
        "all-retryable-errors" => {
            for word in ["conn-failure", "empty-response", "junk-response", "response-timeout"] {
                add(word, to);
            }
            to.add_statuses([500, 502, 503, 504]);
        }
        word => to.add_statuses(word.parse::<u16>().ok()),
    }
}

/// HAProxy's times: milliseconds, unless there is a unit.
fn time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)? {
        "us" => Duration::from_micros(1),
        "" | "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        "h" => Duration::from_hours(1),
        "d" => Duration::from_hours(24),
        _ => return None,
    };
    Some(unit.saturating_mul(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_by_default() {
        let ms = |ms: u64| Some(Duration::from_millis(ms));
        assert_eq!(
            ["5000", "50s", "1m", "x", "5y"].map(time),
            [ms(5000), ms(50_000), ms(60_000), None, None]
        );
    }
}
