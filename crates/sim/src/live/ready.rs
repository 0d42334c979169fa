//! Whether a program is ready: it listens, or answers.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use http_body_util::Full;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::pool::Channel;

/// Tries once, for no longer than this.
pub(crate) async fn is_ready(address: SocketAddr, path: Option<&str>, patience: Duration) -> bool {
    let Some(path) = path else {
        return matches!(timeout(patience, TcpStream::connect(address)).await, Ok(Ok(_)));
    };
    let Ok(Ok(mut channel)) = timeout(patience, Channel::connect(address)).await else { return false };
    let request = Request::get(path).header(HOST, address.to_string()).body(Full::new(Bytes::new()));
    let Ok(request) = request else { return false };
    let response = channel.sender.send_request(request);
    let answer = channel.with(Some(Instant::now() + patience), response).await;
    matches!(answer, Some(Ok(response)) if response.status().as_u16() < 400)
}
