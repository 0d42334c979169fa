//! Texts that are made to break a reader: each must come to an end, soon, and in a `Result`.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use topology::Scenario;

/// Far more than any text takes; in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn read(what: &str, text: &str) -> Result<Scenario, String> {
    let begin = Instant::now();
    let result = Scenario::parse(text, "hostile.yaml").map_err(|problems| problems.render(false));
    let took = begin.elapsed();
    assert!(took < PATIENCE, "{what} took {took:?}");
    if let Err(problems) = &result {
        assert!(problems.len() < 200_000, "{what} says {} bytes", problems.len());
    }
    result
}

#[track_caller]
fn refused(what: &str, text: &str) -> String {
    read(what, text).err().unwrap_or_else(|| panic!("{what} is accepted"))
}

/// A scenario with this many servers behind one client, and more text at the end.
fn wide(servers: usize) -> String {
    let mut text = "name: wide\nnodes:\n  client: { kind: client }\n".to_owned();
    for i in 0..servers {
        writeln!(text, "  s{i}: {{ kind: server }}").unwrap();
    }
    text.push_str("edges:\n");
    for i in 0..servers {
        writeln!(text, "  - client -> s{i}").unwrap();
    }
    text.push_str("load: [{ rate: 1/s }]\n");
    text
}

#[test]
fn deep_nesting() {
    for (what, part) in [("[", "["), ("{", "{a: "), ("- ", "- "), ("? ", "? "), ("&", "&a [")] {
        let text = part.repeat(100_000);
        assert!(!refused(what, &text).is_empty());
        refused(what, &format!("nodes: {text}"));
    }
    let blocks = (0..2000).fold(String::new(), |text, depth| text + &" ".repeat(depth) + "a:\n");
    assert!(refused("blocks", &blocks).contains("nested"));
}

#[test]
fn aliases_that_unfold_without_end() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..60 {
        let before = i - 1;
        let list = vec![format!("*a{before}"); 9].join(", ");
        writeln!(text, "a{i}: &a{i} [{list}]").unwrap();
    }
    assert!(refused("laughs", &text).contains("values"));
    let mut text = "a0: &a0 { k: v }\n".to_owned();
    for i in 1..80 {
        writeln!(text, "a{i}: &a{i} {{ x: *a{} }}", i - 1).unwrap();
    }
    assert!(refused("nested aliases", &text).contains("nested"));
    refused("itself", "a: &a { b: *a }");
    refused("unknown", "a: *nobody");
    refused("merge with itself", "a: &a { <<: *a }");
}

#[test]
fn much_of_everything() {
    let much = 16 << 20;
    refused("spaces", &" ".repeat(much));
    refused("letters", &"a".repeat(much));
    refused("lines", &"\n".repeat(much));
    refused("comments", &"# x\n".repeat(much / 4));
    refused("list", &format!("[{}]", "a,".repeat(much / 2 - 2)));
    refused("keys", &(0..600_000).fold(String::new(), |text, i| text + &format!("k{i}: 1\n")));
    refused("one key", &"k: 1\n".repeat(200_000));
    refused("a long key", &format!("{}: 1", "k".repeat(1 << 20)));
    assert!(refused("too much", &"a".repeat(much + 1)).contains("16 MiB"));
    refused("quotes", &format!("name: \"{}", "\\n".repeat(1 << 20)));
    refused("anchors", &(0..100_000).fold("[".to_owned(), |text, i| text + &format!("&a{i} x, ")));
}

#[test]
fn many_mistakes() {
    let mut text = wide(2000);
    text.push_str("faults:\n");
    for i in 0..2000 {
        writeln!(text, "  - {{ at: t{i}, crash: panic }}").unwrap();
    }
    refused("faults", &text);
    let mut text = wide(2);
    text = text.replace("edges:\n", &format!("edges:\n{}", "  - client -> nobody\n".repeat(50_000)));
    assert!(refused("edges", &text).contains("not shown"));
    let mut text = wide(5_000);
    text = text.replace("kind: server", "kind: server, worker: 1");
    refused("nodes", &text);
    let line =
        format!("{{ name: x, {} }}", (0..50_000).map(|i| format!("k{i}: 1")).collect::<Vec<_>>().join(", "));
    refused("on one line", &line);
}

#[test]
fn large_but_good() {
    let wide = read("wide", &wide(5_000)).expect("it is good");
    assert_eq!(wide.topology.node_count(), 5_001);
    let mut text = "name: long\nnodes:\n  client: { kind: client }\n".to_owned();
    let mut chain = "client".to_owned();
    for i in 0..5_000 {
        let kind = if i == 4_999 { "server" } else { "gateway" };
        writeln!(text, "  n{i}: {{ kind: {kind} }}").unwrap();
        write!(chain, " -> n{i}").unwrap();
    }
    write!(text, "edges:\n  - {chain}\nload: [{{ rate: 1/s }}]\n").unwrap();
    let long = read("long", &text).expect("it is good");
    assert_eq!(long.topology.edge_count(), 5_000);
    refused(
        "a circle",
        &text.replace("kind: server", "kind: gateway").replace(" -> n4999", " -> n4999 -> n0"),
    );
}

#[test]
fn too_many_nodes_or_edges() {
    let text = wide(1).replace("kind: server", "kind: server, replicas: 4000000000");
    assert!(refused("replicas", &text).contains("100000 nodes"));
    let text = wide(1)
        .replace(
            "s0: { kind: server }",
            "s0: { kind: server, replicas: 1000 }\n  g: { kind: gateway, replicas: 1000 }",
        )
        .replace("client -> s0", "client -> g -> s0");
    assert!(refused("pairs", &text).contains("200000 edges"));
}

#[test]
fn odd_characters() {
    for text in [
        "\0",
        "a: \0",
        "\u{feff}",
        "\u{7f}: \u{1b}[31m",
        "a\u{2028}b: c",
        "%YAML 9.9\n---\na",
        "\r\r\r",
        "--- |\n",
        "!!binary x",
        "*",
        "&",
        "<<: 1",
        "<<: [1, *a]",
        "\u{10ffff}",
    ] {
        let problems = refused("odd", text);
        assert!(!problems.contains(['\0', '\u{1b}']), "{problems:?}");
    }
}

#[test]
fn windows_text_is_good() {
    let text = format!("\u{feff}{}", wide(2).replace('\n', "\r\n"));
    assert!(read("windows", &text).is_ok());
}

#[test]
fn paths_of_overrides() {
    let text = wide(2);
    for path in [
        "",
        "[",
        "[]",
        "a[b",
        "...",
        "load[99999999999999999999]",
        "load[-1]",
        "nodes.",
        &"a.".repeat(10_000),
    ] {
        for value in ["1", "[", "*a", "{a: &a [*a]}", "\0", ""] {
            let overrides = [(path.to_owned(), value.to_owned())];
            assert!(Scenario::parse_with(&text, "x", &overrides).is_err(), "{path}={value}");
        }
    }
}

const DESIGN: &str = include_str!("scenarios/design.yaml");
const EVERYTHING: &str = include_str!("scenarios/everything.yaml");

/// One change in a text, at a place that is drawn as a share of its length.
#[derive(Debug, Clone)]
enum Change {
    Remove(f64, usize),
    Insert(f64, String),
    Copy(f64, f64, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let token = prop::sample::select(vec![
        "\n",
        "\t",
        " ",
        "  ",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "#",
        "&a ",
        "*a",
        "!x ",
        "|",
        ">",
        "'",
        "\"",
        "<<: ",
        "none",
        "-1",
        "0",
        "1e999",
        ".nan",
        ".inf",
        "999999999999999999999",
        "5ms",
        "100%",
        "app",
        "#2",
        " -> ",
        "null",
        "kind: client",
        "every: 1ns",
        "rate: 0/s",
        "\u{0}",
        "é",
        "---\n",
        "? ",
    ]);
    prop_oneof![
        (0.0..1.0, 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (0.0..1.0, token).prop_map(|(at, text)| Change::Insert(at, text.to_owned())),
        (0.0..1.0, 0.0..1.0, 1..80_usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for change in changes {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a short length"
        )]
        let place = |share: f64| (share * chars.len() as f64) as usize;
        match change {
            Change::Remove(at, length) => {
                let at = place(*at);
                chars.drain(at..(at + length).min(chars.len()));
            }
            Change::Insert(at, text) => {
                let at = place(*at);
                chars.splice(at..at, text.chars());
            }
            Change::Copy(from, to, length) => {
                let (from, to) = (place(*from), place(*to));
                let copied: Vec<char> = chars[from..(from + length).min(chars.len())].to_vec();
                chars.splice(to..to, copied);
            }
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_scenarios_come_to_an_end(
        text in prop::sample::select(vec![DESIGN, EVERYTHING]),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let text = changed(text, &changes);
        match Scenario::parse(&text, "changed.yaml") {
            Ok(scenario) => {
                let yaml = scenario.to_yaml();
                let again = Scenario::parse(&yaml, "again.yaml");
                prop_assert!(again.is_ok(), "{}", again.err().map(|p| p.to_string()).unwrap_or_default());
                prop_assert_eq!(yaml, again.unwrap().to_yaml());
            }
            Err(problems) => {
                prop_assert!(problems.iter().next().is_some());
                problems.render(true);
            }
        }
    }

    #[test]
    fn any_text_comes_to_an_end(text in any::<String>()) {
        let _ = Scenario::parse(&text, "any.yaml");
    }

    #[test]
    fn any_yaml_like_text_comes_to_an_end(text in "[a-c:\\-\\[\\]{}#&*!|>'\"%@,?\\n\\t 0-9.]{0,80}") {
        let _ = Scenario::parse(&text, "any.yaml");
        let _ = Scenario::parse_with(DESIGN, "any.yaml", &[(text.clone(), "1".to_owned()), ("seed".to_owned(), text)]);
    }
}
