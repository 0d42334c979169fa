//! In front of a program that is called by a program, or over a link on which something happens: a
//! request is passed on as it is, and what comes back is passed back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{CONNECTION, HOST, TRANSFER_ENCODING};
use http_body_util::{BodyExt, Full, Limited};
use topology::Failure;
use topology::wire::{Close, Link};
use trace::Outcome;

use super::failure;
use super::headers::Identity;
use super::pool::Channel;
use super::server::{ended, shape_response};
use super::wire::Conn;
use super::witness::Witness;
use super::world::World;
use crate::shape::MALFORMED;

/// The largest request body that is passed on, in bytes.
pub(crate) const BODY_MAX: usize = 64 << 20;

/// Passes a request on to the program at the edge's end.
pub(crate) async fn pass_on(
    world: &Arc<World>,
    conn: &Arc<Conn>,
    identity: Identity,
    link: &Link,
    request: Request,
) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_MAX).collect().await else {
        return ended(conn, Close::Reset).await;
    };
    let edge = world.edge(identity.edge);
    let callee = world.node(edge.callee);
    head.headers.remove(CONNECTION);
    head.headers.remove(TRANSFER_ENCODING);
    head.headers.insert(HOST, edge.authority.clone());
    identity.write(world.run, &mut head.headers);
    identity.write_request_id(&mut head.headers);
    let mut witness = Witness::new(world.clone(), identity, &head.method, &head.uri, &head.headers);
    // Hyper's client wants a target in origin form.
    let path = head.uri.path_and_query().map_or("/", |p| p.as_str()).parse();
    head.uri = path.unwrap_or_default();
    let request = http::Request::from_parts(head, Full::new(body.to_bytes()));
    let Ok(mut channel) = Channel::connect(callee.address).await else {
        // Who listens cannot refuse any more: this is the nearest to it.
        witness.unseen();
        return ended(conn, Close::Reset).await;
    };
    let response = channel.sender.send_request(request);
    match channel.with(None, response).await {
        Some(Ok(response)) => {
            let (parts, incoming) = response.into_parts();
            witness.head(parts.status.as_u16());
            let body = Passed { witness, channel, incoming, broken: None };
            let mut response = Response::from_parts(parts, Body::new(body));
            response.headers_mut().remove(CONNECTION);
            response.headers_mut().remove(TRANSFER_ENCODING);
            *response.version_mut() = http::Version::HTTP_11;
            shape_response(conn, link, &mut response);
            response
        }
        Some(Err(error)) => {
            let bytes = channel.seen.bytes.load(std::sync::atomic::Ordering::Relaxed);
            let reset = channel.seen.reset.load(std::sync::atomic::Ordering::Relaxed);
            let close = if reset { Close::Reset } else { Close::Fin };
            let failure = failure::of_head(&error, bytes);
            witness.ended(Outcome::Failed { failure, status: None });
            if failure == Failure::ProtocolError {
                conn.end_with(MALFORMED, Close::Fin);
            }
            ended(conn, close).await
        }
        None => ended(conn, Close::Silence).await,
    }
}

/// A program's response on its way.
struct Passed {
    witness: Witness,
    channel: Channel,
    incoming: hyper::body::Incoming,
    /// It has broken off, and what came before is being sent.
    broken: Option<hyper::Error>,
}

impl http_body::Body for Passed {
    type Data = bytes::Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, hyper::Error>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        self.channel.poll_connection(cx);
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        match frame {
            Some(Err(error)) => {
                self.witness.broke_off();
                // The server drops what it has not sent yet when a body fails: first let it send.
                self.broken = Some(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            None => self.witness.whole(),
            Some(Ok(_)) if http_body::Body::is_end_stream(&self.incoming) => self.witness.whole(),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && http_body::Body::is_end_stream(&self.incoming)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::Body::size_hint(&self.incoming)
    }
}
