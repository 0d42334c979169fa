//! What an error of the HTTP client means.

use std::error::Error;

use topology::Failure;

/// Why no response head came; so many bytes of one had.
pub(crate) fn of_head(error: &hyper::Error, bytes: u64) -> Failure {
    match by_frame(error) {
        Some(Frame::Reset(h2::Reason::REFUSED_STREAM) | Frame::GoAway) => Failure::StreamRefused,
        Some(Frame::Reset(h2::Reason::PROTOCOL_ERROR) | Frame::Nonsense) => Failure::ProtocolError,
        Some(Frame::Reset(_)) => Failure::StreamReset,
        None if error.is_parse_too_large() => Failure::HeadTooLarge,
        None if error.is_parse() => Failure::ProtocolError,
        None if bytes > 0 => Failure::HeadIncomplete,
        None => Failure::ConnectionTerminated,
    }
}

/// Whether it says that the stream was reset.
pub(crate) fn is_stream_reset(error: &hyper::Error) -> bool {
    matches!(by_frame(error), Some(Frame::Reset(_)))
}

/// What a frame of HTTP/2 said.
enum Frame {
    /// `RST_STREAM`, with this code.
    Reset(h2::Reason),
    /// GOAWAY.
    GoAway,
    /// It was no frame, or none that may come.
    Nonsense,
}

fn by_frame(error: &hyper::Error) -> Option<Frame> {
    let error = error.source()?.downcast_ref::<h2::Error>()?;
    let reason = error.reason()?;
    if !error.is_remote() {
        return Some(Frame::Nonsense);
    }
    Some(if error.is_go_away() { Frame::GoAway } else { Frame::Reset(reason) })
}
