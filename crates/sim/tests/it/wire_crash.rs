//! The mechanisms of crashes, as a caller's socket sees them.

use std::io::ErrorKind;
use std::time::Duration;

use crate::support::{End, Up};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn is_refused(up: &Up) -> bool {
    up.try_connect().err().map(|e| e.kind()) == Some(ErrorKind::ConnectionRefused)
}

#[test]
fn down_resets_what_was_open_refuses_and_comes_back() {
    let up = Up::server("at: app, crash: { down: { restart_after: 400ms } }, start: 300ms");
    let mut socket = up.connect();
    assert_eq!(socket.get().status(), Some(200));
    up.sleep_until(400);
    let open = socket.read(None);
    assert_eq!((open.end, open.bytes.len()), (End::Reset, 0));
    assert!(is_refused(&up));
    up.sleep_until(900);
    assert_eq!(up.get().status(), Some(200));
}

#[test]
fn a_crash_loop_goes_down_again_and_again() {
    let up = Up::server("at: app, crash: { crash_loop: { up: 300ms, down: 300ms } }, start: 300ms, stop: 3s");
    let mut states = Vec::new();
    for ms in [150, 450, 750, 1050, 1350, 1650] {
        up.sleep_until(ms);
        states.push(is_refused(&up));
    }
    assert_eq!(states, [false, true, false, true, false, true]);
}

#[test]
fn a_panic_drops_the_connection_without_a_byte() {
    let got = Up::server("at: app, crash: panic").get();
    assert_eq!((got.end, got.bytes.len()), (End::Fin, 0));
}

#[test]
fn an_exception_is_a_500() {
    let got = Up::server("at: app, crash: exception").get();
    assert_eq!((got.status(), got.end), (Some(500), End::Whole));
    assert_eq!(got.header("proxy-status"), None, "an origin server must not send it");
}

#[test]
fn a_hang_is_silent() {
    let up = Up::server("at: app, crash: hang");
    let mut socket = up.connect();
    socket.patience(MS(400));
    let got = socket.get();
    assert_eq!((got.end, got.bytes.len()), (End::Silence, 0));
}

#[test]
fn a_malformed_response_is_not_http() {
    let got = Up::server("at: app, crash: malformed_response").get();
    assert!(!got.bytes.is_empty() && !got.bytes.starts_with(b"HTTP/"), "{}", got.text());
    assert_eq!(got.end, End::Fin);
}

#[test]
fn a_truncated_body_is_short_of_its_content_length() {
    let got = Up::server("at: app, crash: truncate").get();
    assert_eq!((got.status(), got.end), (Some(200), End::Fin));
    assert_eq!(got.header("content-length").as_deref(), Some("100"));
    assert_eq!(got.body(), 50);
}

#[test]
fn a_slow_start_is_gone_then_slow_then_warm() {
    let fault =
        "at: app, crash: { slow_start: { restart_after: 100ms, ramp: 1s, factor: 100 } }, start: 200ms";
    let up = Up::server(fault);
    up.sleep_until(250);
    assert!(is_refused(&up));
    up.sleep_until(320);
    let cold = up.get();
    assert_eq!(cold.status(), Some(200));
    assert!(cold.took > MS(50), "{:?}", cold.took);
    up.sleep_until(1500);
    let warm = up.get();
    assert!(warm.took < cold.took / 2, "{:?} then {:?}", cold.took, warm.took);
}

#[test]
fn a_cut_200_is_passed_on_as_a_cut_200() {
    let got = Up::gateway("at: app, crash: truncate").get();
    assert_eq!((got.status(), got.body()), (Some(200), 50));
    assert_ne!(got.end, End::Whole);
}

#[test]
fn what_a_gateway_cannot_read_is_a_502() {
    for (fault, error) in [
        ("at: app, crash: panic", "connection_terminated"),
        ("at: app, crash: malformed_response", "http_protocol_error"),
        ("at: gw -> app, network: { reset_peer: { phase: mid_headers } }", "http_response_incomplete"),
    ] {
        let got = Up::gateway(fault).get();
        assert_eq!(got.status(), Some(502), "{fault}");
        assert!(got.header("proxy-status").unwrap().contains(error), "{fault}: {}", got.text());
    }
}
