//! Policies: an edge's own, and what a strategy makes of it.

mod budget;
mod limits;
mod outcomes;
mod retry;

use super::super::file::{EdgeOptions, OrNone, PoolFile, RetryFile, StrategyFile, seconds};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::presets;
use super::super::problem::Collector;
use super::text::check_above_zero;
use crate::EdgeId;
use crate::policy::{Outcomes, Policy, Pool};
use crate::profile::Profile;
use crate::units::DurationText;

/// What a policy's file may refer to.
#[derive(Debug, Clone, Default)]
pub(in crate::scenario) struct Around {
    /// How many replicas the callee has.
    pub(in crate::scenario) replicas: u32,
    /// The edges to the replicas of the fallback.
    pub(in crate::scenario) fallback: Vec<EdgeId>,
}

/// Writes what a preset says, and the defaults of what makes a strategy, into the file.
pub(super) fn fill_in(file: &mut StrategyFile, at: &Path, problems: &mut Collector<'_>) {
    fill_in_preset(file, at, problems);
    fill_defaults(file);
}

fn fill_in_preset(file: &mut StrategyFile, at: &Path, problems: &mut Collector<'_>) {
    let Some(name) = &file.preset else { return };
    if let Some(found) = presets::find(name) {
        fill(file, found.strategy().clone());
    } else {
        let help = || did_you_mean(name, presets::names(), "the presets are");
        problems.value(&at.at("preset")).maybe_help(help).say(format!("there is no preset `{name}`"));
    }
}

/// Writes the defaults of what makes a strategy into the file.
pub(in crate::scenario) fn fill_defaults(file: &mut StrategyFile) {
    fill(
        file,
        StrategyFile {
            retry: Some(RetryFile::default()),
            hedge: Some(OrNone(None)),
            breaker: Some(OrNone(None)),
            throttle: Some(OrNone(None)),
            concurrency: Some(OrNone(None)),
            fallback: Some(OrNone(None)),
            propagate_deadline: Some(false),
            ..StrategyFile::default()
        },
    );
}

/// Writes what the edge's preset, the profile of its caller (over which the callee has so many
/// replicas) and the defaults say into the file, in this order.
pub(super) fn fill_in_edge(
    file: &mut StrategyFile,
    caller: &Profile,
    replicas: u32,
    at: &Path,
    problems: &mut Collector<'_>,
) {
    fill_in_preset(file, at, problems);
    if let Some(found) = caller.preset.and_then(presets::find) {
        fill(file, found.strategy_over(replicas));
    }
    fill_defaults(file);
    fill(
        file,
        StrategyFile {
            timeout: Some(OrNone(Some(seconds(30)))),
            read_timeout: Some(OrNone(None)),
            connect_timeout: Some(seconds(5)),
            deadline: Some(OrNone(None)),
            pool: Some(PoolFile::default()),
            ..StrategyFile::default()
        },
    );
}

/// What is not in the file yet is taken from another one.
fn fill(file: &mut StrategyFile, from: StrategyFile) {
    file.timeout = file.timeout.or(from.timeout);
    file.read_timeout = file.read_timeout.or(from.read_timeout);
    file.connect_timeout = file.connect_timeout.or(from.connect_timeout);
    file.deadline = file.deadline.or(from.deadline);
    file.propagate_deadline = file.propagate_deadline.or(from.propagate_deadline);
    file.retry = file.retry.take().or(from.retry);
    file.hedge = file.hedge.or(from.hedge);
    file.breaker = file.breaker.take().or(from.breaker);
    file.throttle = file.throttle.or(from.throttle);
    file.concurrency = file.concurrency.or(from.concurrency);
    file.fallback = file.fallback.take().or(from.fallback);
    file.pool = file.pool.take().or(from.pool);
}

/// An edge's own policy; its file is filled in.
pub(in crate::scenario) fn own(file: &StrategyFile, around: &Around) -> Policy {
    let base = Policy {
        connect_timeout: seconds(5).0,
        timeout: Some(seconds(30).0),
        read_timeout: None,
        deadline: None,
        propagate_deadline: false,
        retry: crate::policy::Retry::never(),
        hedge: None,
        breaker: None,
        throttle: None,
        concurrency: None,
        fallback: Vec::new(),
        pool: pool(&PoolFile::default()),
    };
    overridden(&base, file, around)
}

/// A policy as a strategy changes it: time-outs and connections that it does not mention stay, all
/// else is the strategy's, whose file is filled in.
pub(in crate::scenario) fn overridden(own: &Policy, by: &StrategyFile, around: &Around) -> Policy {
    let duration = |text: DurationText| text.0;
    Policy {
        connect_timeout: by.connect_timeout.map_or(own.connect_timeout, duration),
        timeout: by.timeout.map_or(own.timeout, |t| t.0.map(duration)),
        read_timeout: by.read_timeout.map_or(own.read_timeout, |t| t.0.map(duration)),
        deadline: by.deadline.map_or(own.deadline, |d| d.0.map(duration)),
        propagate_deadline: by.propagate_deadline.unwrap_or_default(),
        retry: by
            .retry
            .as_ref()
            .map_or_else(crate::policy::Retry::never, |file| retry::lower(file, around.replicas)),
        hedge: by.hedge.unwrap_or_default().0.map(limits::hedge),
        breaker: by.breaker.as_ref().and_then(|b| b.0.as_ref()).map(limits::breaker),
        throttle: by.throttle.unwrap_or_default().0.map(limits::throttle),
        concurrency: by.concurrency.unwrap_or_default().0.map(limits::limit),
        fallback: around.fallback.clone(),
        pool: by.pool.as_ref().map_or(own.pool, pool),
    }
}

fn pool(file: &PoolFile) -> Pool {
    Pool {
        max_connections: file.max_connections.0,
        max_concurrent_streams: file.max_concurrent_streams,
        idle_timeout: file.idle_timeout.0,
        reuse: file.reuse,
        resend: file.resend,
    }
}

/// Looks through a policy's file, before it is filled in: what it does not say cannot be wrong.
pub(super) fn check(file: &StrategyFile, at: &Path, problems: &mut Collector<'_>) {
    let no_limit = "`none` is no limit";
    check_above_zero(file.timeout.and_then(|t| t.0), no_limit, || at.at("timeout"), problems);
    let read = file.read_timeout.and_then(|t| t.0);
    check_above_zero(read, no_limit, || at.at("read_timeout"), problems);
    check_above_zero(file.deadline.and_then(|d| d.0), no_limit, || at.at("deadline"), problems);
    let connect = file.connect_timeout;
    check_above_zero(connect, "write `connect_timeout: 5s`", || at.at("connect_timeout"), problems);
    if let Some(file) = &file.retry {
        retry::check(file, &at.at("retry"), problems);
    }
    if let Some(hedge) = file.hedge.and_then(|h| h.0) {
        limits::check_hedge(hedge, &at.at("hedge"), problems);
    }
    if let Some(breaker) = file.breaker.as_ref().and_then(|b| b.0.as_ref()) {
        limits::check_breaker(breaker, &at.at("breaker"), problems);
    }
    if let Some(throttle) = file.throttle.and_then(|t| t.0) {
        limits::check_throttle(throttle, &at.at("throttle"), problems);
    }
    if let Some(limit) = file.concurrency.and_then(|c| c.0) {
        limits::check_limit(limit, &at.at("concurrency"), problems);
    }
    if file.pool.as_ref().is_some_and(|pool| pool.max_connections.0 == Some(0)) {
        let at = at.at("pool").at("max_connections");
        problems.value(&at).help("`none` is no limit").say("without a connection no call is ever made");
    }
    if file.pool.as_ref().is_some_and(|pool| pool.max_concurrent_streams == 0) {
        let at = at.at("pool").at("max_concurrent_streams");
        problems.value(&at).help("write 1 or more").say("without a stream no call is ever made");
    }
}

/// The failures of a call that fail its caller's own answer; `None`: all.
pub(super) fn stop_on(options: &EdgeOptions) -> Option<Outcomes> {
    let said = options.stop_on.as_deref().map(outcomes::lower);
    said.or_else(|| options.optional.then(Outcomes::default))
}

/// Looks through what an edge says of that.
pub(super) fn check_stop_on(options: &EdgeOptions, at: &Path, problems: &mut Collector<'_>) {
    let Some(items) = &options.stop_on else { return };
    outcomes::check(items, &at.at("stop_on"), problems);
    if options.optional {
        let help = "take one of them out: `optional` passes over every failure";
        problems
            .key(&at.at("stop_on"))
            .help(help)
            .say("`stop_on` means nothing where the call is `optional`");
    }
}
