//! Retry budgets.

use super::super::super::file::{BudgetFile, RefundFile};
use super::super::super::path::Path;
use super::super::super::problem::Collector;
use super::super::text::{check_above_zero, check_range};
use crate::policy::{Budget, Refund, Tokens};

/// The largest number of tokens, or of retries a second.
const TOKENS_MAX: f64 = 1e9;

/// None if the file names none of the three kinds: [`check`] has told that.
pub(super) fn lower(BudgetFile(file): &BudgetFile) -> Option<Budget> {
    if let Some(ratio) = file.ratio {
        return Some(Budget::Ratio { ratio, min_per_s: file.min_per_s, window: file.window.0 });
    }
    if let Some(concurrent) = file.concurrent {
        let concurrent = concurrent.0;
        return Some(Budget::Concurrent { share: concurrent.share, at_least: concurrent.at_least });
    }
    if let Some(share) = file.failing {
        return Some(Budget::Failing { share });
    }
    let tokens = file.tokens.as_ref()?;
    Some(Budget::Tokens(Tokens {
        capacity: tokens.capacity,
        cost: tokens.cost,
        timeout_cost: tokens.timeout_cost.unwrap_or(tokens.cost),
        throttled_cost: tokens.throttled_cost.unwrap_or(tokens.cost),
        above: tokens.above,
        per_call: tokens.per_call,
        per_success: tokens.per_success,
        after_retry: match tokens.after_retry {
            None => Refund::Tokens(tokens.per_success),
            Some(RefundFile::Tokens(tokens)) => Refund::Tokens(tokens),
            Some(RefundFile::LastCost) => Refund::LastCost,
        },
        per_failure: tokens.per_failure,
    }))
}

pub(super) fn check(BudgetFile(file): &BudgetFile, at: &Path, problems: &mut Collector<'_>) {
    let given =
        [file.ratio.is_some(), file.tokens.is_some(), file.concurrent.is_some(), file.failing.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        let help = "write one of `ratio`, `tokens`, `concurrent` and `failing`";
        problems.key(at).help(help).say("a budget is of one kind");
    }
    check_range(&file.min_per_s, &(0.0..=TOKENS_MAX), || at.at("min_per_s"), problems);
    check_above_zero(Some(file.window), "write `window: 10s`", || at.at("window"), problems);
    let Some(tokens) = &file.tokens else { return };
    let at = at.at("tokens");
    let numbers = [
        ("capacity", Some(tokens.capacity)),
        ("cost", Some(tokens.cost)),
        ("timeout_cost", tokens.timeout_cost),
        ("throttled_cost", tokens.throttled_cost),
        ("above", Some(tokens.above)),
        ("per_call", Some(tokens.per_call)),
        ("per_success", Some(tokens.per_success)),
        ("per_failure", Some(tokens.per_failure)),
    ];
    for (key, number) in numbers.into_iter().filter_map(|(key, number)| Some((key, number?))) {
        check_range(&number, &(0.0..=TOKENS_MAX), || at.at(key), problems);
    }
    if let Some(RefundFile::Tokens(refund)) = tokens.after_retry {
        check_range(&refund, &(0.0..=TOKENS_MAX), || at.at("after_retry"), problems);
    }
}
