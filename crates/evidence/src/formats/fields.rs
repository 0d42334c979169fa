//! A line as named fields, whatever wrote it: what each name means, and what the line says.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::Failure;
use trace::{Outcome, Sent, Time};

use super::{asked, ids};
use crate::moment;
use crate::observation::{Observation, Told, Try, Visit, failed};

/// Names that say when a request was over.
const ENDED: [&str; 8] =
    ["msec", "time_iso8601", "time_local", "time", "timestamp", "@timestamp", "ts", "datetime"];
/// Names that say when it began.
const BEGAN: [&str; 3] = ["start_time", "request_start", "started_at"];
/// Names of what joins lines, the best first.
const IDS: [&str; 18] = [
    "http_traceparent",
    "traceparent",
    "trace_id",
    "traceid",
    "trace.id",
    "request_id",
    "requestid",
    "http_x_request_id",
    "x_request_id",
    "x-request-id",
    "req_id",
    "sent_http_x_request_id",
    "upstream_http_x_request_id",
    "http_x_correlation_id",
    "correlation_id",
    "unique_id",
    "http_x_amzn_trace_id",
    "id",
];
const STATUS: [&str; 5] = ["status", "status_code", "response_code", "http_status", "response_status"];
/// Names of what an application logs of an exception that it did not handle.
const THREW: [&str; 7] = [
    "exception",
    "exc_info",
    "stack_trace",
    "stacktrace",
    "error.stack_trace",
    "exception.type",
    "exception.stacktrace",
];
const NODE: [&str; 4] = ["service", "service_name", "service.name", "node"];

/// What nginx notes of an upstream does not tell whether the upstream answered so, where only this is there.
pub(super) const TELL_TIMES: &str = "nginx notes its own 502 and 504 as the upstream's status too: add \
     $upstream_connect_time and $upstream_header_time to its log_format (a `-` tells), or give its error log";
/// What a log without upstreams and ids lacks.
pub(super) const TELL_UPSTREAMS: &str = "add $request_id (or $http_traceparent), $upstream_addr, $upstream_status, \
     $upstream_connect_time, $upstream_header_time, $upstream_response_time and $request_time to nginx's log_format";
/// Why a connection could not be used shows in the error log alone.
pub(super) const TELL_ERRORS: &str =
    "give nginx's error log too: it says whether the connection was reset, closed or talked no HTTP";

/// The fields of a line, by their names in lower case.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) BTreeMap<String, String>);

impl Fields {
    /// The first of these that is there and is not empty or `-`.
    fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty() && *text != "-")
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether the line is one that can be read: it has a time and a status.
    pub(super) fn is_whole(&self) -> bool {
        self.times().is_some() && self.first(&STATUS).is_some_and(|status| status.parse::<u16>().is_ok())
    }

    /// How long the request took.
    fn took(&self) -> Option<Duration> {
        let number = |name: &str, unit: f64| {
            let value: f64 = self.get(name)?.parse().ok()?;
            moment::span(value * unit)
        };
        number("request_time", 1.0)
            .or_else(|| {
                ["duration_ms", "latency_ms", "elapsed_ms", "took_ms", "response_time_ms"]
                    .iter()
                    .find_map(|n| number(n, 1e-3))
            })
            .or_else(|| ["duration_us", "latency_us", "elapsed_us"].iter().find_map(|n| number(n, 1e-6)))
            .or_else(|| ["duration_ns", "latency_ns"].iter().find_map(|n| number(n, 1e-9)))
            .or_else(|| ["duration_s", "latency_s", "elapsed_s"].iter().find_map(|n| number(n, 1.0)))
            .or_else(|| {
                let text = self.first(&["duration", "latency", "elapsed", "response_time"])?;
                with_unit(text).or_else(|| number("duration", 1e-3).or_else(|| number("latency", 1e-3)))
            })
    }

    /// When it began and ended, and how far that may be off.
    fn times(&self) -> Option<(Time, Time, Duration)> {
        let took = self.took();
        if let Some(began) = self.first(&BEGAN).and_then(moment::any) {
            return Some((began, began + took.unwrap_or_default(), Duration::from_millis(2)));
        }
        let text = self.first(&ENDED)?;
        let ended = moment::any(text)?;
        // Who notes whole seconds may be off by one.
        let is_whole = ended.0.is_multiple_of(1_000_000_000);
        let slack = Duration::from_millis(if is_whole { 1000 } else { 2 });
        Some((moment::before(ended, took.unwrap_or_default()), ended, slack))
    }

    fn asked(&self) -> String {
        if let Some(request) = self.get("request") {
            let mut words = request.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            return asked(method, target);
        }
        let method = self.first(&["request_method", "method", "http_method"]).unwrap_or_default();
        let target = self
            .first(&["request_uri", "uri", "path", "url", "request_path", "http_path"])
            .unwrap_or_default();
        asked(method, target)
    }

    /// What the line says, of a node of this name if it does not say so itself; `place` joins it with nothing.
    pub(super) fn observed(&self, node: &str, place: &str) -> Result<Observation, String> {
        let node = self.first(&NODE).unwrap_or(node);
        let (arrived, finished, slack) = self.times().ok_or_else(|| {
            "it has no time that can be read ($msec, $time_iso8601 or $time_local)".to_owned()
        })?;
        let status = self.first(&STATUS).ok_or_else(|| "it has no status ($status)".to_owned())?;
        let status: u16 = status.parse().map_err(|_| format!("`{status}` is no status"))?;
        let mut visit = Visit::new(node, arrived, finished, Some(status));
        visit.slack = slack;
        ids::join(&mut visit, IDS.iter().filter_map(|name| self.get(name)));
        if visit.parent.is_none() {
            visit.parent = self.first(&["parent_id", "parent_span_id", "parentspanid"]).map(str::to_owned);
        }
        visit.span = self.first(&["span_id", "spanid", "span.id"]).map(str::to_owned);
        if visit.keys.is_empty() {
            visit.keys.push(place.to_owned());
        }
        if let (Some(address), Some(port)) = (self.get("server_addr"), self.get("server_port")) {
            visit.address = Some(format!("{address}:{port}"));
        }
        visit.asked = self.asked();
        match status {
            499 => visit.caller_left(),
            // What came was no HTTP, and went on as it was.
            9 => {
                visit.served.status = None;
                visit.served.sent = Sent::Malformed;
            }
            0..100 => {
                visit.served.status = None;
                visit.served.sent = Sent::Nothing;
            }
            _ => {}
        }
        if status >= 500 && self.first(&THREW).is_some() {
            visit.told = Told::Threw;
        }
        visit.tells_tries = self.has("upstream_addr");
        let tries = self.tries(&visit, status);
        Ok(Observation::Visit(Box::new(visit), tries))
    }

    /// What was asked of upstreams, in nginx's words: one after another, each with an entry in each list.
    fn tries(&self, visit: &Visit, status: u16) -> Vec<Try> {
        let Some(addresses) = self.get("upstream_addr") else { return Vec::new() };
        let list = |name: &str| self.0.get(name).map(|text| entries(text)).unwrap_or_default();
        let (statuses, times) = (list("upstream_status"), list("upstream_response_time"));
        let (connects, heads) = (list("upstream_connect_time"), list("upstream_header_time"));
        let addresses = entries(addresses);
        let at = |list: &[&str], n: usize| list.get(n).and_then(|text| moment::seconds(text));
        let all: Duration = (0..addresses.len()).filter_map(|n| at(&times, n)).sum();
        let served = &visit.served;
        let mut start = moment::before(served.finished, all).max(served.arrived);
        let mut tries = Vec::with_capacity(addresses.len());
        for (n, address) in addresses.iter().enumerate() {
            let end = start + at(&times, n).unwrap_or_default();
            let said = statuses.get(n).and_then(|text| text.parse::<u16>().ok());
            let is_address = address.contains(':');
            let times = Noted {
                connect: connects.get(n).map(|text| moment::seconds(text).is_some()),
                head: heads.get(n).map(|text| moment::seconds(text).is_some()),
            };
            let (outcome, advice) = if is_address || said.is_none_or(|said| said != 502) {
                outcome(said, times, status)
            } else {
                // The name of a group, none of whose servers is taken for alive.
                (failed(Failure::DestinationUnavailable), None)
            };
            let mut made = Try::new(&visit.node, start, end, outcome);
            made.keys.clone_from(&visit.keys);
            made.peer = Some((*address).to_owned());
            made.asked.clone_from(&visit.asked);
            made.again = n > 0;
            made.advice = advice;
            tries.push(made);
            start = end;
        }
        tries
    }
}

/// Whether nginx noted a time until the connection and until the head; none where it does not log that.
#[derive(Debug, Clone, Copy)]
struct Noted {
    connect: Option<bool>,
    head: Option<bool>,
}

/// What became of a request to an upstream. nginx notes its own 502 and 504 in `$upstream_status` as well;
/// which it is shows in the times: no head has come where there is none until it (measured with 1.22).
fn outcome(said: Option<u16>, noted: Noted, answered: u16) -> (Outcome, Option<&'static str>) {
    match (said, noted.head, noted.connect) {
        (Some(200), ..) if answered == 9 => (failed(Failure::ProtocolError), None),
        (Some(502), Some(false), Some(false)) => (failed(Failure::ConnectionRefused), None),
        (Some(504), Some(false), Some(false)) => (failed(Failure::ConnectionTimeout), None),
        (Some(502), Some(false), _) => (failed(Failure::ConnectionTerminated), Some(TELL_ERRORS)),
        (Some(504), Some(false), _) => (failed(Failure::HeadTimeout), None),
        (Some(said @ (502 | 504)), None, _) => (Outcome::Answered(said), Some(TELL_TIMES)),
        (Some(said), ..) => (Outcome::Answered(said), None),
        (None, ..) => (failed(Failure::Cancelled), None),
    }
}

/// The entries of a list of nginx's: `a, b : c`.
fn entries(text: &str) -> Vec<&str> {
    text.split(", ").flat_map(|part| part.split(" : ")).map(str::trim).collect()
}

/// A time with its unit behind it: `12ms`, `1.5s`, `250us`, `2m`.
fn with_unit(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    moment::span(number.parse::<f64>().ok()? * unit)
}
