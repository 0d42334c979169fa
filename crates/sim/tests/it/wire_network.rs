//! The network's mechanisms, as a caller's socket sees them.

use std::time::Duration;

use crate::support::{End, Up};

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn without_a_fault_a_response_is_whole_and_the_connection_stays() {
    let up = Up::server("at: app, crash: exception, start: 59s");
    let mut socket = up.connect();
    for _ in 0..3 {
        let got = socket.get();
        assert_eq!((got.status(), got.body(), got.end), (Some(200), 100, End::Whole));
    }
}

#[test]
fn down_refuses() {
    let up = Up::gateway("at: gw -> app, network: down");
    let got = up.get();
    assert_eq!(got.status(), Some(502));
    assert!(got.header("proxy-status").unwrap().contains("connection_refused"), "{}", got.text());
}

#[test]
fn a_blackhole_never_completes_the_handshake() {
    for mechanism in ["blackhole", "partition"] {
        let up = Up::gateway(&format!("at: gw -> app, network: {mechanism}"));
        let got = up.get();
        assert_eq!(got.status(), Some(504), "{mechanism}");
        assert!(got.header("proxy-status").unwrap().contains("connection_timeout"), "{}", got.text());
        assert!(got.took >= MS(290) && got.took < MS(1500), "{mechanism}: {:?}", got.took);
    }
}

#[test]
fn an_existing_connection_is_hit_too() {
    let up = Up::gateway("at: gw -> app, network: blackhole, start: 300ms");
    let mut socket = up.connect();
    assert_eq!(socket.get().status(), Some(200));
    up.sleep_until(350);
    assert_eq!(socket.get().status(), Some(504));
}

#[test]
fn timeout_accepts_and_is_silent() {
    let up = Up::server("at: client -> app, network: timeout");
    let mut socket = up.connect();
    socket.patience(MS(400));
    let got = socket.get();
    assert_eq!((got.end, got.bytes.len()), (End::Silence, 0));
}

#[test]
fn a_reset_is_a_reset_in_each_phase() {
    for (phase, head, body) in
        [("before_headers", false, false), ("mid_headers", false, false), ("mid_body", true, true)]
    {
        let fault = format!("at: client -> app, network: {{ reset_peer: {{ phase: {phase} }} }}");
        let got = Up::server(&fault).get();
        assert_eq!(got.end, End::Reset, "{phase}");
        assert_eq!(got.has_head(), head, "{phase}: {}", got.text());
        assert_eq!(got.bytes.is_empty(), phase == "before_headers", "{phase}");
        assert_eq!(got.body() > 0 && got.body() < 100, body, "{phase}");
    }
}

#[test]
fn an_empty_response_is_a_fin_before_a_byte() {
    let got = Up::server("at: client -> app, network: empty_response").get();
    assert_eq!((got.end, got.bytes.len()), (End::Fin, 0));
}

#[test]
fn latency_delays_the_first_byte() {
    let got = Up::server("at: client -> app, network: { latency: { mean: 80ms, jitter: 20ms } }").get();
    assert_eq!((got.status(), got.end), (Some(200), End::Whole));
    assert!(got.first_byte >= MS(60) && got.first_byte < MS(300), "{:?}", got.first_byte);
}

#[test]
fn bandwidth_limits_the_rate() {
    let got = Up::server("at: client -> app, network: { bandwidth: { rate: 1000B/s } }").get();
    assert_eq!((got.status(), got.end, got.body()), (Some(200), End::Whole, 100));
    // About 200 bytes at 1000 a second; the last piece need not be waited for.
    let least = got.bytes.len() as u64 - 20;
    assert!(got.took >= MS(least), "{:?} for {} bytes", got.took, got.bytes.len());
}

#[test]
fn a_slicer_sends_small_pieces() {
    let got = Up::server("at: client -> app, network: { slicer: { size: 20B, delay: 10ms } }").get();
    assert_eq!((got.status(), got.end, got.body()), (Some(200), End::Whole, 100));
    let pieces = got.bytes.len().div_ceil(20);
    assert_eq!(got.reads, pieces);
    assert!(got.took >= MS(10) * u32::try_from(pieces - 1).unwrap());
}

#[test]
fn a_slow_close_holds_the_end_back() {
    let got = Up::server("at: client -> app, network: { slow_close: { delay: 200ms } }").get();
    assert_eq!((got.status(), got.end, got.body()), (Some(200), End::Fin, 100));
    assert_eq!(got.header("content-length"), None);
    assert!(got.body_whole < MS(150) && got.took >= MS(200), "{got:?}");
}

#[test]
fn limit_data_lets_so_many_bytes_through_and_closes() {
    for bytes in [0_usize, 10, 150] {
        let fault = format!("at: client -> app, network: {{ limit_data: {{ bytes: {bytes}B }} }}");
        let got = Up::server(&fault).get();
        assert_eq!((got.bytes.len(), got.end), (bytes, End::Fin));
    }
}

#[test]
fn corrupt_bytes_are_not_http() {
    let got = Up::server("at: client -> app, network: corrupt").get();
    assert_eq!(got.status(), None);
    assert!(!got.bytes.is_empty() && !got.bytes.starts_with(b"HTTP/"), "{}", got.text());
}
