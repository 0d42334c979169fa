//! How soon calls succeed again as they did before a fault.

use maud::{Markup, html};
use trace::overview::StrategyOverview;

use super::super::strategy_name;
use super::super::timeline::Lane;
use crate::as_before::{AS_BEFORE, Before, Counts};
use crate::render::{millis, percent};

/// More faults' times than this are not listed.
const TIMES: usize = 12;

#[derive(Debug, PartialEq)]
pub(super) enum Recovery {
    /// Calls succeeded as before all the time.
    Unhurt,
    /// So many milliseconds after the fault's end.
    After(f64),
    /// Not before the next fault, or the end.
    Never,
    /// There was no call to compare with.
    Unknown,
}

pub(super) fn table(strategies: &[&StrategyOverview], lanes: &[Lane], warmup_s: f64) -> Markup {
    let mut times: Vec<(&str, (f64, f64))> =
        lanes.iter().flat_map(|lane| lane.bands.iter().map(|band| (&*lane.name, *band))).collect();
    times.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    times.truncate(TIMES);
    if times.is_empty() {
        return html! {};
    }
    let nexts = times.iter().skip(1).map(|(_, band)| Some(band.0)).chain([None]);
    html! {
        h3 { "Back after a fault" }
        p.hint {
            "How long after the fault's end calls succeed as before until the next one: at least at "
            (percent(AS_BEFORE)) " of the rate of before, but for chance; to a bin of time."
        }
        div.wide role="group" aria-label="Recovery, scrollable" {
            table {
                thead { tr {
                    th scope="col" { "Fault" } th scope="col" { "Time" }
                    @for strategy in strategies { th.number scope="col" { (strategy_name(&strategy.strategy)) } }
                } }
                tbody { @for ((name, (from, to)), next) in times.iter().zip(nexts) {
                    tr {
                        th scope="row" { (name) }
                        td.time { (millis(from * 1e3)) "–" (millis(to * 1e3)) }
                        @for strategy in strategies {
                            td.number { (words(&recovery(strategy, (*from, *to), next, warmup_s))) }
                        }
                    }
                } }
            }
        }
    }
}

fn words(recovery: &Recovery) -> String {
    match recovery {
        Recovery::Unhurt => "unhurt".to_owned(),
        Recovery::After(ms) if *ms <= 0.0 => "at once".to_owned(),
        Recovery::After(ms) => format!("after {}", millis(*ms)),
        Recovery::Never => "not back".to_owned(),
        Recovery::Unknown => "no calls before".to_owned(),
    }
}

/// When calls succeed again as before a fault that was active from one second to another, up to the
/// begin of the next.
pub(super) fn recovery(
    strategy: &StrategyOverview,
    (from, to): (f64, f64),
    next: Option<f64>,
    warmup_s: f64,
) -> Recovery {
    let bin_s = strategy.bin_ms / 1e3;
    let begin = |bin: usize| bin as f64 * bin_s;
    // What comes after the last call says nothing.
    let end = strategy.bins.iter().rposition(|bin| bin.calls() > 0).map_or(0, |last| last + 1);
    let inside = |low: f64, high: f64| {
        (0..end).filter(move |&bin| begin(bin) >= low - 1e-9 && begin(bin) < high - 1e-9)
    };
    let counts = |bin: usize| -> Counts { (strategy.bins[bin].ok, strategy.bins[bin].calls()) };
    let sum = |low: f64, high: f64| {
        inside(low, high).map(counts).fold((0, 0), |(ok, all), (o, a)| (ok + o, all + a))
    };
    let floor = |second: f64| (second / bin_s).floor() * bin_s;
    let Some(before) = Before::new(sum(warmup_s, floor(from))) else { return Recovery::Unknown };
    let first = inside(floor(to), f64::MAX).next();
    let after: Vec<Counts> = inside(floor(to), next.unwrap_or(f64::MAX)).map(counts).collect();
    let back = before.returns(&after);
    if before.holds(sum(floor(from), to)) && (after.is_empty() || back == Some(0)) {
        return Recovery::Unhurt;
    }
    match (back, first) {
        (Some(bins), Some(first)) => Recovery::After(((begin(first + bins) - to) * 1e3).max(0.0)),
        _ => Recovery::Never,
    }
}

#[cfg(test)]
mod tests {
    use trace::overview::Bin;

    use super::*;

    /// A strategy of whose ten calls a second so many succeed.
    fn strategy(ok: &[u64]) -> StrategyOverview {
        let bin = |&ok: &u64| Bin { ok, status_502: 10 - ok, ..Bin::default() };
        StrategyOverview { bin_ms: 1000.0, bins: ok.iter().map(bin).collect(), ..StrategyOverview::default() }
    }

    #[test]
    fn it_is_counted_from_the_faults_end() {
        let cases = [
            (&[10, 10, 0, 0, 10, 10, 10][..], Recovery::After(0.0)),
            (&[10, 10, 0, 0, 5, 5, 10, 10][..], Recovery::After(2000.0)),
            (&[10, 10, 10, 10, 10, 10][..], Recovery::Unhurt),
            (&[10, 10, 0, 0, 0, 10, 0][..], Recovery::Never),
            (&[0, 0, 0, 0, 0, 0][..], Recovery::Unhurt),
        ];
        for (ok, expected) in cases {
            assert_eq!(recovery(&strategy(ok), (2.0, 4.0), None, 0.0), expected, "{ok:?}");
        }
        let mut ended = strategy(&[10, 10, 0, 0, 0, 0]);
        ended.bins.extend([Bin::default(); 5]);
        assert_eq!(recovery(&ended, (2.0, 4.0), None, 0.0), Recovery::Never);
        assert_eq!(recovery(&strategy(&[10, 10]), (0.0, 1.0), None, 0.0), Recovery::Unknown);
        let next = recovery(&strategy(&[10, 10, 0, 0, 0, 0, 10, 10]), (2.0, 4.0), Some(6.0), 0.0);
        assert_eq!(next, Recovery::Never);
    }
}
