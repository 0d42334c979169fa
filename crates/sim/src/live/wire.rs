//! A server's end of a connection, under control: it can be ended as told, and its bytes shaped.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use hyper::body::Incoming;
use hyper::server::conn::http1::Connection;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use topology::wire::Close;

use super::shape::Shaped;
use super::sharing::{PREFACE, Sharing};
use super::tap::Tap;
use super::world::{World, lock};
use crate::shape::{Shape, Then};

/// What handlers and supervisors hold of a connection.
#[derive(Debug, Default)]
pub(crate) struct Conn {
    ended: AtomicBool,
    end: Mutex<Option<End>>,
    task: AtomicWaker,
    shaped: AtomicBool,
    shape: Mutex<Shaped>,
    /// Its caller keeps no records: what it gets is watched here.
    pub(super) tapped: AtomicBool,
    pub(super) tap: Mutex<Option<Box<Tap>>>,
    /// Requests so far.
    pub(crate) requests: AtomicU32,
    /// Requests under way.
    pub(crate) active: AtomicU32,
    /// Where it carries several requests at once.
    pub(super) sharing: OnceLock<Sharing>,
    /// When the last response was done, in nanoseconds of the run.
    pub(crate) idle_since: AtomicU64,
}

/// How a connection is to end.
#[derive(Debug)]
struct End {
    /// Bytes to write first, past the HTTP server.
    last_words: &'static [u8],
    close: Close,
}

impl Conn {
    /// Ends the connection, as soon as its task runs; silence ends nothing.
    pub(crate) fn end(&self, close: Close) {
        self.end_with(b"", close);
    }

    /// Writes bytes past the HTTP server, then ends the connection.
    pub(crate) fn end_with(&self, last_words: &'static [u8], close: Close) {
        if close != Close::Silence {
            lock(&self.end).get_or_insert(End { last_words, close });
            self.ended.store(true, Ordering::Release);
            self.task.wake();
        }
    }

    /// Shapes the response that comes next; a plain one takes the last one's shape off.
    pub(crate) fn set_shape(&self, shape: Shape) {
        let plain = shape.is_plain();
        if !plain || self.shaped.load(Ordering::Acquire) {
            *lock(&self.shape) = Shaped::new(shape);
            self.shaped.store(!plain, Ordering::Release);
        }
    }

    /// Lets something work on the connection until it comes to its end; none if the connection is ended
    /// before.
    fn poll_until_ended<F: Future + Unpin>(
        &self,
        cx: &mut Context<'_>,
        working: &mut F,
    ) -> Poll<Option<F::Output>> {
        self.task.register(cx.waker());
        if self.ended.load(Ordering::Acquire) {
            return Poll::Ready(None);
        }
        Pin::new(working).poll(cx).map(Some)
    }

    /// Whether the caller begins as HTTP/2 does.
    pub(crate) async fn begins_shared(&self, stream: &TcpStream) -> bool {
        let mut pause: Option<BoxFuture<'static, ()>> = None;
        poll_fn(|cx| {
            self.task.register(cx.waker());
            loop {
                if self.ended.load(Ordering::Acquire) {
                    return Poll::Ready(false);
                }
                if let Some(waiting) = &mut pause {
                    ready!(Pin::new(waiting).poll(cx));
                    pause = None;
                }
                let mut first = [0; PREFACE.len()];
                let mut first = ReadBuf::new(&mut first);
                let n = ready!(stream.poll_peek(cx, &mut first)).unwrap_or(0);
                let first = first.filled();
                if n == 0 || n == PREFACE.len() || !PREFACE.starts_with(first) {
                    return Poll::Ready(first == PREFACE);
                }
                // The rest is on its way.
                pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(1))));
            }
        })
        .await
    }

    /// From this request on, none is taken of those that a connection carries; it is closed once those
    /// before it are answered.
    pub(crate) fn go_away(self: &Arc<Self>, number: u32) {
        let Some(sharing) = self.sharing.get() else { return };
        if !sharing.go_away(number) {
            return;
        }
        self.task.wake();
        let conn = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                // What has just been answered is on its way.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let Some(conn) = conn.upgrade() else { return };
                let is_answering = conn.sharing.get().is_some_and(Sharing::is_answering);
                if !is_answering && conn.active.load(Ordering::Acquire) == 0 {
                    conn.end(Close::Fin);
                    return;
                }
            }
        });
    }

    /// Serves a connection that carries several requests until it ends, of itself or as it is told.
    pub(crate) async fn drive_shared(&self, mut serving: BoxFuture<'static, ()>) {
        let _ = poll_fn(|cx| self.poll_until_ended(cx, &mut serving)).await;
        drop(serving);
        let close = lock(&self.end).take().map(|end| end.close);
        if let Some(sharing) = self.sharing.get() {
            sharing.close(close);
        }
    }

    /// Serves the connection until it ends, of itself or as it is told.
    pub(crate) async fn drive<S>(&self, world: &World, mut serving: Connection<TokioIo<Wire>, S>)
    where
        S: HttpService<Incoming>,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::ResBody: http_body::Body + Unpin + 'static,
        <S::ResBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        Connection<TokioIo<Wire>, S>: Unpin + Future,
    {
        poll_fn(|cx| self.poll_until_ended(cx, &mut serving)).await;
        let end = lock(&self.end).take();
        let told = end.as_ref().map(|end| (end.close, !end.last_words.is_empty()));
        if let Some(End { last_words, close }) = end {
            let stream = serving.into_parts().io.into_inner().stream;
            // The socket's buffer is empty between two responses, so it takes a few bytes at once;
            // and whatever fails here fails because the connection is gone already.
            let _ = stream.try_write(last_words);
            let socket = SockRef::from(&stream);
            let _ = match close {
                Close::Reset => socket.set_linger(Some(Duration::ZERO)),
                Close::Fin | Close::Silence => socket.shutdown(std::net::Shutdown::Write),
            };
        }
        if let Some(tap) = self.untap(|_| true) {
            tap.over(world, told);
        }
    }
}

/// The connection as hyper's server has it.
pub(crate) struct Wire {
    stream: TcpStream,
    conn: Arc<Conn>,
    world: Arc<World>,
    pause: Option<BoxFuture<'static, ()>>,
    closing: bool,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, conn: Arc<Conn>, world: Arc<World>) -> Self {
        Self { stream, conn, world, pause: None, closing: false }
    }

    fn pause_for(&mut self, pause: Duration) {
        let world = self.world.clone();
        let until = world.clock.now() + pause;
        self.pause = Some(Box::pin(async move { world.clock.sleep_until(until).await }));
    }

    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(())
    }

    fn poll_shaped_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.conn.ended.load(Ordering::Acquire) {
            // The task has been woken to end it.
            return Poll::Pending;
        }
        ready!(self.poll_pause(cx));
        let delay = std::mem::take(&mut lock(&self.conn.shape).shape.delay);
        if !delay.is_zero() {
            self.pause_for(delay);
            ready!(self.poll_pause(cx));
        }
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            let mut shape = lock(&self.conn.shape);
            let allowed = shape.allow(data);
            let mut piece = data[..allowed].to_vec();
            shape.spoil(&mut piece);
            let written = if piece.is_empty() { Ok(0) } else { self.stream.try_write(&piece) };
            match written {
                Ok(n) => {
                    self.conn.tap(|tap| tap.wrote(&data[..n]));
                    let then = shape.wrote(&data[..n]);
                    drop(shape);
                    match then {
                        Then::GoOn => {}
                        Then::Pause(pause) => self.pause_for(pause),
                        Then::End(close) => self.conn.end(close),
                    }
                    return Poll::Ready(Ok(n));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.conn.shaped.load(Ordering::Acquire) {
            return self.poll_shaped_write(cx, data);
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, data))?;
        self.conn.tap(|tap| tap.wrote(&data[..written]));
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.conn.shaped.load(Ordering::Acquire) {
            let first = pieces.iter().find(|p| !p.is_empty()).map_or(&[][..], |p| p);
            return self.poll_shaped_write(cx, first);
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        self.conn.tap(|tap| {
            let mut left = written;
            for piece in pieces {
                let taken = left.min(piece.len());
                tap.wrote(&piece[..taken]);
                left -= taken;
            }
        });
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The HTTP server flushes once its own buffer is empty.
        if let Some(sharing) = self.conn.sharing.get() {
            return sharing.poll_say(&self.stream, cx);
        }
        if let Some(tap) = self.conn.untap(Tap::is_done) {
            tap.whole(&self.world);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closing {
            ready!(self.poll_pause(cx));
            self.closing = true;
            let delay = {
                let shaped = lock(&self.conn.shape);
                shaped.shape.close_delay.filter(|_| self.conn.shaped.load(Ordering::Acquire))
            };
            if let Some(delay) = delay {
                self.pause_for(delay);
            }
        }
        if self.pause.is_some() {
            // Whoever hangs up waits for no end.
            let mut byte = [0];
            if let Poll::Ready(Ok(0)) = self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
                self.conn.tap(Tap::left);
            } else {
                ready!(self.poll_pause(cx));
            }
        }
        Poll::Ready(SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write))
    }
}
