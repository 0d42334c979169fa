//! The presets beside the real clients: both meet the same scripts, and do the same.
//!
//! By the clock, gaps between attempts may be longer than a client's rule allows, as wall clocks
//! are late, but never shorter. What the rule is, to the millisecond, is held to what the real
//! client asks to sleep with the least and the most luck, and to what the machine behind a preset
//! decides, without a clock.

mod expected;
mod machine;
mod ours;
mod page;
mod real;
mod scripts;

use std::sync::Arc;

use expected::{CALLS, CLIENTS, Client, Gap, NOT_THERE_YET, Row};
use ours::is_there;
use scripts::{STATUSES, Script};

/// How late a busy machine may be, in seconds.
const SLACK: f64 = 1.0;
/// How far a wait may be from what the rule says, in seconds: presets are in whole nanoseconds.
const ROUNDING: f64 = 1e-6;
/// Nearly the most that a draw from [0, 1) may be.
const MOST: f64 = 1.0 - 1e-9;

/// What a call did. Times are in seconds.
#[derive(Debug, Default, Clone)]
struct Done {
    /// When each attempt began and ended.
    attempts: Vec<(f64, f64)>,
    /// From the last attempt's end to the call's.
    rest: f64,
    /// Each sleep, of a real client.
    sleeps: Vec<f64>,
    outcome: String,
    succeeded: bool,
}

impl Done {
    /// From the end of each attempt to the begin of the next, or to the call's end.
    fn waits(&self) -> Vec<f64> {
        let gaps = self.attempts.windows(2).map(|pair| pair[1].0 - pair[0].1);
        gaps.chain([self.rest]).collect()
    }

    /// How it differs from what a row expects, if it does.
    fn misfit(&self, row: &Row) -> Option<String> {
        if self.attempts.len() != row.attempts() {
            return Some(format!("{} attempts, not {}", self.attempts.len(), row.attempts()));
        }
        let waits = self.waits();
        let fits = |(wait, (low, high)): (&f64, Gap)| (low - ROUNDING..=high + SLACK).contains(wait);
        (!waits.iter().zip(row.waits()).all(fits)).then(|| format!("it waited {waits:.3?} s"))
    }
}

/// How what a real client asks to sleep with the least and the most luck differs from its row.
fn misfit_of_sleeps(least: &Done, most: &Done, row: &Row) -> Option<String> {
    // Some sleep for no time, some not at all.
    let sleeps = least.sleeps.iter().zip(&most.sleeps).filter(|(a, b)| a.max(**b) > 0.0);
    let sleeps: Vec<_> = sleeps.map(|(a, b)| (a.min(*b), a.max(*b))).collect();
    let expected: Vec<_> = row.waits().filter(|wait| wait.1 > 0.0).collect();
    let same = |(a, b): (&Gap, &Gap)| (a.0 - b.0).abs() < ROUNDING && (a.1 - b.1).abs() < ROUNDING;
    let fits = least.sleeps.len() == most.sleeps.len()
        && sleeps.len() == expected.len()
        && sleeps.iter().zip(&expected).all(same);
    (!fits).then(|| format!("it sleeps {sleeps:.6?} s"))
}

/// How the waits of many calls differ from what a row expects, if they do.
fn misfit_of_waits(calls: &[Vec<f64>], row: &Row) -> Option<String> {
    let expected: Vec<_> = row.waits().collect();
    if let Some(other) = calls.iter().find(|waits| waits.len() != expected.len()) {
        return Some(format!("{} attempts, not {}", other.len(), expected.len()));
    }
    expected.iter().enumerate().find_map(|(k, &(low, high))| {
        let waits = calls.iter().map(|waits| waits[k]);
        let (least, most) = waits.fold((f64::MAX, 0.0_f64), |(a, b), wait| (a.min(wait), b.max(wait)));
        let inside = low - ROUNDING <= least && most <= high + ROUNDING;
        // Of so many even draws some come near each end.
        let margin = (high - low) / 10.0 + ROUNDING;
        let spread = row.waits_otherwise || (least <= low + margin && high - margin <= most);
        (!(inside && spread)).then(|| format!("wait {} is {least:.6} to {most:.6} s", k + 1))
    })
}

/// All rows, each with its client: the n-th has the n-th server.
fn rows() -> Vec<(&'static Client, &'static Row)> {
    CLIENTS.iter().flat_map(|client| client.rows.iter().map(move |row| (client, row))).collect()
}

fn describe(client: &Client, row: &Row) -> String {
    format!("{}, {} {}", client.name, row.method, row.script.name())
}

/// What is wrong with a preset that differs so, if it does.
fn judge(misfit: Option<String>, client: &Client, row: &Row) -> Option<String> {
    let (what, preset) = (describe(client, row), client.preset);
    match (misfit, row.differs) {
        (Some(misfit), None) => Some(format!("{what}: preset {preset}: {misfit}")),
        (None, Some(how)) => Some(format!("{what}: preset {preset}: it no longer {how}")),
        (Some(_), Some(_)) | (None, None) => None,
    }
}

/// What does not fit the row of a real client.
fn misfits_of_real(row: &Row, [really, least, most]: [&Done; 3]) -> Vec<String> {
    let outcome = (really.outcome != row.outcome).then(|| format!("it {}", really.outcome));
    let sleeps = if row.waits_otherwise { None } else { misfit_of_sleeps(least, most, row) };
    [really.misfit(row), outcome, sleeps].into_iter().flatten().collect()
}

#[test]
fn the_presets_do_what_the_real_clients_do() {
    let absent: Vec<_> = CLIENTS.iter().filter(|client| !is_there(client)).map(|c| c.preset).collect();
    assert_eq!(absent, NOT_THERE_YET, "the presets that are not there, and those said not to be");
    let rows = rows();
    let scenario = Arc::new(scripts::scenario(&rows));
    let with_presets = Arc::new(ours::with_presets(&scenario, &rows));
    let (real, ours) = std::thread::scope(|scope| {
        let (scenario, rows) = (&scenario, &rows);
        let real = [None, Some(0.0), Some(MOST)];
        let real = real.map(|luck| scope.spawn(move || real::call(scenario, rows, luck)));
        let ours = ours::call(&with_presets, rows);
        (real.map(|real| real.join().unwrap()), ours)
    });
    let [really, least, most] = &real;
    let mut problems = Vec::new();
    for (n, (client, row)) in rows.iter().enumerate() {
        let what = describe(client, row);
        let misfits = misfits_of_real(row, [&really[n], &least[n], &most[n]]);
        problems.extend(misfits.iter().map(|misfit| format!("{what}: the real client: {misfit}")));
        if !is_there(client) {
            continue;
        }
        let by_rule = || misfit_of_waits(&machine::waits(&with_presets, n, row), row);
        let ends = || {
            (ours[n].succeeded != really[n].succeeded)
                .then(|| format!("the call ends with {}", ours[n].outcome))
        };
        let misfit = ours[n].misfit(row).or_else(by_rule).or_else(ends);
        problems.extend(judge(misfit, client, row));
    }
    let page = page::of(&rows, really, &real::versions());
    println!("{page}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    page::check(&page);
}

/// A call of the real client that does not really sleep, and the waits of the preset's machine.
type Unclocked = (Done, Option<Vec<Vec<f64>>>);

fn without_clock(rows: &[(&Client, &Row)]) -> Vec<Unclocked> {
    let scenario = Arc::new(scripts::scenario(rows));
    let with_presets = ours::with_presets(&scenario, rows);
    let ours = |(n, (client, row)): (usize, &(&Client, &Row))| {
        is_there(client).then(|| machine::waits(&with_presets, n, row))
    };
    let ours = rows.iter().enumerate().map(ours);
    real::call(&scenario, rows, Some(0.0)).into_iter().zip(ours).collect()
}

#[test]
fn the_presets_wait_as_long_as_the_real_clients() {
    let rows: Vec<_> =
        CLIENTS.iter().flat_map(|client| client.long_rows.iter().map(move |row| (client, row))).collect();
    let mut problems = Vec::new();
    for ((client, row), (real, ours)) in rows.iter().zip(without_clock(&rows)) {
        let outcome = (real.outcome != row.outcome).then(|| format!("it {}", real.outcome));
        let misfits = [misfit_of_sleeps(&real, &real, row), outcome].into_iter().flatten();
        let what = describe(client, row);
        problems.extend(misfits.map(|misfit| format!("{what}: the real client: {misfit}")));
        problems.extend(ours.and_then(|ours| judge(misfit_of_waits(&ours, row), client, row)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn the_presets_try_again_after_the_statuses_after_which_the_real_clients_do() {
    let all = |client: &'static Client| {
        let once = STATUSES.map(|status| (Script::Once(status), client.statuses.contains(&status)));
        let with_wait = |status| (Script::Told(status, 2), client.statuses_with_wait.contains(&status));
        let rows = once.into_iter().chain(STATUSES.map(with_wait));
        rows.map(move |(script, again)| (client, client.count(script, 1), 1 + usize::from(again)))
    };
    assert_attempts(&CLIENTS.iter().flat_map(all).collect::<Vec<_>>());
}

#[test]
fn the_presets_run_out_of_retries_when_the_real_clients_do() {
    let many = |client| (client, Client::count(client, Script::Unavailable, CALLS), client.attempts_of_many);
    assert_attempts(&CLIENTS.iter().map(many).collect::<Vec<_>>());
}

/// Holds real clients and presets to how many attempts they make.
fn assert_attempts(all: &[(&Client, Row, usize)]) {
    let rows: Vec<_> = all.iter().map(|(client, row, _)| (*client, row)).collect();
    let mut problems = Vec::new();
    for ((client, row, attempts), (real, ours)) in all.iter().zip(without_clock(&rows)) {
        let what = describe(client, row);
        if real.attempts.len() != *attempts {
            problems.push(format!("{what}: the real client: {} attempts", real.attempts.len()));
        }
        if let Some(other) = ours.iter().flatten().find(|waits| waits.len() != *attempts) {
            problems.push(format!("{what}: preset {}: {} attempts", client.preset, other.len()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
