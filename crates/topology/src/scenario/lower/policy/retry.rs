//! Retries: attempts, outcomes, waits.

use super::super::super::file::{
    AttemptsFile, BackoffFile, BackoffLong, IdempotentFile, JitterFile, JitterLong, RetryAfterFile, RetryFile,
};
use super::super::super::path::Path;
use super::super::super::problem::Collector;
use super::super::text::{check_above_zero, check_range};
use super::{budget, outcomes};
use crate::policy::{ATTEMPTS_MAX, Backoff, Cap, Curve, Idempotent, Jitter, Retry, RetryAfter, When};
use crate::units::{DURATION_MAX, DurationText};

pub(super) fn lower(file: &RetryFile, replicas: u32) -> Retry {
    Retry {
        max_attempts: match file.max_attempts {
            AttemptsFile::Count(count) => count,
            AttemptsFile::Unlimited => ATTEMPTS_MAX,
            AttemptsFile::PerReplica => replicas.clamp(1, ATTEMPTS_MAX),
        },
        when: When {
            outcomes: outcomes::lower(&file.when),
            with_retry_after: outcomes::lower(&file.when_retry_after),
            idempotent: match file.idempotent_only {
                IdempotentFile::False => Idempotent::Any,
                IdempotentFile::True => Idempotent::UnlessUnprocessed,
                IdempotentFile::Statuses => Idempotent::ForStatuses,
                IdempotentFile::Always => Idempotent::Always,
            },
        },
        backoff: match &file.backoff {
            BackoffFile::None => None,
            BackoffFile::Some(long) => Some(backoff(long)),
        },
        backoff_for: file.backoff_for.as_deref().map(outcomes::lower),
        retry_after: file.retry_after.0.as_ref().map(retry_after),
        budget: file.budget.0.as_ref().and_then(budget::lower),
        sleep_after_last: file.sleep_after_last,
    }
}

fn backoff(file: &BackoffLong) -> Backoff {
    let plain = |curve, max, jitter: &JitterFile| Backoff {
        curve,
        first: None,
        throttled_base: None,
        max,
        cap: Cap::BeforeJitter,
        jitter: lower_jitter(*jitter),
    };
    match file {
        BackoffLong::Constant { delay, jitter } => {
            plain(Curve::Constant { delay: delay.0 }, DURATION_MAX, jitter)
        }
        BackoffLong::Linear { base, max, jitter } => plain(Curve::Linear { base: base.0 }, max.0, jitter),
        BackoffLong::Exponential { base, factor, max, cap, first, throttled_base, jitter } => Backoff {
            first: first.0.map(|d| d.0),
            throttled_base: throttled_base.0.map(|d| d.0),
            cap: *cap,
            ..plain(Curve::Exponential { base: base.0, factor: *factor }, max.0, jitter)
        },
        BackoffLong::Fibonacci { base, second, max, jitter } => {
            let second = second.0.unwrap_or(*base).0;
            plain(Curve::Fibonacci { base: base.0, second }, max.0, jitter)
        }
        BackoffLong::List { waits, jitter } => {
            plain(Curve::List(waits.iter().map(|d| d.0).collect()), DURATION_MAX, jitter)
        }
    }
}

fn lower_jitter(file: JitterFile) -> Jitter {
    match file {
        JitterFile::None => Jitter::None,
        JitterFile::Full => Jitter::Full,
        JitterFile::Equal => Jitter::Equal,
        JitterFile::Decorrelated => Jitter::Decorrelated,
        JitterFile::DecorrelatedV2 => Jitter::DecorrelatedV2,
        JitterFile::Long(JitterLong::Scale([low, high])) => Jitter::Scale { low, high },
        JitterFile::Long(JitterLong::Add([low, high])) => Jitter::Add { low: low.0, high: high.0 },
    }
}

fn retry_after(RetryAfterFile(file): &RetryAfterFile) -> RetryAfter {
    RetryAfter {
        max: file.max.0.map_or(DURATION_MAX, |d| d.0),
        over_max: file.over_max,
        statuses: file.statuses.as_deref().map(outcomes::lower),
        at_least_backoff: file.at_least_backoff,
        jitter: lower_jitter(file.jitter),
    }
}

pub(super) fn check(file: &RetryFile, at: &Path, problems: &mut Collector<'_>) {
    let attempts = at.at("max_attempts");
    match file.max_attempts {
        AttemptsFile::Count(0) => {
            let help = "the first attempt counts: 1 is no retry";
            problems.value(&attempts).help(help).say("with 0 attempts no call is ever made");
        }
        AttemptsFile::Count(count) => check_range(&count, &(1..=ATTEMPTS_MAX), || attempts, problems),
        AttemptsFile::Unlimited | AttemptsFile::PerReplica => {}
    }
    outcomes::check(&file.when, &at.at("when"), problems);
    outcomes::check_statuses(&file.when_retry_after, &at.at("when_retry_after"), problems);
    if let Some(items) = &file.backoff_for {
        outcomes::check(items, &at.at("backoff_for"), problems);
    }
    if let Some(RetryAfterFile(file)) = &file.retry_after.0 {
        let at = at.at("retry_after");
        check_above_zero(file.max.0, "write `retry_after: none`", || at.at("max"), problems);
        check_jitter(file.jitter, &at.at("jitter"), problems);
        if let Some(items) = &file.statuses {
            outcomes::check_statuses(items, &at.at("statuses"), problems);
        }
    }
    if let BackoffFile::Some(file) = &file.backoff {
        check_backoff(file, &at.at("backoff"), problems);
    }
    if let Some(file) = &file.budget.0 {
        budget::check(file, &at.at("budget"), problems);
    }
}

fn check_backoff(file: &BackoffLong, at: &Path, problems: &mut Collector<'_>) {
    let (kind, jitter) = match file {
        BackoffLong::Constant { jitter, .. } => ("constant", jitter),
        BackoffLong::Linear { jitter, .. } => ("linear", jitter),
        BackoffLong::Exponential { jitter, .. } => ("exponential", jitter),
        BackoffLong::Fibonacci { jitter, .. } => ("fibonacci", jitter),
        BackoffLong::List { jitter, .. } => ("list", jitter),
    };
    check_jitter(*jitter, &at.at(kind).at("jitter"), problems);
    match file {
        BackoffLong::Exponential { factor, .. } if !(1.0..=100.0).contains(factor) => {
            problems
                .value(&at.at("exponential").at("factor"))
                .say(format!("{factor} is not between 1 and 100"));
        }
        BackoffLong::Exponential { base, max, .. }
        | BackoffLong::Linear { base, max, .. }
        | BackoffLong::Fibonacci { base, max, .. }
            if base > max =>
        {
            let help = format!("write `max: {base}` or more");
            problems.key(at).help(help).say(format!("the first wait, {base}, is above the longest, {max}"));
        }
        BackoffLong::List { waits, .. } if waits.is_empty() => {
            problems
                .value(&at.at("list").at("waits"))
                .help("`backoff: none` is no wait")
                .say("no wait at all");
        }
        _ => {}
    }
}

fn check_jitter(file: JitterFile, at: &Path, problems: &mut Collector<'_>) {
    let mut ordered = |fits: bool, kind: &str, low: &dyn std::fmt::Display, high: &dyn std::fmt::Display| {
        if !fits {
            problems
                .value(&at.at(kind))
                .help("write the smaller one first")
                .say(format!("from {low} to {high} is no interval"));
        }
    };
    match file {
        JitterFile::Long(JitterLong::Scale([low, high])) => {
            ordered((0.0..=high).contains(&low) && high <= 1000.0, "scale", &low, &high);
        }
        JitterFile::Long(JitterLong::Add([low, high])) => {
            let (DurationText(from), DurationText(to)) = (low, high);
            ordered(from <= to, "add", &low, &high);
        }
        _ => {}
    }
}
