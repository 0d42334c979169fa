//! A server's end of a connection, under control: it can be ended as told, and its bytes shaped.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use topology::wire::Close;

use super::shape::{Shape, Then};
use super::world::World;

/// What handlers and supervisors hold of a connection.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: TcpStream,
    ended: AtomicBool,
    task: AtomicWaker,
    shaped: AtomicBool,
    shape: Mutex<Shape>,
    /// Requests so far.
    pub(crate) requests: AtomicU32,
    /// Requests under way: 0 or 1.
    pub(crate) active: AtomicU8,
    /// When the last response was done, in nanoseconds of the run.
    pub(crate) idle_since: AtomicU64,
}

impl Conn {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            ended: AtomicBool::new(false),
            task: AtomicWaker::new(),
            shaped: AtomicBool::new(false),
            shape: Mutex::default(),
            requests: AtomicU32::new(0),
            active: AtomicU8::new(0),
            idle_since: AtomicU64::new(0),
        }
    }

    /// Ends the connection. Its task drops it as soon as it runs; silence ends nothing.
    pub(crate) fn end(&self, close: Close) {
        match close {
            Close::Silence => return,
            Close::Reset => {
                // Fails only if the connection is gone already.
                let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            }
            Close::Fin => {
                let _ = SockRef::from(&self.stream).shutdown(std::net::Shutdown::Write);
            }
        }
        self.ended.store(true, Ordering::Release);
        self.task.wake();
    }

    /// Writes bytes past the HTTP server, then ends the connection.
    pub(crate) fn end_with(&self, bytes: &[u8], close: Close) {
        // The socket's buffer is empty between two responses, so it takes a few bytes at once.
        let _ = self.stream.try_write(bytes);
        self.end(close);
    }

    /// Shapes the response that comes next; a plain one takes the last one's shape off.
    pub(crate) fn set_shape(&self, shape: Shape) {
        let plain = shape.is_plain();
        if !plain || self.shaped.load(Ordering::Acquire) {
            *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
            self.shaped.store(!plain, Ordering::Release);
        }
    }

    /// Comes when the connection is to end; polls `inner` until then.
    pub(crate) async fn drive<F: Future>(&self, inner: F) {
        tokio::pin!(inner);
        std::future::poll_fn(|cx| {
            self.task.register(cx.waker());
            if self.ended.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            inner.as_mut().poll(cx).map(|_| ())
        })
        .await;
    }
}

/// The connection as hyper's server has it.
pub(crate) struct Wire {
    conn: Arc<Conn>,
    world: Arc<World>,
    pause: Option<BoxFuture<'static, ()>>,
    closing: bool,
}

impl Wire {
    pub(crate) fn new(conn: Arc<Conn>, world: Arc<World>) -> Self {
        Self { conn, world, pause: None, closing: false }
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
        ready!(self.poll_pause(cx));
        let delay = std::mem::take(&mut self.conn.shape.lock().unwrap_or_else(PoisonError::into_inner).delay);
        if !delay.is_zero() {
            self.pause_for(delay);
            ready!(self.poll_pause(cx));
        }
        loop {
            ready!(self.conn.stream.poll_write_ready(cx))?;
            let mut shape = self.conn.shape.lock().unwrap_or_else(PoisonError::into_inner);
            let allowed = shape.allow(data);
            let mut piece = data[..allowed].to_vec();
            if shape.corrupt {
                shape.spoil(&mut piece);
            }
            let written = if piece.is_empty() { Ok(0) } else { self.conn.stream.try_write(&piece) };
            match written {
                Ok(n) => {
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
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.conn.stream.poll_read_ready(cx))?;
            match self.conn.stream.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Poll::Ready(Err(e)),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.conn.shaped.load(Ordering::Acquire) {
            return self.poll_shaped_write(cx, data);
        }
        loop {
            ready!(self.conn.stream.poll_write_ready(cx))?;
            match self.conn.stream.try_write(data) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
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
        loop {
            ready!(self.conn.stream.poll_write_ready(cx))?;
            match self.conn.stream.try_write_vectored(pieces) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pause(cx));
        if !self.closing {
            self.closing = true;
            let delay = {
                let shape = self.conn.shape.lock().unwrap_or_else(PoisonError::into_inner);
                shape.close_delay.filter(|_| self.conn.shaped.load(Ordering::Acquire))
            };
            if let Some(delay) = delay {
                self.pause_for(delay);
                ready!(self.poll_pause(cx));
            }
        }
        Poll::Ready(SockRef::from(&self.conn.stream).shutdown(std::net::Shutdown::Write))
    }
}
