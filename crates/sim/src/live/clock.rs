//! The run's clock, and waits that are precise to about a tenth of a millisecond.
//!
//! Tokio's timer wheel turns once a millisecond, so a wait of 5 ms takes about 6: wrong by a fifth
//! at every hop. A thread of its own, which sleeps until the first of a heap of deadlines, does
//! better, and needs nothing of the system but a condition variable.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Instant;

use futures_util::task::AtomicWaker;
use trace::Time;

/// Moments of a run: nanoseconds since its begin.
#[derive(Debug)]
pub(crate) struct Clock {
    made: Instant,
    begin: OnceLock<Instant>,
    timer: Timer,
}

impl Clock {
    /// One that stands until it begins.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { made: Instant::now(), begin: OnceLock::new(), timer: Timer::start()? })
    }

    /// Begins now, unless it has.
    pub(crate) fn begin(&self) {
        self.begin.get_or_init(Instant::now);
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begin.get().is_some()
    }

    pub(crate) fn now(&self) -> Time {
        self.begin.get().map_or(Time(0), |begin| Time::at(begin.elapsed()))
    }

    fn at(&self, at: Time) -> Instant {
        *self.begin.get().unwrap_or(&self.made) + at.since_start()
    }

    /// For tokio's own timers.
    pub(crate) fn instant(&self, at: Time) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.at(at))
    }

    /// Waits precisely.
    pub(crate) async fn sleep_until(&self, at: Time) {
        if at > self.now() {
            self.timer.sleep_until(self.at(at)).await;
        }
    }
}

#[derive(Debug, Default)]
struct Entry {
    waker: AtomicWaker,
    fired: AtomicBool,
}

/// A deadline in the heap; the number orders equal ones.
#[derive(Debug)]
struct Due(Instant, u64, Arc<Entry>);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

#[derive(Debug, Default)]
struct Heap {
    due: BinaryHeap<Reverse<Due>>,
    count: u64,
    closed: bool,
}

/// A heap of deadlines and the thread that sees to them; it ends when this is dropped.
#[derive(Debug)]
struct Timer(Arc<(Mutex<Heap>, Condvar)>);

impl Timer {
    fn start() -> io::Result<Self> {
        let shared = Arc::new((Mutex::default(), Condvar::new()));
        let timer = Self(shared.clone());
        std::thread::Builder::new().name("timer".into()).spawn(move || keep_time(&shared))?;
        Ok(timer)
    }

    async fn sleep_until(&self, at: Instant) {
        let entry = Arc::new(Entry::default());
        {
            let (heap, changed) = &*self.0;
            let mut heap = heap.lock().unwrap_or_else(PoisonError::into_inner);
            heap.count += 1;
            let number = heap.count;
            let is_first = heap.due.peek().is_none_or(|Reverse(first)| at < first.0);
            heap.due.push(Reverse(Due(at, number, entry.clone())));
            drop(heap);
            if is_first {
                changed.notify_one();
            }
        }
        poll_fn(|cx| {
            if entry.fired.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            entry.waker.register(cx.waker());
            if entry.fired.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.1.notify_one();
    }
}

fn keep_time(shared: &(Mutex<Heap>, Condvar)) {
    precise_thread();
    let (heap, changed) = shared;
    let mut heap = heap.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fired = Vec::new();
    while !heap.closed {
        let now = Instant::now();
        while heap.due.peek().is_some_and(|Reverse(first)| first.0 <= now) {
            fired.extend(heap.due.pop().map(|Reverse(Due(_, _, entry))| entry));
        }
        if !fired.is_empty() {
            // Whoever wakes may want the heap at once.
            drop(heap);
            for entry in fired.drain(..) {
                entry.fired.store(true, Ordering::Release);
                entry.waker.wake();
            }
            heap = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        heap = match heap.due.peek().map(|Reverse(first)| first.0.saturating_duration_since(now)) {
            Some(left) => changed.wait_timeout(heap, left).unwrap_or_else(PoisonError::into_inner).0,
            None => changed.wait(heap).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Linux lets a thread's wake-ups be up to 50 us late, to save power; not this one's.
#[cfg(target_os = "linux")]
fn precise_thread() {
    let least = std::num::NonZeroU64::new(1);
    // It saves 50 us; without it waits are still right to a tenth of a millisecond.
    let _ = rustix::thread::set_current_timer_slack(least);
}

#[cfg(not(target_os = "linux"))]
fn precise_thread() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn waits_end_in_the_order_of_their_deadlines_and_not_early() {
        let clock = Arc::new(Clock::new().unwrap());
        clock.begin();
        let (send, receive) = std::sync::mpsc::channel();
        let mut tasks = Vec::new();
        for ms in [30_u64, 10, 20, 0] {
            let (clock, send) = (clock.clone(), send.clone());
            tasks.push(tokio::spawn(async move {
                let until = Time::at(Duration::from_millis(ms + 50));
                clock.sleep_until(until).await;
                assert!(clock.now() >= until);
                send.send(ms).unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), [0, 10, 20, 30]);
    }
}
