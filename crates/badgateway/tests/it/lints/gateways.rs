//! Configurations of real gateways: the real programs accept them, and the lints speak of their lines.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{checked, rules};
use crate::support::{Ended, at_once, badgateway};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lints/gateways")
}

fn check(files: &[&str]) -> Ended {
    at_once(badgateway(["check"]).args(files).current_dir(folder()))
}

#[test]
fn the_real_programs_accept_the_files() {
    let temp = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        let mut command = match file.extension().and_then(|e| e.to_str()) {
            Some("conf") => {
                let mut nginx = Command::new("nginx");
                let pid = format!("pid {}; error_log stderr;", temp.path().join("pid").display());
                nginx.args(["-t", "-q", "-e", "stderr", "-g", &pid, "-c"]);
                nginx
            }
            Some("cfg") => {
                let mut haproxy = Command::new("haproxy");
                haproxy.args(["-c", "-q", "-f"]);
                haproxy
            }
            // There is no Debian package of Envoy.
            _ => continue,
        };
        // Debian keeps servers in /usr/sbin, which a user's PATH may lack.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let ended = at_once(command.arg(&file).env("PATH", path));
        assert_eq!(ended.code, Some(0), "{}: {}", file.display(), ended.err);
    }
}

#[test]
fn four_gateways_in_a_row() {
    let ended = check(&["edge.yaml", "ai.conf", "models.cfg", "inner.conf"]);
    insta::assert_snapshot!(ended.well());
}

#[test]
fn each_alone_knows_nothing_of_the_others() {
    for (file, expected) in [
        ("edge.yaml", &["attempts-over-deadline", "retry-not-idempotent"][..]),
        ("ai.conf", &[]),
        ("models.cfg", &["retry-without-budget", "retry-without-backoff", "retry-not-idempotent"]),
        ("no-timeout.cfg", &["timeout-absent"]),
    ] {
        let checked = checked(&folder().join(file), &[]);
        assert_eq!(rules(&checked), expected, "{file}: {checked:#}");
    }
}

#[test]
fn nothing_is_said_about_what_is_in_order() {
    let ended = check(&["tidy.conf", "tidy.cfg", "--deny", "warnings"]);
    assert!(!ended.out.contains("warning"), "{}", ended.out);
    assert!(ended.well().starts_with("ok: 2 files, 2 gateways, 3 edges, 1 of them from one to another\n"));
}

#[test]
fn what_cannot_be_read_has_a_place() {
    let temp = tempfile::tempdir().unwrap();
    let told = |name: &str, text: &str| {
        std::fs::write(temp.path().join(name), text).unwrap();
        at_once(badgateway(["check", name]).current_dir(&temp)).without_result(2)
    };
    let open = told("a.conf", "http {\n  server {\n    listen 80;\n");
    assert!(open.contains("a.conf:2:3") && open.contains("the block of `server` does not end"), "{open}");
    let stray = told("a.cfg", "timeout connect 1s\nfrontend x\n");
    assert!(stray.contains("a.cfg:1:1") && stray.contains("stands in no section"), "{stray}");
    let nothing = told("b.conf", "events {}\nhttp { }\n");
    assert!(nothing.contains("passes requests on"), "{nothing}");
    let circle = told(
        "c.conf",
        "http {\n  server { listen 81; location / { proxy_pass http://127.0.0.1:82; } }\n  server { listen 82; location / { proxy_pass http://127.0.0.1:81; } }\n}\n",
    );
    assert!(circle.contains("c.conf:") && circle.contains("in a circle"), "{circle}");
    std::fs::write(temp.path().join("s.yaml"), "name: x\n").unwrap();
    let both = at_once(badgateway(["check", "s.yaml", "b.conf"]).current_dir(&temp)).without_result(2);
    assert!(both.contains("s.yaml is no configuration"), "{both}");
}

#[test]
fn what_is_included_is_spoken_of() {
    let temp = tempfile::tempdir().unwrap();
    let text = "http {\n  include mime.types;\n  include conf.d/*.conf;\n  server { location / { proxy_pass http://app:80; } }\n}\n";
    std::fs::write(temp.path().join("n.conf"), text).unwrap();
    let ended = at_once(badgateway(["check", "n.conf"]).current_dir(&temp));
    assert_eq!(ended.err, "note: n.conf includes conf.d/*.conf, which is not looked at: name it too\n");
    ended.well();
}
