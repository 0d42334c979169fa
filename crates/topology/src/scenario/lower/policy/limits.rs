//! Hedging, breakers, throttling, concurrency limits.

use super::super::super::file::{AdaptiveFile, AfterFile, BreakerFile, HedgeFile, LimitFile, ThrottleFile};
use super::super::super::path::Path;
use super::super::super::problem::Collector;
use super::super::text::{check_above_zero, check_range};
use super::outcomes;
use crate::policy::{Breaker, Growth, Hedge, HedgeAfter, Limit, Rate, Throttle, Window};

/// The largest number of attempts that anything here counts.
const COUNT_MAX: u32 = 100_000;

pub(super) fn hedge(HedgeFile(file): HedgeFile) -> Hedge {
    Hedge {
        after: match file.after {
            AfterFile::Delay(delay) => HedgeAfter::Delay(delay.0),
            AfterFile::Percentile(percent) => HedgeAfter::Quantile(percent / 100.0),
        },
        max_attempts: file.max_attempts,
    }
}

pub(super) fn check_hedge(HedgeFile(file): HedgeFile, at: &Path, problems: &mut Collector<'_>) {
    check_range(&file.max_attempts, &(2..=100), || at.at("max_attempts"), problems);
}

pub(super) fn breaker(BreakerFile(file): &BreakerFile) -> Breaker {
    let rate = file.rate.0.as_ref().map(|rate| Rate {
        share: rate.share,
        window: match (rate.calls, rate.window) {
            (Some(calls), _) => Window::Calls(calls),
            (None, window) => Window::Time(window.map_or(std::time::Duration::from_secs(10), |w| w.0)),
        },
        min_calls: rate.min_calls,
    });
    let growth = file.open_for.0;
    Breaker {
        counts: outcomes::lower(&file.when),
        consecutive: file.consecutive.0,
        rate,
        open_for: Growth { base: growth.base.0, factor: growth.factor, max: growth.max.0 },
        probes: file.probes,
        close_after: file.close_after,
        max_ejected: file.max_ejected,
    }
}

pub(super) fn check_breaker(BreakerFile(file): &BreakerFile, at: &Path, problems: &mut Collector<'_>) {
    if file.consecutive.0.is_none() && file.rate.0.is_none() {
        let help = "write `consecutive: 5` or `rate: { share: 50% }`";
        problems.key(at).help(help).say("nothing ever opens this breaker");
    }
    outcomes::check(&file.when, &at.at("when"), problems);
    if let Some(consecutive) = file.consecutive.0 {
        check_range(&consecutive, &(1..=COUNT_MAX), || at.at("consecutive"), problems);
    }
    check_range(&file.probes, &(1..=COUNT_MAX), || at.at("probes"), problems);
    check_range(&file.close_after, &(1..=COUNT_MAX), || at.at("close_after"), problems);
    let growth = file.open_for.0;
    check_above_zero(Some(growth.base), "write `open_for: 5s`", || at.at("open_for"), problems);
    check_range(&growth.factor, &(1.0..=100.0), || at.at("open_for").at("factor"), problems);
    if growth.base > growth.max {
        let message = format!("the first time, {}, is above the longest, {}", growth.base, growth.max);
        problems.key(&at.at("open_for")).help(format!("write `max: {}` or more", growth.base)).say(message);
    }
    let Some(rate) = &file.rate.0 else { return };
    let at = at.at("rate");
    check_range(&rate.min_calls, &(1..=COUNT_MAX), || at.at("min_calls"), problems);
    check_above_zero(rate.window, "write `window: 10s`", || at.at("window"), problems);
    if let Some(calls) = rate.calls {
        check_range(&calls, &(1..=COUNT_MAX), || at.at("calls"), problems);
        if rate.window.is_some() {
            problems.key(&at).help("leave one of them out").say("`calls` and `window` are both given");
        }
        if rate.min_calls > calls {
            let message = format!("there are never {} of the last {calls} attempts", rate.min_calls);
            problems.key(&at).help(format!("write `min_calls: {calls}` or less")).say(message);
        }
    }
}

pub(super) fn throttle(ThrottleFile(file): ThrottleFile) -> Throttle {
    Throttle { k: file.k, window: file.window.0, max_reject: file.max_reject }
}

pub(super) fn check_throttle(ThrottleFile(file): ThrottleFile, at: &Path, problems: &mut Collector<'_>) {
    check_range(&file.k, &(1.0..=1000.0), || at.at("k"), problems);
    check_above_zero(Some(file.window), "write `window: 2m`", || at.at("window"), problems);
}

pub(super) fn limit(file: LimitFile) -> Limit {
    match file {
        LimitFile::Fixed(limit) => Limit::Fixed(limit),
        LimitFile::Adaptive(AdaptiveFile::Aimd { initial, min, max, backoff, timeout }) => {
            Limit::Aimd { initial: initial.clamp(min, max.max(min)), min, max, backoff, timeout: timeout.0 }
        }
        LimitFile::Adaptive(AdaptiveFile::Gradient {
            initial,
            min,
            max,
            smoothing,
            queue,
            tolerance,
            long_window,
        }) => Limit::Gradient {
            initial: initial.clamp(min, max.max(min)),
            min,
            max,
            smoothing,
            queue,
            tolerance,
            long_window,
        },
    }
}

pub(super) fn check_limit(file: LimitFile, at: &Path, problems: &mut Collector<'_>) {
    let (kind, min, max) = match file {
        LimitFile::Fixed(limit) => {
            check_range(&limit, &(1..=COUNT_MAX), || at.clone(), problems);
            return;
        }
        LimitFile::Adaptive(AdaptiveFile::Aimd { min, max, backoff, timeout, .. }) => {
            let at = at.at("aimd");
            check_range(&backoff, &(0.01..=0.99), || at.at("backoff"), problems);
            check_above_zero(Some(timeout), "write `timeout: 5s`", || at.at("timeout"), problems);
            ("aimd", min, max)
        }
        LimitFile::Adaptive(AdaptiveFile::Gradient {
            min, max, smoothing, tolerance, long_window, ..
        }) => {
            let at = at.at("gradient");
            check_range(&smoothing, &(0.001..=1.0), || at.at("smoothing"), problems);
            check_range(&tolerance, &(1.0..=100.0), || at.at("tolerance"), problems);
            check_range(&long_window, &(1..=COUNT_MAX), || at.at("long_window"), problems);
            ("gradient", min, max)
        }
    };
    let at = at.at(kind);
    check_range(&min, &(1..=COUNT_MAX), || at.at("min"), problems);
    check_range(&max, &(1..=COUNT_MAX), || at.at("max"), problems);
    if min > max {
        problems.key(&at).help(format!("write `max: {min}` or more")).say("the least is above the most");
    }
}
