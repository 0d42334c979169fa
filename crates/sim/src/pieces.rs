//! A body that comes piece by piece: which piece is next, the same in every engine.

use std::time::Duration;

use topology::node::Response;
use topology::wire::ProcessEnd;

use crate::llm::Speech;

/// What is left of it.
#[derive(Debug)]
pub(crate) struct Pieces {
    source: Source,
    /// The pause between two pieces.
    pub(crate) interval: Duration,
    /// What follows on the last.
    pub(crate) then: Then,
}

/// What follows on the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The response's end, at once.
    End,
    /// A pause, and the connection's end.
    Break,
    /// Nothing.
    Silence,
}

#[derive(Debug)]
enum Source {
    /// So much filler, in pieces of the same size.
    Even { left: u64, piece: u64 },
    /// Token after token.
    Speech(Box<Speech>),
}

/// One piece.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The next so many bytes of the body.
    Filler(u64),
    /// This.
    Text(String),
}

impl Pieces {
    /// Of a declared response.
    pub(crate) fn of(response: &Response) -> Self {
        let piece = response.body.div_ceil(u64::from(response.chunks.max(1))).max(1);
        Self {
            source: Source::Even { left: response.body, piece },
            interval: response.chunk_interval,
            then: Then::End,
        }
    }

    /// Of a stream.
    pub(crate) fn speech(speech: Speech, interval: Duration) -> Self {
        let then = match speech.broken() {
            Some(ProcessEnd::Truncate) => Then::Break,
            Some(ProcessEnd::StreamStall) => Then::Silence,
            _ => Then::End,
        };
        Self { source: Source::Speech(Box::new(speech)), interval, then }
    }

    /// The next piece.
    pub(crate) fn piece(&mut self) -> Option<Piece> {
        match &mut self.source {
            Source::Even { left: 0, .. } => None,
            Source::Even { left, piece } => {
                let size = (*piece).min(*left);
                *left -= size;
                Some(Piece::Filler(size))
            }
            Source::Speech(speech) => speech.piece().map(Piece::Text),
        }
    }

    /// Whether the next piece is the last.
    pub(crate) fn is_last(&self) -> bool {
        match &self.source {
            Source::Even { left, piece } => left <= piece,
            Source::Speech(speech) => speech.is_at_last(),
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_over(&self) -> bool {
        match &self.source {
            Source::Even { left, .. } => *left == 0,
            Source::Speech(speech) => speech.is_over(),
        }
    }
}

impl Piece {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Filler(bytes) => *bytes,
            Self::Text(text) => text.len() as u64,
        }
    }
}
