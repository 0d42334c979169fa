//! Metrics for Prometheus: what is scraped is what the run's tables say.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::support::{AT_ONCE, Running, at_once, badgateway, number, root, rows};
use crate::up::{Up, scenario};

/// Where a program that has told so serves metrics.
pub(crate) fn metrics_url(running: &Running) -> String {
    let begin = Instant::now();
    loop {
        let told = running.told();
        let line = told.lines().find(|line| line.starts_with("metrics") && line.ends_with("/metrics"));
        if let Some((_, url)) = line.and_then(|line| line.split_once("http://")) {
            return format!("http://{url}");
        }
        assert!(begin.elapsed() < 2 * AT_ONCE, "no metrics: {told}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn scrape(url: &str) -> String {
    let output = Command::new("curl").args(["-sS", "--max-time", "5", url]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The values of a counter, by its labels as they are written.
fn counter(text: &str, name: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once("} "));
    lines.map(|(labels, value)| (labels.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn what_is_scraped_is_what_the_tables_say() {
    let faults = "{ name: dies, at: app, crash: exception, count: 3 }, \
                  { name: resets, at: gw -> app, network: reset_peer, start: 0s, count: 5 }";
    let up = Up::start(&scenario(faults), &[]);
    let url = metrics_url(&up.running);
    assert_eq!(up.curl(&["URL/a"; 9]).split_whitespace().count(), 9);
    // A call is counted as soon as nothing more can come of it.
    let begin = Instant::now();
    let text = loop {
        let text = scrape(&url);
        if counter(&text, "badgateway_calls_total").values().sum::<u64>() == 9 {
            break text;
        }
        assert!(begin.elapsed() < AT_ONCE, "{text}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(text.ends_with("# EOF\n"));
    let (base, _) = url.rsplit_once('/').unwrap();
    assert_eq!(scrape(&format!("{base}/else")), "the metrics are at /metrics\n");
    let (_, folder) = up.end();
    let folder = folder.path().join("run");

    let row = &rows(&folder, "strategies.csv")[0];
    let calls = counter(&text, "badgateway_calls_total");
    let succeeded = number(row, "succeeded");
    let expected = [("success", succeeded), ("failure", number(row, "calls") - succeeded)];
    let expected = expected.map(|(outcome, n)| (format!("node=\"client\",outcome=\"{outcome}\""), n));
    assert_eq!(calls, BTreeMap::from(expected));

    let origins: BTreeMap<_, _> = rows(&folder, "origins.csv")
        .iter()
        .map(|row| {
            let labels =
                ["origin", "origin_kind", "cause", "mechanism"].map(|c| format!("{c}=\"{}\"", row[c]));
            let code = format!("http_response_status_code=\"{}\"", row["status"]);
            (format!("outcome=\"surfaced\",{},{code}", labels.join(",")), number(row, "surfaced"))
        })
        .collect();
    assert!(origins.len() > 1, "{origins:?}");
    assert_eq!(counter(&text, "badgateway_failures_total"), origins);

    let faults = counter(&text, "badgateway_fault_injections_total");
    for row in rows(&folder, "faults.csv") {
        let (_, hits) =
            faults.iter().find(|(l, _)| l.contains(&format!("fault=\"{}\"", row["fault"]))).unwrap();
        assert_eq!(*hits, number(&row, "injected"), "{}", row["fault"]);
    }
}

#[test]
fn metrics_are_for_runs_in_real_time() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("s.yaml"), scenario("")).unwrap();
    let told = |args: &[&str]| {
        let mut command = badgateway(["run", "s.yaml", "--out", "run"]);
        at_once(command.args(args).current_dir(&temp)).without_result(2)
    };
    assert!(told(&["--metrics", "--engine", "virtual"]).contains("take `--metrics` out"));
    assert!(told(&["--metrics=nowhere"]).contains("`nowhere` is no address: write it as 9464"));
}

/// The metrics as the page shows them.
fn metrics_table() -> String {
    let rows = report::metrics::ALL.iter();
    let rows = rows.map(|m| format!("| `{}` | {} | {} | {} |\n", m.name, m.kind, m.labels, m.help));
    let head = "| metric | kind | labels | what it says |\n| --- | --- | --- | --- |\n";
    [head.to_owned()].into_iter().chain(rows).collect()
}

/// `UPDATE_DOCS=1 cargo test -p badgateway --test it metrics` writes the table anew.
#[test]
fn the_page_lists_every_metric() {
    update("docs/monitoring.md", "metrics", &metrics_table());
}

/// Holds the part of a page between two marks to what it should be, or makes it that.
pub(crate) fn update(page: &str, mark: &str, made: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- {mark} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let whole = format!("{before}{begin}{made}<!-- end -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &whole).unwrap();
        return;
    }
    assert!(whole == text, "{page} is out of date: UPDATE_DOCS=1 writes it anew");
}
