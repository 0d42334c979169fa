//! One message to a receiver: a POST of OTLP over HTTP with JSON.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// As long as OpenTelemetry's own exporters wait.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More of an answer is not read.
const ANSWER_MAX: usize = 64 << 10;

/// Posts messages.
#[derive(Debug)]
pub(super) struct Poster {
    runtime: Runtime,
    uri: Uri,
}

impl Poster {
    pub(super) fn new(uri: Uri) -> io::Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().enable_all().build()?, uri })
    }

    /// Posts a message; how many of its spans the receiver has rejected, or why it did not take it.
    pub(super) fn post(&self, message: Vec<u8>) -> Result<u64, String> {
        let answer = async { tokio::time::timeout(TIMEOUT, self.exchange(message.into())).await };
        match self.runtime.block_on(answer) {
            Ok(Ok((status, body))) if status.is_success() => Ok(rejected(&body)),
            Ok(Ok((status, body))) => {
                let said: String = String::from_utf8_lossy(&body).chars().take(120).collect();
                let said = said.replace(char::is_whitespace, " ");
                Err(format!("{} answered {}: {said}", self.uri, status.as_u16()))
            }
            Ok(Err(error)) => Err(format!("{} did not take them: {error}", self.uri)),
            Err(_) => Err(format!("{} did not answer within {}s", self.uri, TIMEOUT.as_secs())),
        }
    }

    async fn exchange(&self, message: Bytes) -> io::Result<(StatusCode, Bytes)> {
        let host = self.uri.host().unwrap_or_default();
        let port = self.uri.port_u16().unwrap_or(80);
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let authority = self.uri.authority().map_or(host, |authority| authority.as_str());
        let request = Request::post(self.uri.path())
            .header(HOST, authority)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("badgateway/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(message))
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
        connection.abort();
        // What an answer says beyond its status is for people.
        Ok((status, body.map(Collected::to_bytes).unwrap_or_default()))
    }
}

/// How many spans a receiver that has taken a message did not take.
fn rejected(body: &[u8]) -> u64 {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let number = &answer["partialSuccess"]["rejectedSpans"];
    number.as_u64().or_else(|| number.as_str()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_rejects_is_read_from_its_answer() {
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":4}}"#), 4);
        assert_eq!(rejected(b"{}"), 0);
        assert_eq!(rejected(b""), 0);
    }
}
