//! Alert rules: where failures are born, what retries do to it, and whether what was promised is in danger.

use std::time::Duration;

use serde::Serialize;
use topology::node::Node;
use topology::policy::Policy;
use topology::{Cause, NodeId, Scenario};

use super::{Windows, number, objective};

/// As many of a callee's attempts may be retries that do not help. Twice what a retry budget of 10% allows:
/// "Site Reliability Engineering", O'Reilly 2016, chapter 21.
const STORM: f64 = 0.2;
/// A queue that is as full as this is not one that will be empty soon.
const FULL: f64 = 0.5;

/// How fast, over which windows, and whom it concerns. Source: "The Site Reliability Workbook", O'Reilly 2018,
/// chapter 5, table 5-8: multiwindow, multi-burn-rate alerts.
const BURNS: [(f64, Duration, Duration, &str); 4] = [
    (14.4, Duration::from_hours(1), Duration::from_mins(5), "page"),
    (6.0, Duration::from_hours(6), Duration::from_mins(30), "page"),
    (3.0, Duration::from_hours(24), Duration::from_hours(2), "ticket"),
    (1.0, Duration::from_hours(72), Duration::from_hours(6), "ticket"),
];

#[derive(Debug, Serialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Serialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    alert: String,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    lasts: Option<String>,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Debug, Serialize)]
struct Labels {
    severity: &'static str,
}

#[derive(Debug, Serialize)]
struct Annotations {
    summary: String,
    description: String,
}

/// The rules for a scenario, in Prometheus' own format.
///
/// # Errors
/// Never, as far as anyone knows.
pub fn rules(scenario: &Scenario, windows: Windows) -> Result<String, String> {
    let name = |part: &str| format!("badgateway {} {part}", scenario.name);
    let mut groups = vec![
        Group { name: name("origins"), rules: born(scenario, windows) },
        Group { name: name("layers"), rules: layers(scenario, windows) },
        Group { name: name("models and limits"), rules: models(scenario, windows) },
        Group { name: name("error budget"), rules: burns(scenario, windows) },
    ];
    groups.retain(|group| !group.rules.is_empty());
    let head = format!("# Made of the scenario {}: promtool check rules FILE\n", scenario.name);
    let text = serde_yaml::to_string(&File { groups }).map_err(|e| e.to_string())?;
    Ok(head + &text)
}

/// A rule that holds for some time.
fn rule(
    windows: Windows,
    alert: &str,
    severity: &'static str,
    expr: String,
    summary: &str,
    description: &str,
) -> Rule {
    Rule {
        alert: alert.to_owned(),
        expr,
        lasts: Some(windows.scaled(Duration::from_mins(1))),
        labels: Labels { severity },
        annotations: Annotations { summary: summary.to_owned(), description: description.to_owned() },
    }
}

/// Where failures are born: for each cause, the place.
fn born(scenario: &Scenario, windows: Windows) -> Vec<Rule> {
    let (objective, _) = objective(scenario);
    let window = windows.scaled(Duration::from_mins(5));
    let one = |(cause, alert, next): (Cause, &str, &str)| {
        let cause = cause.name();
        let expr = format!(
            "sum by (strategy, origin, mechanism) (rate(badgateway_failures_total{{outcome=\"surfaced\",cause=\"{cause}\"}}[{window}]))\n  \
             / on (strategy) group_left () sum by (strategy) (rate(badgateway_calls_total[{window}])) > {}",
            number(1.0 - objective)
        );
        let summary =
            format!("Failures are born at {{{{ $labels.origin }}}}: {cause} ({{{{ $labels.mechanism }}}})");
        let description = format!(
            "{{{{ $value | humanizePercentage }}}} of all calls fail because of {{{{ $labels.origin }}}}; the gateways above only \
             pass that on. {next}"
        );
        rule(windows, alert, "page", expr, &summary, &description)
    };
    let causes = [
        (
            Cause::Overload,
            "FailuresBornOfOverload",
            "Next: compare its queue and requests inside with its workers; shed earlier, add capacity, and look at who retries.",
        ),
        (
            Cause::Network,
            "FailuresBornInTheNetwork",
            "Next: look at what lies between the two ends of the link: load balancers, NAT time-outs, firewalls, packet loss.",
        ),
        (
            Cause::Config,
            "FailuresBornOfConfiguration",
            "Next: compare both sides' configuration of the link (address, path, credentials, limits, time-outs), and what was deployed last.",
        ),
        (
            Cause::Crash,
            "FailuresBornOfCrashes",
            "Next: read the supervisor's and the application's log at that moment: restarts, OOM kills, stack traces.",
        ),
        (
            Cause::Unknown,
            "FailuresOfUnknownOrigin",
            "Next: `badgateway explain RUN` shows such a call hop by hop.",
        ),
    ];
    causes.into_iter().map(one).collect()
}

/// What each layer does about it.
fn layers(scenario: &Scenario, windows: Windows) -> Vec<Rule> {
    let window = windows.scaled(Duration::from_mins(5));
    let mut rules = vec![rule(
        windows,
        "RetryStorm",
        "page",
        format!(
            "sum by (strategy, node, server_address) (rate(badgateway_retries_total{{outcome=\"in_vain\"}}[{window}]))\n  \
             / sum by (strategy, node, server_address) (rate(http_client_request_duration_seconds_count[{window}])) > {}",
            number(STORM)
        ),
        "{{ $labels.node }} retries {{ $labels.server_address }} in vain",
        "{{ $value | humanizePercentage }} of what {{ $labels.node }} sends to {{ $labels.server_address }} are retries that \
         help nobody; they keep {{ $labels.server_address }} from recovering. Next: give the retries of {{ $labels.node }} a \
         budget and a back-off with jitter, and retry at one layer only.",
    )];
    let has = |of: fn(&Policy) -> bool| {
        let declared = scenario.topology.edges().any(|(_, edge)| of(&edge.policy));
        declared || scenario.strategies.iter().flat_map(|s| &s.policies).any(|(_, policy)| of(policy))
    };
    if has(|policy| policy.retry.budget.is_some()) {
        rules.push(rule(
            windows,
            "RetryBudgetExhausted",
            "ticket",
            format!(
                "sum by (strategy, node, server_address) (rate(badgateway_retries_refused_total[{window}])) > 0"
            ),
            "The retry budget of {{ $labels.node }} for {{ $labels.server_address }} is spent",
            "{{ $labels.node }} wants {{ $value | humanize }} more retries a second than its budget for \
             {{ $labels.server_address }} allows. The budget does its work. Next: find what fails \
             at {{ $labels.server_address }}, rather than raise the budget.",
        ));
    }
    if has(|policy| policy.breaker.is_some()) {
        rules.push(rule(
            windows,
            "CircuitBreakerOpen",
            "ticket",
            format!(
                "max by (strategy, node, server_address) (max_over_time(badgateway_breaker_state{{state=\"open\"}}[{window}])) == 1"
            ),
            "{{ $labels.node }} leaves {{ $labels.server_address }} alone",
            "The circuit breaker of {{ $labels.node }} for {{ $labels.server_address }} has opened: calls fail at \
             {{ $labels.node }} without being sent. Next: find what failed at {{ $labels.server_address }} just before it \
             opened; what {{ $labels.node }} answers now is only the consequence.",
        ));
    }
    if scenario.topology.nodes().any(|(_, node)| node.workers.is_some() && node.queue > 0) {
        rules.push(rule(
            windows,
            "QueueGrowing",
            "page",
            format!(
                "avg by (strategy, node) (avg_over_time(badgateway_queue_length[{window}]))\n  \
                 / max by (strategy, node) (badgateway_queue_capacity) > {}",
                number(FULL)
            ),
            "The queue of {{ $labels.node }} fills up",
            "{{ $value | humanizePercentage }} of the places in the queue of {{ $labels.node }} are taken: who waits there \
             waits for nothing if its caller gives up first. Next: compare the time it takes to work off the queue with the \
             callers' time-outs (`badgateway check`), and the arrival rate with what the workers can do.",
        ));
    }
    rules
}

/// What becomes of tokens, and of limits on them.
fn models(scenario: &Scenario, windows: Windows) -> Vec<Rule> {
    let window = windows.scaled(Duration::from_mins(5));
    let mut rules = Vec::new();
    if scenario.topology.nodes().any(|(_, node)| node.llm.is_some()) {
        rules.push(rule(
            windows,
            "TokensWasted",
            "ticket",
            format!(
                "sum by (strategy, node) (rate(badgateway_tokens_total{{outcome=\"wasted\"}}[{window}]))\n  \
                 / sum by (strategy, node) (rate(badgateway_tokens_total[{window}])) > {}",
                number(STORM)
            ),
            "{{ $labels.node }} makes tokens for nobody",
            "{{ $value | humanizePercentage }} of the tokens of {{ $labels.node }} go into answers that nobody used: their \
             callers had gone, or they broke on the way. They are paid for, and count for its limits. Next: compare the \
             callers' time-outs with the time that an answer takes (`badgateway check`), and retry with a budget.",
        ));
    }
    let has_limits = |(_, node): (NodeId, &Node)| {
        let of_model = node
            .llm
            .as_ref()
            .is_some_and(|model| model.requests_per_minute.is_some() || model.tokens_per_minute.is_some());
        of_model || node.rules.as_ref().is_some_and(|rules| rules.limits.iter().any(|limit| !limit.soft))
    };
    if scenario.topology.nodes().any(has_limits) {
        let (objective, _) = objective(scenario);
        rules.push(rule(
            windows,
            "LimitSpent",
            "ticket",
            format!(
                "sum by (strategy, node, rule) (rate(badgateway_refusals_total{{reason=~\"rate_limited|quota_spent\"}}[{window}]))\n  \
                 / on (strategy, node) group_left () sum by (strategy, node) (rate(http_server_request_duration_seconds_count[{window}])) > {}",
                number(1.0 - objective)
            ),
            "A limit of {{ $labels.node }} is spent: {{ $labels.rule }}",
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.node }} are refused as a limit on requests, \
             tokens or cost is spent. Next: find who spends it, and how much of it on retries (`badgateway explain`); then \
             raise the limit, or slow the callers down as Retry-After says.",
        ));
    }
    rules
}

/// How fast the error budget burns: a rule for each kind of hurry, with both its pairs of windows.
fn burns(scenario: &Scenario, windows: Windows) -> Vec<Rule> {
    let (objective, said) = objective(scenario);
    let budget = 1.0 - objective;
    let promised = format!("{}%", number(100.0 * objective));
    let whose = if said {
        "by the scenario's thresholds"
    } else {
        "which is assumed, as no threshold is on success_rate"
    };
    let over = |window: &str, factor: f64| {
        format!(
            "sum by (strategy) (rate(badgateway_calls_total{{outcome=\"failure\"}}[{window}])) \
             / sum by (strategy) (rate(badgateway_calls_total[{window}])) > {}",
            number(factor * budget)
        )
    };
    let rule = |severity: &'static str| {
        // What burns faster than everything failing cannot be.
        let pairs: Vec<_> = BURNS.into_iter().filter(|b| b.3 == severity && b.0 * budget < 1.0).collect();
        let pair = |(factor, long, short, _): &(f64, Duration, Duration, &str)| {
            let (long, short) = (windows.scaled(*long), windows.scaled(*short));
            format!("({}\n  and {})", over(&long, *factor), over(&short, *factor))
        };
        let told = |(factor, long, short, _): &(f64, Duration, Duration, &str)| {
            let (long, short) = (windows.scaled(*long), windows.scaled(*short));
            format!("{}x over {long} and {short}", number(*factor))
        };
        let join = |texts: Vec<String>, between: &str| texts.join(between);
        (!pairs.is_empty()).then(|| Rule {
            alert: "ErrorBudgetBurn".to_owned(),
            expr: join(pairs.iter().map(pair).collect(), "\nor\n"),
            lasts: None,
            labels: Labels { severity },
            annotations: Annotations {
                summary: "The clients' error budget burns too fast".to_owned(),
                description: format!(
                    "{{{{ $value | humanizePercentage }}}} of the calls fail, and {promised} are to succeed, {whose}. The \
                     budget burns at more than {}. Next: the FailuresBorn alerts say at which layer; so does \
                     `topk(3, sum by (origin, cause, mechanism) (rate(badgateway_failures_total{{outcome=\"surfaced\"}}[{}])))`.",
                    join(pairs.iter().map(told).collect(), ", or "),
                    windows.scaled(Duration::from_mins(5))
                ),
            },
        })
    };
    ["page", "ticket"].into_iter().filter_map(rule).collect()
}
