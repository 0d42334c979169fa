//! From a scenario to nodes that run, and to the end of a run.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use topology::{EdgeId, NodeKind, Scenario};
use trace::{Sink, Time};

use super::entries;
use super::gate;
use super::load::{self, Lateness};
use super::program::Programs;
use super::records::{Feeder, Records};
use super::supervisor;
use super::world::{World, lock};
use crate::run::{DRAIN_MAX, Progress, RunError, Stop, Summary, WORK_MAX, WORK_MAX_STOPPED};

/// Makes room for the sockets that a scenario needs.
fn raise_file_limit(scenario: &Scenario) -> Result<(), RunError> {
    let limit = getrlimit(Resource::Nofile);
    let nodes = scenario.topology.node_count() as u64;
    // A kept port and a listener for each node, and a few dozen descriptors besides.
    let needed = 2 * nodes + 100;
    let maximum = limit.maximum.unwrap_or(u64::MAX);
    if maximum < needed {
        return Err(RunError::TooFewFiles { needed, limit: maximum });
    }
    if limit.current.is_some_and(|current| current < maximum) {
        let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        // If the system says no, the old limit may still do.
        let _ = setrlimit(Resource::Nofile, wanted);
    }
    Ok(())
}

fn start_nodes(world: &Arc<World>) -> Result<(), RunError> {
    for (id, node) in world.scenario.topology.nodes() {
        if matches!(node.kind, NodeKind::Gateway | NodeKind::Server) {
            supervisor::start(world, id)?;
        }
    }
    for (id, _) in world.scenario.topology.edges() {
        let name = || world.scenario.topology.edge_name(id);
        gate::open(world, id).map_err(|e| RunError::io(format!("cannot listen for {}", name()))(e))?;
    }
    tokio::spawn(supervisor::housekeeping(world.clone()));
    Ok(())
}

/// Starts the programs of external nodes, and waits until all are ready.
async fn start_programs(
    world: &Arc<World>,
    programs: &Programs,
    folder: Option<&Path>,
) -> Result<(), RunError> {
    let topology = &world.scenario.topology;
    let listen = |node| world.node(node).port.address;
    let upstream = |node, callee: &str| {
        let edge = topology.find_edge(node, topology.find(callee)?)?;
        Some(world.edge(edge).address)
    };
    let started = programs.start(topology, folder, listen, upstream)?;
    let ready = futures_util::future::try_join_all(started.iter().map(|program| program.until_ready()));
    tokio::select! {
        ready = ready => { ready?; }
        () = world.stop.wait() => {}
    }
    for program in started {
        tokio::spawn(supervisor::supervise_program(world.clone(), program));
    }
    Ok(())
}

/// Runs a scenario to its end.
pub(super) async fn run<S: Sink + Send + 'static>(
    scenario: Arc<Scenario>,
    stop: Stop,
    sink: S,
    programs: &Programs,
    folder: Option<&Path>,
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    raise_file_limit(&scenario)?;
    let records = Arc::new(Records::default());
    let world = World::new(scenario.clone(), stop.clone(), records.clone(), None)?;
    let world = Arc::new(world.told_to(&sink));
    start_nodes(&world)?;
    start_programs(&world, programs, folder).await?;
    let feeder = Feeder::start(sink, records, stop.clone(), now(&world))?;
    world.begin();
    let telling = tokio::spawn(tell_progress(world.clone(), progress));
    let lateness = Arc::new(Lateness::default());
    let heart = tokio::spawn(heartbeat(world.clone(), lateness.clone()));

    let loads: Vec<_> = (0..scenario.loads.len())
        .map(|load| tokio::spawn(load::offer(world.clone(), load, lateness.clone())))
        .collect();
    for load in loads {
        // A load task ends only by itself.
        let _ = load.await;
    }
    drain(&world).await;
    let elapsed = world.clock.now().since_start();
    heart.abort();
    telling.abort();
    settle(&world).await;
    let summary = summary(&world, &lateness, elapsed);
    let sink = tokio::task::spawn_blocking(move || feeder.finish())
        .await
        .map_err(|e| RunError::Sink(std::io::Error::other(e)))??;
    match world.failure() {
        Some(error) => Err(error),
        None => Ok((summary, sink)),
    }
}

/// What a run's clock says.
fn now(world: &Arc<World>) -> impl Fn() -> Time + Send + 'static {
    let world = world.clone();
    move || world.clock.now()
}

/// How nodes are kept up for the user's own client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Up<'a> {
    /// The port of the first edge that leaves a client, the others have those that follow; 0 is any.
    pub port: u16,
    /// The run's time begins at once rather than with the first request.
    pub from_start: bool,
    /// How long it goes on; `None`: until it is stopped.
    pub lasts: Option<Duration>,
    /// The folder in which external programs have theirs.
    pub folder: Option<&'a Path>,
}

/// Keeps a scenario's nodes up.
pub(super) async fn up<S: Sink + Send + 'static>(
    up: &Up<'_>,
    scenario: Arc<Scenario>,
    stop: Stop,
    sink: S,
    programs: &Programs,
    ready: impl FnOnce(&Hosted),
    progress: impl Fn(&Progress) + Send + 'static,
) -> Result<(Summary, S), RunError> {
    raise_file_limit(&scenario)?;
    let records = Arc::new(Records::default());
    let world = World::new(scenario.clone(), stop.clone(), records.clone(), Some(up.port))?;
    let world = Arc::new(world.told_to(&sink));
    start_nodes(&world)?;
    start_programs(&world, programs, up.folder).await?;
    let feeder = Feeder::start(sink, records, stop.clone(), now(&world))?;
    if up.from_start {
        world.begin();
    }
    ready(&Hosted { world: world.clone() });
    let lateness = Arc::new(Lateness::default());
    let telling = tokio::spawn(tell_progress(world.clone(), progress));
    let heart = tokio::spawn(heartbeat(world.clone(), lateness.clone()));
    let closing = tokio::spawn(close_calls(world.clone()));
    for load in (0..scenario.loads.len()).filter(|load| !world.is_measured(*load)) {
        // What a surge adds comes by itself.
        let (world, lateness) = (world.clone(), lateness.clone());
        tokio::spawn(async move {
            world.begun.wait().await;
            load::offer(world, load, lateness).await;
        });
    }
    let lasts = async {
        world.begun.wait().await;
        match up.lasts {
            Some(lasts) => world.clock.sleep_until(Time::at(lasts)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.wait() => {}
        () = lasts => {}
    }
    let elapsed = world.clock.now().since_start();
    for task in [heart, telling, closing] {
        task.abort();
    }
    settle(&world).await;
    // The last responses are on their way, and their connections see to their records.
    tokio::time::sleep(Duration::from_millis(50)).await;
    entries::give_up(&world, Duration::ZERO);
    let summary = Summary { interrupted: false, ..summary(&world, &lateness, elapsed) };
    let sink = tokio::task::spawn_blocking(move || feeder.finish())
        .await
        .map_err(|e| RunError::Sink(std::io::Error::other(e)))??;
    match world.failure() {
        Some(error) => Err(error),
        None => Ok((summary, sink)),
    }
}

/// Now and then ends the calls that will not be tried again.
async fn close_calls(world: Arc<World>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    loop {
        ticks.tick().await;
        entries::give_up(&world, entries::TRY_AGAIN);
    }
}

fn under_way(world: &World) -> u64 {
    let counts = &world.counts;
    let ended = counts.ok.load(Ordering::Relaxed) + counts.failed.load(Ordering::Relaxed);
    counts.started.load(Ordering::Relaxed).saturating_sub(ended)
}

/// Waits for the calls under way; those that take too long are given up by their clients.
async fn drain(world: &World) {
    let until = Instant::now() + DRAIN_MAX;
    while under_way(world) > 0 && !world.stop.is_set() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.give_up.give();
    let until = Instant::now() + Duration::from_millis(500);
    while under_way(world) > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits a little for work that nobody waits for, to see how it ends.
async fn settle(world: &World) {
    let patience = if world.stop.is_set() { WORK_MAX_STOPPED } else { WORK_MAX };
    let is_busy = || world.nodes.iter().any(|n| lock(&n.state).in_flight > 0);
    let until = Instant::now() + patience;
    while Instant::now() < until && is_busy() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.over.give();
    let until = Instant::now() + Duration::from_millis(200);
    while Instant::now() < until && is_busy() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn tell_progress(world: Arc<World>, progress: impl Fn(&Progress) + Send) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        let elapsed = world.clock.now().since_start();
        let active = world.scenario.faults.iter().filter(|f| f.schedule.active_for(elapsed).is_some());
        progress(&Progress {
            elapsed,
            started: world.counts.started.load(Ordering::Relaxed),
            ok: world.counts.ok.load(Ordering::Relaxed),
            failed: world.counts.failed.load(Ordering::Relaxed),
            in_flight: under_way(&world),
            active_faults: active.map(|f| f.name.clone()).collect(),
        });
    }
}

/// Measures how late this machine is, also where no open loop does.
async fn heartbeat(world: Arc<World>, lateness: Arc<Lateness>) {
    world.begun.wait().await;
    loop {
        let at = world.clock.now() + Duration::from_millis(10);
        world.clock.sleep_until(at).await;
        lateness.note(world.clock.now().since(at));
    }
}

fn summary(world: &World, lateness: &Lateness, elapsed: Duration) -> Summary {
    let (lateness_p50, lateness_p99) = (lateness.quantile(0.5), lateness.quantile(0.99));
    let limited_by_machine = world.shortage().or_else(|| {
        let late =
            |what: &str| format!("{what}: latencies here are this machine's as much as the scenario's");
        if world.records.were_late() {
            Some(late("records came faster than they could be kept"))
        } else if lateness_p50 > Duration::from_millis(1) || lateness_p99 > Duration::from_millis(10) {
            let ms = |d: Duration| d.as_secs_f64() * 1e3;
            Some(late(&format!(
                "waits ended {:.1} ms late (p99 {:.1} ms)",
                ms(lateness_p50),
                ms(lateness_p99)
            )))
        } else {
            None
        }
    });
    Summary {
        elapsed,
        interrupted: world.stop.is_set(),
        fault_counts: world.faults.counts(),
        lateness_p50,
        lateness_p99,
        limited_by_machine,
        unrelated: world.unrelated(),
    }
}

/// Nodes that are up for callers outside this process.
#[derive(Debug)]
pub struct Hosted {
    world: Arc<World>,
}

impl Hosted {
    /// Where the user's own client calls: each edge that leaves a client, and its address.
    pub fn calls(&self) -> Vec<(EdgeId, SocketAddr)> {
        let edges = self.world.scenario.topology.edges().map(|(edge, _)| edge);
        edges.filter(|edge| self.world.is_entry(*edge)).map(|e| (e, self.world.edge(e).address)).collect()
    }

    /// The nodes that clients call, each with its address.
    pub fn entries(&self) -> Vec<(String, SocketAddr)> {
        let topology = &self.world.scenario.topology;
        let mut entries: Vec<_> = topology
            .of_kind(NodeKind::Client)
            .flat_map(|client| topology.outgoing(client))
            .map(|edge| self.world.node(topology.ends(edge).1))
            .map(|host| (host.name.clone(), host.address))
            .collect();
        entries.dedup();
        entries
    }
}

/// Starts a scenario's nodes, without its load, until `stop`; `ready` is told their addresses.
/// Blocking; builds its own runtime.
///
/// # Errors
/// If a socket cannot be had, or the sink fails.
pub fn host<S: Sink + Send + 'static>(
    scenario: &Arc<Scenario>,
    stop: &Stop,
    sink: S,
    ready: impl FnOnce(&Hosted),
) -> Result<S, RunError> {
    let programs = Programs::default();
    let runtime = super::runtime()?;
    let result = runtime.block_on(async {
        raise_file_limit(scenario)?;
        let records = Arc::new(Records::default());
        let world = World::new(scenario.clone(), stop.clone(), records.clone(), None)?;
        let world = Arc::new(world.told_to(&sink));
        start_nodes(&world)?;
        start_programs(&world, &programs, None).await?;
        world.begin();
        let feeder = Feeder::start(sink, records, stop.clone(), now(&world))?;
        ready(&Hosted { world: world.clone() });
        stop.wait().await;
        settle(&world).await;
        feeder.finish()
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}
