//! A timer fired: who was still working, and was that longer than usual?

use std::time::Duration;

use topology::{Cause, Failure, Node, NodeId, Refusal};
use trace::{Attempt, HopId, Outcome, Served, ServedEnd, Source, Time};

use super::{Birth, Case, Finding, external, fullness, rules, undecided};
use crate::anatomy;

/// A response is under way no longer than this between two nodes of one machine.
const TRANSIT: Duration = Duration::from_millis(3);
/// What a hop costs besides the nodes' own work.
pub(super) const PER_HOP: Duration = Duration::from_millis(1);

/// An attempt ran into its time-out.
pub(super) fn timed_out(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let usual = usual_time(case, case.callee(attempt.edge), 0);
    let due = due(case, attempt);
    let had_answered = |served: &Served| all_sent(case, served) + TRANSIT <= due;
    if is_short(attempt, usual) && !case.served(attempt.hop).is_some_and(had_answered) {
        return too_short(case, attempt, usual);
    }
    if let Some(finding) = undecided::timed_out(case, attempt) {
        return finding;
    }
    match waiting(case, attempt.hop, due) {
        // (What a program was at, nobody knows.)
        Finding::Here(birth) if birth.cause == Cause::Unknown && !external::is_program(case, attempt) => {
            nobody(case, attempt)
        }
        Finding::Unexplained(_) => nobody(case, attempt),
        other => other,
    }
}

/// Whether a timer ended an attempt that had been sent.
pub(super) fn is_by_timer(attempt: &Attempt) -> bool {
    matches!(attempt.outcome.failure(), Some(Failure::HeadTimeout | Failure::BodyTimeout))
}

/// Nobody below was at fault as a timer fired. It is what had taken most of the time before, if that was
/// longer than usual; else it is the timer.
pub(super) fn nobody(case: &Case<'_>, attempt: &Attempt) -> Finding {
    let due = due(case, attempt);
    if let Some(child) = overspent(case, attempt, due) {
        return Finding::Waiting(child.hop, child.end.min(due));
    }
    // Or it went on tries that came to nothing, and on the waits between them.
    let failed =
        children(case, attempt.hop).filter(|a| a.end <= due && anatomy::failed(a)).max_by_key(|a| a.end);
    match failed.filter(|last| last.end.since(attempt.start) >= due.since(attempt.start) / 2) {
        Some(last) => Finding::Below(last.hop),
        None => too_short(case, attempt, usual_time(case, case.callee(attempt.edge), 0)),
    }
}

/// When an attempt's timer was due: on a busy machine it fires later.
fn due(case: &Case<'_>, attempt: &Attempt) -> Time {
    let timeout = attempt.timeout.filter(|_| !was_heard_of(case, attempt));
    timeout.map_or(attempt.end, |timeout| attempt.end.min(attempt.start + timeout))
}

/// The deepest of the attempts below one that took more than half of its time, and longer than such
/// attempts do when all is well.
fn overspent<'c>(case: &'c Case<'_>, attempt: &Attempt, due: Time) -> Option<&'c Attempt> {
    let mut deepest = None;
    let (mut hop, mut whole) = (attempt.hop, due.since(attempt.start));
    // Attempts are fewer than the call's; the bound is for records that lie.
    for _ in 0..case.trace.attempts.len() {
        let took = |a: &Attempt| a.end.min(due).since(a.start);
        let Some(longest) = children(case, hop).filter(|a| a.start <= due).max_by_key(|a| took(a)) else {
            break;
        };
        let is_long = took(longest) > usual_at_most(case, case.callee(longest.edge));
        if !is_long || took(longest) < whole / 2 {
            break;
        }
        (hop, whole) = (longest.hop, took(longest));
        deepest = Some(longest);
    }
    deepest
}

/// Whether the timer was one for silence, and something had come before that.
fn was_heard_of(case: &Case<'_>, attempt: &Attempt) -> bool {
    let policy = &case.scenario.topology.edge(attempt.edge).policy;
    let is_of_silence = policy.read_timeout.is_some() && attempt.timeout == policy.read_timeout;
    is_of_silence && attempt.bytes > 0
}

/// Whether the timer gives a callee that works as usual no chance.
fn is_short(attempt: &Attempt, usual: Duration) -> bool {
    attempt.timeout.is_some_and(|timeout| timeout < usual.mul_f64(1.5))
}

/// The attempt's timer fired before the connection was there: by far too early for that to mean
/// anything?
pub(super) fn gave_no_time_to_connect(case: &Case<'_>, attempt: &Attempt) -> Option<Finding> {
    let usual = usual_time(case, case.callee(attempt.edge), 0);
    is_short(attempt, usual).then(|| too_short(case, attempt, usual))
}

fn too_short(case: &Case<'_>, attempt: &Attempt, usual: Duration) -> Finding {
    let callee = case.name(case.callee(attempt.edge));
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    Birth::at_edge(attempt.edge, Cause::Config, "timeout_too_short").because(
        format!(
            "the time-out of {:.1} ms fired while {callee} worked as usual (about {:.1} ms)",
            ms(attempt.timeout.unwrap_or_default()),
            ms(usual)
        ),
        "raise this time-out above what the callee and all below it need; time-outs must shrink downstream",
    )
}

/// How long a node usually takes for a request, with all it calls.
pub(super) fn usual_time(case: &Case<'_>, node: NodeId, depth: u32) -> Duration {
    time(case, node, depth, &|declared| declared.mean_work(case.ask()))
}

/// It seldom takes longer for a request, with all it calls: half as much again as one work in a hundred
/// takes at each node.
pub(super) fn usual_at_most(case: &Case<'_>, node: NodeId) -> Duration {
    time(case, node, 0, &|declared| declared.p99_work(case.ask()).mul_f64(1.5))
}

/// How long a node takes, with all it calls, if its own work takes as long as `work` says.
fn time(case: &Case<'_>, node: NodeId, depth: u32, work: &dyn Fn(&Node) -> Duration) -> Duration {
    // Topologies are acyclic; the bound is for the edges of routing loops.
    if depth > 64 {
        return Duration::ZERO;
    }
    let declared = case.scenario.topology.node(node);
    let stages = declared.plan.stages.iter().map(|stage| {
        let calls = stage.calls.iter().flat_map(|call| call.edges.iter());
        let times = calls.map(|&(edge, _)| time(case, case.callee(edge), depth + 1, work));
        times.max().unwrap_or_default()
    });
    work(declared) + PER_HOP + stages.sum::<Duration>()
}

/// What a hop's callee was doing at the moment when its caller stopped waiting.
pub(super) fn waiting(case: &Case<'_>, hop: HopId, at: Time) -> Finding {
    let Some(attempt) = case.attempt(hop) else { return Finding::Unexplained(hop) };
    let node = case.callee(attempt.edge);
    let callee = case.name(node);
    let Some(served) = case.served(hop) else {
        return unseen(case, attempt, at);
    };
    if all_sent(case, served) + TRANSIT <= at && served.end == ServedEnd::Answered {
        return late(case, attempt, served, at);
    }
    if let Source::Refused(refusal) = served.source
        && served.started.is_none()
        && served.finished <= at
        && refusal != Refusal::DeadlineExceeded
    {
        return rules::refusal_of(case, attempt, served, refusal, served.status.unwrap_or_default());
    }
    if let Some(child) = in_flight(case, hop, at) {
        return Finding::Waiting(child, at);
    }
    if external::is_program(case, attempt) {
        return match last_failed(case, hop, at) {
            Some(last) => Finding::Below(last),
            None => external::held(case, attempt, served, at),
        };
    }
    let usual = case.scenario.topology.node(node).mean_work(case.ask());
    let queued = served.started.unwrap_or(at).min(at).since(served.arrived);
    let mostly_queued = queued > usual + PER_HOP && queued >= at.since(served.arrived) / 2;
    if mostly_queued || served.started.is_none_or(|started| started > at) {
        let evidence = format!(
            "the request waited {:.1} ms for a worker of {callee}: {} were inside, {} of them waiting",
            queued.as_secs_f64() * 1e3,
            served.in_flight,
            served.queued
        );
        return fullness::no_room(case, node, served, at, evidence);
    }
    let working_still = served.started.is_some_and(|s| s + served.worked + TRANSIT > at);
    let gave_up = matches!(served.end, ServedEnd::CallerGone | ServedEnd::StillRunning)
        || served.source == Source::Refused(Refusal::DeadlineExceeded);
    let is_stuck = served.worked.is_zero() && gave_up && children(case, hop).next().is_none();
    if is_stuck {
        return Birth::at_node(node, Cause::Crash, "hang").because(
            format!(
                "{callee} took the request, and its worker was stuck: it did no work until the caller left"
            ),
            "a stack dump of the process; look for locks and calls without a time-out",
        );
    }
    if !working_still && served.usage.completion > 0 && gave_up {
        return Birth::at_node(node, Cause::Crash, "stream_stall").because(
            format!(
                "{callee} stopped in the middle of its stream, after {} tokens, and made no more until the caller left",
                served.usage.completion
            ),
            "the model server's log at that moment; a time limit between two tokens, besides the whole call's, finds it sooner",
        );
    }
    if !working_still {
        // Between two attempts of its own: what the last one met is the reason.
        if let Some(last) = last_failed(case, hop, at) {
            return Finding::Below(last);
        }
    }
    slow(case, node, served, at)
}

/// The callee never saw the request.
fn unseen(case: &Case<'_>, attempt: &Attempt, at: Time) -> Finding {
    let failure = attempt.outcome.failure().filter(|failure| *failure != Failure::Cancelled);
    if failure.is_some_and(|failure| attempt.end < at || failure.before_connection()) {
        return rules::look(case, attempt.hop);
    }
    let callee = case.name(case.callee(attempt.edge));
    if let Some(before) = spent_before(case, attempt, at) {
        // It tried again, and had no time to find out more than it knew.
        return Finding::Below(before);
    }
    if attempt.outcome.failure() == Some(Failure::Cancelled) && at.since(attempt.start) < TRANSIT {
        return Finding::Unexplained(attempt.hop);
    }
    if attempt.unconnected {
        let waited = at.since(attempt.start).as_millis();
        return Birth::at_edge(attempt.edge, Cause::Network, "blackhole").because(
            format!("no SYN to {callee} had been answered in {waited} ms, when the caller gave up"),
            "firewall rules that drop, routes, a full accept queue (`ss -ltn`: Recv-Q)",
        );
    }
    Birth::at_edge(attempt.edge, Cause::Network, "timeout").because(
        format!("the request went out, nothing came back, and {callee} never saw it"),
        "what lies between the two: a proxy that accepts and forwards nothing, a half-open connection",
    )
}

/// When a callee has sent the last of its response: one of its own may come in pieces, with pauses.
fn all_sent(case: &Case<'_>, served: &Served) -> Time {
    let response = &case.scenario.topology.node(case.callee(served.edge)).response;
    let pauses = match served.source {
        Source::Own => response.chunk_interval * response.chunks.saturating_sub(1),
        _ => Duration::ZERO,
    };
    served.finished + pauses
}

/// The callee had answered long ago.
fn late(case: &Case<'_>, attempt: &Attempt, served: &Served, at: Time) -> Finding {
    let callee = case.name(case.callee(attempt.edge));
    let ago = at.since(served.finished).as_secs_f64() * 1e3;
    let evidence = format!("{callee} had sent its whole response {ago:.0} ms before");
    let head_came = attempt.outcome.status().is_some();
    let (mechanism, what) = match (head_came, attempt.bytes) {
        (false, 0) => ("latency", "nothing of it had come"),
        (true, _) if attempt.ends_by_close => ("slow_close", "all that was missing was the connection's end"),
        _ => ("bandwidth", "it came in a trickle"),
    };
    Birth::at_edge(attempt.edge, Cause::Network, mechanism).because(
        format!("{evidence}; {what}"),
        "measure the link: round-trip time, loss, throughput; who shapes it?",
    )
}

/// The callee had not sent all: was it still at work, and for longer than it seldom is?
fn slow(case: &Case<'_>, node: NodeId, served: &Served, at: Time) -> Finding {
    let declared = case.scenario.topology.node(node);
    // A model's work is as long as what it makes of it.
    let made = declared.llm.as_ref().map(|model| model.alone(served.usage.prompt, served.usage.completion));
    let usual = declared.service_time.mean() + made.unwrap_or_default();
    let at_most = usual.mul_f64(1.5) + PER_HOP;
    let taken = served.worked;
    // Whoever's head was there when its caller left was done with its work, unless it makes the body piece
    // by piece.
    let head_came = case
        .attempt(served.hop)
        .is_some_and(|attempt| matches!(attempt.outcome, Outcome::Failed { status: Some(_), .. }));
    let was_done = head_came && made.is_none();
    if was_done || taken < at_most {
        // It was not slow: the time had been spent before it was asked.
        return match case.attempt(served.hop).and_then(|attempt| spent_before(case, attempt, at)) {
            Some(before) => Finding::Below(before),
            None => case
                .attempt(served.hop)
                .and_then(|attempt| external::held_before(case, attempt, at))
                .unwrap_or(Finding::Unexplained(served.hop)),
        };
    }
    let name = case.name(node);
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let evidence =
        format!("{name} was still working: {:.1} ms, where {:.1} ms is usual", ms(taken), ms(usual));
    match case.lifecycle.starting_for(node, at) {
        Some(up) => starting(node, &evidence, up),
        None if head_came && served.usage.completion > 0 => Birth::at_node(
            node,
            Cause::Overload,
            "slow_stream",
        )
        .because(
            format!("{evidence}, for the {} tokens that it had made", served.usage.completion),
            "how many sequences does its batch hold? fewer of them, more replicas, or a shorter `max_tokens`",
        ),
        None => Birth::at_node(node, Cause::Overload, "slow")
            .because(evidence, "CPU, garbage collection, the database behind it: what made the work longer?"),
    }
}

/// The callee's process had just restarted.
pub(super) fn starting(node: NodeId, evidence: &str, up: Duration) -> Finding {
    Birth::at_node(node, Cause::Crash, "slow_start").because(
        format!("{evidence}; its process had restarted {:.1} s before and was not warm", up.as_secs_f64()),
        "warm up before taking traffic; ramp the load after a restart",
    )
}

fn children<'c>(case: &'c Case<'_>, hop: HopId) -> impl Iterator<Item = &'c Attempt> {
    case.trace.attempts.iter().filter(move |a| a.parent == hop)
}

/// The attempt that the callee was waiting for: of several at once, the one that began first.
fn in_flight(case: &Case<'_>, hop: HopId, at: Time) -> Option<HopId> {
    children(case, hop)
        .filter(|a| a.start <= at && a.end + TRANSIT > at && !a.outcome.is_ok())
        .chain(children(case, hop).filter(|a| a.start <= at && a.end + TRANSIT > at))
        .next()
        .map(|a| a.hop)
}

/// On what the time went that was over at this moment, if it was not on this attempt: on one that had
/// failed over the same edge before it, or before one of those that it was made for. An attempt whose
/// own timer was due had its time for itself.
fn spent_before(case: &Case<'_>, attempt: &Attempt, at: Time) -> Option<HopId> {
    let mut attempt = attempt;
    while attempt.timeout.is_none_or(|timeout| attempt.start + timeout > at) {
        let before =
            children(case, attempt.parent).filter(|a| a.edge == attempt.edge && a.end <= attempt.start);
        if let Some(failed) = before.filter(|a| !a.outcome.is_ok()).max_by_key(|a| a.end) {
            return Some(failed.hop);
        }
        attempt = case.attempt(attempt.parent)?;
    }
    None
}

/// The last attempt of the callee's own that had failed by then.
fn last_failed(case: &Case<'_>, hop: HopId, at: Time) -> Option<HopId> {
    children(case, hop).filter(|a| a.end <= at && !a.outcome.is_ok()).max_by_key(|a| a.end).map(|a| a.hop)
}
