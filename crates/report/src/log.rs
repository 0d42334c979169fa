//! A call as rows of `calls.csv` and `hops.csv`.

use topology::Scenario;
use trace::rows::{CallRow, HopRow};
use trace::run_dir::{Example, ExampleHop, Worth};
use trace::{Attempt, CallTrace, CalleeSide, HopId, Step};

use crate::Verdict;
use crate::anatomy::maker;
use crate::names::Names;
use crate::path::path;
use crate::sign::sign;
use crate::statistics::{micros, ms, round};

/// A call's row; the verdict is there if it failed.
pub(crate) fn call_row(
    scenario: &Scenario,
    names: &Names,
    trace: &CallTrace,
    verdict: Option<&Verdict>,
) -> CallRow {
    let end = &trace.end;
    CallRow {
        strategy: names.strategy.clone(),
        call: end.call,
        client: names.node(end.client),
        start_ms: round(end.start.as_ms(), 3),
        latency_ms: ms(end.latency()),
        status: end.status,
        error: names.failure(end.failure),
        attempts: end.attempts,
        origin: verdict.map_or_else(|| names.none.clone(), |v| names.place(v.origin)),
        cause: verdict.map_or_else(|| names.none.clone(), |v| v.cause.name().into()),
        mechanism: verdict.map_or_else(|| names.none.clone(), |v| v.mechanism.into()),
        path: verdict.map(|v| path(scenario, trace, &v.lineage)).unwrap_or_default(),
        born: verdict.map(|v| v.hop).filter(|&hop| hop != HopId::root(end.call)),
        evidence: verdict.map(|v| v.evidence.clone()).unwrap_or_default(),
        next_step: verdict.map_or_else(|| names.none.clone(), |v| v.next_step.into()),
        seed: names.seed,
        sign: verdict.and_then(|v| sign(scenario, trace, v)).unwrap_or_default(),
    }
}

/// Why a call is kept in which this failure was hidden, that was born at this hop.
pub(crate) fn saved(names: &Names, hop: HopId, verdict: &Verdict) -> Worth {
    Worth::Saved {
        origin: names.place(verdict.origin).to_string(),
        cause: verdict.cause.name().to_owned(),
        mechanism: verdict.mechanism.to_owned(),
        hop: hop.to_string(),
    }
}

/// The row of one of a call's hops.
pub(crate) fn hop_row(scenario: &Scenario, names: &Names, trace: &CallTrace, attempt: &Attempt) -> HopRow {
    let (from, to) = scenario.topology.ends(attempt.edge);
    let made_by = attempt
        .outcome
        .status()
        .and_then(|_| maker(trace, attempt.hop, |edge| scenario.topology.ends(edge).1));
    let served = trace.served(attempt.hop);
    let usage = served.filter(|_| scenario.topology.node(to).llm.is_some()).map(|served| served.usage);
    HopRow {
        strategy: names.strategy.clone(),
        call: attempt.call,
        hop: attempt.hop,
        parent: attempt.parent,
        attempt: attempt.attempt,
        from: names.node(from),
        to: names.node(to),
        start_us: micros(attempt.start.since_start()),
        duration_us: micros(attempt.end.since(attempt.start)),
        status: attempt.outcome.status(),
        error: names.failure(attempt.outcome.failure()),
        generated_by: made_by.map_or_else(|| names.none.clone(), |node| names.node(node)),
        seen_by_callee: trace.served(attempt.hop).is_some(),
        reused: attempt.reused,
        faults: names.faults(trace.marks(attempt.hop)),
        seed: names.seed,
        prompt_tokens: usage.map(|usage| usage.prompt),
        completion_tokens: usage.map(|usage| usage.completion),
    }
}

/// Most steps that are kept of one call.
const STEPS_MAX: usize = 64;

/// A call, kept for people to look at: one that failed, or of which this is why.
pub(crate) fn example(
    scenario: &Scenario,
    names: &Names,
    trace: &CallTrace,
    verdict: Option<&Verdict>,
    worth: Option<Worth>,
) -> Example {
    let hops = trace
        .attempts
        .iter()
        .filter_map(|a| a.exchange.as_deref().map(|e| ExampleHop::new(a.hop, e.clone())))
        .collect();
    let is_shown = |(place, attempt): &(usize, &Attempt)| {
        *place < STEPS_MAX || verdict.is_some_and(|verdict| verdict.lineage.contains(&attempt.hop))
    };
    let step = |(_, attempt): (usize, &Attempt)| Step {
        hop: hop_row(scenario, names, trace, attempt),
        bytes: attempt.bytes,
        callee: trace.served(attempt.hop).map(|served| CalleeSide::of(served, scenario)),
    };
    Example {
        call: trace.end.call.to_string(),
        hops,
        strategy: Some(names.strategy.to_string()),
        seed: names.seed,
        row: Some(call_row(scenario, names, trace, verdict)),
        steps: trace.attempts.iter().enumerate().filter(is_shown).map(step).collect(),
        worth,
    }
}
