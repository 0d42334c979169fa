//! The page that shows what was found.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Done;
use super::expected::{CALLS, CLIENTS, Client, Gap, Row};
use super::ours::is_there;
use super::scripts::STATUSES;
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

\"For ever\" goes without saying where nothing is answered. \"No connection in time\" and \"no answer in time\": no SYN is
answered, or the answer takes 1 s, and the time-out is 300 ms. \"Reset\": RST before the answer; \"closed\": FIN before the
answer; \"cut\": FIN inside the body of a 200. \"Then\" is waited after the last attempt. Where nobody would wait for the
end of a gap, it is only what the library asks to sleep.

The statuses that each client meets are STATUSES.
Calls of one client that follow each other show whether it has a budget for retries.

The libraries run as they come, but for that time-out and what their names here say. The test keeps this page in step;
`UPDATE_REAL_CLIENTS=1 cargo test -p badgateway real_clients` writes it anew.
";

const COLUMNS: &str = "| method | script | attempts | gaps | outcome | the preset |
| --- | --- | --- | --- | --- | --- |
";

/// The page for these results, and for the long rows, which are as expected.
pub(super) fn of(rows: &[(&Client, &Row)], real: &[Done], versions: &BTreeMap<String, String>) -> String {
    let met: Vec<_> = STATUSES.iter().map(u16::to_string).collect();
    let mut page = HEAD.replace("STATUSES", &met.join(" "));
    for client in CLIENTS {
        let (package, version) = (client.package, &versions[client.package]);
        let not_yet = if is_there(client) { "" } else { " (not there yet)" };
        write!(page, "\n## {}\n\n", client.name).unwrap();
        write!(page, "{package} {version}, preset `{}`{not_yet}\n\n", client.preset).unwrap();
        write!(page, "{}\n\n{COLUMNS}", counts(client)).unwrap();
        let of_client = rows.iter().zip(real).filter(|((of, _), _)| of.name == client.name);
        let found = of_client.map(|((_, row), real)| (*row, real.attempts.len(), real.outcome.as_str()));
        let long = client.long_rows.iter().map(|row| (row, row.attempts(), row.outcome));
        for (row, attempts, outcome) in found.chain(long) {
            let (method, script, gaps) = (row.method, row.script.name(), gaps(row));
            let verdict =
                if is_there(client) { row.differs.unwrap_or("does the same") } else { "not compared" };
            writeln!(page, "| {method} | {script} | {attempts} | {gaps} | {outcome} | {verdict} |").unwrap();
        }
    }
    page
}

/// What is found by counting attempts.
fn counts(client: &Client) -> String {
    let list = |statuses: &mut dyn Iterator<Item = &u16>| -> String {
        let statuses: Vec<_> = statuses.map(u16::to_string).collect();
        if statuses.is_empty() { "none".to_owned() } else { statuses.join(" ") }
    };
    let always = list(&mut client.statuses.iter());
    let told = client.statuses_with_wait.iter().filter(|status| !client.statuses.contains(status));
    let told = list(&mut told.into_iter());
    format!(
        "- statuses tried again: {always}
- with `Retry-After` also: {told}
- {CALLS} calls with 503 for ever: {} attempts",
        client.attempts_of_many
    )
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
