//! `report.html` in a browser: what it shows, what it asks for, and whether everybody can use it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Row, Running, badgateway, root, rows, scenarios};

/// Runs a scenario in virtual time into a folder.
fn run(command: &str, scenario: &Path, folder: &Path) {
    let arguments = [command, scenario.to_str().unwrap(), "--engine", "virtual", "--quiet"];
    let mut command = badgateway(arguments);
    let ended = Running::start(command.arg("--out").arg(folder)).end_within(Duration::from_mins(1));
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.err);
}

/// What a browser finds on the pages of these folders.
fn looked_at(folders: &[PathBuf]) -> Value {
    let (root, script) = (root(), "crates/badgateway/tests/it/page/check.mjs");
    assert!(
        root.join(".tools/node_modules/playwright-core").exists(),
        "there is no browser's driver: `make setup` installs it"
    );
    let mut command = Command::new("node");
    command.arg(root.join(script)).arg(root.join(".tools"));
    command.args(folders.iter().map(|folder| folder.join("report.html")));
    let ended = Running::start(&mut command).end_within(Duration::from_mins(3));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The rows of the first table of a section, as they are read.
fn table(look: &Value, section: &str) -> Vec<Vec<String>> {
    look["tables"][section].as_array().unwrap_or(&Vec::new()).iter().map(texts).collect()
}

fn is_number(cell: &str, number: &str) -> bool {
    cell.replace(',', "") == number
}

/// The numbers of a table are those of the file.
fn assert_table(look: &Value, section: &str, file: &[Row], columns: &[(usize, &str)]) {
    let shown = table(look, section);
    assert_eq!(shown.len(), file.len(), "{section}");
    for (cells, row) in shown.iter().zip(file) {
        for &(place, column) in columns {
            assert!(is_number(&cells[place], &row[column]), "{section}: {cells:?} and {column} of {row:?}");
        }
    }
}

fn assert_usable(look: &Value) {
    assert_eq!(texts(&look["errors"]), Vec::<String>::new());
    let requests = texts(&look["requests"]);
    assert!(requests.iter().all(|url| url.starts_with("file:") || url.starts_with("data:")), "{requests:?}");
    assert_eq!(texts(&look["violations"]), Vec::<String>::new());
    assert!(look["overflow"].as_i64().unwrap() <= 0, "the page is wider than the window");
    assert_ne!(look["ground"], look["other"], "the switch changes the colours");
    let print = &look["print"];
    assert_eq!(texts(&print["controls"]), Vec::<String>::new(), "paper has nothing to press");
    assert_eq!(print["ground"], "rgb(255, 255, 255)");
    assert!(print["overflow"].as_i64().unwrap() <= 0, "the page is wider than the paper: {print}");
    assert!(print["bytes"].as_u64().unwrap() > 1000);
}

fn assert_filters(look: &Value) {
    let split = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
    for pick in look["picks"].as_array().unwrap() {
        let kind = pick["kind"].as_str().unwrap();
        assert_eq!(pick["filter"], true);
        assert!(texts(&pick["shown"]).iter().all(|shown| shown == kind), "{pick}");
        let charts = texts(&pick["charts"]);
        assert!(!charts.is_empty() && charts.iter().all(|shown| shown == kind), "{pick}");
        assert!(texts(&pick["pressed"]).iter().all(|pressed| pressed == kind), "{pick}");
    }
    if let Some(place) = look.get("place") {
        let kinds = split(place["kinds"].as_str().unwrap());
        assert!(texts(&place["shown"]).iter().all(|shown| kinds.contains(shown)), "{place}");
        assert!(texts(&place["charts"]).iter().all(|shown| kinds.contains(shown)), "{place}");
    }
    assert_eq!(
        (&look["cleared"]["filter"], &look["cleared"]["faded"]),
        (&Value::Bool(false), &Value::from(0))
    );
}

#[test]
fn the_pages_of_all_scenarios_show_the_figures_and_everybody_can_use_them() {
    let temp = tempfile::tempdir().unwrap();
    let folders: Vec<PathBuf> = scenarios()
        .iter()
        .map(|scenario| {
            let folder = temp.path().join(scenario.file_stem().unwrap());
            run("run", scenario, &folder);
            folder
        })
        .collect();
    let found = looked_at(&folders);
    for folder in &folders {
        let page = folder.join("report.html");
        let name = page.to_str().unwrap();
        assert!(std::fs::metadata(&page).unwrap().len() < 2_000_000, "{name}");
        for (way, look) in found[name].as_object().unwrap() {
            println!("{name}, {way}");
            assert_usable(look);
            assert_filters(look);
        }
        let look = &found[name]["light"];
        assert_table(look, "origins", &rows(folder, "origins.csv"), &[(3, "surfaced"), (4, "masked")]);
        let counts = [(3, "matched"), (4, "injected"), (5, "masked"), (6, "surfaced"), (7, "harmless")];
        assert_table(look, "faults", &rows(folder, "faults.csv"), &counts);
        let counts = [
            (1, "requests"),
            (2, "ok"),
            (3, "absorbed"),
            (4, "generated_502"),
            (5, "forwarded_502"),
            (6, "generated_5xx"),
            (7, "forwarded_5xx"),
        ];
        assert_table(look, "layers", &rows(folder, "layers.csv"), &counts);
        assert_timeline(look, folder);
        let strategy = &rows(folder, "strategies.csv")[0];
        let headline = look["headline"].as_str().unwrap().replace(',', "");
        let rate: f64 = strategy["success_rate"].parse().unwrap();
        assert!(headline.contains(&strategy["calls"]), "{headline}");
        assert!(headline.contains(&format!("{:.1}%", rate * 100.0)) || rate > 0.9995, "{headline}");
    }
}

#[test]
fn a_comparisons_page_shows_each_strategy() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("run");
    run("compare", &root().join("scenarios/retry-storm.yaml"), &folder);
    let found = looked_at(std::slice::from_ref(&folder));
    let looks = found[folder.join("report.html").to_str().unwrap()].as_object().unwrap();
    assert_eq!(looks.len(), 2);
    looks.values().for_each(assert_usable);
    let mut strategies = rows(&folder, "strategies.csv");
    // By rank, then by load; where that is the same too, by p99.
    let figure = |row: &Row, column: &str| row[column].parse::<f64>().unwrap();
    strategies.sort_by(|a, b| {
        let by = |column| figure(a, column).total_cmp(&figure(b, column));
        by("rank").then(by("amplification")).then(by("p99_ms"))
    });
    let shown = table(&looks["light"], "ranks");
    let names = |rows: &[Row]| rows.iter().map(|row| row["strategy"].clone()).collect::<Vec<_>>();
    assert_eq!(shown.iter().map(|cells| cells[1].clone()).collect::<Vec<_>>(), names(&strategies));
    assert_table(&looks["light"], "ranks", &strategies, &[(2, "calls"), (3, "succeeded")]);
}

/// The calls along time are those of the client's rows, whenever each is counted.
fn assert_timeline(look: &Value, folder: &Path) {
    let calls = rows(folder, "calls.csv");
    let shown: Vec<[u64; 4]> = table(look, "timeline")
        .iter()
        .map(|cells| [1, 2, 3, 4].map(|place| cells[place].replace(',', "").parse().unwrap()))
        .collect();
    let sum = |place: usize| shown.iter().map(|row| row[place]).sum::<u64>();
    let count = |is: &dyn Fn(&Row) -> bool| calls.iter().filter(|call| is(call)).count() as u64;
    let is_ok = |call: &Row| call["error"].is_empty() && call["status"].parse::<u16>().is_ok_and(|s| s < 400);
    assert_eq!(sum(0), count(&|call| is_ok(call)));
    assert_eq!(sum(1), count(&|call| !is_ok(call) && call["status"] == "502"));
    assert_eq!(sum(3), count(&|call| !is_ok(call) && call["status"].is_empty()));
    assert_eq!(shown.iter().flatten().sum::<u64>(), calls.len() as u64);
}
