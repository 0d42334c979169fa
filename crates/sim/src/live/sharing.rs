//! A server's end of a connection that carries several requests at once (HTTP/2): how one of them ends
//! without the others.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use h2::Reason;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use topology::wire::{Close, StreamError};

use super::wire::Conn;
use super::world::lock;

/// How a client begins that knows that HTTP/2 is spoken (RFC 9113 section 3.4); no method begins so.
pub(super) const PREFACE: &[u8] = b"PRI * ";
/// How long a connection that is closed still takes what is on its way.
const LINGER: Duration = Duration::from_millis(200);
/// The head of a GOAWAY frame: its length, type, no flags, the connection's own stream.
const GOAWAY: [u8; 9] = [0, 0, 8, 7, 0, 0, 0, 0, 0];

/// What such a connection has beside what others have.
#[derive(Debug)]
pub(crate) struct Sharing {
    /// The socket, a second time: the HTTP server does not give it back.
    socket: Mutex<Option<Socket>>,
    /// So many requests are taken, and none after them.
    takes: AtomicU32,
    /// What is to be written between two frames.
    words: Mutex<Vec<u8>>,
    /// Responses whose bodies are being sent.
    answering: AtomicU32,
}

/// Which of its connection's requests it is, from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number(pub(super) u32);

/// In place of a response: its stream is reset.
#[derive(Debug, Clone, Copy)]
struct ResetWith(Reason);

impl Sharing {
    pub(super) fn of(stream: &TcpStream) -> io::Result<Self> {
        let socket = Mutex::new(Some(SockRef::from(stream).try_clone()?));
        Ok(Self {
            socket,
            takes: AtomicU32::new(u32::MAX),
            words: Mutex::default(),
            answering: AtomicU32::new(0),
        })
    }

    /// Whether a request is one of those that are taken.
    pub(super) fn takes(&self, number: u32) -> bool {
        number < self.takes.load(Ordering::Acquire)
    }

    /// From this request on, none is taken, if that is new; the caller is told as soon as the connection's
    /// task runs.
    pub(super) fn go_away(&self, number: u32) -> bool {
        if self.takes.fetch_min(number, Ordering::AcqRel) <= number {
            return false;
        }
        // A client numbers its streams 1, 3, 5, ... as it opens them.
        let last = (2 * number).saturating_sub(1);
        let mut words = lock(&self.words);
        words.extend_from_slice(&GOAWAY);
        words.extend_from_slice(&last.to_be_bytes());
        words.extend_from_slice(&u32::from(Reason::NO_ERROR).to_be_bytes());
        true
    }

    /// Whether some response has not been sent to its end.
    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Acquire) > 0
    }

    /// Writes what is to be written; called between two frames.
    pub(super) fn poll_say(&self, stream: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut words = lock(&self.words);
            if words.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match stream.try_write(&words) {
                Ok(n) => drop(words.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    drop(words);
                    ready!(stream.poll_write_ready(cx))?;
                }
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Ends the connection, once the HTTP server has let go of it.
    pub(super) fn close(&self, close: Option<Close>) {
        let Some(socket) = lock(&self.socket).take() else { return };
        // Whatever fails here fails because the connection is gone already.
        let _ = match close {
            Some(Close::Reset) => socket.set_linger(Some(Duration::ZERO)),
            Some(Close::Fin | Close::Silence) => {
                let shut = socket.shutdown(std::net::Shutdown::Write);
                // A socket that is closed before all that came was read resets its connection.
                tokio::spawn(async move {
                    tokio::time::sleep(LINGER).await;
                    drop(socket);
                });
                shut
            }
            None => Ok(()),
        };
    }
}

/// The code of `RST_STREAM`.
pub(super) fn reason(error: StreamError) -> Reason {
    match error {
        StreamError::RefusedStream => Reason::REFUSED_STREAM,
        StreamError::InternalError => Reason::INTERNAL_ERROR,
        StreamError::Cancel => Reason::CANCEL,
    }
}

/// Instead of a response.
pub(super) fn reset(reason: Reason) -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(ResetWith(reason));
    response
}

/// What the HTTP server is to make of what a handler says to a request, which may be one for a head
/// alone. (That server sends bodies also where there are none.)
pub(super) fn answer(
    conn: &Arc<Conn>,
    said: Result<Response, Infallible>,
    head_alone: bool,
) -> Result<http::Response<Flushed>, h2::Error> {
    let Ok(mut response) = said;
    if let Some(ResetWith(reason)) = response.extensions_mut().remove() {
        return Err(reason.into());
    }
    if head_alone || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        if head_alone {
            tell_length(&mut response);
        }
        *response.body_mut() = Body::empty();
    }
    Ok(response.map(|body| Flushed::around(body, conn.clone())))
}

/// Writes a response's length into its head, if it is known.
fn tell_length(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
    }
}

/// Holds a response back as a link does: its sender is done with it meanwhile.
pub(super) async fn hold(mut response: Response, until: impl Future<Output = ()>) -> Response {
    tell_length(&mut response);
    let (send, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let response = response.map(|mut body| {
        tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                if send.send(frame).is_err() {
                    return;
                }
            }
        });
        Body::new(StreamBody::new(futures_util::stream::poll_fn(move |cx| sent.poll_recv(cx))))
    });
    until.await;
    response
}

/// A body whose stream is reset after so many bytes.
pub(super) struct Cut {
    body: Body,
    left: u64,
    reason: Reason,
}

impl Cut {
    /// Cuts a response so.
    pub(super) fn off(response: Response, left: u64, reason: Reason) -> Response {
        response.map(|body| Body::new(Self { body, left, reason }))
    }
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(h2::Error::from(self.reason).into())));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let Ok(mut data) = frame.into_data() else { return Poll::Ready(None) };
        data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= data.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that does not fail before all that came before has been put on the wire: the HTTP server
/// drops what it still holds when it resets a stream.
pub(super) struct Flushed {
    body: Body,
    held: Arc<Held>,
    began: bool,
    failed: Option<axum::Error>,
    conn: Arc<Conn>,
}

/// Pieces that the HTTP server holds.
#[derive(Debug, Default)]
struct Held {
    pieces: AtomicUsize,
    waker: AtomicWaker,
}

/// One of them; it tells when it is let go.
struct Piece(Bytes, Arc<Held>);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.pieces.fetch_sub(1, Ordering::AcqRel);
        self.1.waker.wake();
    }
}

impl Flushed {
    fn around(body: Body, conn: Arc<Conn>) -> Self {
        if let Some(sharing) = conn.sharing.get() {
            sharing.answering.fetch_add(1, Ordering::AcqRel);
        }
        Self { body, held: Arc::default(), began: false, failed: None, conn }
    }

    fn piece(&mut self, data: Bytes) -> Frame<Bytes> {
        self.began = true;
        self.held.pieces.fetch_add(1, Ordering::AcqRel);
        Frame::data(Bytes::from_owner(Piece(data, self.held.clone())))
    }
}

impl Drop for Flushed {
    fn drop(&mut self) {
        if let Some(sharing) = self.conn.sharing.get() {
            sharing.answering.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl HttpBody for Flushed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.failed.is_none() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    let frame = match frame.into_data() {
                        Ok(data) => self.piece(data),
                        Err(frame) => frame,
                    };
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => self.failed = Some(error),
                None => return Poll::Ready(None),
            }
            if !self.began {
                // An empty piece, which the head goes before.
                return Poll::Ready(Some(Ok(self.piece(Bytes::new()))));
            }
        }
        self.held.waker.register(cx.waker());
        if self.held.pieces.load(Ordering::Acquire) > 0 {
            return Poll::Pending;
        }
        Poll::Ready(self.failed.take().map(Err))
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
