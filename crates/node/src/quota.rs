//! What a node lets in over time: token buckets, and a model server's limits on requests and tokens a
//! minute.

use std::time::Duration;

use topology::llm::Model;
use trace::Time;

use crate::action::{Allowance, Allowances};

/// A token bucket: so many may come at once, and so many a second.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    size: f64,
    per_s: f64,
    left: f64,
    filled_at: Time,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(size: f64, per_s: f64, now: Time) -> Self {
        Self { size, per_s, left: size, filled_at: now }
    }

    fn fill(&mut self, now: Time) {
        let gained = now.since(self.filled_at).as_secs_f64() * self.per_s;
        self.left = (self.left + gained).min(self.size);
        self.filled_at = now;
    }

    /// Takes so many out; `false` if there are not so many.
    pub(crate) fn take(&mut self, wanted: f64, now: Time) -> bool {
        self.fill(now);
        let has = self.left >= wanted;
        if has {
            self.left -= wanted;
        }
        has
    }

    fn has(&mut self, wanted: f64, now: Time) -> bool {
        self.fill(now);
        self.left >= wanted
    }

    /// How long it takes until there are so many again.
    fn wait(&self, wanted: f64) -> Duration {
        let lacking = (wanted.min(self.size) - self.left).max(0.0);
        Duration::try_from_secs_f64(lacking / self.per_s).unwrap_or(MINUTE)
    }
}

const MINUTE: Duration = Duration::from_mins(1);

/// A model server's limits. What a request costs is taken as it is let in.
#[derive(Debug)]
pub(crate) struct Quota {
    requests: Option<(u32, Bucket)>,
    tokens: Option<(u32, Bucket)>,
}

impl Quota {
    /// The limits of a model server, if it has any.
    pub(crate) fn of(model: &Model) -> Option<Box<Self>> {
        let bucket = |limit: u32| {
            (limit, Bucket::new(f64::from(limit), f64::from(limit) / MINUTE.as_secs_f64(), Time::default()))
        };
        let requests = model.requests_per_minute.map(bucket);
        let tokens = model.tokens_per_minute.map(bucket);
        (requests.is_some() || tokens.is_some()).then(|| Box::new(Self { requests, tokens }))
    }

    /// Lets a request of so many tokens in, or not: what is refused costs nothing.
    pub(crate) fn take(&mut self, tokens: u32, now: Time) -> bool {
        let wanted = [1.0, f64::from(tokens)];
        let buckets = [&mut self.requests, &mut self.tokens];
        let mut has = true;
        for (bucket, wanted) in buckets.into_iter().zip(wanted) {
            has &= bucket.as_mut().is_none_or(|(_, bucket)| bucket.has(wanted, now));
        }
        if has {
            for (bucket, wanted) in [&mut self.requests, &mut self.tokens].into_iter().zip(wanted) {
                if let Some((_, bucket)) = bucket {
                    bucket.take(wanted, now);
                }
            }
        }
        has
    }

    /// How long a request of so many tokens should wait, after it was refused.
    pub(crate) fn wait(&self, tokens: u32) -> Duration {
        let wait = |bucket: &Option<(u32, Bucket)>, wanted| {
            bucket.as_ref().map_or(Duration::ZERO, |(_, bucket)| bucket.wait(wanted))
        };
        wait(&self.requests, 1.0).max(wait(&self.tokens, f64::from(tokens)))
    }

    /// What is left just now.
    pub(crate) fn left(&mut self, now: Time) -> Allowances {
        let left = |bucket: &mut Option<(u32, Bucket)>| {
            bucket.as_mut().map(|(limit, bucket)| {
                bucket.fill(now);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `limit`")]
                let remaining = bucket.left.max(0.0) as u32;
                Allowance { limit: *limit, remaining, full_in: bucket.wait(bucket.size) }
            })
        };
        Allowances { requests: left(&mut self.requests), tokens: left(&mut self.tokens) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::at(Duration::from_secs(seconds))
    }

    fn quota(requests: Option<u32>, tokens: Option<u32>) -> Quota {
        let bucket = |limit: u32| (limit, Bucket::new(f64::from(limit), f64::from(limit) / 60.0, at(0)));
        Quota { requests: requests.map(bucket), tokens: tokens.map(bucket) }
    }

    #[test]
    fn a_minute_brings_back_what_a_minute_may_take() {
        let mut quota = quota(None, Some(600));
        assert!(quota.take(600, at(0)));
        assert!(!quota.take(100, at(0)));
        assert_eq!(quota.wait(100), Duration::from_secs(10));
        assert!(!quota.take(100, at(9)));
        assert!(quota.take(100, at(10)));
    }

    #[test]
    fn what_one_limit_refuses_costs_nothing_of_the_other() {
        let mut quota = quota(Some(2), Some(100));
        assert!(!quota.take(101, at(0)));
        assert_eq!(quota.left(at(0)).requests.unwrap().remaining, 2);
        assert!(quota.take(10, at(0)) && quota.take(10, at(0)));
        assert!(!quota.take(10, at(0)));
        let left = quota.left(at(0));
        assert_eq!((left.requests.unwrap().remaining, left.tokens.unwrap().remaining), (0, 80));
        assert_eq!(quota.wait(10), Duration::from_secs(30));
    }
}
