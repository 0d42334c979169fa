//! A group's requests as calls: each with all that was made for it, from its client down.

use std::time::Duration;

use topology::{Failure, Refusal};
use trace::id::mix;
use trace::{HopId, Outcome, Sent, Source, Time, witness};

use crate::group::{Group, Made};
use crate::link::{Links, witnessed};
use crate::observation::{Call, Told, Try, Visit};

/// A group of which all is known that can be: with the hops' ids, and times by the callers' clocks.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) group: Group,
    pub(crate) links: Links,
    /// The tries of each call, root first; and the call, if its client told of it.
    pub(crate) calls: Vec<(Vec<usize>, Option<Call>)>,
    number: u64,
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
        let mut tree = Self { group, links, calls: Vec::new(), number };
        for (roots, call) in calls {
            let mut all = Vec::new();
            for root in roots {
                tree.align_below(root);
                tree.collect(root, &mut all);
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
        let place = self.group.tries.iter().position(|made| made.made.span.as_deref() == Some(span))?;
        Some(self.hop(place))
    }

    /// A try and all that were made for it.
    fn collect(&self, root: usize, all: &mut Vec<usize>) {
        let mut next = vec![root];
        while let Some(place) = next.pop() {
            if all.contains(&place) {
                continue;
            }
            all.push(place);
            next.extend(self.links.visit[place].into_iter().flat_map(|visit| self.made_for(visit)));
        }
    }

    /// The tries that were made for a visit.
    pub(crate) fn made_for(&self, visit: usize) -> impl Iterator<Item = usize> + '_ {
        let made = self.links.maker.iter().enumerate();
        made.filter(move |(place, maker)| **maker == Some(visit) && !self.links.wraps[*place])
            .map(|(place, _)| place)
    }

    /// Sets the clocks of callees by those of their callers: a request cannot arrive before it is sent.
    fn align_below(&mut self, root: usize) {
        let mut next = vec![root];
        let mut steps = 0;
        while let Some(place) = next.pop() {
            // Each try is below one visit; the bound is for what lies.
            steps += 1;
            if steps > self.group.tries.len() {
                return;
            }
            let Some(visit) = self.links.visit[place] else { continue };
            let made = &self.group.tries[place].made.attempt;
            let served = &mut self.group.visits[visit].served;
            let shift = shift((served.arrived, served.finished), (made.start, made.end));
            for time in [&mut served.arrived, &mut served.finished].into_iter().chain(&mut served.started) {
                *time = shifted(*time, shift);
            }
            let below: Vec<usize> = self.made_for(visit).collect();
            for &below in &below {
                let attempt = &mut self.group.tries[below].made.attempt;
                attempt.start = shifted(attempt.start, shift);
                attempt.end = shifted(attempt.end, shift);
            }
            next.extend(below);
        }
    }
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
    let mut told: Vec<(Vec<usize>, Option<Call>)> =
        std::mem::take(&mut group.calls).into_iter().map(|call| (Vec::new(), Some(call))).collect();
    let mut roots: Vec<usize> =
        (0..group.tries.len()).filter(|n| links.maker[*n].is_none() && !links.wraps[*n]).collect();
    roots.sort_by_key(|n| (group.tries[*n].made.attempt.start, *n));
    let mut others: Vec<(Vec<usize>, Option<Call>)> = Vec::new();
    for root in roots {
        let made = &group.tries[root].made;
        let named = |(_, call): &&mut (Vec<usize>, Option<Call>)| {
            call.as_ref().is_some_and(|call| Some(&*call.span) == made.parent.as_deref())
        };
        if let Some((roots, _)) = told.iter_mut().find(named) {
            roots.push(root);
            continue;
        }
        let callee = |place: usize| links.visit[place].map(|visit| &group.visits[visit].node);
        let goes_on = |(before, _): &&mut (Vec<usize>, Option<Call>)| {
            before.last().is_some_and(|&last| {
                let earlier = &group.tries[last].made;
                earlier.node == made.node
                    && earlier.asked == made.asked
                    && (callee(last) == callee(root) || earlier.peer == made.peer)
                    && !earlier.attempt.outcome.is_ok()
                    && (made.again || earlier.attempt.end <= made.attempt.start + Duration::from_millis(5))
            })
        };
        match others.iter_mut().find(goes_on) {
            Some((roots, _)) => roots.push(root),
            None => others.push((vec![root], None)),
        }
    }
    told.extend(others);
    told
}

/// Where a visit's answer is from, as its log tells, or as what it made of its tries does.
pub(crate) fn source(
    tree: &Tree,
    visit: &Visit,
    attempts: &[trace::Attempt],
    served: &trace::Served,
) -> Source {
    match &visit.told {
        Told::Own(Some(refusal)) => Source::Refused(*refusal),
        Told::Own(None) => Source::Own,
        Told::Nobody => Source::Nobody,
        Told::Relayed(span) => match tree.hop_of_span(span) {
            Some(hop) => Source::Relayed(hop),
            None => witness::source(attempts, served),
        },
        Told::Translated(span, failure) => match (tree.hop_of_span(span), failure) {
            (Some(hop), Some(failure)) => Source::Translated(hop, *failure),
            _ => witness::source(attempts, served),
        },
        Told::Threw => match witness::source(attempts, served) {
            Source::Own | Source::Nobody => Source::Refused(Refusal::Exception),
            other => other,
        },
        Told::Nothing => match witness::source(attempts, served) {
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
    made.attempt.outcome = Outcome::Failed { failure, status: None };
}
