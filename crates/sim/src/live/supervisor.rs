//! The nodes' processes: they go down and come up by the scenario's outages, and close connections
//! that have been idle for too long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use topology::NodeId;
use topology::wire::Close;
use trace::{Gauge, NodeEvent, NodeEventKind, Record, Time};

use super::program::Program;
use super::server;
use super::world::{World, lock};
use crate::run::RunError;

/// Starts a node, and sees to its outages as long as the run lasts.
pub(crate) fn start(world: &Arc<World>, node: NodeId) -> Result<(), RunError> {
    let host = world.node(node);
    let address = host.port.address;
    let what = format!("cannot listen on {address} for {}", host.name);
    let listener = host.port.listen().map_err(RunError::io(what))?;
    let accepting = tokio::spawn(server::accept(world.clone(), node, None, listener));
    let outages = world.faults.outages(node);
    if !outages.is_empty() {
        tokio::spawn(supervise(world.clone(), node, outages, accepting));
    }
    Ok(())
}

async fn supervise(
    world: Arc<World>,
    node: NodeId,
    outages: Vec<(Time, Time, Time)>,
    mut accepting: tokio::task::JoinHandle<()>,
) {
    let host = world.node(node);
    world.begun.wait().await;
    let mut next_down = outages.iter().skip(1).map(|o| o.0).collect::<Vec<_>>().into_iter();
    for (down, up, ready) in outages {
        world.clock.sleep_until(down).await;
        let at = world.clock.now();
        world.record(Record::Node(NodeEvent { node, at, kind: NodeEventKind::Down }));
        // The listener goes first: a connection that is reset must not come back at once.
        accepting.abort();
        let _ = (&mut accepting).await;
        host.epoch.fetch_add(1, Ordering::AcqRel);
        for conn in lock(&host.connections).drain(..).filter_map(|c| c.upgrade()) {
            conn.end(Close::Reset);
        }
        for edge in world.scenario.topology.outgoing(node) {
            let edge = world.edge(edge);
            edge.pool.clear();
            if let Some(streams) = &edge.streams {
                streams.clear();
            }
        }
        world.clock.sleep_until(up).await;
        match host.port.listen() {
            Ok(listener) => accepting = tokio::spawn(server::accept(world.clone(), node, None, listener)),
            Err(e) => {
                world.tell_shortage(&e);
                return;
            }
        }
        let at = world.clock.now();
        world.record(Record::Node(NodeEvent { node, at, kind: NodeEventKind::Up }));
        // It may die again before it is warm.
        if next_down.next().is_none_or(|down| ready < down) {
            world.clock.sleep_until(ready).await;
            let at = world.clock.now();
            world.record(Record::Node(NodeEvent { node, at, kind: NodeEventKind::Ready }));
        }
    }
}

/// From the begin of the run on, sees to a program's outages, and tells if it ends by itself.
pub(crate) async fn supervise_program(world: Arc<World>, program: Arc<Program>) {
    let node = program.node;
    let tell = |kind| {
        let at = world.clock.now();
        world.record(Record::Node(NodeEvent { node, at, kind }));
    };
    world.begun.wait().await;
    let outages = world.faults.outages(node);
    for (down, up, _) in outages {
        tokio::select! {
            () = world.clock.sleep_until(down) => {}
            () = ended(&program) => return lost(&world, node),
        }
        tell(NodeEventKind::Down);
        program.kill();
        for edge in world.scenario.topology.incoming(node) {
            world.edge(edge).pool.clear();
        }
        world.clock.sleep_until(up).await;
        let back = match program.spawn() {
            Ok(()) => program.until_ready().await,
            Err(error) => Err(error),
        };
        if let Err(error) = back {
            world.fail(error);
            return;
        }
        tell(NodeEventKind::Up);
        tell(NodeEventKind::Ready);
    }
    ended(&program).await;
    lost(&world, node);
}

/// Comes when a program ends by itself.
async fn ended(program: &Program) {
    while program.ended().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn lost(world: &World, node: NodeId) {
    let at = world.clock.now();
    world.record(Record::Node(NodeEvent { node, at, kind: NodeEventKind::Down }));
}

/// Once in a while: how full each node is, and the end of idle connections.
pub(crate) async fn housekeeping(world: Arc<World>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    let mut second = 0;
    world.begun.wait().await;
    loop {
        ticks.tick().await;
        let at = world.clock.now();
        for host in &world.nodes {
            close_idle(&world, host.id, at);
            let state = lock(&host.state);
            if second % 2 == 0 {
                continue;
            }
            let (in_flight, queued) = (state.in_flight, state.queued());
            let policies: Vec<_> = state.policies(&world.scenario.topology, at).collect();
            drop(state);
            world.record(Record::Gauge(Gauge { node: host.id, at, in_flight, queued }));
            for policies in policies {
                world.record(Record::Policies(policies));
            }
        }
        second += 1;
    }
}

fn close_idle(world: &World, node: NodeId, now: Time) {
    let keep_alive = world.scenario.topology.node(node).keep_alive;
    let mut connections = lock(&world.node(node).connections);
    connections.retain(|weak| {
        let Some(conn) = weak.upgrade() else { return false };
        let idle = now.since(Time(conn.idle_since.load(Ordering::Relaxed)));
        if conn.active.load(Ordering::Acquire) == 0 && idle >= keep_alive {
            conn.end(Close::Fin);
        }
        true
    });
}
