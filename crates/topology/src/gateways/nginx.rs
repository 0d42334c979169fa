//! nginx: `http`, `server`, `location` and `upstream` blocks. Source of the defaults:
//! nginx.org/en/docs, `ngx_http_proxy_module`, `ngx_http_upstream_module` and `ngx_http_core_module`; those
//! of time-outs, retries and limits are the `nginx` profile's.

mod tokens;

use std::collections::BTreeMap;
use std::time::Duration;

use super::model::{Address, Entry, Route, Written, default_policy};
use super::{ConfigFile, Product};
use crate::policy::{Idempotent, Outcomes, Policy};
use crate::scenario::Flaw;
use crate::units::SIZE_MAX;
use crate::wire::Failure;
use tokens::Directive;

/// The directives in force, by name: an inner block's replace the outer ones'.
type Scope<'d> = BTreeMap<&'d str, &'d Directive>;

pub(super) fn read(file: usize, config: ConfigFile<'_>) -> Result<Vec<Entry>, Flaw> {
    let directives = tokens::parse(config.text)?;
    let mut found = Found { file, ..Found::default() };
    // A file that another one includes has no `http` around it.
    found.http(&directives, &Scope::new());
    for directive in directives.iter().filter(|d| d.name == "http") {
        found.http(&directive.block, &Scope::new());
    }
    Ok(found.entries)
}

#[derive(Default)]
struct Found {
    file: usize,
    entries: Vec<Entry>,
}

fn within<'d>(outer: &Scope<'d>, block: &'d [Directive]) -> Scope<'d> {
    let mut scope = outer.clone();
    scope.extend(block.iter().filter(|d| d.block.is_empty()).map(|d| (d.name.as_str(), d)));
    scope
}

impl Found {
    fn http(&mut self, block: &[Directive], outer: &Scope<'_>) {
        let scope = within(outer, block);
        let upstreams: BTreeMap<&str, &Directive> = block
            .iter()
            .filter(|d| d.name == "upstream")
            .filter_map(|d| Some((d.arguments.first()?.as_str(), d)))
            .collect();
        for server in block.iter().filter(|d| d.name == "server" && !d.block.is_empty()) {
            self.server(server, &scope, &upstreams);
        }
    }

    fn server(&mut self, server: &Directive, outer: &Scope<'_>, upstreams: &BTreeMap<&str, &Directive>) {
        let scope = within(outer, &server.block);
        let listens: Vec<Address> = server
            .block
            .iter()
            .filter(|d| d.name == "listen")
            .filter_map(|d| Address::parse(d.arguments.first()?, Some(80)))
            .collect();
        let listens =
            if listens.is_empty() { vec![Address { host: "*".to_owned(), port: 80 }] } else { listens };
        let mut entry = Entry::new(Product::Nginx, self.file, server.at);
        entry.listens = listens;
        let names = server.block.iter().filter(|d| d.name == "server_name");
        entry.names = names.flat_map(|d| d.arguments.iter().cloned()).collect();
        if let Some((bytes, directive)) = argument(&scope, "client_max_body_size", 0, size) {
            entry.body = if bytes == 0 { SIZE_MAX } else { bytes };
            entry.written.insert("body_limit", directive.at);
        }
        if let Some((bytes, directive)) = argument(&scope, "large_client_header_buffers", 1, size) {
            entry.head = bytes;
            entry.written.insert("header_limit", directive.at);
        }
        if let Some((idle, directive)) = argument(&scope, "keepalive_timeout", 0, time) {
            // 0: each response says that its connection closes, and nobody sends another request over it.
            entry.keep_alive = if idle.is_zero() { Duration::MAX } else { idle };
            entry.written.insert("keep_alive", directive.at);
        }
        routes(&server.block, &scope, upstreams, &mut entry.routes);
        if !entry.routes.is_empty() {
            self.entries.push(entry);
        }
    }
}

/// What a block's locations pass on.
fn routes<'d>(
    block: &'d [Directive],
    scope: &Scope<'d>,
    upstreams: &BTreeMap<&str, &'d Directive>,
    into: &mut Vec<Route>,
) {
    for directive in block {
        match directive.name.as_str() {
            "location" | "if" | "limit_except" => {
                routes(&directive.block, &within(scope, &directive.block), upstreams, into);
            }
            "proxy_pass" => into.extend(route(directive, scope, upstreams)),
            _ => {}
        }
    }
}

/// None if it is not known where the requests go.
fn route(pass: &Directive, scope: &Scope<'_>, upstreams: &BTreeMap<&str, &Directive>) -> Option<Route> {
    let url = pass.arguments.first()?;
    let (scheme, rest) = url.split_once("://")?;
    let target = rest.split('/').next().unwrap_or_default();
    if target.contains('$') || target.starts_with("unix") {
        return None;
    }
    let default = if scheme == "https" { 443 } else { 80 };
    let upstream = upstreams.get(target);
    let servers: Vec<Address> = match upstream {
        Some(upstream) => {
            let servers = upstream.block.iter().filter(|d| d.name == "server");
            let used = servers.filter(|d| !d.arguments.iter().any(|a| a == "down"));
            used.filter_map(|d| Address::parse(d.arguments.first()?, Some(80))).collect()
        }
        None => vec![Address::parse(target, Some(default))?],
    };
    let mut written = Written::new();
    let mut policy = default_policy(Product::Nginx, servers.len());
    let mut timer = |name, key: &'static str, value: &mut Duration| {
        if let Some((time, directive)) = argument(scope, name, 0, time) {
            *value = time;
            written.insert(key, directive.at);
        }
    };
    let mut read = policy.timeout.unwrap_or_default();
    timer("proxy_read_timeout", "timeout", &mut read);
    policy.timeout = Some(read);
    timer("proxy_connect_timeout", "connect_timeout", &mut policy.connect_timeout);
    retries(scope, servers.len(), &mut policy, &mut written);
    if let Some(upstream) = upstream {
        keep_alive(upstream, scope, &mut policy, &mut written);
    }
    Some(Route { name: target.to_owned(), servers, policy, at: pass.at, written })
}

/// Each other server at most once.
fn retries(scope: &Scope<'_>, servers: usize, policy: &mut Policy, written: &mut Written) {
    let servers = u32::try_from(servers.max(1)).unwrap_or(u32::MAX);
    policy.retry.max_attempts = servers;
    if let Some((tries, directive)) =
        argument(scope, "proxy_next_upstream_tries", 0, |text| text.parse::<u32>().ok())
        && tries > 0
    {
        policy.retry.max_attempts = servers.min(tries);
        written.insert("retry.max_attempts", directive.at);
    }
    if let Some((limit, directive)) = argument(scope, "proxy_next_upstream_timeout", 0, time)
        && !limit.is_zero()
    {
        policy.deadline = Some(limit.saturating_add(policy.timeout.unwrap_or_default()));
        written.insert("deadline", directive.at);
    }
    let Some(when) = scope.get("proxy_next_upstream") else { return };
    written.insert("retry", when.at);
    written.insert("retry.when", when.at);
    let mut outcomes = Outcomes::default();
    policy.retry.when.idempotent = Idempotent::UnlessUnprocessed;
    for word in &when.arguments {
        match word.as_str() {
            "off" => policy.retry.max_attempts = 1,
            "non_idempotent" => policy.retry.when.idempotent = Idempotent::Any,
            word => add(word, &mut outcomes),
        }
    }
    policy.retry.when.outcomes = outcomes;
}

fn add(word: &str, to: &mut Outcomes) {
    match word {
        "error" => to.add_failures([
            Failure::ConnectionRefused,
            Failure::ConnectionTerminated,
            Failure::HeadIncomplete,
        ]),
        "timeout" => to.add_failures([Failure::ConnectionTimeout, Failure::HeadTimeout]),
        "invalid_header" => to.add_failures([Failure::ProtocolError, Failure::HeadTooLarge]),
        word => to.add_statuses(word.strip_prefix("http_").and_then(|status| status.parse().ok())),
    }
}

/// Connections to servers are kept if `keepalive` says so and the requests let them.
fn keep_alive(upstream: &Directive, scope: &Scope<'_>, policy: &mut Policy, written: &mut Written) {
    let inner = within(&Scope::new(), &upstream.block);
    let version = scope.get("proxy_http_version").and_then(|d| d.arguments.first());
    let kept = inner.contains_key("keepalive") && version.is_some_and(|version| version != "1.0");
    policy.pool.reuse = kept;
    policy.pool.idle_timeout = Duration::from_mins(1);
    if let Some(keepalive) = inner.get("keepalive") {
        written.insert("pool", keepalive.at);
    }
    if let Some((idle, directive)) = argument(&inner, "keepalive_timeout", 0, time) {
        policy.pool.idle_timeout = idle;
        written.insert("pool.idle_timeout", directive.at);
    }
}

/// An argument of a directive that is in force, if it can be read.
fn argument<'d, T>(
    scope: &Scope<'d>,
    name: &str,
    place: usize,
    read: impl Fn(&str) -> Option<T>,
) -> Option<(T, &'d Directive)> {
    let directive = *scope.get(name)?;
    Some((read(directive.arguments.get(place)?)?, directive))
}

/// nginx's times: `60`, `60s`, `1m30s`, `500ms`. Source: nginx.org/en/docs/syntax.html.
fn time(text: &str) -> Option<Duration> {
    let mut all = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest.get(..digits)?.parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| !c.is_ascii_alphabetic()).map_or(rest.len(), |end| digits + end);
        let unit = match &rest[digits..unit_end] {
            "ms" => Duration::from_millis(1),
            "" | "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            _ => return None,
        };
        all = all.saturating_add(unit.saturating_mul(number));
        rest = rest[unit_end..].trim_start();
    }
    Some(all)
}

/// nginx's sizes: `1024`, `8k`, `1m`, `1g`.
fn size(text: &str) -> Option<u64> {
    let (number, factor) = match text.to_ascii_lowercase().strip_suffix(['k', 'm', 'g']) {
        Some(number) => {
            let shift = match text.chars().last()?.to_ascii_lowercase() {
                'k' => 10,
                'm' => 20,
                _ => 30,
            };
            (number.parse::<u64>().ok()?, 1_u64 << shift)
        }
        None => (text.parse().ok()?, 1),
    };
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes() {
        let seconds = |s: f64| Some(Duration::from_secs_f64(s));
        let times = ["60", "500ms", "1m30s", "1h 30m", "", "fast", "99999999999s"].map(time);
        assert_eq!(times, [seconds(60.0), seconds(0.5), seconds(90.0), seconds(5400.0), None, None, None]);
        assert_eq!(["8k", "1M", "100", "x"].map(size), [Some(8192), Some(1 << 20), Some(100), None]);
    }
}
