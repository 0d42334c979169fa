//! Doing several things at once.

use std::sync::Mutex;

/// Does this with each, on so many threads at most; the results are in the order of the things.
pub(crate) fn each<T: Send, R: Send>(things: Vec<T>, threads: usize, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads.clamp(1, things.len().max(1));
    let left = Mutex::new(things.into_iter().enumerate());
    // Only taking the next thing happens under the lock, and that does not panic.
    let next = || left.lock().ok().and_then(|mut left| left.next());
    let work = || -> Vec<(usize, R)> {
        std::iter::from_fn(next).map(|(place, thing)| (place, act(thing))).collect()
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        results.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_however_many_threads_there_are() {
        for threads in [0, 1, 3, 100] {
            let squares = each((0..50).collect(), threads, |n: u64| n * n);
            assert_eq!(squares, (0..50).map(|n| n * n).collect::<Vec<_>>());
        }
        assert!(each(Vec::<u64>::new(), 4, |n| n).is_empty());
    }
}
