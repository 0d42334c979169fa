use std::collections::BTreeSet;
use std::time::Duration;

use topology::scenario::Threshold;

use super::*;
use crate::metrics;
use crate::testing::chain;

fn promising(thresholds: &[(Metric, Comparison, f64)]) -> Scenario {
    let one = |&(metric, comparison, value)| Threshold { text: String::new(), metric, comparison, value };
    Scenario { thresholds: thresholds.iter().map(one).collect(), ..chain(&["client", "gw", "app"]) }
}

#[test]
fn the_strictest_success_rate_is_what_is_promised() {
    let rate = |comparison, value| (Metric::SuccessRate, comparison, value);
    assert_eq!(objective(&promising(&[])), (0.99, false));
    let other = (Metric::Percentile(99.0), Comparison::Below, 800.0);
    assert_eq!(objective(&promising(&[other])), (0.99, false));
    let two = [rate(Comparison::AtLeast, 0.9), rate(Comparison::Above, 0.95), other];
    assert_eq!(objective(&promising(&two)), (0.95, true));
    // That all calls succeed leaves no budget, and that few do is no promise.
    let none = [rate(Comparison::AtLeast, 1.0), rate(Comparison::AtMost, 0.5)];
    assert_eq!(objective(&promising(&none)), (0.99, false));
}

#[test]
fn what_cannot_burn_so_fast_is_not_looked_for() {
    let text = |value| {
        let scenario = promising(&[(Metric::SuccessRate, Comparison::AtLeast, value)]);
        rules(&scenario, Windows::default()).unwrap()
    };
    assert!(text(0.999).contains("> 0.0144"));
    let much = text(0.9);
    assert!(
        !much.contains("> 1.44") && much.contains("> 0.6") && much.contains("90% are to succeed, by the")
    );
    assert!(
        !text(0.5).contains("severity: page\n    annotations:\n      summary: The clients' error budget")
    );
}

#[test]
fn windows_follow_from_the_shortest() {
    let scaled =
        |shortest, meant| Windows::from_shortest(Duration::from_secs(shortest)).unwrap().scaled(meant);
    assert_eq!(scaled(300, Duration::from_hours(72)), "3d");
    assert_eq!(scaled(5, Duration::from_mins(5)), "5s");
    assert_eq!(scaled(5, Duration::from_hours(1)), "1m");
    assert_eq!(scaled(5, Duration::from_mins(1)), "1s");
    assert_eq!(scaled(60, Duration::from_hours(6)), "72m");
    assert!(Windows::from_shortest(Duration::from_secs(1)).unwrap_err().contains("4s at least"));
    let scrape = |shortest| Windows::from_shortest(Duration::from_secs(shortest)).unwrap().scrape();
    assert_eq!(
        (scrape(5), scrape(60), scrape(3600)),
        (Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(15))
    );
}

#[test]
fn only_metrics_that_there_are_are_asked_for() {
    let scenario = promising(&[]);
    let all = rules(&scenario, Windows::default()).unwrap() + &dashboard(&scenario).unwrap();
    let words: BTreeSet<&str> = all
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|w| w.starts_with("badgateway_"))
        .collect();
    let known = |word: &&&str| {
        metrics::ALL
            .iter()
            .any(|m| m.name == **word || word.strip_prefix(m.name).is_some_and(|rest| rest == "_bucket"))
    };
    assert!(words.len() > 8);
    assert_eq!(words.iter().filter(|word| !known(word)).collect::<Vec<_>>(), Vec::<&&str>::new());
}
