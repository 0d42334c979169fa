//! Work that is really computed: a thread of this process is busy for as long, beside whatever else
//! this machine has to do.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{Semaphore, oneshot};
use topology::NodeId;

use super::world::{World, lock};

/// Those of a node, by how many there are.
#[derive(Debug, Default)]
pub(crate) struct Processors(Mutex<BTreeMap<u32, Arc<Semaphore>>>);

/// Computes for so long on one of a node's so many processors, in turn. It begins at once and goes on
/// without being waited for; with the run, or with the process of the node, it ends and never comes.
pub(crate) fn compute(
    world: &Arc<World>,
    node: NodeId,
    processors: u32,
    work: Duration,
) -> impl Future<Output = ()> + use<> {
    let host = world.node(node);
    let free = lock(&host.processors.0)
        .entry(processors)
        .or_insert_with(|| Arc::new(Semaphore::new(processors as usize)))
        .clone();
    let epoch = host.epoch.load(Ordering::Acquire);
    let world = world.clone();
    let is_over = move || {
        let is_dead = world.node(node).epoch.load(Ordering::Acquire) != epoch;
        is_dead || world.stop.is_set() || world.over.is_given()
    };
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let Ok(processor) = free.acquire_owned().await else { return };
        let burnt = tokio::task::spawn_blocking(move || {
            let _processor = processor;
            burn(work, is_over)
        });
        if burnt.await.unwrap_or(false) {
            // Nobody waits for it where the request has been given up.
            let _ = tell.send(());
        }
    });
    async move {
        if told.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Has this thread compute until it has had so much of a processor; `false` if it is over before.
fn burn(work: Duration, is_over: impl Fn() -> bool) -> bool {
    let begin = processor_time();
    let mut number = 1_u64;
    loop {
        if is_over() {
            return false;
        }
        if processor_time().saturating_sub(begin) >= work {
            return true;
        }
        // Some ten microseconds.
        for _ in 0..10_000 {
            number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

/// How much of a processor this thread has had.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burning_takes_the_processor_and_ends_when_told() {
        let before = processor_time();
        assert!(burn(Duration::from_millis(20), || false));
        assert!(processor_time() >= before + Duration::from_millis(20));
        assert!(!burn(Duration::from_hours(1), || true));
    }
}
