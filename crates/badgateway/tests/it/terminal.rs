//! What a person sees: colour, width, and how the run is going.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::pty;
use crate::support::{Running, at_once, badgateway, half_fails};

/// A folder with the scenario `s.yaml`.
fn folder() -> tempfile::TempDir {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), half_fails("thresholds: [success_rate >= 1%]\n")).unwrap();
    temp
}

enum Stream {
    Out,
    Err,
}

/// What the command prints to one of its streams if that is a terminal of no known size.
fn on_terminal(command: &mut Command, stream: &Stream) -> String {
    let (mut ours, theirs) = pty::open();
    match stream {
        Stream::Out => command.stdout(theirs).stderr(Stdio::null()),
        Stream::Err => command.stdout(Stdio::null()).stderr(theirs),
    };
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    // The command's copy of the other end was the last but for this one.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut printed = Vec::new();
    // A terminal whose other end is closed ends with an error.
    let _ = ours.read_to_end(&mut printed);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    String::from_utf8(printed).unwrap()
}

fn width(line: &str) -> usize {
    line.chars().count()
}

#[test]
fn the_tables_fit_a_terminal_and_have_colour_only_where_it_is_wanted() {
    let temp = folder();
    let mut command = badgateway(["run", "s.yaml", "--out", "run"]);
    let ended = Running::start(command.current_dir(&temp)).end_within(Duration::from_secs(20));
    let plain = ended.well();
    assert!(!plain.contains('\x1b'), "{plain}");
    assert!(plain.lines().all(|line| width(line) <= 80), "{plain}");

    let report = || badgateway(["report", "run"]);
    let coloured = on_terminal(report().current_dir(&temp), &Stream::Out);
    assert!(coloured.contains('\x1b'), "{coloured}");
    let plain = plain.replace('\n', "\r\n");
    assert_eq!(on_terminal(report().arg("--no-color").current_dir(&temp), &Stream::Out), plain);
    assert_eq!(on_terminal(report().env("NO_COLOR", "1").current_dir(&temp), &Stream::Out), plain);
    assert_eq!(on_terminal(report().env("TERM", "dumb").current_dir(&temp), &Stream::Out), plain);

    let explained = at_once(badgateway(["explain", "run"]).current_dir(&temp)).well();
    assert!(!explained.contains('\x1b'), "{explained}");
}

#[test]
fn progress_is_one_line_that_is_written_over_and_taken_away() {
    let temp = folder();
    let run = |more: &[&str]| {
        let mut command = badgateway(["run", "s.yaml", "--duration", "3s", "--out", "run"]);
        on_terminal(command.args(more).current_dir(&temp), &Stream::Err)
    };
    let shown = run(&[]);
    let (line, rest) = shown.split_once("\r\n").unwrap();
    assert!(line.contains(" calls/s "), "{shown:?}");
    assert!(line.ends_with("\r\x1b[K"), "{shown:?}");
    let texts = line.split('\r').map(|text| text.trim_end_matches("\x1b[K"));
    assert!(texts.clone().all(|text| width(text) < 80 && !text.contains('\n')), "{shown:?}");
    assert!(
        rest.contains("The run is in run\r\npage: run/report.html\r\nnext: badgateway explain run"),
        "{shown:?}"
    );

    assert_eq!(run(&["--quiet"]), "");
}
