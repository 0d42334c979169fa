//! `diagnose`: what a run says of its failures is said again from its logs alone.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Row, Running, at_once, badgateway, half_fails, number, root, rows};

/// What an origin is, and what it did.
type Origins = BTreeMap<[String; 4], (u64, u64)>;

fn origins(rows: &[Row]) -> Origins {
    let columns = ["status", "origin", "cause", "mechanism"];
    let counts = |row: &Row| (number(row, "surfaced"), number(row, "masked"));
    rows.iter().map(|row| (columns.map(|column| row[column].clone()), counts(row))).collect()
}

/// The origins that `diagnose` finds in these files.
fn diagnosed(args: &[&str]) -> Origins {
    let mut command = badgateway(["diagnose", "--format", "csv"]);
    let printed = Running::start(command.args(args)).end_within(Duration::from_secs(20)).well();
    let mut reader = csv::Reader::from_reader(printed.as_bytes());
    let rows: Vec<Row> = reader.deserialize().map(|row| row.unwrap()).collect();
    origins(&rows)
}

/// Runs a scenario, all of it counted, with an access log.
fn run(scenario: &Path, folder: &Path, args: &[&str]) {
    let mut command = badgateway(["run", "--quiet", "--access-log", "--set", "warmup=0s", "--out"]);
    command.arg(folder).arg(scenario).args(args);
    let ended = Running::start(&mut command).end_within(Duration::from_mins(1));
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.err);
}

/// An access log of half of the calls failing.
fn half_failed(folder: &Path) -> String {
    std::fs::write(folder.join("s.yaml"), half_fails("")).unwrap();
    run(&folder.join("s.yaml"), &folder.join("run"), &["--engine", "virtual"]);
    folder.join("run/access.jsonl").display().to_string()
}

#[test]
fn an_access_log_tells_the_same_origins_as_the_run() {
    let temp = tempfile::tempdir().unwrap();
    let mut failed = 0;
    for scenario in crate::support::scenarios() {
        let folder = temp.path().join(scenario.file_stem().unwrap());
        run(&scenario, &folder, &["--engine", "virtual", "--duration", "8s"]);
        let expected = origins(&rows(&folder, "origins.csv"));
        failed += expected.values().map(|(surfaced, masked)| surfaced + masked).sum::<u64>();
        assert_eq!(
            diagnosed(&[&folder.join("access.jsonl").display().to_string()]),
            expected,
            "{scenario:?}"
        );
    }
    assert!(failed > 1000, "hardly anything failed");
}

/// Lines of OTLP without what only the injector knows, and what was made of it.
fn without_marks(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let mut batch: serde_json::Value = serde_json::from_str(line).unwrap();
        for resource in batch["resourceSpans"].as_array_mut().unwrap() {
            for scope in resource["scopeSpans"].as_array_mut().unwrap() {
                for span in scope["spans"].as_array_mut().unwrap() {
                    span["attributes"].as_array_mut().unwrap().retain(|attribute| {
                        let key = attribute["key"].as_str().unwrap();
                        !key.starts_with("badgateway.fault") && !key.starts_with("badgateway.verdict")
                    });
                }
            }
        }
        kept.push_str(&batch.to_string());
        kept.push('\n');
    }
    assert!(!kept.contains("badgateway.fault") && !kept.contains("badgateway.verdict"));
    kept
}

#[test]
fn exported_traces_tell_the_same_origins_as_the_run() {
    let temp = tempfile::tempdir().unwrap();
    for scenario in crate::support::scenarios() {
        let folder = temp.path().join(scenario.file_stem().unwrap());
        let traces = folder.with_extension("otlp.jsonl");
        let otlp = traces.display().to_string();
        run(&scenario, &folder, &["--engine", "virtual", "--duration", "8s", "--otlp", &otlp]);
        std::fs::write(&traces, without_marks(&std::fs::read_to_string(&traces).unwrap())).unwrap();
        assert_eq!(diagnosed(&[&otlp]), origins(&rows(&folder, "origins.csv")), "{scenario:?}");
    }
}

/// A short chain in which there is no room: at the server, in the pool before it, in the gateway.
fn without_room(fault: &str, room: &str) -> String {
    let (server, pool, gateway) = match room {
        "server" => ("workers: 2, queue: 3", "", ""),
        "pool" => ("workers: 64", ", pool: { max_connections: 2 }", ""),
        _ => ("workers: 64", "", ", max_in_flight: 3"),
    };
    format!(
        "name: full\nduration: 3s\nnodes:\n  client: {{ kind: client }}\n  front: {{ kind: gateway }}\n  \
         gateway: {{ kind: gateway{gateway} }}\n  app: {{ kind: server, service_time: 5ms, {server} }}\nedges:\n  \
         - client -> front\n  - front -> gateway: {{ timeout: 2s }}\n  \
         - gateway -> app: {{ timeout: 1s{pool} }}\nload:\n  - {{ from: client, rate: 60/s }}\n\
         faults:\n  - {{ {fault}, start: 300ms, stop: 1500ms }}\n"
    )
}

/// Why there was no room shows in what is logged of those that were inside.
#[test]
fn logs_and_traces_tell_what_took_the_room() {
    let temp = tempfile::tempdir().unwrap();
    let faults = [
        ("at: app, overload: { slow: { factor: 200 } }", "slow"),
        ("at: app, crash: hang", "hang"),
        ("at: gateway -> app, network: { latency: { mean: 2s } }", "latency"),
    ];
    for (n, (fault, mechanism)) in faults.into_iter().enumerate() {
        for room in ["server", "pool", "gateway"] {
            // A link that is slow fills no server.
            if room == "server" && mechanism == "latency" {
                continue;
            }
            let folder = temp.path().join(format!("{n}-{room}"));
            let scenario = folder.with_extension("yaml");
            std::fs::write(&scenario, without_room(fault, room)).unwrap();
            let otlp = folder.with_extension("otlp.jsonl").display().to_string();
            run(&scenario, &folder, &["--engine", "virtual", "--otlp", &otlp]);
            std::fs::write(&otlp, without_marks(&std::fs::read_to_string(&otlp).unwrap())).unwrap();
            let expected = origins(&rows(&folder, "origins.csv"));
            let refused = expected.iter().filter(|(what, _)| what[0] == "503" && what[3] == mechanism);
            assert!(refused.map(|(_, (failed, _))| failed).sum::<u64>() > 10, "{expected:?}");
            let log = folder.join("access.jsonl").display().to_string();
            assert_eq!(diagnosed(&[&log]), expected, "{fault} {room}: access log");
            assert_eq!(diagnosed(&[&otlp]), expected, "{fault} {room}: spans");
        }
    }
}

#[test]
fn a_live_run_with_a_real_program_tells_the_same() {
    let temp = tempfile::tempdir().unwrap();
    run(&root().join("scenarios/external/nginx.yaml"), temp.path(), &[]);
    let expected = origins(&rows(temp.path(), "origins.csv"));
    assert_eq!(diagnosed(&[&temp.path().join("access.jsonl").display().to_string()]), expected);
}

#[test]
fn one_request_is_shown_hop_by_hop_and_a_folder_is_as_a_runs() {
    let temp = tempfile::tempdir().unwrap();
    let log = half_failed(temp.path());
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = lines.iter().find(|line| line["kind"] == "call" && line["status"] == 502).unwrap();
    let id = failed["trace_id"].as_str().unwrap();
    let shown = at_once(&mut badgateway(["diagnose", &log, "--request", id])).well();
    assert!(shown.contains("verdict: crash (panic) at app") && shown.contains("<- born here"), "{shown}");
    assert!(!shown.contains("faults injected"), "{shown}");
    let told = at_once(&mut badgateway(["diagnose", &log, "--request", "none"])).without_result(2);
    assert!(told.contains("no request has the id `none`"), "{told}");

    let out = temp.path().join("found");
    at_once(badgateway(["diagnose", &log, "--out"]).arg(&out)).well();
    assert!(out.join("report.html").exists());
    let explained = at_once(badgateway(["explain"]).arg(&out)).well();
    assert!(explained.contains("verdict: crash (panic) at app"), "{explained}");
    assert_eq!(origins(&rows(&out, "origins.csv")), origins(&rows(&temp.path().join("run"), "origins.csv")));
}

#[test]
fn what_cannot_be_read_is_told_of() {
    let temp = tempfile::tempdir().unwrap();
    let log = half_failed(temp.path());
    let whole = std::fs::read_to_string(&log).unwrap();
    let broken = whole.replacen("\"kind\":\"hop\"", "\"kind\":\"hip\"", 1) + "{\"kind\":\"hop\",\"time";
    let mut child =
        badgateway(["diagnose", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(broken.as_bytes()).unwrap();
    let printed = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(printed.contains("warning: 2 of stdin could not be read"), "{printed}");
    assert!(printed.contains("stdin:1: ") && printed.contains("hip"), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");

    let strange = temp.path().join("strange.txt");
    std::fs::write(&strange, "nothing that anyone knows\n").unwrap();
    let told = at_once(badgateway(["diagnose"]).arg(&strange)).without_result(2);
    assert!(told.contains("strange.txt") && told.contains("--as"), "{told}");
    let told = at_once(&mut badgateway(["diagnose", "--as", "ngin", &log])).without_result(2);
    assert!(told.contains("there is no format `ngin`"), "{told}");
}

/// What is left of our access log if nginx is a program of somebody else's: what nginx asked of the
/// application is in nginx's own log, and the application has a log of its own, in JSON, by the header that
/// nginx has passed on.
fn logs_around_nginx(access: &str) -> (String, String) {
    let (mut ours, mut app) = (String::new(), String::new());
    for line in access.lines() {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["kind"] == "hop" && line["node"] == "nginx" {
            let served = &line["served"];
            if served["status"].is_null() {
                continue;
            }
            let id = |name: &str| line[name].as_str().unwrap();
            let told = serde_json::json!({
                "service": "app",
                "start_time": line["time"],
                "duration_us": served["duration_us"],
                "status": served["status"],
                "traceparent": format!("00-{}-{}-01", id("trace_id"), id("parent_id")),
                "exception": served["refusal"].as_str().filter(|why| *why == "exception"),
            });
            app.push_str(&told.to_string());
            app.push('\n');
        } else if line["kind"] != "link" {
            if line["upstream"] == "nginx" && line["served"]["witnessed"] == true {
                line["served"] = serde_json::Value::Null;
            }
            ours.push_str(&line.to_string());
            ours.push('\n');
        }
    }
    (ours, app)
}

#[test]
fn nginxs_own_logs_in_the_middle_of_a_chain_tell_the_same() {
    let temp = tempfile::tempdir().unwrap();
    let shipped = root().join("scenarios/external");
    std::fs::copy(shipped.join("nginx.yaml"), temp.path().join("s.yaml")).unwrap();
    let format = "$msec $http_traceparent \"$request\" $status $upstream_addr $upstream_status \
         $upstream_connect_time $upstream_header_time $upstream_response_time $request_time";
    let config = std::fs::read_to_string(shipped.join("nginx.conf")).unwrap();
    let plain = "access_log access.log;";
    assert!(config.contains(plain));
    let config =
        config.replace(plain, &format!("log_format chain '{format}';\n  access_log access.log chain;"));
    std::fs::write(temp.path().join("nginx.conf"), config).unwrap();
    let folder = temp.path().join("run");
    run(&temp.path().join("s.yaml"), &folder, &[]);
    let access = std::fs::read_to_string(folder.join("access.jsonl")).unwrap();
    let (ours, app) = logs_around_nginx(&access);
    std::fs::write(temp.path().join("ours.jsonl"), ours).unwrap();
    std::fs::write(temp.path().join("app.jsonl"), app).unwrap();
    let file = |name: &str| temp.path().join(name).display().to_string();
    let nginx = |name: &str| folder.join("external/nginx").join(name).display().to_string();
    let files =
        [file("ours.jsonl"), file("app.jsonl"), nginx("nginx.conf"), nginx("access.log"), nginx("log")];
    let expected = origins(&rows(&folder, "origins.csv"));
    let mut found = diagnosed(&files.each_ref().map(String::as_str));
    // A connection that is being taken as the listener goes is closed without a byte. That it is the listener
    // nobody but itself can tell.
    let key = |mechanism: &str| ["502", "nginx -> app", "network", mechanism].map(str::to_owned);
    if let Some((surfaced @ ..=1, masked @ ..=1)) = found.remove(&key("empty_response")) {
        let down = found.entry(key("down")).or_default();
        *down = (down.0 + surfaced, down.1 + masked);
    }
    assert_eq!(found, expected);
}
