//! What must hold whatever happens, and in whichever order.

use std::collections::BTreeMap;

use node::{Action, AttemptId, AttemptReport, Input, Ticket, Timer};
use proptest::prelude::*;
use topology::Failure;
use trace::{Outcome, Record};

use crate::bench::{Bench, failed};

const NODE: &str = "
nodes:
  client: { kind: client }
  gw:
    kind: gateway
    calls: [a, { parallel: [b, c] }]
    workers: 2
    queue: { places: 3, order: lifo, codel: { target: 1ms, interval: 3ms } }
    max_in_flight: 8
    service_time: 2ms
    deadline: 500ms
  a: { kind: server, replicas: 2 }
  b: { kind: server }
  c: { kind: server }
  d: { kind: server }
edges:
  - client -> gw
  - gw -> a: { retry: { max_attempts: 3, when: [any], backoff: 5ms }, pool: { max_connections: 2 }, breaker: { consecutive: 2, open_for: 20ms } }
  - gw -> b:
      retry: { max_attempts: 3, when: [transport], budget: { concurrent: 2 } }
      hedge: { after: 3ms, max_attempts: 3 }
      concurrency: { aimd: { initial: 3, min: 1 } }
      fallback: d
  - gw -> c: { optional: true, throttle: 1.5 }
  - gw -> d
";

/// What a visit waits for, by the actions it has asked for.
#[derive(Debug, Default)]
struct Waiting {
    timers: Vec<Timer>,
    /// By attempt: whether the head has come.
    attempts: BTreeMap<AttemptId, bool>,
    /// What its place in the queue has come to.
    place: Option<Input>,
    over: bool,
    answers: u32,
}

#[derive(Debug)]
struct World {
    bench: Vec<Waiting>,
    tickets: BTreeMap<Ticket, usize>,
}

/// Takes note of what a visit asked for; what it must never ask for fails the test.
fn note(world: &mut World, visit: usize, actions: Vec<Action>) {
    for action in actions {
        assert!(!world.bench[visit].over, "an action after the end: {action:?}");
        match action {
            Action::Sleep { timer, .. } => world.bench[visit].timers.push(timer),
            Action::Compute { .. } => world.bench[visit].timers.push(Timer::Work),
            Action::Queued(ticket) => {
                assert!(world.tickets.insert(ticket, visit).is_none(), "a ticket twice");
            }
            Action::Wake(ticket) => {
                let other = world.tickets.remove(&ticket).expect("only those who wait are woken");
                world.bench[other].place = Some(Input::Granted);
            }
            Action::Shed(ticket) => {
                let other = world.tickets.remove(&ticket).expect("only those who wait are shed");
                world.bench[other].place = Some(Input::Shed);
            }
            Action::Send { id, .. } => {
                let earlier = world.bench[visit].attempts.insert(id, false);
                assert!(earlier.is_none(), "one attempt twice");
                let copies = world.bench[visit].attempts.keys().filter(|other| other.slot == id.slot);
                assert!(copies.count() <= if id.slot == 1 { 3 } else { 1 }, "only one call is hedged");
            }
            Action::Abandon { id } => {
                assert!(world.bench[visit].attempts.remove(&id).is_some(), "nothing to give up");
            }
            Action::Relay { id, .. } | Action::Hold { id } | Action::Drain { id } => {
                assert_eq!(world.bench[visit].attempts.get(&id), Some(&true));
                let relayed = matches!(action, Action::Relay { .. });
                world.bench[visit].answers += u32::from(relayed);
            }
            Action::Respond(_) | Action::PassOn { .. } | Action::Fail(_) | Action::Close(_) => {
                world.bench[visit].answers += 1;
            }
            Action::Charge { .. } => {}
            Action::Finish => {
                world.bench[visit].over = true;
                world.bench[visit].attempts.clear();
                world.bench[visit].timers.clear();
                world.tickets.retain(|_, v| *v != visit);
            }
        }
    }
}

/// One thing that may happen to a visit just now, chosen by a number.
fn happen(bench: &mut Bench, world: &mut World, visit: usize, choice: u8) {
    let waiting = &mut world.bench[visit];
    if waiting.over {
        return;
    }
    let statuses = [200, 200, 200, 404, 502, 503];
    let failures = [
        Failure::ConnectionRefused,
        Failure::ConnectionTerminated,
        Failure::HeadTimeout,
        Failure::ProtocolError,
    ];
    let pick = usize::from(choice / 8);
    let input = match choice % 8 {
        0 => Input::CallerGone,
        1 if pick == 0 => Input::ProcessDown,
        2 | 3 if !waiting.timers.is_empty() => {
            let place = pick % waiting.timers.len();
            Input::Woke(waiting.timers.swap_remove(place))
        }
        _ if waiting.place.is_some() => waiting.place.take().expect("as just seen"),
        _ => {
            let Some((&id, &head)) = waiting.attempts.iter().nth(pick % waiting.attempts.len().max(1)) else {
                return;
            };
            let status = statuses[pick % statuses.len()];
            if !head && pick % 3 != 0 {
                waiting.attempts.insert(id, true);
                Input::Head { id, status, retry_after: None }
            } else {
                waiting.attempts.remove(&id);
                let report = match (head, pick % 5) {
                    (false, _) => failed(failures[pick % failures.len()]),
                    (true, 0) => AttemptReport::of(Outcome::Failed {
                        failure: Failure::BodyIncomplete,
                        status: Some(status),
                    }),
                    (true, _) => AttemptReport::of(Outcome::Answered(status)),
                };
                Input::Ended { id, report }
            }
        }
    };
    let actions = bench.give(visit, input);
    note(world, visit, actions);
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_kept(
        steps in proptest::collection::vec((0..12_usize, any::<u8>()), 1..300),
    ) {
        let mut bench = Bench::new("gw", NODE);
        let mut world = World { bench: Vec::new(), tickets: BTreeMap::new() };
        for (which, choice) in steps {
            bench.pass(1);
            if which >= world.bench.len() {
                world.bench.push(Waiting::default());
                let (visit, actions) = bench.begin_with(choice % 3, None);
                note(&mut world, visit, actions);
            } else {
                happen(&mut bench, &mut world, which, choice);
            }
            let inside = world.bench.iter().filter(|w| !w.over).count();
            prop_assert_eq!(bench.state.in_flight as usize, inside);
            prop_assert_eq!(bench.state.queued() as usize, world.tickets.len());
        }
        for visit in 0..world.bench.len() {
            let actions = bench.give(visit, Input::RunEnds);
            note(&mut world, visit, actions);
        }
        prop_assert_eq!(bench.state.in_flight, 0);
        prop_assert_eq!(bench.state.queued(), 0);
        for waiting in &world.bench {
            prop_assert!(waiting.over && waiting.answers <= 1);
        }
        // Each visit is recorded once, from its arrival to its end.
        let count = |wanted: fn(&Record) -> bool| bench.records.iter().filter(|r| wanted(r)).count();
        prop_assert_eq!(count(|r| matches!(r, Record::Arrived { .. })), world.bench.len());
        prop_assert_eq!(count(|r| matches!(r, Record::Served(_))), world.bench.len());
        // All workers are free again.
        for _ in 0..2 {
            let (_, actions) = bench.begin();
            let works = actions.iter().any(|a| matches!(a, Action::Sleep { timer: Timer::Work, .. }));
            prop_assert!(works, "a worker was lost");
        }
    }
}
