//! The programs of external nodes: written for, started, awaited, ended.
//!
//! Each has a process group of its own, and a guard: a shell that waits at the end of a pipe which
//! this process holds. Whatever becomes of this process, the pipe ends with it, and the guard ends
//! the group.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use topology::external::{External, Program as Declared, Ready};
use topology::template::{Part, Template, Variable};
use topology::{NodeId, Topology};

use super::ready;
use super::world::lock;
use crate::run::RunError;

/// How long a program may take to end once it is told to.
const GRACE: Duration = Duration::from_secs(3);
/// How many lines of a program's log an error shows.
const LOG_LINES: usize = 12;
/// Ends the group of the program when its stdin ends.
const GUARD: &str =
    r#"read -r _; kill -s TERM -- "-$1" 2>/dev/null; sleep 1; kill -s KILL -- "-$1" 2>/dev/null"#;

/// The programs of a run; they end with this.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    list: Mutex<Vec<std::sync::Arc<Program>>>,
    /// The folder for theirs, if no other is given.
    temporary: Mutex<Option<tempfile::TempDir>>,
}

/// One external node's program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) node: NodeId,
    name: String,
    command: Vec<String>,
    folder: PathBuf,
    address: SocketAddr,
    ready: Ready,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    guard: Child,
    ended: Option<ExitStatus>,
}

impl Programs {
    /// Writes the configuration of each and starts it. `upstream` gives the address of a callee by
    /// its name.
    pub(crate) fn start(
        &self,
        topology: &Topology,
        folder: Option<&Path>,
        listen: impl Fn(NodeId) -> SocketAddr,
        upstream: impl Fn(NodeId, &str) -> Option<SocketAddr>,
    ) -> Result<Vec<std::sync::Arc<Program>>, RunError> {
        let external =
            |(id, node): (NodeId, &topology::Node)| Some((id, node.name.clone(), node.external.clone()?));
        let externals: Vec<_> = topology.nodes().filter_map(external).collect();
        for (node, name, declared) in externals {
            let folder = self.folder(folder)?.join(&name);
            let address = listen(node);
            let upstream = |callee: &str| upstream(node, callee);
            if let Some(program) = Program::prepare(node, &name, &declared, &folder, address, upstream)? {
                program.spawn()?;
                lock(&self.list).push(std::sync::Arc::new(program));
            }
        }
        Ok(lock(&self.list).clone())
    }

    fn folder(&self, given: Option<&Path>) -> Result<PathBuf, RunError> {
        if let Some(folder) = given {
            return Ok(folder.join(trace::run_dir::EXTERNAL));
        }
        let mut temporary = lock(&self.temporary);
        if temporary.is_none() {
            let made = tempfile::Builder::new().prefix("badgateway-").tempdir();
            *temporary = Some(made.map_err(RunError::io("cannot make a folder for external programs"))?);
        }
        Ok(temporary.as_ref().map(|folder| folder.path().to_owned()).unwrap_or_default())
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        let programs = std::mem::take(&mut *lock(&self.list));
        // All at once: the slowest decides.
        for program in &programs {
            program.signal(Signal::TERM);
        }
        let by = Instant::now() + GRACE;
        for program in programs {
            program.end(by);
        }
    }
}

impl Program {
    /// Makes its folder and writes its configuration; `None` if it runs by itself.
    fn prepare(
        node: NodeId,
        name: &str,
        declared: &External,
        folder: &Path,
        address: SocketAddr,
        upstream: impl Fn(&str) -> Option<SocketAddr>,
    ) -> Result<Option<Self>, RunError> {
        let Declared::Started { command, config } = &declared.program else { return Ok(None) };
        let make = RunError::io(format!("cannot make {}", folder.display()));
        let folder = std::fs::create_dir_all(folder).and_then(|()| folder.canonicalize()).map_err(make)?;
        let file = config.as_ref().map(|config| folder.join(&config.name));
        let fill = |template: &Template| {
            template.fill(|variable| match variable {
                Variable::Listen(part) => of(address, *part),
                Variable::Upstream(callee, part) => {
                    upstream(callee).map(|a| of(a, *part)).unwrap_or_default()
                }
                Variable::Dir => folder.display().to_string(),
                Variable::Config => file.as_ref().map(|file| file.display().to_string()).unwrap_or_default(),
            })
        };
        if let (Some(config), Some(file)) = (config, &file) {
            let write = RunError::io(format!("cannot write {}", file.display()));
            std::fs::write(file, fill(&config.text)).map_err(write)?;
        }
        let mut command: Vec<String> = command.iter().map(fill).collect();
        // It runs in its own folder: a path is meant from here.
        if let Some(program) = command.first_mut().filter(|program| program.contains('/'))
            && let Ok(absolute) = std::path::absolute(&*program)
        {
            *program = absolute.display().to_string();
        }
        let (name, ready) = (name.to_owned(), declared.ready.clone());
        Ok(Some(Self { node, name, command, folder, address, ready, running: Mutex::default() }))
    }

    /// Starts it, and its guard.
    pub(crate) fn spawn(&self) -> Result<(), RunError> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.map_err(RunError::io(format!("cannot write {}", self.log_file().display())))?;
        let second = log.try_clone().map_err(RunError::io("cannot open the log twice"))?;
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).current_dir(&self.folder).env("PATH", search_path());
        command.stdin(Stdio::null()).stdout(log).stderr(second).process_group(0);
        let mut child = command.spawn().map_err(|error| {
            let what = match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("there is no program `{}` on the PATH, nor in /usr/sbin", self.command[0])
                }
                _ => format!("cannot start `{}`: {error}", self.command[0]),
            };
            RunError::External { node: self.name.clone(), what, log: String::new() }
        })?;
        let mut guard = Command::new("/bin/sh");
        guard.args(["-c", GUARD, "guard", &child.id().to_string()]).process_group(0);
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match guard.spawn() {
            Ok(guard) => *lock(&self.running) = Some(Running { child, guard, ended: None }),
            Err(error) => {
                // Without a guard it must not run.
                let _ = child.kill();
                let _ = child.wait();
                return Err(RunError::io("cannot start /bin/sh")(error));
            }
        }
        Ok(())
    }

    /// Waits until it is ready.
    pub(crate) async fn until_ready(&self) -> Result<(), RunError> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                let hint = if status.success() { ": it must stay in the foreground" } else { "" };
                return Err(
                    self.failed(format!("`{}` ended ({status}) before it was ready{hint}", self.command[0]))
                );
            }
            let left = self.ready.within.saturating_sub(begin.elapsed());
            if left.is_zero() {
                let what = match &self.ready.path {
                    Some(path) => format!("http://{}{path} was not answered", self.address),
                    None => format!("nothing listened on {}", self.address),
                };
                return Err(self.failed(format!("{what} within {:?} of its start", self.ready.within)));
            }
            if ready::is_ready(self.address, self.ready.path.as_deref(), left).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        lock(&self.running).as_mut()?.ended()
    }

    fn signal(&self, signal: Signal) {
        if let Some(running) = lock(&self.running).as_ref() {
            running.signal(signal);
        }
    }

    /// Ends it with all its processes: those that have not ended by themselves by then are killed.
    fn end(&self, by: Instant) {
        while Instant::now() < by && self.ended().is_none() && lock(&self.running).is_some() {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
    }

    /// Kills it with all its processes, now.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
        if let Some(mut running) = lock(&self.running).take() {
            // The guard first: once the program is waited for, another may get its number.
            let _ = running.guard.kill();
            let _ = running.guard.wait();
            let _ = running.child.wait();
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn failed(&self, what: String) -> RunError {
        RunError::External { node: self.name.clone(), what, log: last_lines(&self.log_file()) }
    }
}

impl Running {
    /// Signals all its processes, as long as their group's number is theirs.
    fn signal(&self, signal: Signal) {
        if let Some(group) = pid(&self.child).filter(|_| self.ended.is_none()) {
            // It may be gone.
            let _ = kill_process_group(group, signal);
        }
    }

    /// How it ended, if it has. Whatever it has left behind ends first: once it is waited for, another may
    /// get its number.
    fn ended(&mut self) -> Option<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let is_over = || matches!(waitid(WaitId::Pid(pid(&self.child)?), options), Ok(Some(_))).then_some(());
        if self.ended.is_none() && is_over().is_some() {
            self.signal(Signal::KILL);
            let _ = self.guard.kill();
            let _ = self.guard.wait();
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn of(address: SocketAddr, part: Part) -> String {
    match part {
        Part::Whole => address.to_string(),
        Part::Host => address.ip().to_string(),
        Part::Port => address.port().to_string(),
    }
}

/// Where programs are looked for: Debian keeps servers where a user's PATH may not lead.
fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// The end of a log, as a paragraph; empty if there is nothing in it.
fn last_lines(log: &Path) -> String {
    const BYTES: u64 = 8 << 10;
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(LOG_LINES)..];
    if shown.is_empty() {
        return format!("\n  its log is empty: {}", log.display());
    }
    format!("\n  the end of its log, {}:\n    {}", log.display(), shown.join("\n    "))
}
