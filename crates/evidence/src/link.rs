//! Who made which request, and for which other one: by spans, where they are told; else by addresses and
//! times.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use topology::Failure;
use trace::{Outcome, Time};

use crate::group::{Group, Made};
use crate::observation::{Try, Visit, failed};

/// How many spans a way up may lead over: more than any real trace has, for those that lie.
const DEPTH_MAX: usize = 256;

/// How many pairs of visits and tries of one group are looked at.
const PAIRS_MAX: usize = 4_000_000;

/// What addresses and names are called: the node that answered there most often.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    given: BTreeMap<String, String>,
    votes: HashMap<String, BTreeMap<String, u64>>,
}

impl Aliases {
    pub(crate) fn new(given: &[(String, String)]) -> Self {
        Self { given: given.iter().cloned().collect(), votes: HashMap::new() }
    }

    fn vote(&mut self, peer: &str, node: &str) {
        let votes = self.votes.entry(peer.to_owned()).or_default();
        *votes.entry(node.to_owned()).or_default() += 1;
    }

    /// The node that is called so, if that is known.
    pub(crate) fn known(&self, peer: &str) -> Option<&str> {
        if let Some(given) = self.given.get(peer) {
            return Some(given);
        }
        let votes = self.votes.get(peer)?;
        // Of several that have as many the first by name.
        votes.iter().rev().max_by_key(|(_, n)| **n).map(|(node, _)| &**node)
    }
}

/// How a group's requests hang together. Visits and tries are by their places.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// The try that led to each visit; none if it is not known who made the request.
    pub(crate) cause: Vec<Option<usize>>,
    /// The visit that each try was made for; none if it was made by a client.
    pub(crate) maker: Vec<Option<usize>>,
    /// The visit that each try led to.
    pub(crate) visit: Vec<Option<usize>>,
    /// Tries that only wrap others.
    pub(crate) wraps: Vec<bool>,
}

/// Links a group, and takes note of who answered where. Tries that must have been made are added.
pub(crate) fn link(group: &mut Group, aliases: &mut Aliases) -> Links {
    let mut links = Links {
        cause: vec![None; group.visits.len()],
        maker: group.tries.iter().map(|made| made.of).collect(),
        visit: vec![None; group.tries.len()],
        wraps: vec![false; group.tries.len()],
    };
    by_spans(group, &mut links);
    by_callers(group, &mut links);
    // A trace that is so large is of a job or a session; in it times decide nothing.
    if group.visits.len().saturating_mul(group.tries.len().max(group.visits.len())) <= PAIRS_MAX {
        by_address_and_time(group, &mut links, aliases);
        by_time_alone(group, &mut links);
    }
    for (made, visit) in group.tries.iter().zip(&links.visit) {
        if let (Some(peer), Some(visit)) = (&made.made.peer, visit) {
            aliases.vote(peer, &group.visits[*visit].node);
        }
    }
    links
}

/// What a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Visit(usize),
    Try(usize),
}

fn by_spans(group: &Group, links: &mut Links) {
    let visits: HashMap<&str, usize> =
        group.visits.iter().enumerate().filter_map(|(n, visit)| Some((visit.span.as_deref()?, n))).collect();
    let tries: HashMap<&str, usize> = group
        .tries
        .iter()
        .enumerate()
        .filter_map(|(n, made)| Some((made.made.span.as_deref()?, n)))
        .collect();
    // The nearest span above that a request is, as far as that is known.
    let above = |span: Option<&str>, is_wanted: &dyn Fn(Known) -> bool| {
        let mut span = span;
        for _ in 0..DEPTH_MAX {
            let at = span?;
            let visit = visits.get(at).map(|n| Known::Visit(*n)).filter(|known| is_wanted(*known));
            let known =
                visit.or_else(|| tries.get(at).map(|n| Known::Try(*n)).filter(|known| is_wanted(*known)));
            if known.is_some() {
                return known;
            }
            span = group.between.get(at).map(String::as_str);
        }
        None
    };
    for (n, made) in group.tries.iter().enumerate() {
        if links.maker[n].is_some() {
            continue;
        }
        // A client within a client: the inner one is what is sent.
        let mut parent = made.made.parent.as_deref();
        for _ in 0..DEPTH_MAX {
            match above(parent, &|known| known != Known::Try(n)) {
                Some(Known::Visit(visit)) => links.maker[n] = Some(visit),
                Some(Known::Try(outer)) if group.tries[outer].made.node == made.made.node => {
                    links.wraps[outer] = true;
                    parent = group.tries[outer].made.parent.as_deref();
                    continue;
                }
                _ => {}
            }
            break;
        }
    }
    // Of several that say that the same request led to them (a proxy passes the header on as it is) the
    // first to begin is the one.
    let mut order: Vec<usize> = (0..group.visits.len()).collect();
    order.sort_by_key(|n| {
        let served = &group.visits[*n].served;
        (served.arrived, std::cmp::Reverse(served.finished))
    });
    for n in order {
        let visit = &group.visits[n];
        let found = above(visit.parent.as_deref(), &|known| matches!(known, Known::Try(_)));
        if let Some(Known::Try(made)) = found
            && links.visit[made].is_none()
            && !links.wraps[made]
            && links.maker[made] != Some(n)
        {
            links.visit[made] = Some(n);
            links.cause[n] = Some(made);
        }
    }
}

/// Visits that name the request they were made for, whose node tells nothing of what it asked of others.
fn by_callers(group: &mut Group, links: &mut Links) {
    let told = |(n, visit): (usize, &Visit)| Some((visit.span.clone()?, n));
    let visits: HashMap<String, usize> = group.visits.iter().enumerate().filter_map(told).collect();
    for n in 0..group.visits.len() {
        let visit = &group.visits[n];
        let maker = visit.parent.as_ref().and_then(|parent| visits.get(parent)).copied();
        let maker = maker.filter(|maker| {
            let caller = &group.visits[*maker];
            !caller.tells_tries && caller.node != visit.node && !is_above(links, n, *maker)
        });
        if let (None, Some(maker)) = (links.cause[n], maker) {
            must_have_made(group, links, maker, n);
        }
    }
}

/// Adds the request by which one visit must have led to another.
fn must_have_made(group: &mut Group, links: &mut Links, maker: usize, visit: usize) {
    let made = witnessed(&group.visits[visit], &group.visits[maker].node);
    group.tries.push(Made { made, of: Some(maker) });
    links.maker.push(Some(maker));
    links.visit.push(Some(visit));
    links.wraps.push(false);
    links.cause[visit] = Some(links.visit.len() - 1);
}

/// Whether one span of time lies within another, as far as clocks can be trusted.
fn is_within(inner: (Time, Time), outer: (Time, Time), slack: Duration) -> bool {
    inner.0 + slack >= outer.0 && inner.1 <= outer.1 + slack
}

fn times(visit: &Visit) -> (Time, Time) {
    (visit.served.arrived, visit.served.finished)
}

fn apart(one: Time, other: Time) -> Duration {
    one.since(other).max(other.since(one))
}

/// Whether a visit is among those above another.
fn is_above(links: &Links, above: usize, mut visit: usize) -> bool {
    for _ in 0..=links.cause.len() {
        if visit == above {
            return true;
        }
        match links.cause[visit].and_then(|made| links.maker[made]) {
            Some(next) => visit = next,
            None => return false,
        }
    }
    true
}

/// Visits that do not say what led to them: a request to that place that nobody else has answered, the
/// nearest in time.
fn by_address_and_time(group: &Group, links: &mut Links, aliases: &Aliases) {
    let mut order: Vec<usize> = (0..group.visits.len()).filter(|n| links.cause[*n].is_none()).collect();
    order.sort_by_key(|n| group.visits[*n].served.arrived);
    let known_as = |made: &Made| made.made.peer.as_deref().and_then(|peer| aliases.known(peer));
    let known: Vec<Option<&str>> = group.tries.iter().map(known_as).collect();
    for n in order {
        let visit = &group.visits[n];
        let mut best: Option<(bool, Duration, usize)> = None;
        for (place, Made { made, .. }) in group.tries.iter().enumerate() {
            let failure = made.attempt.outcome.failure();
            if links.visit[place].is_some()
                || links.wraps[place]
                || made.node == visit.node
                || failure.is_some_and(Failure::surely_unprocessed)
                || links.maker[place].is_some_and(|maker| is_above(links, n, maker))
            {
                continue;
            }
            let peer = made.peer.as_deref();
            let is_named = peer.is_some() && (peer == visit.address.as_deref() || peer == Some(&visit.node));
            let known = known[place];
            let is_other = known.is_some_and(|known| known != visit.node);
            let slack = visit.slack + Duration::from_secs(1);
            let overlaps = made.attempt.start <= visit.served.finished + slack
                && visit.served.arrived <= made.attempt.end + slack;
            if (is_other && !is_named) || !overlaps {
                continue;
            }
            let surely = is_named || known.is_some();
            let distance = apart(made.attempt.start, visit.served.arrived);
            let is_better = best.is_none_or(|(best_surely, best_distance, _)| {
                (surely, std::cmp::Reverse(distance)) > (best_surely, std::cmp::Reverse(best_distance))
            });
            if is_better {
                best = Some((surely, distance, place));
            }
        }
        if let Some((.., place)) = best {
            links.visit[place] = Some(n);
            links.cause[n] = Some(place);
        }
    }
}

/// What is left: a request that lies within another's time was made for that one, if that one's log does
/// not show such things.
fn by_time_alone(group: &mut Group, links: &mut Links) {
    for n in 0..group.visits.len() {
        if links.cause[n].is_some() {
            continue;
        }
        let visit = &group.visits[n];
        let outer = group.visits.iter().enumerate().filter(|(place, outer)| {
            *place != n
                && !outer.tells_tries
                && outer.node != visit.node
                && is_within(times(visit), times(outer), visit.slack.max(outer.slack))
                && !is_above(links, n, *place)
        });
        let nearest = outer.min_by_key(|(_, outer)| outer.served.finished.since(outer.served.arrived));
        if let Some((maker, _)) = nearest {
            must_have_made(group, links, maker, n);
        }
    }
    for place in 0..group.tries.len() {
        let Made { made, .. } = &group.tries[place];
        if links.maker[place].is_some() || links.wraps[place] {
            continue;
        }
        let span = (made.attempt.start, made.attempt.end);
        let maker = group.visits.iter().enumerate().filter(|(n, visit)| {
            visit.node == made.node
                && is_within(span, times(visit), visit.slack)
                && !links.visit[place].is_some_and(|led| is_above(links, led, *n))
        });
        links.maker[place] = maker.min_by_key(|(_, visit)| visit.served.finished).map(|(n, _)| n);
    }
}

/// The request that must have led to a visit, made by that node: as the callee saw it.
pub(crate) fn witnessed(visit: &Visit, node: &str) -> Try {
    let served = &visit.served;
    let outcome = match (served.status, served.sent) {
        (Some(status), trace::Sent::Cut) => {
            Outcome::Failed { failure: Failure::BodyIncomplete, status: Some(status) }
        }
        (Some(status), _) => Outcome::Answered(status),
        (None, trace::Sent::Malformed) => failed(Failure::ProtocolError),
        (None, _) if served.end == trace::ServedEnd::CallerGone => failed(Failure::Cancelled),
        (None, _) => failed(Failure::ConnectionTerminated),
    };
    let made = Try::new(node, served.arrived, served.finished, outcome);
    Try { keys: visit.keys.clone(), peer: visit.address.clone(), asked: visit.asked.clone(), ..made }
}
