//! Whether what a model said is whole, as whoever reads it can tell: a stream has an end mark, JSON has
//! an end, and an error may come in the middle of a stream.

use http::HeaderMap;
use topology::Failure;

use super::EVENT_STREAM;
use super::ollama::LINES;
use crate::message::CONTENT_TYPE;

/// The longest line of a stream that is looked at, in bytes; and the longest JSON text.
const LINE_MAX: usize = 1 << 20;
const TEXT_MAX: usize = 16 << 20;

/// How streams that begin so end. The words are looked for in their lines.
const MARKS: [(&str, &str); 6] = [
    ("chat.completion.chunk", "data: [DONE]"),
    ("message_start", "message_stop"),
    ("response.created", "response.completed"),
    ("\"candidates\"", "\"finishReason\""),
    ("\"done\":false", "\"done\":true"),
    ("\"output\":{", "\"finish_reason\":\"stop\""),
];
/// Native streams of `DashScope` end so too.
const CAPPED: &str = "\"finish_reason\":\"length\"";

/// What has been read of an answer.
#[derive(Debug)]
pub(crate) struct Watch {
    is_stream: bool,
    /// The line under way, or all of the text.
    read: Vec<u8>,
    end_mark: Option<&'static str>,
    has_ended: bool,
    has_error: bool,
}

impl Watch {
    /// For an answer with this head, if what becomes of it can be told.
    pub(crate) fn of_answer(status: u16, headers: &HeaderMap) -> Option<Box<Self>> {
        let kind = headers.get(http::header::CONTENT_TYPE).filter(|_| status < 400)?;
        Self::of(kind.as_bytes())
    }

    /// For an answer of this type, if it can be told.
    pub(crate) fn of(content_type: &[u8]) -> Option<Box<Self>> {
        let is = |kind: &str| content_type.starts_with(kind.as_bytes());
        let is_stream = is(EVENT_STREAM) || is(LINES);
        (is_stream || is(CONTENT_TYPE)).then(|| {
            Box::new(Self { is_stream, read: Vec::new(), end_mark: None, has_ended: false, has_error: false })
        })
    }

    /// These bytes have come.
    pub(crate) fn see(&mut self, mut data: &[u8]) {
        if !self.is_stream {
            let room = TEXT_MAX.saturating_sub(self.read.len());
            self.read.extend_from_slice(&data[..data.len().min(room)]);
            return;
        }
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            self.read.extend_from_slice(&data[..end]);
            let line = std::mem::take(&mut self.read);
            self.line(&String::from_utf8_lossy(&line));
            data = &data[end + 1..];
        }
        let room = LINE_MAX.saturating_sub(self.read.len());
        self.read.extend_from_slice(&data[..data.len().min(room)]);
    }

    fn line(&mut self, line: &str) {
        let value = line.strip_prefix("data:").unwrap_or(line).trim_start();
        self.has_error |= ["{\"error\"", "{\"type\":\"error\""].iter().any(|error| value.starts_with(error))
            || line.strip_prefix("event:").is_some_and(|kind| kind.trim() == "error");
        if self.end_mark.is_none() {
            let mark = MARKS.iter().find(|(begin, _)| line.contains(begin));
            self.end_mark = mark.map(|(_, end)| *end);
        }
        self.has_ended |= self
            .end_mark
            .is_some_and(|mark| line.contains(mark) || (mark == MARKS[5].1 && line.contains(CAPPED)));
    }

    /// All has come: what is wrong with it, if anything.
    pub(crate) fn verdict(&self) -> Option<Failure> {
        if self.has_error {
            return Some(Failure::StreamError);
        }
        let is_whole = if self.is_stream {
            self.has_ended || self.end_mark.is_none()
        } else {
            !self.read.starts_with(b"{")
                || self.read.len() >= TEXT_MAX
                || serde_json::from_slice::<serde_json::Value>(&self.read).is_ok()
        };
        (!is_whole).then_some(Failure::ContentIncomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(content_type: &str, text: &str) -> Option<Failure> {
        // However it is cut.
        let by = |size: usize| {
            let mut watch = Watch::of(content_type.as_bytes()).unwrap();
            text.as_bytes().chunks(size).for_each(|piece| watch.see(piece));
            watch.verdict()
        };
        let told = by(1);
        assert!([2, 7, 1000].into_iter().all(|size| by(size) == told));
        told
    }

    #[test]
    fn a_stream_is_whole_with_its_end_mark() {
        let chunk = "data: {\"object\":\"chat.completion.chunk\"}\n\n";
        assert_eq!(verdict(EVENT_STREAM, &format!("{chunk}data: [DONE]\n\n")), None);
        assert_eq!(verdict(EVENT_STREAM, chunk), Some(Failure::ContentIncomplete));
        let error = "data: {\"error\":{\"message\":\"boom\"}}\n\n";
        assert_eq!(verdict(EVENT_STREAM, &format!("{chunk}{error}")), Some(Failure::StreamError));
        assert_eq!(verdict(EVENT_STREAM, "event: message_start\n\n"), Some(Failure::ContentIncomplete));
        assert_eq!(verdict(EVENT_STREAM, "event: tick\n\n"), None, "of an unknown stream nothing is said");
        assert_eq!(Watch::of(b"text/html").map(|_| ()), None);
    }

    #[test]
    fn json_is_whole_with_its_end() {
        assert_eq!(verdict("application/json", "{\"a\":1}"), None);
        assert_eq!(verdict("application/json", "{\"a\":"), Some(Failure::ContentIncomplete));
        assert_eq!(verdict("application/json", "   "), None, "filler is no JSON");
    }
}
