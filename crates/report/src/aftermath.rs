//! What came after a trigger: a fault or a wave of load that is over. Calls succeed again after a
//! while; or they do not, although nothing is wrong any more and no more is asked for than before.
//! Such a failure is called metastable: something keeps it up.
//!
//! Sources: Bronson et al., "Metastable failures in distributed systems", `HotOS` 2021; Huang et al.,
//! "Metastable failures in the wild", OSDI 2022.

use std::collections::BTreeSet;
use std::time::Duration;

use topology::fault::Crash;
use topology::{Mechanism, NodeKind, Scenario};
use trace::CallTrace;
use trace::manifest::Aftermath;

use crate::as_before::{Before, CALLS_MIN, Counts, joined};
use crate::render::percent;

/// How long a bin of time is at first; it doubles as often as there would be too many.
const BIN: Duration = Duration::from_millis(100);
const BINS_MAX: usize = 1024;
/// Below so much of it a run has collapsed.
const COLLAPSED: f64 = 0.5;
/// The load has not grown as long as it is below so much of what it was.
const GROWN: f64 = 1.2;
/// So many of the last bins are looked at for whether a run has collapsed, as a fraction of those
/// after the trigger; and so many there must be.
const LAST: f64 = 0.5;
const BINS_MIN: usize = 4;

/// The calls of one run, by the moment at which they began.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    width: Duration,
    bins: Vec<Bin>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    calls: u64,
    ok: u64,
    /// That arrived at the deepest nodes.
    attempts: u64,
    worked: Duration,
    wasted: Duration,
}

/// What one call adds: how it ended, and what it cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    pub(crate) attempts: u64,
    pub(crate) worked: Duration,
    pub(crate) wasted: Duration,
}

impl Bin {
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.ok += other.ok;
        self.attempts += other.attempts;
        self.worked += other.worked;
        self.wasted += other.wasted;
    }

    fn counts(&self) -> Counts {
        (self.ok, self.calls)
    }

    fn share(&self) -> f64 {
        self.ok as f64 / self.calls as f64
    }

    fn attempts_a_call(&self) -> f64 {
        self.attempts as f64 / self.calls as f64
    }
}

fn sum<'a>(bins: impl IntoIterator<Item = &'a Bin>) -> Bin {
    bins.into_iter().fold(Bin::default(), |mut sum, bin| {
        sum.add(bin);
        sum
    })
}

/// What came after the triggers of several seeds, one for each strategy: a collapse, if there was one.
pub(crate) fn over_seeds(all: Vec<Aftermath>, seeds: u64) -> Vec<Aftermath> {
    let mut each: Vec<(Aftermath, u64)> = Vec::new();
    for aftermath in all {
        let collapsed = u64::from(aftermath.collapsed);
        match each.iter_mut().find(|(known, _)| known.strategy == aftermath.strategy) {
            None => each.push((aftermath, collapsed)),
            Some((known, n)) => {
                *n += collapsed;
                if aftermath.collapsed && !known.collapsed {
                    *known = aftermath;
                }
            }
        }
    }
    let told = |(mut aftermath, collapsed): (Aftermath, u64)| {
        if seeds > 1 && aftermath.collapsed {
            aftermath.words.push(format!("so under {collapsed} of {seeds} seeds"));
        } else if seeds > 1 {
            aftermath.words.push(format!("so under one of {seeds} seeds; under none it stayed down"));
        }
        aftermath
    };
    each.into_iter().map(told).collect()
}

impl Course {
    /// For a run of this scenario; none if no trigger is over before the load is.
    pub(crate) fn of(scenario: &Scenario) -> Option<Self> {
        trigger(scenario).map(|_| Self { width: BIN, bins: Vec::new() })
    }

    pub(crate) fn add(&mut self, trace: &CallTrace, cost: Cost) {
        let begin = trace.end.start.since_start();
        while self.place(begin) >= BINS_MAX {
            self.bins = self.bins.chunks(2).map(sum).collect();
            self.width *= 2;
        }
        let place = self.place(begin);
        if self.bins.len() <= place {
            self.bins.resize(place + 1, Bin::default());
        }
        let Cost { attempts, worked, wasted } = cost;
        let ok = u64::from(trace.end.is_ok());
        self.bins[place].add(&Bin { calls: 1, ok, attempts, worked, wasted });
    }

    fn place(&self, at: Duration) -> usize {
        usize::try_from(at.as_nanos() / self.width.as_nanos()).unwrap_or(usize::MAX)
    }

    /// The bins that lie within a span.
    fn within(&self, from: Duration, to: Duration) -> &[Bin] {
        let first = usize::try_from(from.as_nanos().div_ceil(self.width.as_nanos())).unwrap_or(usize::MAX);
        let end = self.place(to).min(self.bins.len());
        self.bins.get(first.min(end)..end).unwrap_or(&[])
    }

    /// What came after the scenario's last trigger; `None` if it has none that is over, or it cannot be
    /// told what was before or after it.
    pub(crate) fn after(&self, scenario: &Scenario) -> Option<Aftermath> {
        let Trigger { name, begin, end } = trigger(scenario)?;
        let early = self.within(scenario.warmup.min(begin / 2), begin);
        let rest = self.within(end, scenario.duration);
        let (before, all) = (sum(early), sum(rest));
        if (before.calls as f64) < CALLS_MIN || before.ok == 0 || all.calls == 0 {
            return None;
        }
        let joined = joined(rest.len(), all.calls);
        let after: Vec<Bin> = rest.chunks(joined).map(sum).filter(|bin| bin.calls > 0).collect();
        if after.len() < BINS_MIN {
            return None;
        }
        let was_well = Before::new(before.counts())?;
        let share = was_well.share();
        let back = was_well.returns(&rest.iter().map(Bin::counts).collect::<Vec<_>>());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "half of a length")]
        let last = sum(&after[(after.len() as f64 * (1.0 - LAST)) as usize..]);
        // By the time that the bins cover: a run may have been cut short.
        let rate = |bins: &[Bin]| sum(bins).calls as f64 / (bins.len() as f64 * self.width.as_secs_f64());
        let (was, now) = (rate(early), rate(rest));
        let is_down = last.share() < COLLAPSED * share && now < GROWN * was;
        // What arrives is less than can be done: the queue gets shorter, and it is a matter of time.
        let drains = capacity(scenario).is_some_and(|(_, can)| now * last.attempts_a_call() < can);
        let is_collapsed = is_down && !drains;
        let recovered_after_s = back.map(|bins| bins as f64 * self.width.as_secs_f64());
        if !is_down && recovered_after_s.is_none() {
            return None;
        }
        let words = match recovered_after_s {
            Some(took) if !is_collapsed => vec![recovered(&name, end, took)],
            None if !is_collapsed => vec![recovering(&name, end, &last)],
            _ => collapsed(scenario, &name, end, [&before, &all, &last], now),
        };
        Some(Aftermath {
            strategy: scenario.strategy.clone(),
            trigger: name,
            ended_s: end.as_secs_f64(),
            recovered_after_s: recovered_after_s.filter(|_| !is_collapsed),
            collapsed: is_collapsed,
            words,
        })
    }
}

/// Something that was wrong for a time.
struct Trigger {
    name: String,
    begin: Duration,
    end: Duration,
}

/// All that comes and goes, as one: from the first begin to the last end. `None` if there is nothing, or
/// something is still wrong when the load ends.
fn trigger(scenario: &Scenario) -> Option<Trigger> {
    let run = scenario.duration;
    let mut spans: Vec<Trigger> = Vec::new();
    for fault in &scenario.faults {
        if matches!(fault.mechanism, Mechanism::Crash(Crash::Hang {})) {
            // The workers that hang do so for good.
            return None;
        }
        let active = fault.times(run);
        let (Some(first), Some(last)) = (active.first(), active.last()) else { continue };
        let name = format!("`{}`", fault.name);
        spans.push(Trigger { name, begin: first.0, end: last.1 });
    }
    // A load that comes on top of others for a while.
    let comes_and_goes = |load: &&topology::load::Load| !load.start.is_zero() && load.stop < run;
    for load in scenario.loads.iter().filter(comes_and_goes) {
        let node = scenario.topology.node(load.from);
        if !node.synthetic {
            let name = format!("more load from {}", node.name);
            spans.push(Trigger { name, begin: load.start, end: load.stop });
        }
    }
    let begin = spans.iter().map(|span| span.begin).min()?;
    let last = spans.into_iter().max_by_key(|span| span.end)?;
    (last.end < run && !begin.is_zero()).then_some(Trigger { begin, ..last })
}

fn recovered(name: &str, end: Duration, took: f64) -> String {
    let end = end.as_secs_f64();
    if took < 0.05 {
        return format!("after {name} had ended at {end:.1}s, calls succeeded as before at once");
    }
    format!("after {name} had ended at {end:.1}s, it took {took:.1}s until calls succeeded as before")
}

fn recovering(name: &str, end: Duration, last: &Bin) -> String {
    format!(
        "{name} ended at {:.1}s, and {} of the calls still fail: less arrives than can be done, so by estimate it \
         recovers once the queue is done with; a longer run would show it",
        end.as_secs_f64(),
        percent(1.0 - last.share())
    )
}

/// What keeps it up, from which load on it would be over, and what is known to help.
fn collapsed(
    scenario: &Scenario,
    name: &str,
    end: Duration,
    [before, all, last]: [&Bin; 3],
    rate: f64,
) -> Vec<String> {
    let mut words = vec![format!(
        "metastable failure: {name} ended at {:.1}s, and {} of the calls still fail ({} before), although no more \
         is asked for: the system keeps itself down",
        end.as_secs_f64(),
        percent(1.0 - last.share()),
        percent(1.0 - before.share())
    )];
    let attempts = last.attempts_a_call();
    let retries = attempts > 1.05 * before.attempts_a_call();
    if retries {
        words.push(format!(
            "what keeps it up: each call comes to {attempts:.2} attempts at the deepest nodes ({:.2} before), \
             {:.0} a second for {rate:.0} calls a second",
            before.attempts_a_call(),
            attempts * rate
        ));
    }
    // The last calls may still wait in the queue when the run ends.
    let wasted = if all.worked.is_zero() { 0.0 } else { all.wasted.as_secs_f64() / all.worked.as_secs_f64() };
    if wasted > 0.5 {
        words.push(format!(
            "{}{} of the servers' work is for answers that nobody waits for any more: requests wait in the queue \
             longer than their callers do",
            if retries { "" } else { "what keeps it up: " },
            percent(wasted)
        ));
    }
    if let Some((node, capacity)) = capacity(scenario) {
        words.push(format!(
            "estimate: {node} can do {capacity:.0} a second, and {capacity:.0} / {attempts:.2} attempts a call = {:.0}: \
             below about so many calls a second it should recover",
            capacity / attempts
        ));
        let headroom = capacity / rate - 1.0;
        if retries && headroom > 0.0 {
            words.push(format!(
                "{rate:.0} calls a second leave {} of that free: a retry budget has to be smaller",
                percent(headroom)
            ));
        }
    }
    words.push(
        "what helps: fewer retries (none, a budget, a breaker), a queue no longer than callers wait, the newest \
         first (LIFO) or CoDel, giving up work whose caller has gone, shedding load until it is over"
            .to_owned(),
    );
    words
}

/// The servers that call nobody, if they are one (with its replicas), and what they can do a second.
fn capacity(scenario: &Scenario) -> Option<(String, f64)> {
    let deepest = scenario.deepest();
    let nodes = || deepest.iter().map(|&id| scenario.topology.node(id));
    let names: BTreeSet<&str> = nodes().map(|node| node.declared_name.as_str()).collect();
    let (name, 1) = (*names.first()?, names.len()) else { return None };
    let each = nodes().map(|node| {
        let mean = node.service_time.mean().as_secs_f64();
        let workers = node.workers.filter(|_| node.kind == NodeKind::Server && mean > 0.0)?;
        Some(f64::from(workers) / mean)
    });
    Some((name.to_owned(), each.sum::<Option<f64>>()?))
}

#[cfg(test)]
mod tests {
    use topology::fault::{Overload, Schedule};
    use topology::{NodeId, Target};

    use super::*;
    use crate::testing::{Call, REFUSED, chain, fault};

    const S: fn(u64) -> Duration = Duration::from_secs;

    /// Twenty seconds of a server that does 60 a second, with a fault from 5 s to 6 s.
    fn scenario() -> Scenario {
        let mut scenario = chain(&["client", "app"]);
        let app = scenario.topology.node_mut(NodeId(1));
        app.workers = Some(6);
        app.service_time = topology::distribution::Distribution::Constant(topology::units::DurationText(
            Duration::from_millis(100),
        ));
        let lost = Mechanism::Overload(Overload::Concurrency { workers: 1 });
        let mut lost = fault("lost", Target::Node(NodeId(1)), lost);
        lost.schedule = Schedule { start: S(5), stop: Duration::MAX, every: None, lasts: Some(S(1)) };
        scenario.faults.push(lost);
        scenario
    }

    /// So many calls a second, of which those fail that begin within this span; how many attempts each
    /// of them makes.
    fn after(rate: u64, fails: std::ops::Range<u64>, attempts: u64) -> Option<Aftermath> {
        after_so_long(20, rate, fails, attempts)
    }

    /// The same, of a run that was cut short.
    fn after_so_long(
        seconds: u64,
        rate: u64,
        fails: std::ops::Range<u64>,
        attempts: u64,
    ) -> Option<Aftermath> {
        let scenario = scenario();
        let mut course = Course::of(&scenario).unwrap();
        for number in 0..seconds * rate {
            let ms = number * 1000 / rate;
            let mut call = Call::new(0, number, ms);
            let failed = fails.contains(&(ms / 1000));
            let outcome = if failed { REFUSED } else { trace::Outcome::Answered(200) };
            call.attempt(call.root(), 0, 1, outcome);
            let worked = Duration::from_millis(100);
            let wasted = if failed { worked } else { Duration::ZERO };
            let attempts = if failed { attempts } else { 1 };
            course.add(&call.end(), Cost { attempts, worked, wasted });
        }
        course.after(&scenario)
    }

    #[test]
    fn what_stays_down_without_a_reason_is_told() {
        let found = after(40, 5..20, 2).unwrap();
        assert!(found.collapsed && found.recovered_after_s.is_none());
        let words = found.words.join("\n");
        assert!(words.contains("2.00 attempts at the deepest nodes (1.00 before)"), "{words}");
        assert!(words.contains("60 / 2.00 attempts a call = 30: below"), "{words}");
        assert!(words.contains("40 calls a second leave 50.0% of that free"), "{words}");
    }

    #[test]
    fn a_run_that_is_cut_short_has_its_own_rate() {
        let found = after_so_long(11, 40, 5..20, 2).unwrap();
        assert!(found.collapsed, "{:?}", found.words);
        assert!(found.words.join("\n").contains("for 40 calls a second"), "{:?}", found.words);
    }

    #[test]
    fn of_several_seeds_a_collapse_is_told() {
        let [down, well] = [after(40, 5..20, 2).unwrap(), after(40, 5..9, 2).unwrap()];
        let told = over_seeds(vec![well.clone(), down.clone(), well.clone()], 3);
        assert_eq!((told.len(), told[0].collapsed), (1, true));
        assert_eq!(told[0].words.last().unwrap(), "so under 1 of 3 seeds");
        let told = over_seeds(vec![well.clone()], 3);
        assert_eq!(told[0].words.last().unwrap(), "so under one of 3 seeds; under none it stayed down");
        assert_eq!(over_seeds(vec![well.clone()], 1), [well]);
    }

    #[test]
    fn what_heals_is_no_metastable_failure() {
        let found = after(40, 5..9, 2).unwrap();
        assert_eq!((found.collapsed, found.recovered_after_s), (false, Some(3.0)));
        let at_once = after(40, 5..6, 2).unwrap();
        assert_eq!((at_once.collapsed, at_once.recovered_after_s), (false, Some(0.0)));
        assert!(at_once.words[0].ends_with("at once"), "{:?}", at_once.words);
    }

    #[test]
    fn a_queue_that_gets_shorter_is_a_matter_of_time() {
        let found = after(20, 5..20, 2).unwrap();
        assert!(!found.collapsed && found.recovered_after_s.is_none());
        assert!(found.words[0].contains("a longer run would show it"), "{:?}", found.words);
    }

    #[test]
    fn without_a_trigger_that_is_over_there_is_nothing_to_tell() {
        let mut scenario = scenario();
        scenario.faults[0].schedule.lasts = None;
        assert!(Course::of(&scenario).is_none());
        scenario.faults.clear();
        assert!(Course::of(&scenario).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let mut course = Course { width: BIN, bins: Vec::new() };
        for number in 0..5000 {
            course.add(&Call::new(0, number, number * 1000).end(), Cost::default());
        }
        assert!(course.bins.len() <= BINS_MAX && sum(&course.bins).calls == 5000);
    }
}
