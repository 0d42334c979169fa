//! A group's requests as calls: each with all that was made for it, from its client down.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::time::Duration;

use topology::{Failure, Refusal};
use trace::id::mix;
use trace::{HopId, Outcome, Sent, Source, Time, witness};

use crate::group::{Group, Made};
use crate::link::{Links, witnessed};
use crate::observation::{Call, Told, Try, Visit, failed};

/// A group of which all is known that can be: with the hops' ids, and times by the callers' clocks.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) group: Group,
    pub(crate) links: Links,
    /// The tries of each call, root first; and the call, if its client told of it.
    pub(crate) calls: Vec<(Vec<usize>, Option<Call>)>,
    number: u64,
    /// The tries by their spans, once somebody asks.
    by_span: OnceCell<HashMap<String, usize>>,
}

impl Tree {
    /// Of the n-th group; requests of which nobody knows who made them are those of `client`.
    pub(crate) fn new(number: u64, mut group: Group, mut links: Links, client: &str) -> Self {
        cut(&mut group, &links);
        for n in 0..group.visits.len() {
            if links.cause[n].is_none() {
                let made = witnessed(&group.visits[n], client);
                group.tries.push(Made { made, of: None });
                links.maker.push(None);
                links.visit.push(Some(n));
                links.wraps.push(false);
                links.cause[n] = Some(links.visit.len() - 1);
            }
        }
        let calls = calls(&mut group, &links);
        let made_for = made_for(&group, &links);
        let mut tree = Self { group, links, calls: Vec::new(), number, by_span: OnceCell::new() };
        let mut is_taken = vec![false; tree.group.tries.len()];
        for (roots, call) in calls {
            let mut all = Vec::new();
            for root in roots {
                tree.take(root, &made_for, &mut is_taken, &mut all);
            }
            tree.calls.push((all, call));
        }
        tree
    }

    /// The id of a try.
    pub(crate) fn hop(&self, made: usize) -> HopId {
        HopId(mix(mix(self.number) ^ (made as u64 + 1)))
    }

    /// The try with this span.
    pub(crate) fn hop_of_span(&self, span: &str) -> Option<HopId> {
        let by_span = self.by_span.get_or_init(|| {
            let mut by_span = HashMap::new();
            for (place, made) in self.group.tries.iter().enumerate() {
                if let Some(span) = &made.made.span {
                    by_span.entry(span.clone()).or_insert(place);
                }
            }
            by_span
        });
        by_span.get(span).map(|place| self.hop(*place))
    }

    /// Adds a try and all that were made for it, and sets the clocks of callees by those of their callers: a
    /// request cannot arrive before it is sent.
    fn take(&mut self, root: usize, made_for: &[Vec<usize>], is_taken: &mut [bool], all: &mut Vec<usize>) {
        let mut next = vec![root];
        while let Some(place) = next.pop() {
            // Each try is below one visit, but for what lies.
            if std::mem::replace(&mut is_taken[place], true) {
                continue;
            }
            all.push(place);
            let Some(visit) = self.links.visit[place] else { continue };
            let made = &self.group.tries[place].made.attempt;
            let served = &mut self.group.visits[visit].served;
            let shift = shift((served.arrived, served.finished), (made.start, made.end));
            for time in [&mut served.arrived, &mut served.finished].into_iter().chain(&mut served.started) {
                *time = shifted(*time, shift);
            }
            for &below in &made_for[visit] {
                let attempt = &mut self.group.tries[below].made.attempt;
                attempt.start = shifted(attempt.start, shift);
                attempt.end = shifted(attempt.end, shift);
            }
            next.extend(&made_for[visit]);
        }
    }
}

/// The tries that were made for each visit.
fn made_for(group: &Group, links: &Links) -> Vec<Vec<usize>> {
    let mut made_for = vec![Vec::new(); group.visits.len()];
    for (place, maker) in links.maker.iter().enumerate() {
        if let Some(visit) = maker
            && !links.wraps[place]
        {
            made_for[*visit].push(place);
        }
    }
    made_for
}

/// A log has the status that was sent. Of what broke off behind it, once its head had gone through, no more
/// was passed on.
fn cut(group: &mut Group, links: &Links) {
    for (place, made) in group.tries.iter().enumerate() {
        let Some(visit) = links.maker[place].map(|maker| &mut group.visits[maker]) else { continue };
        let outcome = made.made.attempt.outcome;
        let broke_off = outcome.failure().is_some_and(Failure::after_head);
        let own_words = visit.witnessed || visit.told != Told::Nothing;
        if broke_off && !own_words && outcome.status() == visit.served.status {
            visit.served.sent = Sent::Cut;
        }
    }
}

/// By how much a callee's clock must be set so that its time lies within its caller's, as far as it can.
fn shift(inner: (Time, Time), outer: (Time, Time)) -> i128 {
    let [inner_start, inner_end, outer_start, outer_end] =
        [inner.0, inner.1, outer.0, outer.1].map(|time| i128::from(time.0));
    if inner_end - inner_start > outer_end - outer_start {
        // It went on when its caller had left.
        let fits = (outer_start..=outer_end).contains(&inner_start);
        return if fits { 0 } else { outer_start - inner_start };
    }
    if inner_start < outer_start {
        outer_start - inner_start
    } else if inner_end > outer_end {
        outer_end - inner_end
    } else {
        0
    }
}

fn shifted(time: Time, by: i128) -> Time {
    Time(u64::try_from((i128::from(time.0) + by).max(0)).unwrap_or(u64::MAX))
}

/// The tries that clients made, call by call: those that a client's own record names; else those over the
/// same edge for the same thing, one after another as long as they fail.
fn calls(group: &mut Group, links: &Links) -> Vec<(Vec<usize>, Option<Call>)> {
    let told = std::mem::take(&mut group.calls);
    let mut by_span: HashMap<String, usize> = HashMap::with_capacity(told.len());
    for (n, call) in told.iter().enumerate() {
        by_span.entry(call.span.clone()).or_insert(n);
    }
    let mut calls: Vec<(Vec<usize>, Option<Call>)> =
        told.into_iter().map(|call| (Vec::new(), Some(call))).collect();
    let mut roots: Vec<usize> =
        (0..group.tries.len()).filter(|n| links.maker[*n].is_none() && !links.wraps[*n]).collect();
    roots.sort_by_key(|n| (group.tries[*n].made.attempt.start, *n));
    let callee = |place: usize| links.visit[place].map(|visit| &group.visits[visit].node);
    // Calls that have failed so far and may go on, by their client and what they are for.
    let mut failing: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for root in roots {
        let made = &group.tries[root].made;
        if let Some(call) = made.parent.as_ref().and_then(|parent| by_span.get(parent)) {
            calls[*call].0.push(root);
            continue;
        }
        let alike = failing.entry((&made.node, &made.asked)).or_default();
        let before = alike.iter().position(|call| {
            calls[*call].0.last().is_some_and(|&last| {
                let earlier = &group.tries[last].made;
                (callee(last) == callee(root) || earlier.peer == made.peer)
                    && (made.again || earlier.attempt.end <= made.attempt.start + Duration::from_millis(5))
            })
        });
        let is_ok = made.attempt.outcome.is_ok();
        if let Some(before) = before {
            calls[alike[before]].0.push(root);
            if is_ok {
                alike.remove(before);
            }
        } else {
            if !is_ok {
                alike.push(calls.len());
            }
            calls.push((vec![root], None));
        }
    }
    calls
}

/// Where a visit's answer is from, as its log tells, or as what it made of its tries does.
pub(crate) fn source(tree: &Tree, visit: &Visit, made: &[&trace::Attempt], served: &trace::Served) -> Source {
    match &visit.told {
        Told::Own(Some(refusal)) => Source::Refused(*refusal),
        Told::Own(None) => Source::Own,
        Told::Nobody => Source::Nobody,
        Told::Relayed(span) => match tree.hop_of_span(span) {
            Some(hop) => Source::Relayed(hop),
            None => witness::source(made.iter().copied(), served),
        },
        Told::Translated(span, failure) => match (tree.hop_of_span(span), failure) {
            (Some(hop), Some(failure)) => Source::Translated(hop, *failure),
            _ => witness::source(made.iter().copied(), served),
        },
        Told::Threw => match witness::source(made.iter().copied(), served) {
            Source::Own | Source::Nobody => Source::Refused(Refusal::Exception),
            other => other,
        },
        Told::Nothing => match witness::source(made.iter().copied(), served) {
            Source::Own if !visit.witnessed => by_status(served.status, visit.tells_tries),
            other => other,
        },
    }
}

/// What a status of a node's own says of itself. Source: RFC 9110, RFC 6585, RFC 5842. One that can mean
/// several things says nothing.
fn by_status(status: Option<u16>, is_gateway: bool) -> Source {
    match status {
        Some(429) => Source::Refused(Refusal::RateLimited),
        Some(401 | 407) => Source::Refused(Refusal::BadCredentials),
        Some(404) if is_gateway => Source::Refused(Refusal::NoRoute),
        Some(413) => Source::Refused(Refusal::BodyTooLarge),
        Some(431) => Source::Refused(Refusal::HeadTooLarge),
        Some(508) => Source::Refused(Refusal::LoopDetected),
        _ => Source::Own,
    }
}

/// A status that a gateway noted for a callee which knows nothing of it was the gateway's own word.
pub(crate) fn settle(made: &mut Try) {
    if made.advice.is_none() {
        return;
    }
    let failure = match made.attempt.outcome {
        Outcome::Answered(502) => Failure::ConnectionTerminated,
        Outcome::Answered(504) => Failure::HeadTimeout,
        _ => return,
    };
    made.attempt.outcome = failed(failure);
}
