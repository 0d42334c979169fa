//! Runs that do not come to their own end.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{AT_ONCE, Running, at_once, badgateway, half_fails, manifest, number, rows};

/// A folder with the scenario `s.yaml`.
fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), half_fails("")).unwrap();
    temp
}

#[test]
fn ctrl_c_ends_a_run_cleanly() {
    ends_a_run_cleanly(Signal::INT, &["--duration", "60s"]);
}

#[test]
fn being_told_to_terminate_ends_a_run_cleanly() {
    ends_a_run_cleanly(Signal::TERM, &["--duration", "60s"]);
}

#[test]
fn ctrl_c_ends_a_virtual_run_cleanly() {
    ends_a_run_cleanly(Signal::INT, &["--duration", "720h", "--engine", "virtual"]);
}

fn ends_a_run_cleanly(signal: Signal, more: &[&str]) {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--out", "run"]);
    let running = Running::start(command.args(more).current_dir(&temp));
    std::thread::sleep(Duration::from_millis(1500));
    running.send(signal);
    let ended = running.end_within(Duration::from_secs(2));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("What became of each fault"), "{}", ended.out);
    assert!(ended.out.contains("interrupted after "), "{}", ended.out);

    let folder = temp.path().join("run");
    let run = manifest(&folder);
    assert_eq!((&run["interrupted"], &run["finished"]), (&true.into(), &true.into()));
    let calls = rows(&folder, "calls.csv").len() as u64;
    assert!(calls > 10, "{calls}");
    assert_eq!(number(&rows(&folder, "strategies.csv")[0], "calls"), calls);
    assert_eq!(at_once(badgateway(["report", "run"]).current_dir(&temp)).well(), ended.out);
}

#[test]
fn a_folder_that_cannot_be_made() {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--out", "s.yaml/run"]);
    let told = at_once(command.current_dir(&temp)).without_result(1);
    assert!(told.contains("cannot create s.yaml/run"), "{told}");
}

#[test]
fn a_folder_with_something_else_is_left_alone() {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--out", "."]);
    let told = at_once(command.current_dir(&temp)).without_result(2);
    assert!(told.contains("not a run's folder"), "{told}");
    let left: Vec<_> = std::fs::read_dir(&temp).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["s.yaml"]);
}

#[test]
fn a_full_disk_ends_the_run_with_the_files_name() {
    let temp = folder();
    // No file may grow beyond 64 KiB, and to try is an error rather than a signal.
    let limited = "ulimit -f 64; trap '' XFSZ; exec \"$@\"";
    let run = badgateway(["run", "s.yaml", "--duration", "60s", "--set", "load[0].rate=300/s"]);
    let mut command = Command::new("bash");
    command.args(["-c", limited, "bash"]).arg(run.get_program()).args(run.get_args());
    let running = Running::start(command.args(["--out", "run"]).current_dir(&temp));
    let told = running.end_within(Duration::from_secs(30)).without_result(1);
    assert!(told.contains("cannot write run/hops.csv: File too large"), "{told}");
    let told = at_once(badgateway(["report", "run"]).current_dir(&temp)).without_result(1);
    assert!(told.contains("run"), "{told}");
}

#[test]
fn a_result_that_nobody_takes() {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--out", "run"]);
    Running::start(command.current_dir(&temp)).end_within(Duration::from_secs(20)).well();
    let report = || badgateway(["report", "run", "--format", "json"]);

    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = report().current_dir(&temp).stdout(full).output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot write the result"), "{told}");

    // As `| head` does, once it has enough.
    let mut child =
        report().current_dir(&temp).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_run_that_was_killed_is_not_taken_for_a_whole_one() {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--duration", "60s", "--out", "run"]);
    let running = Running::start(command.current_dir(&temp));
    std::thread::sleep(Duration::from_millis(1500));
    running.send(Signal::KILL);
    assert_eq!(running.end_within(AT_ONCE).code, None);
    assert_eq!(manifest(&temp.path().join("run"))["finished"], false);
    let told = at_once(badgateway(["report", "run"]).current_dir(&temp)).without_result(1);
    assert!(told.contains("run"), "{told}");
}
