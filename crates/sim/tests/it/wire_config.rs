//! The configuration's mechanisms, as a caller's socket sees them.

use std::time::Duration;

use trace::{Record, Time};

use crate::support::{End, Up};

fn error(got: &crate::support::Got) -> String {
    got.header("proxy-status").unwrap_or_default()
}

#[test]
fn a_wrong_port_or_host_refuses_and_the_callee_sees_nothing() {
    for mechanism in ["wrong_port", "wrong_host"] {
        let up = Up::gateway(&format!("at: gw -> app, config: {mechanism}"));
        let got = up.get();
        assert_eq!(got.status(), Some(502), "{mechanism}");
        assert!(error(&got).contains("connection_refused"), "{mechanism}: {}", got.text());
        let records = up.records.clone();
        drop(up);
        // Only the gateway has seen a request.
        let seen = records.0.lock().unwrap().iter().filter(|r| matches!(r, Record::Arrived { .. })).count();
        assert_eq!(seen, 1, "{mechanism}");
    }
}

#[test]
fn a_name_without_an_address_and_a_failed_tls_handshake_have_their_own_words() {
    for (mechanism, word) in [
        ("network: dns_failure", "dns_error"),
        ("config: tls_mismatch", "tls_protocol_error"),
        ("config: bad_certificate", "tls_certificate_error"),
    ] {
        let up = Up::gateway(&format!("at: gw -> app, {mechanism}"));
        let got = up.get();
        assert_eq!(got.status(), Some(502), "{mechanism}");
        assert!(error(&got).contains(word), "{mechanism}: {}", got.text());
        let records = up.records.clone();
        drop(up);
        // Only the gateway has seen a request.
        let seen = records.0.lock().unwrap().iter().filter(|r| matches!(r, Record::Arrived { .. })).count();
        assert_eq!(seen, 1, "{mechanism}");
    }
}

#[test]
fn a_missing_route_is_a_404_of_the_gateway() {
    let got = Up::gateway("at: gw, config: missing_route").get();
    assert_eq!((got.status(), got.end), (Some(404), End::Whole));
    assert!(error(&got).starts_with("gw; error=destination_not_found"), "{}", got.text());
}

#[test]
fn a_wrong_path_is_a_404_of_the_callee() {
    let got = Up::gateway("at: gw -> app, config: wrong_path").get();
    assert_eq!(got.status(), Some(404));
    assert!(error(&got).contains("received-status=404"), "{}", got.text());
    assert!(got.text().contains("\"by\":\"app\""), "{}", got.text());
}

#[test]
fn bad_credentials_are_a_401_of_the_callee() {
    let got = Up::gateway("at: gw -> app, config: bad_credentials").get();
    assert_eq!(got.status(), Some(401));
    assert!(got.text().contains("\"by\":\"app\""), "{}", got.text());
}

#[test]
fn a_time_out_too_short_is_a_504() {
    let got = Up::gateway("at: gw -> app, config: { timeout_too_short: { timeout: 5ms } }").get();
    assert_eq!(got.status(), Some(504));
    assert!(error(&got).contains("http_response_timeout"), "{}", got.text());
}

#[test]
fn a_keepalive_race_closes_a_reused_connection_only() {
    let up = Up::server("at: client -> app, config: { keepalive_race: { idle: 50ms } }");
    let mut socket = up.connect();
    let first = socket.get();
    assert_eq!((first.status(), first.end), (Some(200), End::Whole));
    let soon = socket.get();
    assert_eq!((soon.status(), soon.end), (Some(200), End::Whole), "it had not been idle for long enough");
    std::thread::sleep(Duration::from_millis(80));
    let late = socket.get();
    assert_eq!(late.bytes.len(), 0);
    assert_eq!(late.end, End::Fin);
}

#[test]
fn a_head_over_the_limit_is_a_431() {
    let up = Up::server("at: app, config: { header_limit: { limit: 200B } }");
    assert_eq!(up.get().status(), Some(200), "a small head passes");
    let request = format!("GET / HTTP/1.1\r\nhost: test\r\ncookie: {}\r\n\r\n", "x".repeat(200));
    assert_eq!(up.connect().ask(request.as_bytes()).status(), Some(431));
}

#[test]
fn a_body_over_the_limit_is_a_413() {
    let up = Up::server("at: app, config: { body_limit: { limit: 10B } }");
    let post = |size: usize| {
        let body = "x".repeat(size);
        let request = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {size}\r\n\r\n{body}");
        up.connect().ask(request.as_bytes()).status()
    };
    assert_eq!(post(10), Some(200));
    assert_eq!(post(11), Some(413));
    // By its head alone: the body need not come.
    let head = b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 11\r\n\r\n";
    assert_eq!(up.connect().ask(head).status(), Some(413));
}

#[test]
fn a_routing_loop_is_found_by_via() {
    let got = Up::gateway("at: gw, config: routing_loop").get();
    assert_eq!(got.status(), Some(502));
    assert!(error(&got).starts_with("gw; error=proxy_loop_detected"), "{}", got.text());
}

#[test]
fn the_clock_of_the_records_is_that_of_the_run() {
    let up = Up::server("at: app, crash: exception");
    assert_eq!(up.get().status(), Some(500));
    let took = up.begin.elapsed();
    let records = up.records.clone();
    drop(up);
    let records = records.0.lock().unwrap();
    let served = records.iter().find_map(|r| if let Record::Served(s) = r { Some(s) } else { None }).unwrap();
    assert!(served.arrived > Time(0) && served.finished.since_start() < took + Duration::from_secs(1));
}
