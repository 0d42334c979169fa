//! The commands in README.md, and on the pages that go on from it, do what it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::{Running, root, scenarios};

/// A line to type.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    line: String,
    /// The line's own comment, or the one above it, says that a threshold is missed.
    may_miss: bool,
}

/// The lines of all blocks marked as `sh`, with what a `\` continues.
fn typed(markdown: &str) -> Vec<Typed> {
    let mut typed: Vec<Typed> = Vec::new();
    let mut block = false;
    let (mut begun, mut comment) = (String::new(), false);
    for line in markdown.lines().map(str::trim) {
        if let Some(language) = line.strip_prefix("```") {
            block = !block && matches!(language.trim(), "sh" | "bash" | "shell" | "console");
            comment = false;
            continue;
        }
        if !block {
            continue;
        }
        if let Some(text) = line.strip_prefix('#') {
            comment = text.contains("99");
            continue;
        }
        begun.push_str(line.strip_prefix("$ ").unwrap_or(line));
        if begun.ends_with('\\') {
            begun.pop();
            continue;
        }
        let line = std::mem::take(&mut begun);
        if !line.is_empty() {
            let may_miss = comment || line.split_once(" #").is_some_and(|(_, text)| text.contains("99"));
            typed.push(Typed { line, may_miss });
            comment = false;
        }
    }
    typed
}

/// The line as a call of the program, if it is one.
fn call(line: &str) -> Option<String> {
    let built = line.starts_with("cargo run ").then(|| line.split_once(" -- ")).flatten();
    match built {
        Some((cargo, rest)) => cargo.contains("badgateway").then(|| format!("badgateway {rest}")),
        None => line.starts_with("badgateway ").then(|| line.to_owned()),
    }
}

#[test]
fn what_is_to_be_typed_is_found() {
    let text = "
```yaml
badgateway: no
```
```sh
cargo run --release --bin badgateway -- run a.yaml   # exits with 99
$ badgateway run b.yaml \\
    --quiet
# 99: missed
make run

badgateway check a.yaml | head
```
badgateway prose
";
    let lines: Vec<_> = typed(text).into_iter().map(|t| (call(&t.line), t.may_miss)).collect();
    assert_eq!(
        lines,
        [
            (Some("badgateway run a.yaml   # exits with 99".to_owned()), true),
            (Some("badgateway run b.yaml --quiet".to_owned()), false),
            (None, true),
            (Some("badgateway check a.yaml | head".to_owned()), false),
        ]
    );
}

/// Types it in this folder.
fn type_in(folder: &Path, line: &str) -> (Option<i32>, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_badgateway"));
    let mut path = vec![program.parent().unwrap().to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(path).unwrap();
    // `timeout` ends all that the line has started, should it not end by itself.
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "60", "bash", "-o", "pipefail", "-c", line]);
    let running = Running::start(command.current_dir(folder).env("PATH", path));
    let ended = running.end_within(Duration::from_secs(70));
    (ended.code, ended.err)
}

#[test]
fn every_command_in_the_readme_works() {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README.md");
    let makefile = fs::read_to_string(root().join("Makefile")).expect("there is a Makefile");
    let pages = ["docs/comparing.md", "docs/virtual-time.md", "docs/monitoring.md", "docs/llm.md"]
        .map(|page| fs::read_to_string(root().join(page)));
    let mut lines = typed(&readme);
    assert!(!lines.is_empty(), "README.md has no block of commands, marked as `sh`");
    lines.extend(pages.into_iter().flat_map(|page| typed(&page.expect("README.md links to it"))));

    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("scenarios")).unwrap();
    for file in scenarios() {
        fs::copy(&file, temp.path().join("scenarios").join(file.file_name().unwrap())).unwrap();
    }
    let mut done = BTreeSet::new();
    for Typed { line, may_miss } in lines {
        if let Some(rest) = line.strip_prefix("make ") {
            let words = rest.split('#').next().unwrap_or_default().split_whitespace();
            for target in words.filter(|word| !word.contains('=') && !word.starts_with('-')) {
                assert!(makefile.contains(&format!("\n{target}:")), "{line}: no such target");
            }
        } else if let Some(call) = call(&line).filter(|call| done.insert(call.clone())) {
            let (code, told) = type_in(temp.path(), &call);
            let well = code == Some(0) || (may_miss && code == Some(99));
            assert!(well, "{line}: {code:?}\n{told}");
        }
    }
    assert!(!done.is_empty(), "README.md calls the program nowhere");
}
