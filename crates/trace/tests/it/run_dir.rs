use std::path::{Path, PathBuf};

use trace::manifest::{
    Aftermath, EdgeEntry, FORMAT, FormatVersion, Hits, Manifest, Miss, NodeEntry, Records, Score,
    ThresholdVerdict, Versions,
};
use trace::rows::{CallRow, FaultRow, HopRow, LayerRow, OriginRow, Row, SeedRow, StrategyRow, TimelineRow};
use trace::run_dir::{Example, ExampleHop, FILES};
use trace::{CallId, Exchange, HopId, RunDir, RunDirError};

fn aftermath() -> Aftermath {
    Aftermath {
        strategy: "none".into(),
        trigger: "`app-crash`".into(),
        ended_s: 3.0,
        recovered_after_s: Some(1.5),
        collapsed: false,
        words: vec!["it took 1.5s".into()],
    }
}

fn manifest() -> Manifest {
    Manifest {
        versions: Versions { tool: "0.1.0".into(), format: FORMAT },
        scenario: "chain".into(),
        engine: "live".into(),
        seed: u64::MAX,
        strategy: "none".into(),
        start: "2026-01-02T03:04:05Z".into(),
        elapsed_s: 20.5,
        warmup_s: 2.0,
        finished: true,
        interrupted: false,
        machine_limit: None,
        notes: vec!["waits are 0.1 ms late at the median".into()],
        thresholds: vec![
            ThresholdVerdict {
                text: "success_rate >= 99%".into(),
                figure: Some(0.98),
                met: false,
                strategy: String::new(),
            },
            ThresholdVerdict {
                text: "p(99) < 800ms".into(),
                figure: None,
                met: false,
                strategy: String::new(),
            },
        ],
        score: Score {
            single: Hits { right: 2, total: 3 },
            multiple: Hits { right: 1, total: 1 },
            unmarked: 4,
            misses: vec![Miss {
                call: "7".into(),
                said: "overload at app".into(),
                truth: "crash down at app".into(),
            }],
        },
        unmatched: vec!["never".into()],
        nodes: vec![
            NodeEntry { name: "client".into(), kind: "client".into() },
            NodeEntry { name: "app".into(), kind: "server".into() },
        ],
        edges: vec![EdgeEntry { from: "client".into(), to: "app".into() }],
        compared: vec!["none".into(), "eager".into()],
        seeds: 3,
        records: Records::Failed,
        warnings: vec!["the run is too short for its warm-up".into()],
        aftermaths: vec![aftermath()],
    }
}

fn call_rows() -> [CallRow; 2] {
    let well = CallRow {
        strategy: "none".into(),
        call: CallId::new(0, 1),
        client: "client".into(),
        start_ms: 2000.125,
        latency_ms: 21.5,
        status: Some(200),
        error: "".into(),
        attempts: 1,
        origin: "".into(),
        cause: "".into(),
        mechanism: "".into(),
        path: String::new(),
        born: None,
        evidence: String::new(),
        next_step: "".into(),
        seed: 7,
        sign: String::new(),
    };
    let failed = CallRow {
        call: CallId::new(1, 2),
        status: None,
        error: "connection_refused".into(),
        origin: "app".into(),
        cause: "crash".into(),
        mechanism: "down".into(),
        path: "refused@app".into(),
        born: Some(HopId(0xabc)),
        evidence: "app, \"the server\", was down".into(),
        next_step: "look at why app died".into(),
        sign: "gw (nginx): in the error log: connect() failed, \"111\"".into(),
        ..well.clone()
    };
    [well, failed]
}

fn hop_row() -> HopRow {
    let call = CallId::new(1, 2);
    HopRow {
        strategy: "none".into(),
        call,
        hop: HopId(0xabc),
        parent: HopId::root(call),
        attempt: 1,
        from: "client".into(),
        to: "app".into(),
        start_us: 2_000_125,
        duration_us: 90,
        status: None,
        error: "connection_refused".into(),
        generated_by: "".into(),
        seen_by_callee: false,
        reused: false,
        faults: "app-crash;flaky-link".into(),
        seed: 7,
        prompt_tokens: None,
        completion_tokens: None,
    }
}

fn origin_row() -> OriginRow {
    OriginRow {
        strategy: "none".into(),
        status: None,
        origin: "app".into(),
        origin_kind: "node".into(),
        cause: "crash".into(),
        mechanism: "down".into(),
        surfaced: 1,
        masked: 2,
        share: 1.0,
        first_ms: 2000.125,
        last_ms: 2100.0,
    }
}

fn layer_row() -> LayerRow {
    LayerRow {
        strategy: "none".into(),
        node: "app".into(),
        requests: 10,
        ok: 9,
        generated_502: 0,
        forwarded_502: 0,
        generated_5xx: 1,
        forwarded_5xx: 0,
        absorbed: 0,
    }
}

fn fault_row() -> FaultRow {
    FaultRow {
        strategy: "none".into(),
        fault: "app-crash".into(),
        target: "app".into(),
        cause: "crash".into(),
        mechanism: "down".into(),
        matched: 3,
        injected: 3,
        masked: 2,
        surfaced: 1,
        harmless: 0,
    }
}

fn strategy_row() -> StrategyRow {
    StrategyRow {
        strategy: "none".into(),
        calls: 2,
        succeeded: 1,
        success_rate: Some(0.5),
        success_low: Some(0.094_531),
        success_high: Some(0.905_469),
        p50_ms: Some(21.5),
        p90_ms: Some(21.5),
        p99_ms: Some(21.5),
        p999_ms: Some(21.5),
        max_ms: None,
        attempts_per_call: 1.0,
        amplification: 1.5,
        wasted_work: 0.0,
        goodput_per_s: 0.05,
        rank: 1,
        bound: Some(4),
        pareto: Some(true),
        pairs: Some(2),
        success_vs: Some(0.5),
        success_vs_low: Some(-0.25),
        success_vs_high: Some(0.75),
        load_vs: Some(0.5),
        p99_vs_ms: Some(-1.5),
        prompt_tokens: None,
        completion_tokens: None,
        wasted_tokens: None,
        money: None,
        wasted_money: None,
    }
}

fn timeline_row() -> TimelineRow {
    TimelineRow {
        strategy: "none".into(),
        second: 2,
        node: "app".into(),
        requests: 10,
        ok: 9,
        status_502: 0,
        other_errors: 1,
        in_flight: 3,
        queued: 1,
        p99_ms: None,
        seed: 7,
    }
}

fn example() -> Example {
    let exchange = Exchange {
        method: "GET".into(),
        url: "http://127.0.0.1:4000/v1/x".into(),
        request_headers: vec![("host".into(), "app".into())],
        response_headers: Vec::new(),
        error: Some("connection refused".into()),
    };
    Example {
        call: "1.2".into(),
        hops: vec![ExampleHop::new(HopId(0xabc), exchange)],
        strategy: Some("none".into()),
        seed: 7,
        row: None,
        steps: Vec::new(),
        worth: None,
    }
}

/// Before format 1.2.
fn calls_without_sign() -> [CallRow; 2] {
    call_rows().map(|call| CallRow { sign: String::new(), ..call })
}

fn write(path: &Path) -> RunDir {
    let dir = RunDir::create(path).unwrap();
    dir.write_manifest(&manifest()).unwrap();
    dir.write_scenario("name: chain\n").unwrap();
    dir.write_rows(&call_rows()).unwrap();
    dir.write_rows(&[hop_row()]).unwrap();
    dir.write_rows(&[origin_row()]).unwrap();
    dir.write_rows(&[layer_row()]).unwrap();
    dir.write_rows(&[fault_row()]).unwrap();
    dir.write_rows(&[strategy_row()]).unwrap();
    dir.write_rows(&[timeline_row()]).unwrap();
    dir.write_rows(&[strategy_row().of_seed(7)]).unwrap();
    let mut examples = dir.example_stream().unwrap();
    examples.push(&example()).unwrap();
    examples.flush().unwrap();
    dir
}

fn assert_reads_back(path: &Path, manifest: &Manifest) {
    let dir = RunDir::open(path).unwrap();
    assert_eq!(dir.read_manifest().unwrap(), *manifest);
    assert_eq!(dir.read_scenario().unwrap(), "name: chain\n");
    assert_eq!(dir.read_rows::<CallRow>().unwrap(), call_rows());
    assert_eq!(dir.read_rows::<SeedRow>().unwrap(), [strategy_row().of_seed(7)]);
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), [hop_row()]);
    assert_eq!(dir.read_rows::<OriginRow>().unwrap(), [origin_row()]);
    assert_eq!(dir.read_rows::<LayerRow>().unwrap(), [layer_row()]);
    assert_eq!(dir.read_rows::<FaultRow>().unwrap(), [fault_row()]);
    assert_eq!(dir.read_rows::<StrategyRow>().unwrap(), [strategy_row()]);
    assert_eq!(dir.read_rows::<TimelineRow>().unwrap(), [timeline_row()]);
    assert_eq!(dir.read_examples().unwrap(), [example()]);
}

fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/golden-{format}"))
}

#[test]
fn what_is_written_is_read_back() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("results/chain/run");
    write(&path);
    assert_reads_back(&path, &manifest());
}

/// A run of format 1.3 stays readable, and is still what is written.
#[test]
fn the_golden_run_is_read_and_written() {
    assert_reads_back(&golden("1.3"), &manifest());
    let temp = tempfile::tempdir().unwrap();
    write(temp.path());
    for file in FILES {
        let written = std::fs::read_to_string(temp.path().join(file)).unwrap();
        assert_eq!(written, std::fs::read_to_string(golden("1.3").join(file)).unwrap(), "{file}");
    }
}

/// A run of format 1.2 stays readable: it counts no tokens.
#[test]
fn a_golden_run_without_tokens_is_read() {
    let versions = Versions { format: FormatVersion { major: 1, minor: 2 }, ..manifest().versions };
    assert_reads_back(&golden("1.2"), &Manifest { versions, ..manifest() });
}

/// A run of format 1.1 stays readable: it has rows for all calls.
#[test]
fn a_golden_run_with_all_calls_is_read() {
    let dir = RunDir::open(golden("1.1")).unwrap();
    let versions = Versions { format: FormatVersion { major: 1, minor: 1 }, ..manifest().versions };
    assert_eq!(
        dir.read_manifest().unwrap(),
        Manifest {
            versions,
            records: Records::All,
            warnings: Vec::new(),
            aftermaths: Vec::new(),
            ..manifest()
        }
    );
    assert_eq!(dir.read_rows::<CallRow>().unwrap(), calls_without_sign());
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), [hop_row()]);
    assert_eq!(dir.read_rows::<TimelineRow>().unwrap(), [timeline_row()]);
    assert_eq!(dir.read_examples().unwrap(), [example()]);
}

/// A run of format 1.0 stays readable: it compares nothing, and does not tell its seed in rows.
#[test]
fn an_older_golden_run_is_read() {
    let dir = RunDir::open(golden("1.0")).unwrap();
    let run = dir.read_manifest().unwrap();
    let records = Records::All;
    let warnings = Vec::new();
    let versions = Versions { format: FormatVersion { major: 1, minor: 0 }, ..manifest().versions };
    assert_eq!(
        run,
        Manifest {
            versions,
            compared: Vec::new(),
            seeds: 1,
            records,
            warnings,
            aftermaths: Vec::new(),
            ..manifest()
        }
    );
    let calls = calls_without_sign().map(|call| CallRow { seed: 0, ..call });
    assert_eq!(dir.read_rows::<CallRow>().unwrap(), calls);
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), [HopRow { seed: 0, ..hop_row() }]);
    assert_eq!(dir.read_rows::<TimelineRow>().unwrap(), [TimelineRow { seed: 0, ..timeline_row() }]);
    let strategies = dir.read_rows::<StrategyRow>().unwrap();
    assert_eq!((strategies[0].rank, strategies[0].bound, strategies[0].pareto), (1, None, None));
    assert_eq!(dir.read_examples().unwrap(), [Example { strategy: None, seed: 0, ..example() }]);
}

#[test]
fn rows_can_be_taken_back() {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let (mut hops, mut examples) = (dir.stream::<HopRow>().unwrap(), dir.example_stream().unwrap());
    let row = |attempt| HopRow { attempt, ..hop_row() };
    hops.push(&row(1)).unwrap();
    examples.push(&example()).unwrap();
    let lengths = (hops.length().unwrap(), examples.length().unwrap());
    for attempt in 2..2000 {
        hops.push(&row(attempt)).unwrap();
        examples.push(&example()).unwrap();
    }
    hops.take_back(lengths.0).unwrap();
    examples.take_back(lengths.1).unwrap();
    hops.push(&row(3)).unwrap();
    hops.flush().unwrap();
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), [row(1), row(3)]);
    assert_eq!(dir.read_examples().unwrap(), [example()]);
}

#[test]
fn the_header_is_there_without_a_row_and_a_flushed_row_can_be_read() {
    let temp = tempfile::tempdir().unwrap();
    let dir = RunDir::create(temp.path()).unwrap();
    let mut stream = dir.stream::<HopRow>().unwrap();
    let text = std::fs::read_to_string(temp.path().join("hops.csv")).unwrap();
    assert_eq!(text.trim_end(), HopRow::COLUMNS.join(","));
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), []);
    stream.push(&hop_row()).unwrap();
    stream.flush().unwrap();
    assert_eq!(dir.read_rows::<HopRow>().unwrap(), [hop_row()]);
}

#[test]
fn a_newer_major_format_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let mut newer = manifest();
    newer.versions.format.major += 1;
    write(temp.path()).write_manifest(&newer).unwrap();
    let error = RunDir::open(temp.path()).unwrap_err();
    assert!(matches!(error, RunDirError::Format { .. }), "{error}");
    assert!(error.to_string().contains(&format!("has format 2.{}", FORMAT.minor)), "{error}");
}

#[test]
fn a_newer_minor_format_with_a_further_column_is_read() {
    let temp = tempfile::tempdir().unwrap();
    let dir = write(temp.path());
    let mut newer = manifest();
    newer.versions.format.minor += 1;
    dir.write_manifest(&newer).unwrap();
    std::fs::write(
        temp.path().join("layers.csv"),
        format!("{},shed\nnone,app,10,9,0,0,1,0,0,5\n", LayerRow::COLUMNS.join(",")),
    )
    .unwrap();
    assert_eq!(RunDir::open(temp.path()).unwrap().read_rows::<LayerRow>().unwrap(), [layer_row()]);
}

#[test]
fn a_folder_with_other_files_is_not_touched() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("thesis.tex"), "precious").unwrap();
    assert!(matches!(RunDir::create(temp.path()), Err(RunDirError::Occupied(_))));
    assert!(matches!(RunDir::open(temp.path()), Err(RunDirError::NotARun(_))));
    assert_eq!(std::fs::read_to_string(temp.path().join("thesis.tex")).unwrap(), "precious");
}

#[test]
fn an_older_run_is_replaced() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path());
    let dir = RunDir::create(temp.path()).unwrap();
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
}

#[test]
fn errors_say_which_file_and_why() {
    let temp = tempfile::tempdir().unwrap();
    let dir = write(temp.path());
    std::fs::write(temp.path().join("layers.csv"), "strategy,node\nnone,app\n").unwrap();
    let error = dir.read_rows::<LayerRow>().unwrap_err().to_string();
    assert!(error.contains("layers.csv") && error.contains("requests"), "{error}");
    std::fs::remove_file(temp.path().join("hops.csv")).unwrap();
    let error = dir.read_rows::<HopRow>().unwrap_err().to_string();
    assert!(error.contains("hops.csv") && error.contains("No such file"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let dir = write(temp.path());
    std::fs::remove_file(temp.path().join("hops.csv")).unwrap();
    std::os::unix::fs::symlink("/dev/full", temp.path().join("hops.csv")).unwrap();
    let error = dir.write_rows(&[hop_row()]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("hops.csv") && text.contains("No space left"), "{text}");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::StorageFull);
}
