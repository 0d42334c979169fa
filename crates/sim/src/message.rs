//! What the messages between nodes say, the same in every engine: the live one writes it, the virtual
//! one counts its bytes.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use http::Uri;
use node::{ProxyStatus, Reply};
use topology::Refusal;
use topology::node::Node;
use topology::profile::{OwnError, Said, SpentLimit, Why};
pub(crate) use topology::rules::{AUTHORIZATION, GOOD_KEY, KEY_FIELDS, bearer, key_of as key};

/// The fields that name a request's trace and its place in it (W3C Trace Context).
pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
/// The field that names a request where traces are not passed on.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// The field with the milliseconds that are left for a request, as Envoy's.
pub(crate) const TIME_LEFT: &str = "x-envoy-expected-rq-timeout-ms";
/// The path that no node serves.
pub(crate) const WRONG_PATH: &str = "/no/such/path";
/// The credentials that every node accepts.
pub(crate) const GOOD_CREDENTIALS: &str = "Bearer badgateway";
/// Credentials that none does.
pub(crate) const BAD_CREDENTIALS: &str = "Bearer expired";
pub(crate) const BAD_KEY: &str = "expired";
/// The type of every body.
pub(crate) const CONTENT_TYPE: &str = "application/json";

/// A path as a request target; one that is none becomes `/`.
pub(crate) fn target(path: &str) -> Uri {
    path.parse().unwrap_or_else(|_| Uri::from_static("/"))
}

/// What a node says in a response that it makes itself and that is not its regular one.
pub(crate) fn own_error(node: &Node, reply: &Reply) -> Said {
    let spent = reply.limit.zip(node.rules.as_deref());
    let name = spent.map(|(limit, rules)| rules.limit_name(limit));
    let limit = spent.zip(name.as_deref()).map(|((limit, rules), name)| SpentLimit {
        name,
        quota: rules.limit(limit).quota,
        wait_s: reply.retry_after.map_or(0, retry_after),
    });
    let why = reply.why.unwrap_or(Why::Refused(Refusal::Exception));
    (node.profile.words.says)(&OwnError { node: &node.name, status: reply.status, why, limit })
}

/// `Retry-After` in whole seconds, rounded up: earlier would be too early.
pub(crate) fn retry_after(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// What a node adds to `Proxy-Status`, if it has something to say; `next` is the next hop's address.
pub(crate) fn proxy_status(node: &str, said: ProxyStatus, next: Option<impl Display>) -> Option<String> {
    if said.is_silent() {
        return None;
    }
    let mut member = node.replace('#', "-");
    if let Some(error) = said.error {
        member.push_str("; error=");
        member.push_str(error);
    }
    if let Some(received) = said.received {
        let _ = write!(member, "; received-status={received}");
    }
    if let Some(next) = next {
        let _ = write!(member, "; next-hop=\"{next}\"");
    }
    Some(member)
}

/// Between two members of `Proxy-Status`; the first is of the intermediary nearest the origin.
pub(crate) const LIST_SEPARATOR: &str = ", ";
