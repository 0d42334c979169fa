//! The bodies that nodes send.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame, SizeHint};
use node::{AttemptId, Input};
use trace::{Outcome, Time};

use super::driver::Attended;
use super::exchange::Rest;
use super::world::World;
use crate::pieces::{Piece, Pieces, Then};

/// A callee's response, passed on as it comes. It holds the visit: its end is the visit's.
pub(crate) struct Relay {
    visit: Attended,
    id: AttemptId,
    rest: Option<Rest>,
    size: SizeHint,
    broken: bool,
}

/// The response broke off: the connection is closed, as the status can no longer change.
#[derive(Debug, thiserror::Error)]
#[error("the upstream response broke off")]
pub(crate) struct BrokenOff;

impl Relay {
    pub(crate) fn new(visit: Attended, id: AttemptId, rest: Rest) -> Self {
        let size = rest.size_hint();
        let mut relay = Self { visit, id, rest: Some(rest), size, broken: false };
        relay.end_if_whole();
        relay
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(rest) = self.rest.take() {
            let report = rest.end(outcome);
            self.visit.driver().apply(Input::Ended { id: self.id, report });
        }
    }

    /// The server does not ask for more once it has all bytes of a known length.
    fn end_if_whole(&mut self) {
        if let Some(rest) = &self.rest
            && rest.is_whole()
        {
            let outcome = rest.whole_outcome();
            self.end(outcome);
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.broken {
            return Poll::Ready(Some(Err(BrokenOff)));
        }
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        match ready!(rest.poll_piece(cx)) {
            Ok(frame) => {
                self.end_if_whole();
                Poll::Ready(Some(Ok(frame)))
            }
            Err(outcome) => {
                self.end(outcome);
                if outcome.failure().is_none_or(topology::Failure::is_in_content) {
                    return Poll::Ready(None);
                }
                // The server drops what it has not sent yet when a body fails: first let it send.
                self.broken = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.broken
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

/// A body of a node's own in pieces, with pauses between. If it holds the visit, the last piece is only
/// sent once that is over.
pub(crate) struct InPieces {
    world: Arc<World>,
    body: Bytes,
    pieces: Pieces,
    pause: Option<BoxFuture<'static, ()>>,
    /// When the next piece is due.
    next_at: Option<Time>,
    visit: Option<Attended>,
}

impl InPieces {
    pub(crate) fn new(world: Arc<World>, body: Bytes, pieces: Pieces, visit: Option<Attended>) -> Self {
        Self { world, body, pieces, pause: None, next_at: None, visit }
    }
}

impl InPieces {
    fn pause(&mut self) {
        let world = self.world.clone();
        // From one piece's time to the next: what is late once is not late for ever.
        let until = self.next_at.unwrap_or_else(|| world.clock.now()) + self.pieces.interval;
        self.next_at = Some(until);
        self.pause = Some(Box::pin(async move { world.clock.sleep_until(until).await }));
    }
}

impl Body for InPieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let is_over = this.visit.as_mut().is_none_or(|visit| visit.driver().poll_over(cx).is_ready());
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let then = this.pieces.then;
        if then == Then::End && this.pieces.is_last() && !is_over {
            return Poll::Pending;
        }
        let piece = match this.pieces.piece() {
            None => match then {
                Then::End => return Poll::Ready(None),
                Then::Break if is_over => return Poll::Ready(Some(Err(BrokenOff))),
                Then::Break | Then::Silence => return Poll::Pending,
            },
            Some(Piece::Filler(bytes)) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(this.body.len());
                this.body.split_to(bytes)
            }
            Some(Piece::Text(text)) => Bytes::from(text),
        };
        let goes_on = !this.pieces.is_over() || then == Then::Break;
        if goes_on && !this.pieces.interval.is_zero() {
            this.pause();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
