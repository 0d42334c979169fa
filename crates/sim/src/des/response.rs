//! What a response is on the wire: its head's size, and how its end is told.

use std::time::Duration;

use http::StatusCode;
use topology::Failure;
use trace::Outcome;

use super::request::digits;
use crate::message::CONTENT_TYPE;

/// `date: Tue, 24 Nov 2026 17:36:26 GMT` and its end of line.
const DATE: u64 = 37;

/// A response's head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Response {
    pub(super) status: u16,
    /// In seconds.
    pub(super) retry_after: Option<u64>,
    /// How long the value of `Proxy-Status` is; 0 if there is none.
    pub(super) proxy_status: u64,
    /// `Content-Length`, if it has one.
    pub(super) length: Option<u64>,
    /// How long the value of `Content-Type` is.
    pub(super) content_type: u16,
    /// How long further header fields are.
    pub(super) more_fields: u16,
    /// What is wrong with what it says.
    pub(super) wrong: Option<Failure>,
    /// The length of the body that really comes, if it is known: none to `HEAD`.
    pub(super) body: Option<u64>,
    /// Its end is that of the connection.
    pub(super) closes: bool,
    /// It comes over a stream, whose end tells its own.
    pub(super) is_stream: bool,
}

/// How a response's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By its length.
    Length(u64),
    /// By an empty chunk.
    Chunked,
    /// By the end of its stream.
    Stream,
    /// By the end of the connection.
    Close,
}

impl Response {
    /// A response with a body of so many bytes, or in chunks.
    pub(super) fn new(status: u16, length: Option<u64>, has_body: bool) -> Self {
        let has_body = has_body && !matches!(status, 100..=199 | 204 | 304);
        let body = if has_body { length } else { Some(0) };
        let content_type = u16::try_from(CONTENT_TYPE.len()).unwrap_or(u16::MAX);
        Self {
            status,
            retry_after: None,
            proxy_status: 0,
            content_type,
            more_fields: 0,
            wrong: None,
            length,
            body,
            closes: false,
            is_stream: false,
        }
    }

    /// The same as it is passed on once all of its body has come.
    pub(super) fn whole(self, body: u64) -> Self {
        let length = self.length.filter(|_| !self.closes).or(Some(body));
        let body = if self.body == Some(0) { Some(0) } else { Some(body) };
        Self { length, body, closes: false, is_stream: false, ..self }
    }

    /// How its end is told.
    pub(super) fn framing(&self) -> Framing {
        if self.closes {
            return Framing::Close;
        }
        let unknown = if self.is_stream { Framing::Stream } else { Framing::Chunked };
        self.body.map_or(unknown, Framing::Length)
    }

    /// What it is to its reader once it is there in whole.
    pub(super) fn outcome(&self) -> Outcome {
        match self.wrong {
            Some(failure) => Outcome::Failed { failure, status: Some(self.status) },
            None => Outcome::Answered(self.status),
        }
    }

    /// What it asks its reader to wait.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.retry_after.map(Duration::from_secs)
    }

    /// The size of its head.
    pub(super) fn head_bytes(&self) -> u64 {
        let field = |name: &str, value: u64| name.len() as u64 + value + 4;
        let reason = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason());
        let line = "HTTP/1.1 200 \r\n".len() + reason.unwrap_or("<none>").len();
        let ending = match (self.closes, self.length) {
            (true, _) => 0,
            (_, Some(length)) => field("content-length", digits(length)),
            (_, None) => field("transfer-encoding", "chunked".len() as u64),
        };
        let retry_after = self.retry_after.map_or(0, |wait| field("retry-after", digits(wait)));
        let proxy_status = if self.proxy_status > 0 { field("proxy-status", self.proxy_status) } else { 0 };
        let content_type = field("content-type", self.content_type.into()) + u64::from(self.more_fields);
        line as u64 + content_type + DATE + ending + retry_after + proxy_status + "\r\n".len() as u64
    }
}
