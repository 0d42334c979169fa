use super::*;
use crate::testing::strategy;

/// A strategy compared with one under which so many of 1000 calls succeed, at one attempt a call.
fn against(first: u64, name: &str, succeeded: u64, load: f64, rank: u32) -> StrategyRow {
    let difference = (succeeded as f64 - first as f64) / 1000.0;
    StrategyRow {
        rank,
        pareto: Some(true),
        pairs: Some(1000),
        success_vs: Some(difference),
        success_vs_low: Some(difference - 0.01),
        success_vs_high: Some(difference + 0.01),
        load_vs: Some(load - 1.0),
        ..strategy(name, succeeded, load)
    }
}

fn first(succeeded: u64, rank: u32) -> StrategyRow {
    StrategyRow { rank, bound: Some(1), ..strategy("none", succeeded, 1.0) }
}

fn conclusion(rows: &[StrategyRow]) -> (Advice, String, Vec<String>) {
    let Conclusion { advice, strategy, reasons } = conclude(rows, "app").unwrap();
    (advice, strategy, reasons)
}

#[test]
fn the_best_is_chosen_and_the_others_are_weighed_against_it() {
    let slow = StrategyRow { p99_ms: Some(2123.4), ..against(900, "python-loop", 989, 1.5, 1) };
    let rows = [
        first(900, 4),
        slow,
        StrategyRow { wasted_work: 0.12, ..against(900, "budgeted", 991, 1.09, 1) },
        against(900, "cheap", 950, 1.02, 3),
        against(900, "eager", 850, 3.4, 5),
    ];
    let (advice, chosen, reasons) = conclusion(&rows);
    assert_eq!((advice, &*chosen), (Advice::Choose, "budgeted"));
    assert_eq!(
        reasons,
        [
            "choose `budgeted`: it hides 91.0% of the failures under `none`, for 9% more load at app",
            "`python-loop` is as good within the interval, but costs 38% more load at app and adds 2.00s to p99",
            "if load matters more, `cheap` hides 50.0%, for 2% more load at app",
            "`eager` makes it worse than `none`: 5.0 points more of the calls fail, for 3.4 times the load at app",
            "the price of `budgeted`: 12.0% of the servers' work is wasted (1.0% under `none`); if all fails, a call makes up to 4 attempts at app instead of 1",
        ]
    );
}

#[test]
fn what_cannot_be_told_apart_is_not_recommended() {
    let (advice, cheapest, reasons) = conclusion(&[first(900, 1), against(900, "eager", 905, 1.2, 1)]);
    assert_eq!((advice, &*cheapest), (Advice::Undecided, "none"));
    assert_eq!(
        reasons,
        [
            "the strategies cannot be told apart by success: the largest difference from `none`, +0.5 points under `eager`, may be chance (95% interval -0.5 to +1.5); repeat it with more seeds (`--seeds`) or a longer `--duration`",
            "the cheapest is `none`, with 1.00 attempts a call at app",
        ]
    );
    let (_, _, reasons) = conclusion(&[first(1000, 1), against(1000, "eager", 1000, 1.0, 1)]);
    assert_eq!(reasons, ["no call failed under any strategy: there is nothing to tell them apart by"]);
}

#[test]
fn if_every_retry_makes_it_worse_there_should_be_none() {
    let (advice, _, reasons) =
        conclusion(&[first(900, 1), StrategyRow { wasted_work: 0.9, ..against(900, "eager", 700, 3.0, 2) }]);
    assert_eq!(advice, Advice::Keep);
    assert_eq!(
        reasons,
        [
            "do not retry: under every other strategy more calls fail than under `none`",
            "`eager` makes it worse than `none`: 20.0 points more of the calls fail, for 3.0 times the load at app; 90.0% of the servers' work is wasted (1.0% under `none`)",
        ]
    );
}

#[test]
fn a_first_strategy_that_retries_is_kept_by_its_name() {
    let own = StrategyRow { strategy: "".into(), attempts_per_call: 1.4, ..first(900, 1) };
    let (advice, _, reasons) =
        conclusion(&[own, against(900, "twin", 899, 1.0, 1), against(900, "eager", 700, 0.5, 3)]);
    assert_eq!(advice, Advice::Keep);
    assert_eq!(
        reasons[0],
        "keep the clients' own policy: under no other strategy fewer calls fail than under the clients' own policy"
    );
    assert_eq!(reasons[1], "`twin` is as good within the interval, at the same cost");
    assert!(
        reasons[2].ends_with("20.0 points more of the calls fail, for 50% less load at app"),
        "{reasons:?}"
    );
}

#[test]
fn one_that_is_as_good_for_less_is_chosen() {
    let rows = [first(900, 1), against(900, "lean", 899, 0.8, 1), against(900, "bad", 500, 2.0, 3)];
    let (advice, chosen, reasons) = conclusion(&rows);
    assert_eq!((advice, &*chosen), (Advice::Choose, "lean"));
    assert_eq!(
        reasons[0],
        "choose `lean`: it is as good as `none` within the interval, for 20% less load at app"
    );
    assert_eq!(reasons[1], "`none` is as good within the interval, but costs 25% more load at app");
}

#[test]
fn waiting_has_its_price() {
    let patient =
        StrategyRow { p99_ms: Some(4030.0), bound: Some(1), ..against(900, "patient", 990, 1.0, 1) };
    let (_, _, reasons) = conclusion(&[first(900, 2), patient]);
    assert_eq!(
        reasons[0],
        "choose `patient`: it hides 90.0% of the failures under `none`, for the same load at app"
    );
    assert_eq!(reasons[1], "the price of `patient`: p99 rises from 123ms to 4.03s");
}

#[test]
fn to_hide_all_is_said_so() {
    let (_, _, reasons) = conclusion(&[first(900, 2), against(900, "patient", 1000, 1.2, 1)]);
    assert_eq!(
        reasons[0],
        "choose `patient`: it hides all of the failures under `none`, for 20% more load at app"
    );
}

#[test]
fn a_single_strategy_is_no_comparison() {
    assert_eq!(conclude(&[first(900, 1)], "app"), None);
    assert_eq!(conclude(&[], "app"), None);
}
