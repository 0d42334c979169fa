//! The program, run from outside.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a command may take that runs nothing.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(5);

/// The folder that everything is in.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a run with sockets has no time for: it is held to its figures in virtual time, by `metastable.rs`.
const LONG: &str = "metastable.yaml";

/// The shipped scenarios' files, but for the long one.
pub(crate) fn scenarios() -> Vec<PathBuf> {
    let files = std::fs::read_dir(root().join("scenarios")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "yaml") && !file.ends_with(LONG));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The program with these arguments.
pub(crate) fn badgateway<I: IntoIterator<Item: AsRef<std::ffi::OsStr>>>(args: I) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_badgateway"));
    command.args(args).env_remove("NO_COLOR").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    command
}

/// A program that is running; it ends with this value at the latest.
pub(crate) struct Running {
    child: Child,
    begin: Instant,
    out: File,
    err: File,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
        Self { child: command.spawn().unwrap(), begin: Instant::now(), out, err }
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended, which it must do within so long from now.
    pub(crate) fn end_within(mut self, limit: Duration) -> Ended {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < limit, "it still runs {:?} after its start", self.begin.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        };
        let text = |file: &mut File| {
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            text
        };
        Ended { code: status.code(), out: text(&mut self.out), err: text(&mut self.err) }
    }
}

impl Running {
    /// What it has told on stderr so far.
    pub(crate) fn told(&self) -> String {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; 64 << 10];
        // Not by the file's own place: that is where the program writes next.
        let read = self.err.read_at(&mut bytes, 0).unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that needs no time.
pub(crate) fn at_once(command: &mut Command) -> Ended {
    Running::start(command).end_within(AT_ONCE)
}

impl Ended {
    /// Its stdout; it must have ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// Its stderr; it must have ended so, without a result and without a panic.
    pub(crate) fn without_result(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        assert!(!self.err.is_empty() && !self.err.contains("panicked"), "{}", self.err);
        self.err
    }
}

/// A row of a CSV file, by column.
pub(crate) type Row = HashMap<String, String>;

/// The rows of one of a run's files.
pub(crate) fn rows(folder: &Path, file: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(folder.join(file)).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// A column that is a number.
pub(crate) fn number(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

/// `run.json`.
pub(crate) fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap()
}

/// One of a run's files without the moment at which the run began, which no seed repeats.
pub(crate) fn without_start(file: &str, text: &str) -> String {
    let mark = match file {
        "run.json" => "\"start\":",
        "report.html" => "<time ",
        _ => return text.to_owned(),
    };
    let kept: Vec<_> = text.lines().filter(|line| !line.contains(mark)).collect();
    assert_eq!(kept.len() + 1, text.lines().count(), "{file} tells its start once, on a line of its own");
    kept.join("\n")
}

/// A scenario of one second, half of whose calls fail, with more lines at its end.
pub(crate) fn half_fails(more: &str) -> String {
    format!(
        "name: half-fails
duration: 1s
nodes:
  client: {{ kind: client }}
  gateway-with-a-name-that-is-far-too-long-for-a-column-of-any-table: {{ kind: gateway }}
  app: {{ kind: server, service_time: 1ms }}
edges:
  - client -> gateway-with-a-name-that-is-far-too-long-for-a-column-of-any-table
  - gateway-with-a-name-that-is-far-too-long-for-a-column-of-any-table -> app
load:
  - {{ from: client, rate: 50/s }}
faults:
  - {{ name: half, at: app, crash: panic, probability: 50% }}
{more}"
    )
}
