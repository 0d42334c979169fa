//! Where programs that are not ours call: a listener of its own for each of their edges.
//!
//! By the listener it is known over which edge a request comes, and a link can be closed there. Which
//! hop it belongs to is told by `traceparent` or `x-request-id` where the program passes it on; else by what is under way
//! in the program: one request alone, or one alone with that method and path. If that does not decide
//! it, nothing does, and the run says so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use http::header::HeaderValue;
use http::{HeaderMap, Method, Uri};
use topology::fault::Site;
use topology::wire::{Close, Dial};
use topology::{EdgeId, Mechanism, NodeId, NodeKind, Scenario, Target};
use trace::{Begun, CallId, HopId, LinkEvent, LinkEventKind, Record, Time};

use super::headers::{Identity, REQUEST_ID};
use super::ports::{Blackhole, Port};
use super::server;
use super::wire::Conn;
use super::world::{World, lock};

/// How long a request that its caller has given up may still show behind the program.
const AFTERLIFE: Duration = Duration::from_secs(10);

/// A listener for one edge.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) port: Port,
    pub(crate) connections: Mutex<Vec<Weak<Conn>>>,
    /// One of our headers has been seen behind the program: what comes without it is not of our calls.
    keeps_header: AtomicBool,
    /// Nothing comes through, not even over connections that are there.
    pub(crate) shut: AtomicBool,
    /// Requests that could not be related to a call.
    pub(crate) unrelated: AtomicU64,
}

impl Gate {
    pub(crate) fn new(port: Port) -> Self {
        Self {
            port,
            connections: Mutex::default(),
            keeps_header: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            unrelated: AtomicU64::new(0),
        }
    }
}

/// Whether an edge has a listener of its own: its caller is a program; or its callee is one, and
/// something happens on the way that the program's own socket does not do.
pub(crate) fn is_needed(scenario: &Scenario, is_up: bool, edge: EdgeId) -> bool {
    let (caller, callee) = scenario.topology.ends(edge);
    let is_external = |node: NodeId| scenario.topology.node(node).kind == NodeKind::External;
    let on_the_way =
        || scenario.faults.iter().any(|f| f.mechanism.site() == Site::Edge && f.edges.contains(&edge));
    is_foreign(scenario, is_up, caller) || (is_external(callee) && on_the_way())
}

/// Whether a node is not ours: a program, or the user's own client.
pub(crate) fn is_foreign(scenario: &Scenario, is_up: bool, node: NodeId) -> bool {
    let node = scenario.topology.node(node);
    match node.kind {
        NodeKind::External => true,
        NodeKind::Client => is_up && !node.synthetic,
        NodeKind::Gateway | NodeKind::Server => false,
    }
}

/// A request that is inside a program.
#[derive(Debug)]
struct Inside {
    call: CallId,
    hop: HopId,
    retries: u16,
    priority: u8,
    method: Method,
    path: String,
    request_id: Option<HeaderValue>,
    /// Its caller has gone, then.
    left: Option<Time>,
    /// How many requests the program has made of it, by edge.
    made: BTreeMap<EdgeId, u16>,
}

/// The requests inside one node that is a program.
#[derive(Debug, Default)]
pub(crate) struct Insides(Mutex<Vec<Inside>>);

impl Insides {
    /// A request goes in; how many are inside now, with it.
    pub(crate) fn enter(
        &self,
        identity: &Identity,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        now: Time,
    ) -> usize {
        let mut inside = lock(&self.0);
        inside.retain(|i| i.left.is_none_or(|left| now.since(left) < AFTERLIFE));
        inside.push(Inside {
            call: identity.call,
            hop: identity.hop,
            retries: identity.retries,
            priority: identity.priority,
            method: method.clone(),
            path: uri.path().to_owned(),
            request_id: headers.get(REQUEST_ID).cloned(),
            left: None,
            made: BTreeMap::new(),
        });
        inside.iter().filter(|i| i.left.is_none()).count()
    }

    pub(crate) fn leave(&self, hop: HopId, now: Time) {
        if let Some(inside) = lock(&self.0).iter_mut().find(|i| i.hop == hop) {
            inside.left = Some(now);
        }
    }

    /// How many requests the program has made of this one over an edge.
    pub(crate) fn made(&self, hop: HopId, edge: EdgeId) -> u16 {
        let inside = lock(&self.0);
        inside.iter().find(|i| i.hop == hop).and_then(|i| i.made.get(&edge).copied()).unwrap_or(0)
    }
}

/// Which hop a request over an edge belongs to whose caller is a program, if that can be told.
pub(crate) fn relate(
    world: &World,
    edge: EdgeId,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<(Identity, Begun)> {
    let host = world.edge(edge);
    let gate = host.gate.as_ref()?;
    let mut inside = lock(&world.node(host.caller).insides.0);
    let under_way = |i: &Inside| i.left.is_none();
    let told = match Identity::read_trace(headers) {
        // A program that traces too puts its own span in the place of ours.
        Some((call, hop)) => {
            Some(inside.iter().position(|i| i.hop == hop).or_else(|| only(&inside, |i| i.call == call)))
        }
        // A client of the user's may say the same of several attempts.
        None => headers.get(REQUEST_ID).and_then(|id| {
            let is_named = |i: &Inside| i.request_id.as_ref() == Some(id);
            only(&inside, |i| under_way(i) && is_named(i)).or_else(|| only(&inside, is_named)).map(Some)
        }),
    };
    let place = match told {
        Some(place) => {
            gate.keeps_header.store(true, Ordering::Relaxed);
            place
        }
        None if gate.keeps_header.load(Ordering::Relaxed) => None,
        None => {
            let alike = |i: &Inside| under_way(i) && i.method == *method && i.path == uri.path();
            only(&inside, under_way).or_else(|| only(&inside, alike))
        }
    };
    let parent = &mut inside[place?];
    let made = parent.made.entry(edge).or_insert(0);
    *made += 1;
    let attempt = *made;
    let begun = Begun {
        call: parent.call,
        hop: parent.hop.child(0, edge.0, attempt),
        parent: parent.hop,
        edge,
        attempt,
        at: world.clock.now(),
    };
    let identity = Identity {
        call: begun.call,
        hop: begun.hop,
        edge,
        retries: parent.retries + attempt - 1,
        disturbed: false,
        priority: parent.priority,
    };
    Some((identity, begun))
}

/// The only one of which this holds, if there is one.
fn only(inside: &[Inside], holds: impl Fn(&Inside) -> bool) -> Option<usize> {
    let mut places = inside.iter().enumerate().filter(|(_, i)| holds(i)).map(|(place, _)| place);
    let first = places.next()?;
    places.next().is_none().then_some(first)
}

/// A request that nobody can relate to a call: it is answered, and told of.
pub(crate) fn unrelated(world: &World, edge: EdgeId) {
    let host = world.edge(edge);
    let Some(gate) = &host.gate else { return };
    // A program that passes our header on makes other requests only of its own accord.
    if world.clock.has_begun() && !gate.keeps_header.load(Ordering::Relaxed) {
        gate.unrelated.fetch_add(1, Ordering::Relaxed);
        let at = world.clock.now();
        world.record(Record::Link(LinkEvent { edge, at, kind: LinkEventKind::Unrelated }));
    }
}

/// What is the matter with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Open,
    /// Nobody listens, for the callee is gone.
    Gone,
    /// Nobody listens.
    Refusing,
    /// No SYN is answered.
    Silent,
}

/// When something is the matter with a link, and what.
fn windows(world: &World, edge: EdgeId) -> Vec<(Time, Time, State)> {
    let scenario = &world.scenario;
    let (caller, callee) = scenario.topology.ends(edge);
    let outages = world.faults.outages(callee).into_iter();
    let mut windows: Vec<_> = outages.map(|(down, up, _)| (down, up, State::Gone)).collect();
    if !world.is_foreign(caller) {
        // Its caller sees to the rest.
        return windows;
    }
    for fault in scenario.faults.iter().filter(|f| f.targets.contains(&Target::Edge(edge))) {
        let Some(state) = state_of(&fault.mechanism) else { continue };
        let until = scenario.duration + Duration::from_mins(1);
        let activations = fault.schedule.activations(until);
        windows.extend(activations.map(|(begin, end)| (Time::at(begin), Time::at(end), state)));
    }
    windows
}

fn state_of(mechanism: &Mechanism) -> Option<State> {
    mechanism.closes_link().map(|dial| if dial == Dial::Blackhole { State::Silent } else { State::Refusing })
}

/// Listens, as long as the link is there.
pub(crate) fn open(world: &Arc<World>, edge: EdgeId) -> std::io::Result<()> {
    let host = world.edge(edge);
    let Some(gate) = &host.gate else { return Ok(()) };
    let listener = gate.port.listen()?;
    let accepting = tokio::spawn(server::accept(world.clone(), host.callee, Some(edge), listener));
    let windows = windows(world, edge);
    if !windows.is_empty() {
        tokio::spawn(keep(world.clone(), edge, windows, accepting));
    }
    Ok(())
}

async fn keep(
    world: Arc<World>,
    edge: EdgeId,
    windows: Vec<(Time, Time, State)>,
    accepting: tokio::task::JoinHandle<()>,
) {
    let mut accepting = Some(accepting);
    let host = world.edge(edge);
    let Some(gate) = &host.gate else { return };
    let mut moments: Vec<Time> = windows.iter().flat_map(|w| [w.0, w.1]).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut state = State::Open;
    let mut hole: Option<Blackhole> = None;
    world.begun.wait().await;
    for moment in moments {
        world.clock.sleep_until(moment).await;
        let holds = windows.iter().filter(|w| w.0 <= moment && moment < w.1).map(|w| w.2);
        let next = holds.max().unwrap_or(State::Open);
        if next == state {
            continue;
        }
        if let Some(accepting) = accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        drop(hole.take());
        gate.shut.store(next != State::Open, Ordering::Release);
        if state == State::Open {
            // Those that are kept for later requests would lead around what is the matter.
            let connections = lock(&gate.connections);
            let idle = |conn: &Arc<Conn>| conn.active.load(Ordering::Acquire) == 0;
            for conn in connections.iter().filter_map(Weak::upgrade).filter(idle) {
                conn.end(Close::Fin);
            }
        }
        let opened = match next {
            State::Open => gate.port.listen().map(|listener| {
                accepting =
                    Some(tokio::spawn(server::accept(world.clone(), host.callee, Some(edge), listener)));
            }),
            State::Silent => gate.port.fall_silent().map(|silent| hole = Some(silent)),
            State::Gone | State::Refusing => Ok(()),
        };
        if let Err(error) = opened {
            world.tell_shortage(&error);
            return;
        }
        let kind = match next {
            // That a process is gone is its supervisor's to tell.
            State::Open | State::Gone => LinkEventKind::Open,
            State::Refusing => LinkEventKind::Refusing,
            State::Silent => LinkEventKind::Silent,
        };
        state = next;
        let at = world.clock.now();
        world.record(Record::Link(LinkEvent { edge, at, kind }));
    }
}

/// The injector's marks on what a program made of a request by itself: the faults because of which it
/// could not reach a callee.
pub(crate) fn marks_behind(
    world: &World,
    node: NodeId,
    hop: HopId,
    from: Time,
    to: Time,
) -> topology::FaultSet {
    let scenario = &world.scenario;
    let mut marks = topology::FaultSet::EMPTY;
    for edge in scenario.topology.outgoing(node) {
        if world.node(node).insides.made(hop, edge) > 0 {
            continue;
        }
        marks = marks.union(world.faults.outages_within(world.edge(edge).callee, from, to));
        let held = |fault: &topology::Fault| {
            let until = to.since_start() + Duration::from_nanos(1);
            state_of(&fault.mechanism).is_some()
                && fault.targets.contains(&Target::Edge(edge))
                && fault.schedule.activations(until).any(|(_, end)| Time::at(end) >= from)
        };
        for (id, _) in scenario.fault_ids().filter(|(_, fault)| held(fault)) {
            marks.insert(id);
        }
    }
    world.faults.count_matched(marks);
    world.faults.count_injected(marks);
    marks
}
