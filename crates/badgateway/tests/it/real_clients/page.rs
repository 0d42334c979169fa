//! The page that shows what was found.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Done;
use super::expected::{Client, Gap, Row};
use super::ours::is_there;
use crate::support::root;

const UPDATE: &str = "UPDATE_REAL_CLIENTS";

const HEAD: &str = "# Presets beside the real clients

A preset is to do what the client does whose name it has. A test (`crates/badgateway/tests/it/real_clients.rs`) lets
both meet the same scripts: the real library from a Python environment, against a server of badgateway's on a socket,
and the preset in the live engine. The two must make the same number of attempts, and the call must succeed with both
or with neither.

A gap is the time from the end of an attempt to the begin of the next, in seconds; `a-b` is any time between the two.
By the clock no gap may be shorter than that, or longer by more than a busy machine may be late (1 s). Besides, what the
library asks to sleep must be exactly `a` with the one extreme of luck and `b` with the other, and what the preset's
machine decides, without a clock, must lie between the two and come near both.

\"Then\" is waited after the last attempt. \"Slower than the time-out\": the answer takes 1 s, and an attempt has 300 ms.
The libraries run as they come, but for that time-out and what their names here say. The test keeps this page in step;
`UPDATE_REAL_CLIENTS=1 cargo test -p badgateway real_clients` writes it anew.
";

const COLUMNS: &str = "| method | script | attempts | gaps | outcome | the preset |
| --- | --- | --- | --- | --- | --- |
";

/// The page for these results.
pub(super) fn of(rows: &[(&Client, &Row)], real: &[Done], versions: &BTreeMap<String, String>) -> String {
    let mut page = HEAD.to_owned();
    let mut before = "";
    for ((client, row), real) in rows.iter().zip(real) {
        if client.name != before {
            before = client.name;
            let (package, version) = (client.package, &versions[client.package]);
            let not_yet = if is_there(client) { "" } else { " (not there yet)" };
            write!(page, "\n## {}\n\n", client.name).unwrap();
            write!(page, "{package} {version}, preset `{}`{not_yet}\n\n", client.preset).unwrap();
            page += COLUMNS;
        }
        let verdict = if is_there(client) { row.differs.unwrap_or("does the same") } else { "not compared" };
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {verdict} |",
            row.method,
            row.script.name(),
            real.attempts.len(),
            gaps(row),
            real.outcome
        )
        .unwrap();
    }
    page
}

fn gaps(row: &Row) -> String {
    let gap = |&(low, high): &Gap| if low < high { format!("{low}-{high}") } else { low.to_string() };
    let mut gaps: Vec<_> = row.gaps.iter().map(gap).collect();
    if row.rest.1 > 0.0 {
        gaps.push(format!("then {}", gap(&row.rest)));
    }
    if gaps.is_empty() { "-".to_owned() } else { gaps.join(", ") }
}

/// Compares the committed page with this one, or writes it.
pub(super) fn check(page: &str) {
    let file = root().join("docs/real-clients.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, page).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == page, "docs/real-clients.md is out of step: run this test once with {UPDATE}=1");
}
