//! What the dashboard shows, row by row.

use serde_json::{Value, json};

use super::source;
use crate::export::number;

/// A row: its title, and its panels.
pub(super) type Row = (&'static str, Vec<Value>);

/// The rows, from what clients see down to what is injected.
pub(super) fn rows(objective: f64) -> Vec<Row> {
    vec![clients(objective), births(), layers(), retries(), fullness(), models(), injected()]
}

/// What clients see, and what was promised.
fn clients(objective: f64) -> Row {
    let promised = number(objective);
    (
        "What clients see",
        vec![
            course(
                "Calls that succeed",
                "percentunit",
                &[
                    (
                        "sum by (strategy, node) (rate(badgateway_calls_total{outcome=\"success\"}[$__rate_interval])) \
                             / sum by (strategy, node) (rate(badgateway_calls_total[$__rate_interval]))",
                        "{{node}} {{strategy}}",
                    ),
                    (&format!("vector({promised})"), "promised"),
                ],
            ),
            course(
                "How long calls take",
                "s",
                &[
                    (
                        "histogram_quantile(0.5, sum by (le, strategy) (rate(badgateway_call_duration_seconds_bucket[$__rate_interval])))",
                        "p50 {{strategy}}",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le, strategy) (rate(badgateway_call_duration_seconds_bucket[$__rate_interval])))",
                        "p99 {{strategy}}",
                    ),
                ],
            ),
        ],
    )
}

/// Where failures are born.
fn births() -> Row {
    (
        "Where failures are born",
        vec![
            stack(
                "Failed calls a second, by origin",
                "reqps",
                &[(
                    "sum by (strategy, origin, cause, mechanism) (rate(badgateway_failures_total{outcome=\"surfaced\"}[$__rate_interval]))",
                    "{{origin}}: {{cause}} ({{mechanism}}) {{strategy}}",
                )],
            ),
            origins(),
        ],
    )
}

/// What each layer makes of it.
fn layers() -> Row {
    (
        "What each layer makes of it",
        vec![
            stack(
                "502s made here, a second",
                "reqps",
                &[(
                    "sum by (strategy, node) (rate(badgateway_error_responses_total{http_response_status_code=\"502\",source!=\"relayed\"}[$__rate_interval]))",
                    "{{node}} {{strategy}}",
                )],
            ),
            stack(
                "502s passed on, a second",
                "reqps",
                &[(
                    "sum by (strategy, node) (rate(badgateway_error_responses_total{http_response_status_code=\"502\",source=\"relayed\"}[$__rate_interval]))",
                    "{{node}} {{strategy}}",
                )],
            ),
            course(
                "How long requests stay (p99)",
                "s",
                &[(
                    "histogram_quantile(0.99, sum by (le, strategy, node) (rate(http_server_request_duration_seconds_bucket[$__rate_interval])))",
                    "{{node}} {{strategy}}",
                )],
            ),
        ],
    )
}

/// What retries come to.
fn retries() -> Row {
    (
        "Retries, budgets and breakers",
        vec![
            stack(
                "Retries a second, by what came of them",
                "reqps",
                &[
                    (
                        "sum by (strategy, node, server_address, outcome) (rate(badgateway_retries_total[$__rate_interval]))",
                        "{{node}} -> {{server_address}}: {{outcome}} {{strategy}}",
                    ),
                    (
                        "sum by (strategy, node, server_address) (rate(badgateway_retries_refused_total[$__rate_interval]))",
                        "{{node}} -> {{server_address}}: refused by the budget {{strategy}}",
                    ),
                ],
            ),
            course(
                "Attempts a second, by how they ended",
                "reqps",
                &[(
                    "sum by (strategy, node, server_address, error_type) (rate(http_client_request_duration_seconds_count[$__rate_interval]))",
                    "{{node}} -> {{server_address}} {{error_type}} {{strategy}}",
                )],
            ),
            course(
                "Open circuit breakers",
                "short",
                &[(
                    "max by (strategy, node, server_address) (badgateway_breaker_state{state=\"open\"})",
                    "{{node}} -> {{server_address}} {{strategy}}",
                )],
            ),
        ],
    )
}

/// How full nodes are.
fn fullness() -> Row {
    (
        "How full nodes are",
        vec![
            course(
                "Requests inside",
                "short",
                &[("sum by (strategy, node) (http_server_active_requests)", "{{node}} {{strategy}}")],
            ),
            course(
                "Waiting for a worker",
                "short",
                &[
                    ("sum by (strategy, node) (badgateway_queue_length)", "{{node}} {{strategy}}"),
                    ("max by (node) (badgateway_queue_capacity)", "{{node}}: places"),
                ],
            ),
            course(
                "Processes that are up",
                "short",
                &[("min by (node) (badgateway_process_up)", "{{node}}")],
            ),
        ],
    )
}

/// What model servers and rules come to.
fn models() -> Row {
    (
        "Tokens, money and rules",
        vec![
            stack(
                "Tokens a second, used and wasted",
                "short",
                &[(
                    "sum by (strategy, node, outcome) (rate(badgateway_tokens_total[$__rate_interval]))",
                    "{{node}}: {{outcome}} {{strategy}}",
                )],
            ),
            course(
                "Money, used and wasted",
                "short",
                &[(
                    "sum by (strategy, node, outcome) (badgateway_cost_total)",
                    "{{node}}: {{outcome}} {{strategy}}",
                )],
            ),
            stack(
                "Refusals a second, by rule",
                "reqps",
                &[(
                    "sum by (strategy, node, reason, rule) (rate(badgateway_refusals_total[$__rate_interval]))",
                    "{{node}}: {{reason}} {{rule}} {{strategy}}",
                )],
            ),
        ],
    )
}

/// What is injected.
fn injected() -> Row {
    (
        "What is injected",
        vec![stack(
            "Attempts hit a second, by fault",
            "reqps",
            &[(
                "sum by (strategy, fault) (rate(badgateway_fault_injections_total[$__rate_interval]))",
                "{{fault}} {{strategy}}",
            )],
        )],
    )
}

/// A course over time.
fn course(title: &str, unit: &str, series: &[(&str, &str)]) -> Value {
    panel(
        "timeseries",
        title,
        unit,
        series,
        &json!({ "custom": { "fillOpacity": 10, "showPoints": "never" } }),
    )
}

/// The same, one upon another.
fn stack(title: &str, unit: &str, series: &[(&str, &str)]) -> Value {
    let custom =
        json!({ "custom": { "fillOpacity": 60, "showPoints": "never", "stacking": { "mode": "normal" } } });
    panel("timeseries", title, unit, series, &custom)
}

fn panel(kind: &str, title: &str, unit: &str, series: &[(&str, &str)], defaults: &Value) -> Value {
    let target = |(place, (expr, legend)): (usize, &(&str, &str))| {
        let id = char::from(b'A' + u8::try_from(place).unwrap_or(25));
        json!({ "refId": id.to_string(), "expr": expr, "legendFormat": legend, "datasource": source() })
    };
    let targets: Vec<_> = series.iter().enumerate().map(target).collect();
    let mut defaults = defaults.clone();
    defaults["unit"] = json!(unit);
    json!({
        "type": kind, "title": title, "targets": targets,
        "fieldConfig": { "defaults": defaults, "overrides": [] },
        "options": { "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } },
    })
}

/// Where failures were born in the time that is shown.
fn origins() -> Value {
    let expr = "sort_desc(sum by (origin, cause, mechanism, http_response_status_code, outcome) \
                (increase(badgateway_failures_total[$__range])) > 0)";
    let mut panel = panel("table", "Where failures were born", "short", &[(expr, "")], &json!({}));
    panel["targets"][0]["format"] = json!("table");
    panel["targets"][0]["instant"] = json!(true);
    panel["transformations"] =
        json!([{ "id": "organize", "options": { "excludeByName": { "Time": true } } }]);
    panel
}
