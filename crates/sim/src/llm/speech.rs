//! A completion as it is written: whole, or piece by piece.

use node::Completion;
use topology::wire::ProcessEnd;
use trace::HopId;

use super::{Form, text};

/// What an answer says.
pub(crate) struct Said {
    pub(super) form: Form,
    /// The hop that it answers.
    pub(super) id: HopId,
    pub(super) prompt_tokens: u32,
    pub(super) tokens: u32,
    pub(super) is_capped: bool,
}

impl Said {
    /// All of the text.
    pub(super) fn text(&self) -> String {
        (0..self.tokens).map(|place| text::token(self.id, place)).collect()
    }
}

/// A completion that is being written.
pub(crate) struct Speech {
    said: Said,
    next: u32,
    /// How many tokens come.
    most: u32,
    broken: Option<ProcessEnd>,
}

impl std::fmt::Debug for Speech {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Speech({} of {})", self.next, self.most)
    }
}

impl Speech {
    /// What is said in this form.
    pub(crate) fn new(form: Form, completion: &Completion) -> Self {
        let Completion { hop, prompt_tokens, tokens, is_capped, broken, .. } = *completion;
        let (most, broken) = broken.map_or((tokens, None), |(most, end)| (most, Some(end)));
        Self { said: Said { form, id: hop, prompt_tokens, tokens, is_capped }, next: 0, most, broken }
    }

    /// The whole answer.
    pub(crate) fn whole(&self) -> String {
        (self.said.form.format.whole)(&self.said)
    }

    /// How it ends, if not as it should.
    pub(crate) fn broken(&self) -> Option<ProcessEnd> {
        self.broken
    }

    /// How many pieces there are.
    fn pieces(&self) -> u32 {
        self.most + u32::from(self.broken == Some(ProcessEnd::StreamError))
    }

    /// The next piece of a stream: a token, and what goes before the first and after the last; or an
    /// error.
    pub(crate) fn piece(&mut self) -> Option<String> {
        let (said, format) = (&self.said, self.said.form.format);
        let place = self.next;
        if place >= self.pieces() {
            return None;
        }
        self.next += 1;
        if place == self.most {
            return Some((format.error_event)(said));
        }
        let mut piece = if place == 0 { (format.opening)(said) } else { String::new() };
        piece.push_str(&(format.token)(said, place, &text::token(said.id, place)));
        if self.broken.is_none() && self.is_over() {
            piece.push_str(&(format.closing)(&self.said));
        }
        Some(piece)
    }

    /// Whether the next piece is the last.
    pub(crate) fn is_at_last(&self) -> bool {
        self.next + 1 >= self.pieces()
    }

    /// Whether nothing is left.
    pub(crate) fn is_over(&self) -> bool {
        self.next >= self.pieces()
    }
}
