//! A terminal whose screen is looked at.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// Both ends of a new one: ours, and that of a program.
pub(crate) fn open() -> (File, File) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    (ours.into(), File::options().read(true).write(true).open(name).unwrap())
}

/// A program with a terminal of 80 columns and 24 rows, which is its session's own.
pub(crate) struct OnScreen {
    child: Child,
    ours: File,
    theirs: File,
    before: Termios,
    screen: Arc<Mutex<Seen>>,
    reader: JoinHandle<()>,
}

/// What the terminal shows, and what has been on its other screen.
struct Seen {
    parser: vt100::Parser,
    view: Option<View>,
}

/// The other screen, as it was last.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) text: String,
    pub(crate) has_colour: bool,
}

/// What is left.
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) view: Option<View>,
}

impl OnScreen {
    pub(crate) fn start(command: &Command) -> Self {
        let (ours, theirs) = open();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = tcgetattr(&theirs).unwrap();
        let mut whole = Command::new("setsid");
        whole.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => whole.env(name, value),
                None => whole.env_remove(name),
            };
        }
        whole.current_dir(command.get_current_dir().unwrap());
        let end = || theirs.try_clone().unwrap();
        let child = whole.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop(whole);
        let size = |n| NonZeroU16::new(n).unwrap();
        let seen = Seen { parser: vt100::Parser::new(size(24), size(80), 1000), view: None };
        let screen = Arc::new(Mutex::new(seen));
        let (mut from, to) = (ours.try_clone().unwrap(), screen.clone());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose other end is closed ends with an error.
            while let Ok(1..) = from.read(&mut bytes).inspect(|&n| to.lock().unwrap().take(&bytes[..n])) {}
        });
        Self { child, ours, theirs, before, screen, reader }
    }

    /// Waits until the other screen has shown this.
    pub(crate) fn wait_for(&self, text: &str) {
        let begin = Instant::now();
        let has = || self.screen.lock().unwrap().view.as_ref().is_some_and(|view| view.text.contains(text));
        while !has() {
            assert!(begin.elapsed() < Duration::from_secs(20), "`{text}` is not shown");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn press(&mut self, keys: &[u8]) {
        self.ours.write_all(keys).unwrap();
    }

    /// Waits for its end; then the terminal must be as it was.
    pub(crate) fn end_within(mut self, limit: Duration) -> Left {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begin.elapsed() < limit, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        let after = tcgetattr(&self.theirs).unwrap();
        assert_eq!(format!("{:?}", self.before), format!("{after:?}"));
        drop(self.theirs);
        self.reader.join().unwrap();
        let seen = self.screen.lock().unwrap();
        let screen = seen.parser.screen();
        let text = screen.contents();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{text}");
        Left { code: status.code(), text, view: seen.view.clone() }
    }
}

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        // One by one: none of what is shown in between is missed.
        for byte in bytes {
            self.parser.process(&[*byte]);
            let screen = self.parser.screen();
            if *byte == b'\x1b' && screen.alternate_screen() && !screen.contents().trim().is_empty() {
                let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
                let mut cells = cells.filter_map(|(row, column)| screen.cell(row, column));
                let has_colour = cells.any(|cell| cell.fgcolor() != vt100::Color::Default);
                self.view = Some(View { text: screen.contents(), has_colour });
            }
        }
    }
}
