//! What a request is on the wire, as far as anyone asks: its size, and where it has been.

use std::iter::successors;
use std::rc::Rc;
use std::sync::Arc;

use http::Method;
use topology::llm::{Api, Ask, Asked};
use topology::{NodeId, Scenario};

use super::world::Exchange;
use crate::llm::{self, Form, Target};
use crate::message::{
    AUTHORIZATION, BAD_CREDENTIALS, GOOD_CREDENTIALS, KEY_FIELDS, TIME_LEFT, TRACEPARENT, TRACESTATE,
    WRONG_PATH, bearer, key, target,
};

/// An address as the live engine's: loopback, and a port of five digits.
pub(super) const ADDRESS: &str = "127.0.0.1:40000";
/// `traceparent` and `tracestate`, as the live engine writes them.
const IDENTITY: u64 = field(TRACEPARENT, 55) + field(TRACESTATE, 28);

/// The bytes of a header field whose value has so many: name, colon, space, value, end of line.
pub(super) const fn field(name: &str, value: u64) -> u64 {
    name.len() as u64 + value + 4
}

/// What a load sends.
#[derive(Debug)]
pub(super) struct Template {
    /// The request line and the fields that are the same for all its requests, but for the path.
    bytes: u64,
    path: Path,
    pub(super) body: u64,
    pub(super) idempotent: bool,
    pub(super) priority: u8,
    /// The response has no body.
    pub(super) is_head: bool,
    /// How long the value of `Authorization` is, if there is one: with good credentials, and bad ones.
    credentials: (Option<u64>, Option<u64>),
    /// How many other fields there are in which keys are sent, and how long their values are.
    other_keys: (u64, u64),
    /// The key that it presents.
    pub(super) key: Option<Arc<str>>,
    /// It asks a model.
    pub(super) llm: Option<Box<AskTemplate>>,
    pub(super) method: Method,
    pub(super) path_text: String,
    /// The body, where it is said.
    pub(super) text: String,
}

/// A request to a model.
#[derive(Debug)]
pub(super) struct AskTemplate {
    pub(super) ask: Ask,
    /// Of the answer, where the request was not made of `ask`.
    form: Option<Form>,
    /// How long the header fields are that only such a request has: with good credentials, and bad ones.
    fields: (u64, u64),
}

/// The fields that say what is asked, and by whom.
fn asking(ask: Option<&(Ask, Option<Form>)>, bad: bool) -> Vec<(&'static str, String)> {
    match ask {
        Some((ask, None)) => llm::request_headers(ask, bad),
        _ => vec![(AUTHORIZATION, if bad { BAD_CREDENTIALS } else { GOOD_CREDENTIALS }.to_owned())],
    }
}

impl AskTemplate {
    fn new((ask, form): (Ask, Option<Form>)) -> Self {
        // The credentials are counted apart.
        let fields = |bad| {
            let headers = asking(Some(&(ask.clone(), form.clone())), bad);
            let others = headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
            others.map(|(name, value)| field(name, value.len() as u64)).sum()
        };
        Self { fields: (fields(false), fields(true)), ask, form }
    }

    /// Of the answer that a client of its API gets.
    pub(super) fn form_of_client(&self) -> Option<Form> {
        self.form.clone().or_else(|| Form::of_client(&self.ask))
    }

    /// Of the answer that is got there.
    pub(super) fn form(&self, target: Target) -> Option<Form> {
        let form = Form::of(&self.ask, target)?;
        Some(self.form.clone().unwrap_or(form))
    }
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    bytes: u64,
    /// No node serves it.
    unknown: bool,
}

impl Path {
    pub(super) fn new(path: &str) -> Self {
        let target = target(path);
        Self { bytes: target.path().len() as u64, unknown: target.path() == WRONG_PATH }
    }
}

impl Template {
    pub(super) fn new(request: &topology::load::Request) -> Self {
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::GET);
        // As the live engine writes them: the load's own fields after those of a model's API.
        let asks = llm::of_load(request);
        let fields: Vec<(String, String)> = asking(asks.as_ref(), false)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .chain(request.headers.iter().cloned())
            .collect();
        let of = |wanted: &str| {
            let mut named = fields.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(wanted));
            let first = named.next()?;
            Some((first, named.next_back().unwrap_or(first)))
        };
        // Credentials of the load's own take the place of the others.
        let named = |wanted: &str| {
            let (first, last) = of(wanted)?;
            Some(if wanted == AUTHORIZATION { last.1.as_str() } else { first.1.as_str() })
        };
        let bad = asking(asks.as_ref(), true);
        let credentials = |is_bad: bool| {
            let bad = bad.iter().find(|(name, _)| *name == AUTHORIZATION).map(|(_, value)| value.as_str());
            let value = if is_bad { bad } else { named(AUTHORIZATION) };
            value.map(|value| value.len() as u64)
        };
        let other_keys = KEY_FIELDS.into_iter().filter_map(named);
        let other_keys =
            other_keys.fold((0, 0), |(count, length), key| (count + 1, length + key.len() as u64));
        let own = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(AUTHORIZATION));
        let own = own.map(|(name, value)| field(name, value.len() as u64));
        let body = request.body.len();
        let line = method.as_str().len() + "  HTTP/1.1\r\n\r\n".len();
        Self {
            bytes: line as u64 + field("host", ADDRESS.len() as u64) + IDENTITY + own.sum::<u64>(),
            path: Path::new(&request.path),
            body,
            idempotent: method.is_idempotent(),
            priority: request.priority,
            is_head: method == Method::HEAD,
            credentials: (credentials(false), credentials(true)),
            other_keys,
            key: key(named).map(Into::into),
            llm: asks.map(|ask| Box::new(AskTemplate::new(ask))),
            method,
            path_text: target(&request.path).path().to_owned(),
            text: match &request.body {
                topology::load::Body::Text(text) => text.clone(),
                topology::load::Body::Size(_) => String::new(),
            },
        }
    }

    /// What it is for at a model server, over an edge with this path.
    pub(super) fn target(&self, api: Api, edge: &str) -> Target {
        let edge = (edge != "/").then(|| target(edge));
        llm::target(api, &self.method, edge.as_ref().map_or(&self.path_text, |uri| uri.path()))
    }

    /// How long the body is of a request that asks this.
    pub(super) fn body(&self, asked: Option<&Asked>) -> u64 {
        match (&self.llm, asked) {
            (Some(llm), Some(asked)) if llm.form.is_none() => llm::request_len(llm.ask.api, asked),
            _ => self.body,
        }
    }

    /// The size of the head of a request with such a body, and whether its path is one that nodes serve.
    pub(super) fn head(
        &self,
        body: u64,
        edge: Option<Path>,
        key: Option<&str>,
        exchange: &Exchange,
        via: Option<&Via>,
    ) -> (u64, bool) {
        let outbound = exchange.disturbance.outbound;
        let path = if outbound.wrong_path { Path::new(WRONG_PATH) } else { edge.unwrap_or(self.path) };
        let via = via.map_or(0, |via| field("via", via.bytes));
        let time_left = exchange
            .time_left
            .map_or(0, |left| field(TIME_LEFT, digits(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))));
        let is_bad = outbound.bad_credentials;
        let asking = self.llm.as_ref().map_or(0, |llm| if is_bad { llm.fields.1 } else { llm.fields.0 });
        let (others, their_length) = self.other_keys;
        let (authorization, replaced) = match key.filter(|_| !is_bad) {
            _ if is_bad => (self.credentials.1, 0),
            None => (self.credentials.0, 0),
            Some(key) if others == 0 => (Some(bearer(key).len() as u64), 0),
            // Each of them holds the edge's key instead.
            Some(key) => (self.credentials.0, (others * key.len() as u64).wrapping_sub(their_length)),
        };
        let authorization = authorization.map_or(0, |length| field(AUTHORIZATION, length));
        let credentials = asking.wrapping_add(authorization).wrapping_add(replaced);
        let length = if body > 0 { field("content-length", digits(body)) } else { 0 };
        (self.bytes.wrapping_add(credentials) + length + path.bytes + via + time_left, !path.unknown)
    }
}

/// How many digits a number has.
pub(super) fn digits(number: u64) -> u64 {
    u64::from(number.checked_ilog10().unwrap_or(0)) + 1
}

/// The nodes that a request has passed.
#[derive(Debug)]
pub(super) struct Via {
    before: Option<Rc<Self>>,
    node: NodeId,
    /// How long the field's value is.
    bytes: u64,
}

impl Via {
    fn after(before: Option<Rc<Self>>, node: NodeId, scenario: &Scenario) -> Rc<Self> {
        let own = "1.1 ".len() + scenario.topology.node(node).name.len();
        let bytes = own as u64 + before.as_ref().map_or(0, |before| before.bytes + 2);
        Rc::new(Self { before, node, bytes })
    }

    /// Whether a node is among them.
    pub(super) fn contains(&self, node: NodeId) -> bool {
        successors(Some(self), |via| via.before.as_deref()).any(|via| via.node == node)
    }
}

/// One after another: of a chain of many thousand nodes, each dropping the one before it would need
/// more stack than a thread has.
impl Drop for Via {
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(via) = before {
            before = Rc::into_inner(via).and_then(|mut via| via.before.take());
        }
    }
}

/// The `Via` that a node sends on. Requests to a node have mostly come the same way, so the last one
/// is kept.
#[derive(Debug, Default)]
pub(super) struct LastVia(Option<Rc<Via>>);

impl LastVia {
    /// What follows on this at `node`.
    pub(super) fn after(&mut self, before: Option<&Rc<Via>>, node: NodeId, scenario: &Scenario) -> Rc<Via> {
        if let Some(last) = &self.0 {
            let same = match (&last.before, before) {
                (Some(a), Some(b)) => Rc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            if same {
                return last.clone();
            }
        }
        let via = Via::after(before.cloned(), node, scenario);
        self.0 = Some(via.clone());
        via
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_way_needs_no_stack() {
        let mut last = None;
        for node in 0..200_000 {
            last = Some(Rc::new(Via { before: last, node: NodeId(node), bytes: 0 }));
        }
        let via = last.unwrap();
        assert!(via.contains(NodeId(0)));
        assert!(!via.contains(NodeId(200_000)));
    }
}
