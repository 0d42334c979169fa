//! Whether an external program was the limit: how long it had requests by itself, beside the least that it
//! takes.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use topology::{NodeId, NodeKind, Scenario};
use trace::{Attempt, CallTrace, Served};

use crate::external;
use crate::names::Names;
use crate::statistics::{Latencies, histogram};

/// Waiting that is shorter than this is a busy machine's.
const WAIT_MIN: Duration = Duration::from_millis(10);

/// Who finds no more than one other inside as it comes does not queue.
const QUEUE_MIN: u64 = 3;

/// What is known of each program.
#[derive(Debug, Clone)]
pub(super) struct Programs(BTreeMap<NodeId, Program>);

#[derive(Debug, Clone)]
struct Program {
    /// How long it had each request by itself.
    held: Latencies,
    least: Duration,
    /// How many were inside as each came, itself among them.
    inside: Histogram<u64>,
}

impl Programs {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let program =
            |id| (id, Program { held: Latencies::new(), least: Duration::MAX, inside: histogram(3) });
        Self(scenario.topology.of_kind(NodeKind::External).map(program).collect())
    }

    pub(super) fn add(&mut self, scenario: &Scenario, trace: &CallTrace) {
        if self.0.is_empty() {
            return;
        }
        for served in &trace.served {
            let node = scenario.topology.ends(served.edge).1;
            if let Some(program) = self.0.get_mut(&node)
                && let Some(held) = held(trace, served)
            {
                program.held.add(held);
                program.least = program.least.min(held);
                program.inside.saturating_record(served.in_flight.into());
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (node, other) in &other.0 {
            if let Some(program) = self.0.get_mut(node) {
                program.held.merge(&other.held);
                program.least = program.least.min(other.least);
                program.inside += &other.inside;
            }
        }
    }

    /// The programs in which half of the requests queued, and waited longer than they were worked at.
    pub(super) fn limits(&self, names: &Names) -> Vec<String> {
        let limit = |(&node, program): (&NodeId, &Program)| {
            let (typical, least) = (program.held.quantile_ms(0.5)?, program.least.as_secs_f64() * 1e3);
            let waited = typical - least;
            let queues = program.inside.value_at_quantile(0.5) >= QUEUE_MIN;
            (queues && waited > least && waited > WAIT_MIN.as_secs_f64() * 1e3).then(|| {
                let strategy = match &*names.strategy {
                    "" => String::new(),
                    strategy => format!("under `{strategy}` "),
                };
                format!(
                    "{strategy}the program {} was the limit: it had requests for {typical:.0} ms by itself at the median, where \
                     {least:.0} ms is the least, with up to {} inside at once; latencies and time-outs here are its own",
                    names.node(node),
                    program.inside.max()
                )
            })
        };
        self.0.iter().filter_map(limit).collect()
    }
}

/// How long a node had a request by itself; none if it may have waited between two tries.
fn held(trace: &CallTrace, served: &Served) -> Option<Duration> {
    let mut behind: Vec<&Attempt> = external::made_by(trace, served.hop).collect();
    if behind.iter().any(|attempt| !attempt.outcome.is_ok()) {
        return None;
    }
    behind.sort_by_key(|attempt| attempt.start);
    let (mut from, mut by_itself) = (served.arrived, Duration::ZERO);
    for attempt in behind {
        by_itself += attempt.start.since(from);
        from = from.max(attempt.end);
    }
    Some(by_itself + served.finished.since(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Call, MS, chain, figures};
    use topology::Failure;
    use topology::external::{External, Program as Runs, Ready};
    use trace::{Outcome, ServedEnd, Source};

    /// A client, a program, a server.
    fn with_program() -> Scenario {
        let mut scenario = chain(&["client", "program", "app"]);
        let program = scenario.topology.node_mut(NodeId(1));
        program.kind = NodeKind::External;
        let external = External {
            program: Runs::Running { host: "127.0.0.1".to_owned(), port: 80 },
            ready: Ready { path: None, within: Duration::ZERO },
            simulated: false,
        };
        program.external = Some(external.into());
        scenario
    }

    /// A call that is inside the program for so long; its server answers at once.
    fn call(n: u64, inside_ms: u64, in_flight: u32) -> CallTrace {
        let mut call = Call::new(0, n, 10 * n);
        let root = call.root();
        let hop = call.attempt(root, 0, 1, Outcome::Answered(200));
        call.trace.attempts[0].end = MS(10 * n + inside_ms);
        let served = call.served(Source::Nobody);
        (served.finished, served.in_flight) = (MS(10 * n + inside_ms), in_flight);
        call.attempt(hop, 1, 1, Outcome::Answered(200));
        call.trace.attempts[1].start = MS(10 * n + inside_ms - 2);
        call.trace.attempts[1].end = MS(10 * n + inside_ms - 1);
        call.served(Source::Own);
        call.end()
    }

    #[test]
    fn a_program_in_which_requests_queue_is_the_limit() {
        let calls: Vec<_> = (0..100).map(|n| call(n, 11 + n, 1 + u32::try_from(n / 10).unwrap())).collect();
        let limits = figures(with_program(), &calls).limits;
        assert_eq!(limits.len(), 1, "{limits:?}");
        for part in
            ["the program program was the limit", "for 59 ms", "where 10 ms is the least", "up to 10 inside"]
        {
            assert!(limits[0].contains(part), "{part}: {limits:?}");
        }
    }

    #[test]
    fn a_program_that_takes_its_time_for_each_is_none() {
        let calls: Vec<_> = (0..100).map(|n| call(n, 11 + n, 2)).collect();
        assert!(figures(with_program(), &calls).limits.is_empty(), "nobody queues");
        let calls: Vec<_> = (0..100).map(|n| call(n, 50 + n % 20, 8)).collect();
        assert!(figures(with_program(), &calls).limits.is_empty());
    }

    #[test]
    fn who_is_given_up_in_a_full_program_failed_there() {
        let mut call = Call::new(0, 1, 0);
        let root = call.root();
        let timed_out = Outcome::Failed { failure: Failure::HeadTimeout, status: None };
        call.attempt(root, 0, 1, timed_out);
        call.trace.attempts[0].timeout = Some(Duration::from_millis(500));
        call.trace.attempts[0].end = MS(500);
        let served = call.served(Source::Nobody);
        (served.finished, served.in_flight, served.end) = (MS(500), 40, ServedEnd::CallerGone);
        let mut alone = call.end();
        let origin = |call: &CallTrace| {
            let origins = figures(with_program(), std::slice::from_ref(call)).origins;
            [&origins[0].origin, &origins[0].cause, &origins[0].mechanism].map(ToString::to_string)
        };
        assert_eq!(origin(&alone), ["program", "overload", "slow"]);
        alone.served[0].in_flight = 1;
        assert_eq!(origin(&alone), ["program", "unknown", ""]);
    }
}
