//! What is wrong is told: one exit code, a message with its place, and no result.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::support::{Running, at_once, badgateway, half_fails, root};

/// A scenario in order.
const GOOD: &str = "name: good
duration: 1s
nodes:
  client: { kind: client }
  app: { kind: server }
edges:
  - client -> app
load:
  - { from: client, rate: 10/s }
strategies:
  none: {}
  eager: { retry: { max_attempts: 4 } }
";

/// What stderr says about this file.
fn told_about(bytes: impl AsRef<[u8]>) -> String {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), bytes).unwrap();
    let told = ["check", "run"]
        .map(|command| at_once(badgateway([command, "s.yaml"]).current_dir(&temp)).without_result(2));
    assert_eq!(told[0], told[1]);
    assert!(!temp.path().join("results").exists(), "a scenario that is wrong leaves no folder");
    let [told, _] = told;
    told
}

/// The same about the good scenario with a change, in this line.
fn told_in_line(line: usize, from: &str, to: &str) -> String {
    assert!(GOOD.contains(from));
    let told = told_about(GOOD.replacen(from, to, 1));
    assert!(told.contains(&format!("s.yaml:{line}:")), "{to}: {told}");
    told
}

#[test]
fn what_is_no_scenario_file() {
    let temp = tempfile::tempdir().unwrap();
    for path in [&temp.path().join("none.yaml"), temp.path()] {
        let told = at_once(badgateway(["run"]).arg(path)).without_result(2);
        assert!(told.contains(&path.display().to_string()), "{told}");
    }
    assert!(told_about(b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe").contains("s.yaml"));
    assert!(told_about(b"name: x\n\xc3\x28").contains("line 2"));
    assert!(told_about("").contains("s.yaml:1:"));
    assert!(told_about("name: x\nnodes: { client: [\n").contains("s.yaml:2:"));
    assert!(told_about("- 1\n- 2\n").contains("s.yaml:1:"));
}

#[test]
fn what_is_misspelt_is_told_with_the_nearest_right_spelling() {
    for (line, from, to, hint) in [
        (7, "client -> app", "client -> aap", "`app`"),
        (5, "kind: server", "kind: sever", "`server`"),
        (5, "kind: server", "kind: server, wokers: 3", "`workers`"),
        (2, "duration", "durration", "`duration`"),
    ] {
        let told = told_in_line(line, from, to);
        assert!(told.contains(&format!("did you mean {hint}?")), "{told}");
    }
}

#[test]
fn numbers_that_mean_nothing() {
    for rate in [".nan", ".inf", "-.inf", "-5/s", "-1", "nan/s", "1e400/s", "99999999999999999999/s"] {
        told_in_line(9, "10/s", rate);
    }
    for duration in ["-1s", ".nan", "0s", "1e999s", "99999999999999999999h", "10", "10 parsecs"] {
        told_in_line(2, "1s", duration);
    }
    for attempts in ["-1", "0", "1.5", ".inf", "99999999999999999999"] {
        told_in_line(12, "max_attempts: 4", &format!("max_attempts: {attempts}"));
    }
}

#[test]
fn nesting_and_aliases_without_end() {
    for open in ["[", "{a: ", "- "] {
        assert!(told_about(open.repeat(100_000)).contains("s.yaml:1:"));
    }
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    assert!(told_about(bomb).contains("s.yaml:"));
}

#[test]
fn arguments_that_fit_nothing() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::write(temp.path().join("s.yaml"), GOOD).unwrap();
    for (args, told) in [
        (&["--set", "laod[0].rate=3/s"][..], &["laod", "`load`"][..]),
        (&["--set", "load[7].rate=3/s"], &["load[7].rate=3/s"]),
        (&["--set", "load[0].rate=fast"], &["load[0].rate=fast"]),
        (&["--set", "rubbish"], &["rubbish", "path=value"]),
        (&["--duration", "soon"], &["soon"]),
        (&["--seed", "-1"], &["-1"]),
        (&["--strategy", "egaer"], &["egaer", "none", "eager", "python-requests-loop"]),
        (&["--format", "xml"], &["xml", "json"]),
        (&["--engine", "steam"], &["steam", "live"]),
    ] {
        let ended = at_once(badgateway(["run", "s.yaml"]).args(args).current_dir(&temp));
        let err = ended.without_result(2);
        assert!(told.iter().all(|told| err.contains(told)), "{args:?}: {err}");
    }
    for args in [&[][..], &["rnu", "s.yaml"], &["report", "."], &["explain", "nothing"], &["new", "a/b"]] {
        at_once(badgateway(args).current_dir(&temp)).without_result(2);
    }
}

#[test]
fn a_new_scenario_passes_the_check_and_is_never_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let in_temp = |args: &[&str]| at_once(badgateway(args).current_dir(&temp));
    assert_eq!(in_temp(&["new", "shop"]).well(), "shop.yaml\n");
    assert!(in_temp(&["check", "shop.yaml"]).well().starts_with("ok: "));
    std::fs::write(temp.path().join("shop.yaml"), "mine").unwrap();
    assert!(in_temp(&["new", "shop"]).without_result(2).contains("shop.yaml"));
    assert_eq!(std::fs::read_to_string(temp.path().join("shop.yaml")).unwrap(), "mine");
}

#[test]
fn the_schema_is_the_one_in_the_repository() {
    let kept = std::fs::read_to_string(root().join("schema/scenario.schema.json")).unwrap();
    assert_eq!(at_once(&mut badgateway(["schema"])).well(), kept);
    let kept = std::fs::read_to_string(root().join("schema/report.schema.json")).unwrap();
    assert_eq!(at_once(&mut badgateway(["schema", "report"])).well(), kept);
}

#[test]
fn each_command_has_help() {
    let help = at_once(&mut badgateway(["--help"])).well();
    let listed = help.split("Commands:\n").nth(1).unwrap().lines().take_while(|line| !line.is_empty());
    let commands: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"run") && commands.contains(&"explain"), "{help}");
    for command in commands {
        let help = at_once(&mut badgateway(["help", command])).well();
        if command != "help" {
            assert!(help.contains(&format!("Usage: badgateway {command}")), "{help}");
            assert_eq!(at_once(&mut badgateway([command, "--help"])).well(), help);
        }
    }
    assert!(at_once(&mut badgateway(["--version"])).well().starts_with("badgateway "));
}

#[test]
fn a_missed_threshold_has_an_exit_code_of_its_own() {
    let temp = tempfile::tempdir().unwrap();
    let text = half_fails("thresholds:\n  - success_rate >= 99%\n  - p(99) < 30s\n");
    std::fs::write(temp.path().join("s.yaml"), text).unwrap();
    let mut command = badgateway(["run", "s.yaml", "--out", "run"]);
    let ended = Running::start(command.current_dir(&temp)).end_within(Duration::from_secs(20));
    assert_eq!(ended.code, Some(99), "{}", ended.err);
    assert!(ended.out.contains("missed: success_rate >= 99%"), "{}", ended.out);
    assert!(ended.out.contains("met: p(99) < 30s"), "{}", ended.out);
    // Reading it again misses nothing: only a run can.
    assert_eq!(report(temp.path()), ended.out);
}

fn report(folder: &Path) -> String {
    at_once(badgateway(["report", "run"]).current_dir(folder)).well()
}
