//! Logs whose verdicts were worked out by hand.

use evidence::{Input, Options};
use proptest::prelude::*;

use super::*;
use crate::render::{self, Format, Look};

const ENVOY: &str = include_str!("fixtures/envoy.log");
const ENVOY_APP: &str = include_str!("fixtures/envoy-app.jsonl");
const JAEGER: &str = include_str!("fixtures/jaeger.json");
const NGINX: &str = include_str!("fixtures/nginx.log");
const NGINX_ERROR: &str = include_str!("fixtures/nginx-error.log");
const LOG_FORMAT: &str = "$msec $request_id \"$request\" $status $upstream_addr $upstream_status \
     $upstream_connect_time $upstream_header_time $upstream_response_time $request_time";

fn read(files: &[(&str, &str)], log_format: Option<&str>) -> Evidence {
    let inputs: Vec<Input<'_>> =
        files.iter().map(|(name, text)| Input { name, node: None, bytes: text.as_bytes() }).collect();
    let options = Options { log_format: log_format.map(str::to_owned), ..Options::default() };
    evidence::read(&inputs, &options).unwrap()
}

fn diagnosed(files: &[(&str, &str)], log_format: Option<&str>) -> Diagnosis {
    diagnose(read(files, log_format), None).unwrap().0
}

fn written(diagnosis: &Diagnosis) -> String {
    let mut out = Vec::new();
    render::diagnosis(diagnosis, Format::Table, Look::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    text
}

fn table(diagnosis: &Diagnosis) -> String {
    let text = written(diagnosis);
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    text
}

/// Status, origin, cause, mechanism, failed, masked.
fn origins(diagnosis: &Diagnosis) -> Vec<String> {
    let row = |row: &OriginRow| {
        let status = row.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let OriginRow { origin, cause, mechanism, surfaced, masked, .. } = row;
        format!("{status} {origin} {cause} {mechanism} {surfaced} {masked}")
    };
    let mut rows: Vec<_> = diagnosis.origins.iter().map(row).collect();
    rows.sort();
    rows
}

/// Each line of Envoy's has one flag, or none:
/// `UF` is a connection that was not made, and nobody says whether the process was up; `UC` is one that
/// ended before the head, and the application, which has a log, has no line of that request; no flag and an
/// upstream is the application's own answer, as its own log says too; `RL` and `NR` are Envoy's own; `UT` is
/// Envoy's time-out after 500 ms, while the application needed 900 ms where 20 ms are usual; `DC` is the
/// client, who left.
#[test]
fn envoys_flags_and_the_applications_log_decide() {
    let found = diagnosed(&[("envoy.log", ENVOY), ("app.jsonl", ENVOY_APP)], None);
    assert_eq!(
        origins(&found),
        [
            "404 envoy config missing_route 1 0",
            "429 envoy overload rate_limit 1 0",
            "503 app undecided  1 0",
            "503 envoy -> app undecided connection_refused 1 0",
            "503 envoy -> app undecided connection_terminated 1 0",
            "504 app overload slow 1 0",
            "none client client  1 0",
        ]
    );
    assert_eq!((found.requests, found.succeeded), (13, 6));
    insta::assert_snapshot!(table(&found));
}

/// Applications that name the request they were asked by, with clocks that are 20 ms apart and two requests of
/// one trace at once: the spans say who asked whom. Of the two `stock` answered one with 500, which `orders`
/// made 502 of.
#[test]
fn the_request_that_is_named_is_the_one_that_led_there() {
    let line = |service: &str, time: &str, took: u32, status: u16, span: &str, parent: &str| {
        format!(
            r#"{{"time":"2026-01-02T03:04:{time}Z","service":"{service}","status":{status},"duration_ms":{took},"#
        ) + &format!(r#""trace_id":"t1","span_id":"{span}","parent_id":"{parent}"}}"#)
            + "\n"
    };
    let log = line("gateway", "05.100", 90, 502, "a1", "")
        + &line("gateway", "05.101", 91, 200, "a2", "")
        + &line("orders", "05.098", 85, 502, "b1", "a1")
        + &line("orders", "05.099", 86, 200, "b2", "a2")
        + &line("stock", "05.115", 80, 500, "c1", "b1")
        + &line("stock", "05.116", 80, 200, "c2", "b2");
    let found = diagnosed(&[("app.jsonl", &log)], None);
    assert_eq!((found.requests, found.succeeded), (2, 1));
    assert_eq!(origins(&found), ["502 stock undecided  1 0"]);
    let passed: Vec<_> = found.layers.iter().map(|row| (&*row.node, row.requests, row.ok)).collect();
    assert_eq!(passed, [("client", 2, 1), ("gateway", 2, 1), ("orders", 2, 1), ("stock", 2, 1)]);
}

/// Without the application's log an upstream is an address, and what it did not answer is undecided.
#[test]
fn envoys_log_alone_names_the_link() {
    let found = diagnosed(&[("envoy.log", ENVOY)], None);
    let rows = origins(&found);
    for expected in [
        "503 10.0.0.5:8080 undecided  1 0",
        "503 envoy -> 10.0.0.5:8080 undecided connection_refused 1 0",
        "503 envoy -> 10.0.0.5:8080 undecided connection_terminated 1 0",
        "504 envoy -> 10.0.0.5:8080 undecided http_response_timeout 1 0",
    ] {
        assert!(rows.contains(&expected.to_owned()), "{rows:#?}");
    }
}

/// Trace 10: `payments` recorded an exception of its own code, and the gateway passed its 500 on. Trace 11:
/// a refused connection, of which nobody says whether the process was up. Trace 12: the gateway gave up after
/// 500 ms, and `payments` was at work for 900 ms, where 20 ms are usual.
#[test]
fn jaegers_traces_are_read_by_the_conventions() {
    let found = diagnosed(&[("traces.json", JAEGER)], None);
    assert_eq!(
        origins(&found),
        [
            "500 payments crash exception 1 0",
            "502 gateway -> payments undecided connection_refused 1 0",
            "504 payments overload slow 1 0",
        ]
    );
    insta::assert_snapshot!(table(&found));
}

/// nginx's own 502 and a passed-on one differ by `$upstream_header_time`; why a connection failed is in the
/// error log. The first upstream of `retried` refused, the second answered: masked.
#[test]
fn nginx_is_read_with_its_error_log() {
    let files = [("access.log", NGINX), ("error.log", NGINX_ERROR)];
    let found = diagnosed(&files, Some(LOG_FORMAT));
    assert_eq!(
        origins(&found),
        [
            "200 nginx -> 10.0.0.5:80 undecided http_response_incomplete 1 0",
            "429 nginx overload rate_limit 1 0",
            "502 10.0.0.5:80 undecided  1 0",
            "502 nginx -> 10.0.0.5:80 undecided connection_terminated 1 0",
            "502 nginx -> backend undecided  1 0",
            "504 nginx -> 10.0.0.5:80 undecided http_response_timeout 1 0",
            "none client client  1 0",
            "none nginx -> 10.0.0.5:80 undecided connection_refused 0 1",
        ]
    );
    assert_eq!(found.bad.len(), 1);
    insta::assert_snapshot!(table(&found));
}

/// `combined` has neither an id nor an upstream: each line is a request of its own, and what is missing is said.
#[test]
fn combined_says_little_and_what_to_log_is_said() {
    let line = |status: u16| {
        format!("10.0.0.9 - - [24/Nov/2026:10:00:00 +0100] \"GET / HTTP/1.1\" {status} 9 \"-\" \"curl\"\n")
    };
    let found = diagnosed(&[("access.log", &(line(200) + &line(502)))], None);
    assert_eq!(origins(&found), ["502 nginx undecided  1 0"]);
    assert!(found.undecided[0].next_step.contains("$upstream_status"), "{:?}", found.undecided);
}

#[test]
fn one_request_is_explained_by_its_id() {
    let evidence = read(&[("envoy.log", ENVOY), ("app.jsonl", ENVOY_APP)], None);
    let explained = explain(evidence, "slow-1").unwrap();
    assert_eq!(explained.len(), 1);
    assert_eq!((&*explained[0].call.origin, explained[0].hops.len()), ("app", 2));
}

/// One call over two spans of our own.
const OTLP: &str = include_str!("fixtures/otlp.jsonl");

/// What is put into a log.
fn put() -> impl Strategy<Value = String> {
    let numbers = ["1e19", "18446744073709551615", "0", "-1", "1e300"].map(str::to_owned);
    prop_oneof!["[ -~\\n\\t\\x1bé]{0,12}", proptest::sample::select(numbers.to_vec())]
}

/// Numbers larger than any log means: they are taken for less, and summed up.
#[test]
fn huge_numbers_do_no_harm() {
    let huge = |text: &str| text.replace("0.125", "1.8e19");
    let lines = "1700000000.500 a \"GET / HTTP/1.1\" 502 h:1, h:2 502, 502 0.125, 0.125 0.125, 0.125 0.125, 0.125 0.125\n";
    assert!(OTLP.contains("0.125"));
    for (text, log_format) in [(huge(OTLP), None), (huge(lines), Some(LOG_FORMAT))] {
        let diagnosis = diagnosed(&[("log", &text)], log_format);
        assert_eq!(diagnosis.requests, 1, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is cut out of logs or put into them: it is read, or said to be bad.
    #[test]
    fn hostile_logs_do_no_harm(
        which in 0_usize..6,
        cuts in proptest::collection::vec((0_usize..10_000, 0_usize..60, put()), 0..6),
    ) {
        let texts = [ENVOY, ENVOY_APP, JAEGER, NGINX, NGINX_ERROR, OTLP];
        let mut text = texts[which].to_owned();
        for (at, len, put) in cuts {
            let mut from = at % (text.len() + 1);
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let mut to = (from + len).min(text.len());
            while !text.is_char_boundary(to) {
                to += 1;
            }
            text.replace_range(from..to, &put);
        }
        let inputs = [Input { name: "hostile", node: None, bytes: text.as_bytes() }];
        for format in evidence::Format::ALL.into_iter().map(Some).chain([None]) {
            let options = Options { format, log_format: None, names: Vec::new() };
            if let Ok(evidence) = evidence::read(&inputs, &options) {
                let (found, _) = diagnose(evidence, None).unwrap();
                prop_assert!(found.succeeded <= found.requests);
                written(&found);
            }
        }
    }
}
