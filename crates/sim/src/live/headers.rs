//! The header fields by which a request's identity travels: W3C Trace Context for who it is, `Via`
//! for where it has been (RFC 9110 section 7.6.3), `Proxy-Status` for who made an error (RFC 9209).

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER, VIA};
use http::request::Parts;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use topology::EdgeId;
use trace::{CallId, HopId, RunKey, redact};

use super::world::lock;
use crate::message::{self, BAD_CREDENTIALS, GOOD_CREDENTIALS};

/// The header of RFC 9209.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
const TRACEPARENT: HeaderName = HeaderName::from_static(message::TRACEPARENT);
/// What most gateways pass on or log, also those that pass on no trace.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(message::REQUEST_ID);
const TIME_LEFT: HeaderName = HeaderName::from_static(message::TIME_LEFT);
const TRACESTATE: HeaderName = HeaderName::from_static(message::TRACESTATE);

const GOOD: HeaderValue = HeaderValue::from_static(GOOD_CREDENTIALS);
const BAD: HeaderValue = HeaderValue::from_static(BAD_CREDENTIALS);

/// Who a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) call: CallId,
    pub(crate) hop: HopId,
    pub(crate) edge: EdgeId,
    pub(crate) retries: u16,
    /// Something is done to it: the table of disturbances has the rest.
    pub(crate) disturbed: bool,
    /// How much it matters.
    pub(crate) priority: u8,
}

fn put_hex(into: &mut [u8], mut value: u64) {
    for place in into.iter_mut().rev() {
        *place = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

fn hex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |sum, &digit| Some(sum << 4 | u64::from((digit as char).to_digit(16)?)))
}

impl Identity {
    /// Writes `traceparent: 00-<trace>-<span>-01` and
    /// `tracestate: badgateway=<edge>-<retries>-<priority>-<flag>`.
    pub(crate) fn write(&self, run: RunKey, headers: &mut HeaderMap) {
        let mut parent = *b"00-................................-................-01";
        put_hex(&mut parent[3..19], run.trace_prefix());
        put_hex(&mut parent[19..35], self.call.0);
        put_hex(&mut parent[36..52], self.hop.0);
        let mut state = *b"badgateway=........-....-0-0";
        put_hex(&mut state[11..19], u64::from(self.edge.0));
        put_hex(&mut state[20..24], u64::from(self.retries));
        put_hex(&mut state[25..26], u64::from(self.priority));
        state[27] += u8::from(self.disturbed);
        for (name, value) in [(TRACEPARENT, &parent[..]), (TRACESTATE, &state[..])] {
            headers.insert(name, HeaderValue::from_bytes(value).expect("it is ASCII"));
        }
    }

    /// Writes `x-request-id`, unless the request has one.
    pub(crate) fn write_request_id(&self, headers: &mut HeaderMap) {
        let mut id = [0; 16];
        put_hex(&mut id, self.hop.0);
        headers.entry(REQUEST_ID).or_insert_with(|| HeaderValue::from_bytes(&id).expect("it is ASCII"));
    }

    /// The call and the hop, if the trace is one of ours, whoever has passed it on.
    pub(crate) fn read_trace(headers: &HeaderMap) -> Option<(CallId, HopId)> {
        let parent = headers.get(TRACEPARENT)?.as_bytes();
        let ours = parent.strip_prefix(b"00-")?.starts_with(RunKey::TRACES_BEGIN.as_bytes());
        if parent.len() != 55 || !ours {
            return None;
        }
        Some((CallId(hex(&parent[19..35])?), HopId(hex(&parent[36..52])?)))
    }

    /// Reads it back; `None` if the request does not carry one of ours.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let parent = headers.get(TRACEPARENT)?.as_bytes();
        let state = headers.get(TRACESTATE)?.as_bytes();
        if parent.len() != 55 || state.len() != 28 || !state.starts_with(b"badgateway=") {
            return None;
        }
        Some(Self {
            call: CallId(hex(&parent[19..35])?),
            hop: HopId(hex(&parent[36..52])?),
            edge: EdgeId(u32::try_from(hex(&state[11..19])?).ok()?),
            retries: u16::try_from(hex(&state[20..24])?).ok()?,
            priority: u8::try_from(hex(&state[25..26])?).ok()?,
            disturbed: state[27] == b'1',
        })
    }
}

/// Says how long the caller still waits, in whole milliseconds; as Envoy does.
pub(crate) fn write_time_left(headers: &mut HeaderMap, left: Duration) {
    let ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    headers.insert(TIME_LEFT, HeaderValue::from(ms));
}

/// How long the caller still waits, if it says so.
pub(crate) fn time_left(headers: &HeaderMap) -> Option<Duration> {
    headers.get(TIME_LEFT)?.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

/// How long a response asks to wait: seconds, or until a date (RFC 9110 section 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// Writes the credentials.
pub(crate) fn write_credentials(headers: &mut HeaderMap, bad: bool) {
    headers.insert(AUTHORIZATION, if bad { BAD } else { GOOD });
}

/// Writes fields.
pub(crate) fn write_fields(headers: &mut HeaderMap, fields: Vec<(&'static str, String)>) {
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Presents this key, in the fields in which the request has one already.
pub(crate) fn write_key(headers: &mut HeaderMap, key: &HeaderValue, bearer: &HeaderValue) {
    let mut is_written = false;
    for name in message::KEY_FIELDS {
        if let Some(value) = headers.get_mut(name) {
            value.clone_from(key);
            is_written = true;
        }
    }
    if !is_written {
        headers.insert(AUTHORIZATION, bearer.clone());
    }
}

/// The API key that is presented.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    message::key(|name| headers.get(name)?.to_str().ok())
}

/// Whether the credentials are good. Clients that bring none of ours are let in.
pub(crate) fn credentials_good(headers: &HeaderMap) -> bool {
    let is_bad = |name| headers.get(name).is_some_and(|key: &HeaderValue| key == message::BAD_KEY);
    headers.get(AUTHORIZATION) != Some(&BAD) && !is_bad("x-api-key") && !is_bad("x-goog-api-key")
}

/// Whether a node is among those that a request has passed.
pub(crate) fn via_contains(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(VIA).iter().any(|value| {
        let list = value.to_str().unwrap_or_default();
        list.split(',').any(|entry| entry.trim().split_once(' ').is_some_and(|(_, by)| by == name))
    })
}

/// The `Via` that a node sends on. Requests to a node have mostly come the same way, so the last one
/// is kept.
#[derive(Debug, Default)]
pub(crate) struct Via(Mutex<Option<(Option<HeaderValue>, Option<HeaderValue>)>>);

impl Via {
    /// What follows on this.
    pub(crate) fn after(&self, received: Option<&HeaderValue>, name: &str) -> Option<HeaderValue> {
        let mut last = lock(&self.0);
        if let Some((before, after)) = &*last
            && before.as_ref() == received
        {
            return after.clone();
        }
        let after = via(received, name);
        *last = Some((received.cloned(), after.clone()));
        after
    }
}

/// The `Via` of a request that a node sends on.
fn via(received: Option<&HeaderValue>, name: &str) -> Option<HeaderValue> {
    let own = match received.and_then(|v| v.to_str().ok()) {
        Some(before) => format!("{before}, 1.1 {name}"),
        None => format!("1.1 {name}"),
    };
    HeaderValue::from_str(&own).ok()
}

/// The size of a request's head, as on the wire.
pub(crate) fn head_bytes(head: &Parts) -> u64 {
    let line = head.method.as_str().len() + head.uri.path().len() + "  HTTP/1.1\r\n\r\n".len();
    let fields: usize = head.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    (line + fields) as u64
}

/// Header fields for people to look at: secrets are redacted.
pub(crate) fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), redact::header(name.as_str(), &value).into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_reads_back() {
        let identity = Identity {
            call: CallId::new(3, 77),
            hop: HopId(u64::MAX),
            edge: EdgeId(12),
            retries: 5,
            disturbed: true,
            priority: 9,
        };
        let mut headers = HeaderMap::new();
        identity.write(RunKey::default(), &mut headers);
        assert_eq!(headers["traceparent"], "00-badca11badca1100000300000000004d-ffffffffffffffff-01");
        assert_eq!(Identity::read(&headers), Some(identity));
    }

    #[test]
    fn a_strange_trace_is_not_ours() {
        let mut headers = HeaderMap::new();
        assert_eq!(Identity::read(&headers), None);
        headers.insert(
            "traceparent",
            HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        );
        headers.insert("tracestate", HeaderValue::from_static("rojo=00f067aa0ba902b7"));
        assert_eq!(Identity::read(&headers), None);
    }

    #[test]
    fn via_names_every_node_passed() {
        let first = via(None, "a").unwrap();
        let second = via(Some(&first), "b").unwrap();
        assert_eq!(second, "1.1 a, 1.1 b");
        let mut headers = HeaderMap::new();
        headers.insert(VIA, second);
        assert!(via_contains(&headers, "a") && via_contains(&headers, "b"));
        assert!(!via_contains(&headers, "c"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut headers = HeaderMap::new();
        write_credentials(&mut headers, false);
        assert_eq!(readable(&headers), [("authorization".to_owned(), "[redacted]".to_owned())]);
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let read = |text: &'static str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Wed, 21 Oct 2015 07:29:30 GMT"), Some(90));
        assert_eq!(read("Wed, 21 Oct 2015 07:00:00 GMT"), Some(0), "it is over");
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }

    #[test]
    fn the_time_left_reads_back() {
        let mut headers = HeaderMap::new();
        assert_eq!(time_left(&headers), None);
        write_time_left(&mut headers, Duration::from_micros(1_234_567));
        assert_eq!(time_left(&headers), Some(Duration::from_millis(1234)));
    }
}
