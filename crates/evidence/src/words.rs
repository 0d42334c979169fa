//! What others call what we have words for.

use topology::Failure;
use trace::access;

/// A failure, and whether the connection ended by RST, where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) failure: Failure,
    pub(crate) reset: bool,
}

/// What an error's type, exception or message means, in the words of runtimes and libraries; none if it
/// means nothing to us. The first row that has one of its words in the text decides.
pub(crate) fn failure(text: &str) -> Option<Meant> {
    if let Some(failure) = access::failure(text) {
        return Some(Meant { failure, reset: false });
    }
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let failure = if has(&["certificate", "x509", "cert_", "unknown_ca", "certpath"]) {
        Failure::TlsCertificateError
    } else if has(&["ssl", "tls", "handshake"]) {
        Failure::TlsProtocolError
    } else if has(&[
        "unknownhost",
        "unknown host",
        "no such host",
        "enotfound",
        "eai_",
        "gaierror",
        "getaddrinfo",
        "nameresolution",
        "name or service not known",
        "name resolution",
        "could not be resolved",
        "could not resolve",
        "dns",
    ]) {
        Failure::DnsError
    } else if has(&["refused_stream", "goaway"]) {
        Failure::StreamRefused
    } else if has(&["rst_stream", "stream reset", "stream was reset", "http2 stream"]) {
        Failure::StreamReset
    } else if has(&["refused"]) {
        Failure::ConnectionRefused
    } else if has(&["circuit", "callnotpermitted", "no_healthy", "no healthy", "no live upstream"]) {
        Failure::DestinationUnavailable
    } else if has(&[
        "too big header",
        "header too large",
        "headers too large",
        "header_overflow",
        "headers_overflow",
        "headerstoolarge",
    ]) {
        Failure::HeadTooLarge
    } else if has(&["pooltimeout", "pool timeout", "connectionpooltimeout", "pool is full", "overflow"]) {
        Failure::ConnectionLimitReached
    } else if has(&["timeout", "timed out", "timedout", "etimedout", "deadline"]) {
        if has(&["connect"]) && !has(&["read", "response"]) {
            Failure::ConnectionTimeout
        } else {
            Failure::HeadTimeout
        }
    } else if has(&["unreachable", "no route to host", "ehostunreach", "enetunreach"]) {
        Failure::ConnectionTimeout
    } else if has(&[
        "incompleteread",
        "incomplete",
        "contentlength",
        "payload",
        "chunkedencoding",
        "premature eof",
    ]) {
        Failure::BodyIncomplete
    } else if has(&["cancel", "abort"]) {
        Failure::Cancelled
    } else if has(&["reset", "econnreset", "broken pipe", "brokenpipe", "epipe"]) {
        return Some(Meant { failure: Failure::ConnectionTerminated, reset: true });
    } else if has(&[
        "closed",
        "disconnect",
        "hang up",
        "hung up",
        "eof",
        "nohttpresponse",
        "terminated",
        "premature",
    ]) {
        Failure::ConnectionTerminated
    } else if has(&["protocol", "malformed", "badstatusline", "parse", "invalid header", "no valid http"]) {
        Failure::ProtocolError
    } else {
        return None;
    };
    Some(Meant { failure, reset: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_are_understood() {
        for (text, expected) in [
            ("java.net.UnknownHostException", Failure::DnsError),
            ("java.net.ConnectException: Connection refused", Failure::ConnectionRefused),
            ("java.net.SocketTimeoutException: Read timed out", Failure::HeadTimeout),
            ("java.net.SocketTimeoutException: connect timed out", Failure::ConnectionTimeout),
            ("org.apache.http.NoHttpResponseException", Failure::ConnectionTerminated),
            (
                "io.github.resilience4j.circuitbreaker.CallNotPermittedException",
                Failure::DestinationUnavailable,
            ),
            ("requests.exceptions.ConnectTimeout", Failure::ConnectionTimeout),
            ("httpx.ReadTimeout", Failure::HeadTimeout),
            ("HPE_HEADER_OVERFLOW", Failure::HeadTooLarge),
            ("UND_ERR_HEADERS_OVERFLOW", Failure::HeadTooLarge),
            ("NGHTTP2_REFUSED_STREAM", Failure::StreamRefused),
            ("http2: server sent GOAWAY and closed the connection", Failure::StreamRefused),
            ("java.io.IOException: Received RST_STREAM: Internal error", Failure::StreamReset),
            ("httpx.PoolTimeout", Failure::ConnectionLimitReached),
            (
                "httpx.RemoteProtocolError: Server disconnected without sending a response",
                Failure::ConnectionTerminated,
            ),
            ("urllib3.exceptions.IncompleteRead", Failure::BodyIncomplete),
            ("ECONNREFUSED", Failure::ConnectionRefused),
            ("socket hang up", Failure::ConnectionTerminated),
            ("getaddrinfo ENOTFOUND app", Failure::DnsError),
            ("dial tcp: lookup app: no such host", Failure::DnsError),
            ("context deadline exceeded", Failure::HeadTimeout),
            ("context canceled", Failure::Cancelled),
            ("tls: failed to verify certificate: x509: unknown authority", Failure::TlsCertificateError),
            ("http_response_timeout", Failure::HeadTimeout),
            ("connection_read_timeout", Failure::BodyTimeout),
        ] {
            assert_eq!(failure(text).map(|meant| meant.failure), Some(expected), "{text}");
        }
        assert_eq!(
            failure("read ECONNRESET"),
            Some(Meant { failure: Failure::ConnectionTerminated, reset: true })
        );
        assert_eq!(failure("_OTHER"), None);
        assert_eq!(failure("500"), None);
    }
}
