//! `/metrics` for Prometheus, as long as a session goes on.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use report::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::exit::Failure;

/// Who sends no head for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where to listen: an address, or a port of this machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listen(SocketAddr);

impl Default for Listen {
    fn default() -> Self {
        Self((Ipv4Addr::LOCALHOST, 0).into())
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
        let address = named.as_deref().unwrap_or(text).parse();
        address
            .map(Self)
            .map_err(|_| format!("`{text}` is no address: write it as 9464, or as 127.0.0.1:9464"))
    }
}

/// What listens. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Endpoint {
    address: SocketAddr,
    _end: oneshot::Sender<Infallible>,
}

impl Endpoint {
    pub(super) fn open(listen: Listen, metrics: Arc<Metrics>) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::failed(format!("cannot serve metrics at {}: {e}", listen.0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = runtime.block_on(TcpListener::bind(listen.0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        let serving = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = ended => {}
                    () = serve(listener, metrics) => {}
                }
            });
        };
        thread.spawn(serving).map_err(failed)?;
        Ok(Self { address, _end: end })
    }

    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: some will be free again.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let metrics = metrics.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let answered = answer(&request, &metrics);
            async move { Ok::<_, Infallible>(answered) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        // What a scraper does to its connection is its own affair.
        tokio::spawn(async move { drop(server.serve_connection(TokioIo::new(stream), answer).await) });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let told = |status, text: String| {
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "GET /metrics\n".to_owned());
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match (request.uri().path(), metrics.text()) {
        ("/metrics", Ok(text)) => {
            let mut response = told(StatusCode::OK, text);
            let kind = hyper::header::HeaderValue::from_static(Metrics::CONTENT_TYPE);
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        ("/metrics", Err(error)) => told(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        _ => told(StatusCode::NOT_FOUND, "the metrics are at /metrics\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_one_of_this_machines_own() {
        let listen = |text: &str| text.parse::<Listen>().map(|listen| listen.0.to_string());
        assert_eq!(listen("9464").unwrap(), "127.0.0.1:9464");
        assert_eq!(listen(":9464").unwrap(), "127.0.0.1:9464");
        assert_eq!(listen("localhost:0").unwrap(), "127.0.0.1:0");
        assert_eq!(listen("[::1]:80").unwrap(), "[::1]:80");
        for wrong in ["", "host:80", "99999", "127.0.0.1"] {
            assert!(listen(wrong).unwrap_err().contains("9464"), "{wrong}");
        }
    }
}
