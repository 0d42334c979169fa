//! Configurations of real gateways (nginx, HAProxy, Envoy), read as far as the lints ask.
//!
//! Each server, frontend or listener becomes a gateway node; what it sends requests to becomes edges, with
//! the product's defaults where the file is silent. Files are matched by ports, the outermost first: a
//! server whose port a later file listens on is that one (on this machine, any file); all others are
//! servers of which nothing is known. There is no client and
//! no load, so that lints about load have nothing to say. What is not known here is passed over.

mod chain;
mod envoy;
mod haproxy;
mod model;
mod nginx;

pub use chain::Chain;

use crate::Scenario;
use crate::scenario::{Problem, Problems, Source};

/// A configuration's name, for the messages, and its text.
#[derive(Debug, Clone, Copy)]
pub struct ConfigFile<'a> {
    /// As the user named it.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// Whose configuration it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// nginx.
    Nginx,
    /// HAProxy.
    Haproxy,
    /// Envoy: a bootstrap in YAML or JSON.
    Envoy,
}

impl Product {
    /// By what is in the file; none if it is of none of them, as a scenario is.
    pub fn of(file: ConfigFile<'_>) -> Option<Self> {
        let mut lines = file.text.lines().map(str::trim_start);
        let extension = file.name.rsplit_once('.').map_or("", |(_, extension)| extension);
        if matches!(extension, "yaml" | "yml" | "json") {
            let has = |line: &str| line.contains("static_resources") && line.contains(':');
            return lines.any(has).then_some(Self::Envoy);
        }
        let section = |line: &str| {
            let code = line.split('#').next().unwrap_or_default();
            let first = code.split_whitespace().next().unwrap_or_default();
            !code.contains(['{', ';'])
                && matches!(first, "global" | "defaults" | "frontend" | "backend" | "listen")
        };
        if lines.clone().any(section) {
            return Some(Self::Haproxy);
        }
        let block = |line: &str| {
            let word = line.split(|c: char| c.is_whitespace() || c == '{').next().unwrap_or_default();
            matches!(word, "http" | "server" | "upstream" | "events")
        };
        (extension == "conf" || extension == "cfg" || lines.any(block)).then_some(Self::Nginx)
    }
}

/// What a file includes: it is not looked at, unless it is named too.
pub fn includes(file: ConfigFile<'_>) -> impl Iterator<Item = &str> {
    /// Lists of values, which pass nothing on.
    const LISTS: [&str; 3] = ["mime.types", "_params", "koi-win"];
    let is_nginx = Product::of(file) == Some(Product::Nginx);
    let lines = file.text.lines().filter(move |_| is_nginx);
    let included = lines.filter_map(|line| line.trim().strip_prefix("include ")?.split(';').next());
    included.map(str::trim).filter(|name| !LISTS.iter().any(|list| name.ends_with(list)))
}

/// Reads several files as one chain.
///
/// # Errors
/// What is wrong with the first that cannot be read.
pub fn read<'a>(files: &[ConfigFile<'a>]) -> Result<(Scenario, Chain<'a>), Problems> {
    let mut entries = Vec::new();
    let mut sources = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let source = Source::new(file.name, file.text);
        let read = match Product::of(*file) {
            Some(Product::Haproxy) => haproxy::read(i, *file),
            Some(Product::Envoy) => envoy::read(i, *file),
            Some(Product::Nginx) | None => nginx::read(i, *file),
        };
        match read {
            Ok(read) if read.is_empty() => {
                let help = "it needs a server that listens and passes requests on".to_owned();
                let message = "nothing in this file passes requests on".to_owned();
                let problem = Problem { message, help: Some(help), ..source.start() };
                return Err(Problems::one(problem));
            }
            Ok(read) => entries.extend(read),
            Err(flaw) => return Err(Problems::one(source.flaw(flaw))),
        }
        sources.push(source);
    }
    chain::build(&entries, sources)
}

#[cfg(test)]
mod tests;
