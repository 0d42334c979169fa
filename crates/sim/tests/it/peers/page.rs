//! The table as a page for people.

use std::fmt::Write;
use std::path::Path;

use super::program::PRODUCTS;
use super::rows::{ROWS, Row};
use super::{Outcome, Seen};
use crate::support::End;

const INTRODUCTION: &str = "# What real gateways do

A gateway's profile is held to the real program. The same broken server stands behind nginx, HAProxy and Envoy, and behind
a gateway of badgateway's with the profile of the same name: the client must get the same, wait as long (in whole
seconds), and the server must see as many requests. A cell stands for both; a difference fails the tests.

Each has one server behind it, a connect time-out of 1 s and a response time-out of 2 s; all else is as it comes. The
client asks once, over a connection of its own; where it has asked before on the same connection, nginx keeps connections
to its server (`keepalive 8`). Over HTTP/2 nginx has `grpc_pass`, HAProxy `proto h2`, Envoy `http2_protocol_options`.

`badgateway presets nginx` shows the whole profile, with what is known of cells that cannot be measured here, and by which
log line its operator would know each failure.

| behind the gateway |";

const LEGEND: &str = "
*cut*: the head came, and the body broke off. *bytes*: the callee's bytes as they were, no HTTP. *nothing*: the connection
was closed without a byte. *N requests*: so many reached the server, where it is not one.

Mechanisms without a row of their own look like one that has one, or are not the gateway's to answer:

| mechanism | why |
| --- | --- |
| `partition`, `wrong_port`, `wrong_host` | to the gateway a connection is refused, or no SYN is answered |
| `crash: down`, `crash_loop`, `slow_start` | a connection is refused or reset, or the handler is slow |
| `cpu` | the handler is slow |
| `limit_data`, `keepalive_race` | closed inside the head or the body; a stale connection |
| `timeout_too_short` | no answer, for the gateway's own time-out |
| `concurrency`, `surge` | what others send, and how many the callee works on: its answer is late, or a 503 |
| `wrong_path`, `bad_credentials` | the gateway's own settings; the callee's 404 or 401 is passed on |
| `routing_loop` | none of the three looks for one; it ends in their limits on connections or in a time-out |
| `dns_failure` | nginx and HAProxy look names up as they start, and do not start |
| `bad_certificate` | each has to be told whom to trust: its profile has the cell, measured once by hand |
| `body_limit` at the callee | its 413 is passed on, as other statuses are |
| `bandwidth` | the head or the body takes longer |

The time-outs of nginx and HAProxy are for the response's head, and then for each read of its body, and so are those of
their profiles (`read_timeout`); Envoy's is for the whole response (`timeout`).

`UPDATE_DOCS=1 cargo test -p sim --test it peers` measures it anew.
";

/// Compares the page with the committed one.
pub(super) fn check(outcomes: &[Outcome]) {
    let page = page(outcomes);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gateways.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == committed, "run it again with UPDATE_DOCS=1; it is now\n{page}");
}

fn page(outcomes: &[Outcome]) -> String {
    let titles = PRODUCTS.each_ref().map(|product| product.title).join(" | ");
    let mut page = format!("{INTRODUCTION} {titles} |\n|{}\n", " --- |".repeat(PRODUCTS.len() + 1));
    for (row, outcomes) in ROWS.iter().zip(outcomes.chunks(PRODUCTS.len())) {
        let cells: Vec<_> = outcomes.iter().map(|outcome| text(row, *outcome)).collect();
        let _ = writeln!(page, "| {} | {} |", row.name, cells.join(" | "));
    }
    page + LEGEND
}

fn text(row: &Row, outcome: Outcome) -> String {
    let mut text = match outcome.seen {
        Seen::Status(status) => status.to_string(),
        Seen::Cut(status) => format!("{status} *cut*"),
        Seen::Raw => "*bytes*".to_owned(),
        Seen::Nothing(End::Silence) => "*silence*".to_owned(),
        Seen::Nothing(_) => "*nothing*".to_owned(),
    };
    if outcome.seconds > 0 {
        let _ = write!(text, " after {} s", outcome.seconds);
    }
    let requests = outcome.requests - usize::from(row.second.is_some() && outcome.requests > 0);
    if requests > 1 {
        let _ = write!(text, ", {requests} requests");
    }
    text
}
