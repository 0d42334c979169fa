//! The user's own client in front of the chain: each request to an edge that leaves a client is an
//! attempt of a call, and the listener bears witness for the client.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING, VIA};
use http::request::Parts;
use std::sync::Arc;
use topology::EdgeId;
use trace::{Attempt, Begun, CallEnd, CallId, HopId, Record, Time, TraceParent};

use super::headers::Identity;
use super::world::{Template, World, lock};
use crate::llm;
use crate::load::{OUTSIDE, number};
use crate::message::TRACEPARENT;

/// How long a call that has failed is kept open for its client to try again, if its requests say
/// which call they belong to.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(30);

/// The calls of clients that are not ours.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    next: AtomicU64,
    calls: Mutex<Calls>,
    /// What is sent on of requests that came past all this, as long as they stay.
    passing: Mutex<BTreeMap<CallId, Arc<Template>>>,
}

/// What a request from outside has a node send on, as long as this is kept.
#[derive(Debug)]
pub(crate) struct Passing {
    world: Arc<World>,
    call: CallId,
}

impl Drop for Passing {
    fn drop(&mut self) {
        lock(&self.world.entries.passing).remove(&self.call);
    }
}

/// A request has come from outside, past the listeners for the user's client.
pub(crate) fn passes(world: &Arc<World>, call: CallId, head: &Parts, body: Bytes) -> Passing {
    lock(&world.entries.passing).insert(call, Arc::new(template(head, body)));
    Passing { world: world.clone(), call }
}

/// The name of one more call that is no load's.
pub(crate) fn name(world: &World, load: u16) -> CallId {
    CallId::new(load, world.entries.next.fetch_add(1, Ordering::Relaxed))
}

/// The calls that are open; one that has a key is found by it for as long.
#[derive(Debug, Default)]
struct Calls {
    open: BTreeMap<CallId, Open>,
    by_key: BTreeMap<(EdgeId, String), CallId>,
}

impl Calls {
    fn remove(&mut self, call: CallId) -> Option<Open> {
        let open = self.open.remove(&call)?;
        if let Some(key) = &open.key {
            self.by_key.remove(key);
        }
        Some(open)
    }
}

/// A call under way.
#[derive(Debug)]
struct Open {
    key: Option<(EdgeId, String)>,
    start: Time,
    /// Of which span of its client it is a part.
    parent: Option<Box<TraceParent>>,
    attempts: u16,
    template: Arc<Template>,
    /// The last attempt that has ended, and it failed.
    failed: Option<Attempt>,
    /// Attempts that have not ended.
    under_way: u16,
}

/// What a request says of the call that it belongs to: the same value twice is the same call.
fn key(edge: EdgeId, head: &Parts) -> Option<(EdgeId, String)> {
    let said = ["x-request-id", "traceparent"].into_iter().find_map(|name| head.headers.get(name));
    Some((edge, said?.to_str().ok()?.to_owned()))
}

/// A request has come from the user's client.
pub(crate) fn arrived(world: &World, edge: EdgeId, head: &Parts, body: Bytes) -> (Identity, Begun) {
    world.begin();
    let now = world.clock.now();
    let entries = &world.entries;
    let client = world.edge(edge).caller;
    let key = key(edge, head);
    let mut calls = lock(&entries.calls);
    let known = key.as_ref().and_then(|key| calls.by_key.get(key).copied());
    let call = known.unwrap_or_else(|| {
        let load = world.scenario.loads.iter().position(|load| load.from == client);
        let call = name(world, load.map_or(OUTSIDE, number));
        world.counts.started.fetch_add(1, Ordering::Relaxed);
        let template = Arc::new(template(head, body));
        let told = head.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()?.parse().ok());
        let open = Open {
            key: key.clone(),
            start: now,
            parent: told.map(Box::new),
            attempts: 0,
            template,
            failed: None,
            under_way: 0,
        };
        calls.open.insert(call, open);
        if let Some(key) = key {
            calls.by_key.insert(key, call);
        }
        call
    });
    let mut attempt = 1;
    if let Some(open) = calls.open.get_mut(&call) {
        open.attempts = open.attempts.saturating_add(1);
        open.under_way = open.under_way.saturating_add(1);
        attempt = open.attempts;
    }
    let parent = HopId::root(call);
    let begun = Begun { call, hop: parent.child(0, edge.0, attempt), parent, edge, attempt, at: now };
    let identity =
        Identity { call, hop: begun.hop, edge, retries: attempt - 1, disturbed: false, priority: 5 };
    (identity, begun)
}

/// What nodes of ours send on of it.
fn template(head: &Parts, body: Bytes) -> Template {
    let own = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, VIA];
    let is_own = |name: &HeaderName| {
        own.contains(name)
            || ["traceparent", "tracestate", "keep-alive", "upgrade", "te", "expect"].contains(&name.as_str())
    };
    let headers = head.headers.iter().filter(|(name, _)| !is_own(name));
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let (ask, form) = llm::read(&head.method, head.uri.path(), &head.headers, &body).unzip();
    Template {
        method: head.method.clone(),
        path: path.parse().unwrap_or_default(),
        headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
        ask,
        form: form.flatten(),
        is_of_ask: false,
        body,
        idempotent: head.method.is_idempotent(),
        priority: 5,
    }
}

/// The header fields that replace what a node would send by itself.
pub(crate) fn replaces(name: &HeaderName) -> bool {
    *name == AUTHORIZATION
}

/// What a call sends, if it is none of ours.
pub(crate) fn template_of(world: &World, call: CallId) -> Option<Arc<Template>> {
    let of_client = || lock(&world.entries.calls).open.get(&call).map(|open| open.template.clone());
    of_client().or_else(|| lock(&world.entries.passing).get(&call).cloned())
}

/// An attempt of the user's client has ended.
pub(crate) fn ended(world: &World, attempt: Attempt) {
    world.record(Record::Attempt(attempt.clone()));
    let call = attempt.call;
    let mut calls = lock(&world.entries.calls);
    let Some(open) = calls.open.get_mut(&call) else { return };
    open.under_way = open.under_way.saturating_sub(1);
    let is_last = attempt.outcome.is_ok() || (open.key.is_none() && open.under_way == 0);
    if is_last {
        let open = calls.remove(call);
        drop(calls);
        if let Some(open) = open {
            close(world, &open, &attempt);
        }
    } else {
        open.failed = Some(attempt);
    }
}

/// Ends the calls that failed so long ago that their client will not try again.
pub(crate) fn give_up(world: &World, patience: Duration) {
    let now = world.clock.now();
    let mut calls = lock(&world.entries.calls);
    let over = |open: &Open| {
        open.under_way == 0 && open.failed.as_ref().is_some_and(|last| now.since(last.end) >= patience)
    };
    let ended: Vec<CallId> =
        calls.open.iter().filter(|(_, open)| over(open)).map(|(call, _)| *call).collect();
    let ended: Vec<Open> = ended.iter().filter_map(|&call| calls.remove(call)).collect();
    drop(calls);
    for mut open in ended {
        if let Some(last) = open.failed.take() {
            close(world, &open, &last);
        }
    }
}

fn close(world: &World, open: &Open, last: &Attempt) {
    world.record(Record::Call(CallEnd {
        call: last.call,
        client: world.edge(last.edge).caller,
        start: open.start,
        end: last.end,
        status: last.outcome.status(),
        failure: last.outcome.failure(),
        attempts: u32::from(open.attempts),
        decisive: Some(last.hop),
        parent: open.parent.clone(),
    }));
}
