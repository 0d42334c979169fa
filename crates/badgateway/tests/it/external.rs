//! Real programs in the chain, which keep no records: the verdicts on all that goes wrong before,
//! behind and in them must be right all the same.

mod between;
mod litellm;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use rustix::process::{Pid, Signal, test_kill_process};

use crate::drawn::{EDGE_FAULTS, GATEWAY_FAULTS, NODE_FAULTS, check, figures, is_state};
use crate::support::{AT_ONCE, Running, at_once, badgateway, manifest, number, root, rows};

/// Where `.ci/setup` puts Python's programs.
fn tools() -> PathBuf {
    root().join(".tools/venv/bin")
}

/// Where it puts `LiteLLM`'s proxy.
fn litellm() -> PathBuf {
    root().join(".tools/litellm/bin")
}

/// A file beside the shipped scenarios with programs.
fn shipped(file: &str) -> PathBuf {
    root().join("scenarios/external").join(file)
}

/// The program, with Python's programs on its path.
fn with_tools<const N: usize>(args: [&str; N]) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = badgateway(args);
    // The other one has LiteLLM without its proxy.
    command.env("PATH", format!("{}:{}:{path}", litellm().display(), tools().display()));
    command
}

/// A program, and the configuration that ships for it.
struct Program {
    name: &'static str,
    command: &'static str,
    config: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program { name: "nginx", command: "nginx -p {{dir}} -c {{config}} -e stderr", config: "nginx.conf" },
    Program { name: "haproxy", command: "haproxy -db -f {{config}}", config: "haproxy.cfg" },
    Program {
        name: "envoy",
        command: "envoy -c {{config}} --disable-hot-restart --concurrency 1",
        config: "envoy-bootstrap.yaml",
    },
];

/// What can go wrong in a program itself.
const PROGRAM_FAULTS: &[&str] =
    &["crash: { down: { restart_after: 150ms } }", "crash: { crash_loop: { up: 200ms, down: 50ms } }"];

/// Whether a fault at an edge that leaves a program is none of the program's own affairs.
fn can_follow(fault: &str) -> bool {
    ![
        "wrong_port",
        "wrong_host",
        "dns_failure",
        "tls_mismatch",
        "bad_certificate",
        "wrong_path",
        "bad_credentials",
        "timeout_too_short",
    ]
    .iter()
    .any(|own| fault.contains(own))
}

/// Whether it holds for all connections that a program makes.
fn is_of_link(fault: &str) -> bool {
    ["network: down", "blackhole", "partition"].iter().any(|link| fault.contains(link))
}

/// A chain of so many nodes with programs at these places, and this fault.
fn chain(nodes: usize, programs: &[(usize, &Program)], fault: &str, seed: u32) -> String {
    let mut text =
        format!("name: external\nduration: 600ms\nseed: {seed}\nnodes:\n  n0: {{ kind: client }}\n");
    for n in 1..nodes {
        let program = programs.iter().find(|(place, _)| *place == n);
        let _ = match program {
            Some((_, program)) => {
                let config = std::fs::read_to_string(shipped(program.config)).unwrap();
                let config = config.replace("upstreams.app", &format!("upstreams.n{}", n + 1));
                let command = match program.name {
                    "envoy" => {
                        program.command.replacen("envoy", &tools().join("envoy").display().to_string(), 1)
                    }
                    _ => program.command.to_owned(),
                };
                write!(
                    text,
                    "  n{n}:\n    kind: external\n    command: {command}\n    config:\n      name: {}\n      text: |\n        {}\n",
                    program.config,
                    config.trim_end().replace('\n', "\n        ")
                )
            }
            None if n + 1 == nodes => {
                writeln!(text, "  n{n}: {{ kind: server, service_time: 2ms, workers: 64 }}")
            }
            None => writeln!(text, "  n{n}: {{ kind: gateway }}"),
        };
    }
    text.push_str("edges:\n");
    for n in 0..nodes - 1 {
        let timeout = 100 + 20 * (nodes - n);
        let _ = if programs.iter().any(|(place, _)| *place == n) {
            writeln!(text, "  - n{n} -> n{}", n + 1)
        } else {
            writeln!(text, "  - n{n} -> n{}: {{ timeout: {timeout}ms, connect_timeout: 60ms }}", n + 1)
        };
    }
    let _ = write!(
        text,
        "load:\n  - {{ from: n0, rate: 60/s, arrivals: poisson, request: {{ method: POST, body: {{ size: 50B }} }} }}\nfaults:\n  - {{ {fault} }}\n"
    );
    text
}

/// One fault somewhere in such a chain.
fn fault(rng: &mut Pcg64Mcg, nodes: usize, place: usize) -> String {
    let n = rng.random_range(1..nodes);
    let (at, what) = match rng.random_range(0..10) {
        0..=4 => {
            let from = n - 1;
            let faults: Vec<_> = EDGE_FAULTS.iter().filter(|f| from != place || can_follow(f)).collect();
            (format!("n{from} -> n{n}"), **faults.choose(rng).unwrap())
        }
        5 if n != place && n + 1 < nodes => (format!("n{n}"), *GATEWAY_FAULTS.choose(rng).unwrap()),
        _ if n == place => (format!("n{n}"), *PROGRAM_FAULTS.choose(rng).unwrap()),
        _ => (format!("n{n}"), *NODE_FAULTS.choose(rng).unwrap()),
    };
    let behind_program = at.starts_with(&format!("n{place} ->"));
    let state = is_state(what) || (behind_program && is_of_link(what));
    let mut fault = format!("at: {at}, {what}, start: 100ms");
    if !state {
        let _ = write!(fault, ", probability: {}", ["20%", "50%", "100%"].choose(rng).unwrap());
    }
    fault
}

/// How many chains are drawn; `DRAWN=1000` draws more.
fn cases() -> u64 {
    std::env::var("DRAWN").ok().and_then(|n| n.parse().ok()).unwrap_or(60)
}

#[test]
fn every_failure_around_a_real_program_is_traced_to_its_fault() {
    let next = AtomicU64::new(0);
    let wrong = Mutex::new(Vec::new());
    let (judged, unmarked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= cases() {
                        return;
                    }
                    let mut rng = Pcg64Mcg::seed_from_u64(seed);
                    let nodes = rng.random_range(3..=5);
                    let place = rng.random_range(1..nodes - 1);
                    let program = PROGRAMS.choose(&mut rng).unwrap();
                    let fault = fault(&mut rng, nodes, place);
                    let text = chain(nodes, &[(place, program)], &fault, rng.random());
                    let figures = figures(&text);
                    judged.fetch_add(usize::try_from(figures.score.single.total).unwrap(), Ordering::Relaxed);
                    unmarked.fetch_add(usize::try_from(figures.score.unmarked).unwrap(), Ordering::Relaxed);
                    let mut found = check(&format!("{} {fault}", program.name), &figures);
                    let at = fault.strip_prefix("at: ").and_then(|at| at.split_once(',')).unwrap().0;
                    // A program is longer gone than the fault says, for it has to start again.
                    found.extend(figures.origins.iter().filter(|o| &*o.origin != at).map(|o| {
                        format!(
                            "{} failed, {} masked by {} {} at {}",
                            o.surfaced, o.masked, o.cause, o.mechanism, o.origin
                        )
                    }));
                    if !found.is_empty() {
                        wrong.lock().unwrap().push(format!("seed {seed}:\n{}\n{text}", found.join("\n")));
                    }
                }
            });
        }
    });
    let (judged, unmarked) = (judged.into_inner(), unmarked.into_inner());
    println!("{} chains with a program: {judged} failures judged, {unmarked} more without a mark", cases());
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(judged as u64 > cases(), "hardly anything failed");
}

#[test]
fn each_shipped_program_breaks_as_it_says() {
    let temp = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for name in ["nginx", "haproxy", "envoy"] {
            let folder = temp.path().join(name);
            scope.spawn(move || {
                let scenario = shipped(&format!("{name}.yaml"));
                let mut command = with_tools(["run", "--quiet", "--out"]);
                let running = Running::start(command.arg(&folder).arg(scenario));
                running.end_within(Duration::from_secs(40)).well();
                let run = manifest(&folder);
                assert!(run["score"]["misses"].as_array().unwrap().is_empty(), "{name}: {}", run["score"]);
                let faults = rows(&folder, "faults.csv");
                let idle: Vec<_> = faults.iter().filter(|fault| number(fault, "injected") == 0).collect();
                assert!(idle.is_empty() && faults.len() == 6, "{name}: {idle:?}");
                let places: Vec<_> = faults.iter().map(|fault| &fault["target"]).collect();
                for origin in rows(&folder, "origins.csv") {
                    assert!(places.contains(&&origin["origin"]), "{name}: {origin:?}");
                }
                assert!(folder.join("external").join(name).join("log").is_file(), "{name} has a log");
            });
        }
    });
}

#[test]
fn what_breaks_off_behind_a_program_reaches_its_caller_cut() {
    let program = &PROGRAMS[0];
    let text = chain(3, &[(1, program)], "at: n2, crash: truncate, probability: 50%", 7);
    // It is so short that the end may come with the head.
    let text = text.replace("service_time: 2ms", "service_time: 2ms, response: { body: 20B }");
    let temp = tempfile::tempdir().unwrap();
    let (file, folder) = (temp.path().join("cut.yaml"), temp.path().join("run"));
    std::fs::write(&file, text).unwrap();
    let running = Running::start(with_tools(["run", "--quiet", "--out"]).arg(&folder).arg(&file));
    running.end_within(Duration::from_secs(20)).well();
    let calls = rows(&folder, "calls.csv");
    let failed: Vec<_> = calls.iter().filter(|call| !call["origin"].is_empty()).collect();
    assert!(failed.len() > 5, "{calls:?}");
    for call in failed {
        let got = (&*call["status"], &*call["error"], &*call["origin"]);
        assert_eq!(got, ("200", "http_response_incomplete", "n2"), "{call:?}");
    }
}

/// A scenario with nginx in it, in a folder of its own; `broken` is put into its configuration.
fn with_nginx(broken: &str) -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::copy(shipped("nginx.yaml"), temp.path().join("s.yaml")).unwrap();
    let config = std::fs::read_to_string(shipped("nginx.conf")).unwrap();
    std::fs::write(temp.path().join("nginx.conf"), config + broken).unwrap();
    temp
}

#[test]
fn a_program_that_does_not_start_is_told_of_with_its_log() {
    let temp = with_nginx("no_such_directive;\n");
    let told = at_once(badgateway(["run", "s.yaml", "--out", "run"]).current_dir(&temp)).without_result(1);
    assert!(told.contains("the external node `nginx` did not start"), "{told}");
    assert!(told.contains("unknown directive \"no_such_directive\""), "{told}");
    assert!(told.contains("run/external/nginx/log"), "{told}");

    let set = [
        "run",
        "s.yaml",
        "--out",
        "run",
        "--set",
        "nodes.nginx.command=no-such-program {{listen}} {{config}}",
    ];
    let told = at_once(badgateway(set).current_dir(&temp)).without_result(1);
    assert!(told.contains("there is no program `no-such-program`") && !told.contains("log"), "{told}");

    let text = "name: late
nodes:
  client: { kind: client }
  gw: { kind: external, command: \"sh -c 'echo up soon; exec sleep 60' {{listen}} {{upstreams.app}}\", ready: 300ms }
  app: { kind: server }
edges: [client -> gw -> app]
load: [{ rate: 1/s }]
";
    std::fs::write(temp.path().join("late.yaml"), text).unwrap();
    let told = at_once(badgateway(["run", "late.yaml", "--out", "run"]).current_dir(&temp)).without_result(1);
    assert!(told.contains("nothing listened on 127.0.0.1:") && told.contains("within 300ms"), "{told}");
    assert!(told.contains("up soon"), "{told}");
}

#[test]
fn virtual_time_has_a_profile_in_the_place_of_a_program() {
    let temp = with_nginx("");
    let run = ["run", "s.yaml", "--out", "run", "--engine", "virtual"];
    let ended = Running::start(badgateway(run).current_dir(&temp)).end_within(Duration::from_secs(20));
    assert!(ended.well().contains("nginx"));
    let text = std::fs::read_to_string(temp.path().join("s.yaml")).unwrap();
    let edge = "  - nginx -> app: { timeout: 500ms, connect_timeout: 300ms }";
    let text: Vec<_> = text.lines().filter(|line| !line.contains("profile: nginx")).collect();
    std::fs::write(temp.path().join("s.yaml"), text.join("\n").replace(edge, "  - nginx -> app")).unwrap();
    let told = at_once(badgateway(run).current_dir(&temp)).without_result(2);
    assert!(told.contains("give it a `profile`"), "{told}");
}

/// The id of the nginx that a run has started.
fn nginx_of(folder: &std::path::Path) -> Pid {
    let file = folder.join("run/external/nginx/nginx.pid");
    let begin = Instant::now();
    loop {
        let id = std::fs::read_to_string(&file).ok().and_then(|id| Pid::from_raw(id.trim().parse().ok()?));
        if let Some(id) = id {
            return id;
        }
        assert!(begin.elapsed() < AT_ONCE, "nginx does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_program_ends_with_the_run_however_that_ends() {
    for signal in [Signal::INT, Signal::KILL] {
        let temp = with_nginx("");
        let mut command = badgateway(["run", "s.yaml", "--out", "run", "--duration", "60s"]);
        let running = Running::start(command.current_dir(&temp));
        let nginx = nginx_of(temp.path());
        std::thread::sleep(Duration::from_millis(500));
        assert!(test_kill_process(nginx).is_ok());
        running.send(signal);
        let code = running.end_within(AT_ONCE).code;
        assert_eq!(code, (signal == Signal::INT).then_some(0));
        let begin = Instant::now();
        while test_kill_process(nginx).is_ok() {
            assert!(begin.elapsed() < Duration::from_secs(5), "nginx outlives the run");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
