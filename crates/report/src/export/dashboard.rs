//! A dashboard for Grafana.

mod rows;

use serde_json::{Value, json};
use topology::Scenario;

use super::objective;
use rows::rows;

/// The dashboard, as Grafana imports it; which Prometheus it reads is asked there.
///
/// # Errors
/// Never, as far as anyone knows.
pub fn dashboard(scenario: &Scenario) -> Result<String, serde_json::Error> {
    let (objective, _) = objective(scenario);
    let mut panels = Vec::new();
    let mut y = 0;
    for (title, row) in rows(objective) {
        panels.push(json!({
            "id": panels.len() + 1, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 },
        }));
        y += 1;
        let width = 24 / row.len().max(1);
        for (place, mut panel) in row.into_iter().enumerate() {
            panel["id"] = json!(panels.len() + 1);
            panel["gridPos"] = json!({ "x": place * width, "y": y, "w": width, "h": 8 });
            panel["datasource"] = source();
            panels.push(panel);
        }
        y += 8;
    }
    let active = |name: &str, expr: &str| {
        json!({
            "name": name, "datasource": source(), "enable": true, "iconColor": "red", "expr": expr,
            "titleFormat": "{{fault}}", "textFormat": "{{mechanism}} at {{at}}", "step": "1s",
        })
    };
    let board = json!({
        "title": format!("badgateway: {}", scenario.name),
        "description": scenario.description,
        "tags": ["badgateway"],
        "schemaVersion": 39,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": { "from": "now-15m", "to": "now" },
        "templating": { "list": [{
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        }] },
        "annotations": { "list": [active("injected faults", "badgateway_fault_active == 1")] },
        "panels": panels,
    });
    Ok(serde_json::to_string_pretty(&board)? + "\n")
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}
