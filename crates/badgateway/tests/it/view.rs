//! The live view, on a terminal of its own.

use std::process::Command;
use std::time::Duration;

use crate::pty::{Left, OnScreen, View};
use crate::support::{badgateway, half_fails};

/// So long at most for what ends by itself.
const SOON: Duration = Duration::from_secs(20);

/// A folder with the scenario `s.yaml`.
fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), half_fails("")).unwrap();
    temp
}

fn run(more: &[&str]) -> Command {
    let mut command = badgateway(["run", "s.yaml", "--out", "run", "--duration"]);
    command.args(more).env("LC_ALL", "C.UTF-8");
    command
}

fn end(mut command: Command) -> Left {
    let temp = folder();
    OnScreen::start(command.current_dir(&temp)).end_within(SOON)
}

#[test]
fn it_goes_when_the_run_has_ended_and_the_tables_are_there() {
    let Left { code, text, view } = end(run(&["3s"]));
    assert_eq!(code, Some(0), "{text}");
    let view = view.unwrap();
    let shown = ["half-fails, live engine, seed ", "active now: half", "failures born at", "crash: panic"];
    assert!(shown.iter().all(|part| view.text.contains(part)), "{}", view.text);
    assert!(view.has_colour);
    let rows = ["In short", "The run is in run", "page: run/report.html"];
    assert!(rows.iter().all(|row| text.contains(row)), "{text}");
    // Nothing of the view is left.
    assert!(!text.contains("Ctrl-C") && !text.contains("in flight"), "{text}");
}

#[test]
fn it_goes_when_the_run_is_interrupted() {
    for engine in ["live", "virtual"] {
        let temp = folder();
        let long = if engine == "live" { "60s" } else { "720h" };
        let mut running = OnScreen::start(run(&[long, "--engine", engine]).current_dir(&temp));
        running.wait_for("failures born at");
        // Keys are not shown, and Ctrl-Z does nothing.
        running.press(b"xyzzy\x1a");
        std::thread::sleep(Duration::from_millis(300));
        running.press(b"\x03");
        let Left { code, text, view } = running.end_within(SOON);
        assert_eq!(code, Some(0), "{text}");
        assert!(!view.unwrap().text.contains("xyzzy"));
        assert!(text.contains("warning: interrupted after ") && text.contains("The run is in run"), "{text}");
    }
}

#[test]
fn it_goes_when_the_run_fails() {
    let temp = folder();
    // No file may grow beyond 64 KiB, and to try is an error rather than a signal.
    let limited = "ulimit -f 64; trap '' XFSZ; exec \"$@\"";
    let run = run(&["60s", "--set", "load[0].rate=300/s"]);
    let mut command = Command::new("bash");
    command.args(["-c", limited, "bash"]).arg(run.get_program()).args(run.get_args()).env("TERM", "xterm");
    let Left { code, text, view } = OnScreen::start(command.current_dir(&temp)).end_within(SOON);
    assert_eq!((code, view.is_some()), (Some(1), true), "{text}");
    assert!(text.contains("error: the run was ended: its records could not be written"), "{text}");
}

#[test]
fn it_has_no_colour_where_none_is_wanted() {
    let mut command = run(&["2s"]);
    command.env("NO_COLOR", "1");
    let View { text, has_colour } = end(command).view.unwrap();
    assert!(text.contains("calls") && !has_colour, "{text}");
}

#[test]
fn it_is_there_only_where_it_is_wanted() {
    for more in [&["2s", "--quiet"][..], &["2s", "--progress", "none"], &["2s", "--progress", "plain"]] {
        let Left { code, text, view } = end(run(more));
        assert_eq!((code, view.is_some()), (Some(0), false), "{text}");
        assert!(text.contains("In short"), "{text}");
    }
    let mut dumb = run(&["2s"]);
    dumb.env("TERM", "dumb");
    assert!(end(dumb).view.is_none());
}

#[test]
fn a_comparison_shows_whose_turn_it_is() {
    let mut command = badgateway(["compare", "s.yaml", "--out", "run", "--duration", "2s"]);
    command.args(["--strategy", "python-requests-loop", "--strategy", "naive-article-loop"]);
    let Left { code, text, view } = end(command);
    assert_eq!(code, Some(0), "{text}");
    let view = view.unwrap().text;
    assert!(view.contains("strategy 2 of 2: ") && view.contains("so far"), "{view}");
    assert!(text.contains("What to choose"), "{text}");
}
