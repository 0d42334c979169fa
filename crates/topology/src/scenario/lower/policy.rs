//! Policies: an edge's own, and what a strategy makes of it.

use std::collections::BTreeSet;

use super::super::file::{
    BackoffFile, BackoffLong, EdgeOptions, PoolFile, RetryFile, StrategyFile, WhenItem,
};
use super::super::hint::did_you_mean;
use super::super::path::Path;
use super::super::problem::Collector;
use super::text::{check_above_zero, check_range};
use crate::policy::{Backoff, Policy, Pool, Retry, When};
use crate::wire::Failure;

/// How many attempts a call may have.
const ATTEMPTS_MAX: u32 = 1000;
/// Words for several outcomes.
const CONNECT: &str = "connect";
const TRANSPORT: &str = "transport";
const ANY: &str = "any";

/// An edge's own policy.
pub(super) fn own(file: &EdgeOptions) -> Policy {
    Policy {
        connect_timeout: file.connect_timeout.0,
        timeout: file.timeout.0.map(|t| t.0),
        deadline: file.deadline.0.map(|d| d.0),
        retry: retry(&file.retry),
        pool: pool(&file.pool),
    }
}

/// A policy as a strategy changes it: what it does not mention stays, but for retries.
pub(in crate::scenario) fn overridden(own: &Policy, by: &StrategyFile) -> Policy {
    Policy {
        connect_timeout: by.connect_timeout.map_or(own.connect_timeout, |t| t.0),
        timeout: by.timeout.map_or(own.timeout, |t| t.0.map(|t| t.0)),
        deadline: by.deadline.map_or(own.deadline, |d| d.0.map(|d| d.0)),
        retry: retry(&by.retry.clone().unwrap_or_default()),
        pool: by.pool.as_ref().map_or(own.pool, pool),
    }
}

fn pool(file: &PoolFile) -> Pool {
    Pool { max_connections: file.max_connections.0, idle_timeout: file.idle_timeout.0, reuse: file.reuse }
}

fn retry(file: &RetryFile) -> Retry {
    let mut when =
        When { statuses: BTreeSet::new(), failures: BTreeSet::new(), idempotent_only: file.idempotent_only };
    for item in &file.when {
        // A word without a meaning is found by `check_retry`.
        let _ = add_outcomes(item, &mut when);
    }
    let backoff = match &file.backoff {
        BackoffFile::None => Backoff::None,
        BackoffFile::Some(BackoffLong::Constant { delay }) => Backoff::Constant { delay: delay.0 },
        BackoffFile::Some(BackoffLong::Linear { base, max, jitter }) => {
            Backoff::Linear { base: base.0, max: max.0, jitter: *jitter }
        }
        BackoffFile::Some(BackoffLong::Exponential { base, factor, max, jitter }) => {
            Backoff::Exponential { base: base.0, factor: *factor, max: max.0, jitter: *jitter }
        }
    };
    Retry {
        max_attempts: file.max_attempts,
        when,
        backoff,
        retry_after_max: file.retry_after_max.0.map(|d| d.0),
        budget: file.budget.0.map(|b| b.0),
    }
}

/// Adds what an entry of `when` stands for; none if it stands for nothing.
fn add_outcomes(item: &WhenItem, when: &mut When) -> Option<()> {
    let transport = || Failure::ALL.into_iter().filter(|f| *f != Failure::Cancelled);
    match item {
        WhenItem::Status(status) => when.statuses.extend((400..=599).contains(status).then_some(*status)),
        WhenItem::Word(word) => match word.as_str() {
            "4xx" => when.statuses.extend(400..=499),
            "5xx" => when.statuses.extend(500..=599),
            CONNECT => when.failures.extend([Failure::ConnectionRefused, Failure::ConnectionTimeout]),
            TRANSPORT => when.failures.extend(transport()),
            ANY => {
                when.statuses.extend(400..=599);
                when.failures.extend(transport());
            }
            name => {
                when.failures.insert(transport().find(|f| f.name() == name)?);
            }
        },
    }
    Some(())
}

/// Looks through an edge's options.
pub(super) fn check_edge(file: &EdgeOptions, at: &Path, problems: &mut Collector<'_>) {
    check_above_zero(file.timeout.0, "`none` is no limit", || at.at("timeout"), problems);
    let connect = Some(file.connect_timeout);
    check_above_zero(connect, "write `connect_timeout: 5s`", || at.at("connect_timeout"), problems);
    check_above_zero(file.deadline.0, "`none` is no limit", || at.at("deadline"), problems);
    check_retry(&file.retry, &at.at("retry"), problems);
    check_pool(&file.pool, &at.at("pool"), problems);
}

/// Looks through a strategy.
pub(super) fn check_strategy(file: &StrategyFile, at: &Path, problems: &mut Collector<'_>) {
    let no_limit = "`none` is no limit";
    check_above_zero(file.timeout.and_then(|t| t.0), no_limit, || at.at("timeout"), problems);
    check_above_zero(file.deadline.and_then(|d| d.0), no_limit, || at.at("deadline"), problems);
    let connect = file.connect_timeout;
    check_above_zero(connect, "leave it out", || at.at("connect_timeout"), problems);
    if let Some(retry) = &file.retry {
        check_retry(retry, &at.at("retry"), problems);
    }
    if let Some(pool) = &file.pool {
        check_pool(pool, &at.at("pool"), problems);
    }
}

fn check_pool(file: &PoolFile, at: &Path, problems: &mut Collector<'_>) {
    if file.max_connections.0 == Some(0) {
        let at = at.at("max_connections");
        problems.value(&at).help("`none` is no limit").say("without a connection no call is ever made");
    }
}

fn check_retry(file: &RetryFile, at: &Path, problems: &mut Collector<'_>) {
    let attempts = at.at("max_attempts");
    if file.max_attempts == 0 {
        let help = "the first attempt counts: 1 is no retry";
        problems.value(&attempts).help(help).say("with 0 attempts no call is ever made");
    } else {
        check_range(&file.max_attempts, &(1..=ATTEMPTS_MAX), || attempts, problems);
    }
    for (i, item) in file.when.iter().enumerate() {
        check_outcome(item, &at.at("when").at(i), problems);
    }
    let at = at.at("backoff");
    match &file.backoff {
        BackoffFile::Some(BackoffLong::Exponential { factor, .. }) if !(1.0..=100.0).contains(factor) => {
            problems
                .value(&at.at("exponential").at("factor"))
                .say(format!("{factor} is not between 1 and 100"));
        }
        BackoffFile::Some(
            BackoffLong::Exponential { base, max, .. } | BackoffLong::Linear { base, max, .. },
        ) if base > max => {
            let help = format!("write `max: {base}` or more");
            problems.key(&at).help(help).say(format!("the first wait, {base}, is above the longest, {max}"));
        }
        _ => {}
    }
}

fn check_outcome(item: &WhenItem, at: &Path, problems: &mut Collector<'_>) {
    let mut ignored = When { statuses: BTreeSet::new(), failures: BTreeSet::new(), idempotent_only: false };
    match item {
        WhenItem::Status(status) if !(400..=599).contains(status) => {
            let help = "a status that is tried again is between 400 and 599";
            problems.value(at).help(help).say(format!("{status} is not the status of a failure"));
        }
        WhenItem::Word(word) if add_outcomes(item, &mut ignored).is_none() => {
            let failures = Failure::ALL.into_iter().filter(|f| *f != Failure::Cancelled).map(Failure::name);
            let words: Vec<&str> =
                ["4xx", "5xx", CONNECT, TRANSPORT, ANY].into_iter().chain(failures).collect();
            let help = || did_you_mean(word, words.iter().copied(), "a status, or one of");
            problems.value(at).maybe_help(help).say(format!("there is no outcome `{word}`"));
        }
        _ => {}
    }
}
