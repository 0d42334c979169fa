//! Each rule's example, run in virtual time: the failure that the rule foretells, or the cost; and the
//! same with the fix.

use std::path::Path;
use std::time::Duration;

use topology::lint::{RULES, Rule};

use super::{checked, rules};
use crate::support::{Row, Running, badgateway, number, rows};

/// A run of an example.
struct Ran {
    origins: Vec<Row>,
    layers: Vec<Row>,
    each_call: Vec<Row>,
    hops: Vec<Row>,
    strategy: Row,
}

impl Ran {
    fn figure(&self, column: &str) -> f64 {
        self.strategy[column].parse().unwrap_or_else(|_| panic!("{column} of {:?}", self.strategy))
    }

    /// The failed calls with this status, born there, by this mechanism.
    fn failed(&self, status: &str, origin: &str, mechanism: &str) -> u64 {
        let at = |o: &&Row| o["status"] == status && o["origin"] == origin && o["mechanism"] == mechanism;
        self.origins.iter().filter(at).map(|origin| number(origin, "surfaced")).sum()
    }

    fn all_failed(&self) -> u64 {
        number(&self.strategy, "calls") - number(&self.strategy, "succeeded")
    }

    fn requests(&self, node: &str) -> u64 {
        let of = |layer: &&Row| layer["node"] == node;
        number(self.layers.iter().find(of).unwrap(), "requests")
    }

    /// The hops with this error, from there.
    fn hops(&self, from: &str, error: &str) -> usize {
        self.hops.iter().filter(|hop| hop["from"] == from && hop["error"] == error).count()
    }

    fn says(&self, column: &str, figure: &str) -> bool {
        self.strategy[column] == figure
    }

    fn calls(&self) -> u64 {
        number(&self.strategy, "calls")
    }
}

/// What is to be seen in a run of a rule's example; and what is replaced in it by what, so that the rule
/// says no more.
struct Foretold {
    seen: fn(&Ran) -> bool,
    fix: (&'static str, &'static str),
}

/// What each rule foretells.
fn foretold(rule: &Rule) -> Foretold {
    let families = [timeouts, retries, copies, callees, room];
    let known = families.into_iter().find_map(|family| family(rule.id));
    let (seen, from, to) = known.unwrap_or_else(|| panic!("what does {} foretell?", rule.id));
    Foretold { seen, fix: (from, to) }
}

/// What is to be seen, and the fix: this by that.
type Entry = (fn(&Ran) -> bool, &'static str, &'static str);

/// Time-outs.
fn timeouts(rule: &str) -> Option<Entry> {
    Some(match rule {
        // The outer gateway's 504, while the inner one still tries, for nobody.
        "timeout-order" => (
            |ran| {
                ran.all_failed() > 0
                    && ran.failed("504", "inner -> app", "timeout") == ran.all_failed()
                    && ran.hops("outer", "http_response_timeout") as u64 == ran.all_failed()
                    && ran.hops("inner", "cancelled") as u64 == ran.all_failed()
            },
            "timeout: 1s",
            "timeout: 6s",
        ),
        // Only the client's own patience ends it.
        "timeout-absent" => (
            |ran| {
                ran.failed("", "app", "hang") == ran.all_failed()
                    && ran.hops("gateway", "cancelled") as u64 == ran.all_failed()
                    && ran.all_failed() > 0
            },
            "timeout: none",
            "timeout: 180ms",
        ),
        "timeout-below-service-time" => (
            |ran| {
                let too_late = ran.failed("504", "gateway -> app", "timeout_too_short");
                too_late > 0 && too_late == ran.all_failed() && ran.figure("wasted_work") > 0.3
            },
            "timeout: 20ms",
            "timeout: 200ms",
        ),
        // A 200 that failed.
        "timeout-cuts-stream" => (
            |ran| {
                let cut = |call: &Row| call["status"] == "200" && !call["error"].is_empty();
                ran.says("succeeded", "0") && ran.each_call.iter().all(cut)
            },
            "timeout: 500ms",
            "timeout: 2s",
        ),
        // Each is made to the end, for nobody.
        "timeout-below-model-time" => (
            |ran| {
                let too_late = ran.failed("504", "gateway -> model", "timeout_too_short");
                too_late > 0 && too_late == ran.all_failed() && ran.figure("wasted_tokens") > 0.0
            },
            "timeout: 2s",
            "timeout: 6s",
        ),
        "attempts-over-deadline" => (
            |ran| {
                ran.all_failed() > 0
                    && ran.failed("", "client -> app", "timeout") == ran.all_failed()
                    && ran.says("attempts_per_call", "1")
            },
            "timeout: 1s",
            "timeout: 300ms",
        ),
        _ => return None,
    })
}

/// Retries.
fn retries(rule: &str) -> Option<Entry> {
    Some(match rule {
        "retries-multiply" => (
            |ran| ran.says("amplification", "64") && ran.says("succeeded", "0"),
            "client -> ai-gateway: { retry: { max_attempts: 4, when: [5xx] } }
  - ai-gateway -> llm-gateway: { timeout: 20s, retry: { max_attempts: 4, when: [5xx] } }",
            "client -> ai-gateway -> llm-gateway",
        ),
        "retry-without-budget" => {
            (|ran| ran.says("attempts_per_call", "4"), "max_attempts: 4", "max_attempts: 4, budget: 10%")
        }
        // All attempts fall into the same 300 ms.
        "retry-without-backoff" => (
            |ran| {
                let mut failed = ran.each_call.iter().filter(|call| call["status"] != "200");
                ran.all_failed() > 0
                    && failed.all(|call| call["attempts"] == "3" && call["mechanism"] == "down")
            },
            "max_attempts: 3",
            "max_attempts: 3, backoff: { exponential: { base: 100ms, jitter: full } }",
        ),
        // The same work is done twice.
        "retry-not-idempotent" => (
            |ran| ran.requests("model") > ran.calls() && ran.figure("wasted_work") > 0.0,
            "max_attempts: 2",
            "max_attempts: 2, idempotent_only: true",
        ),
        _ => return None,
    })
}

/// Hedges, and what is tried again in vain.
fn copies(rule: &str) -> Option<Entry> {
    Some(match rule {
        "hedge-not-idempotent" => (|ran| ran.requests("model") > ran.calls(), "hedge: 60ms", "hedge: none"),
        "hedge-too-early" => (|ran| ran.figure("amplification") > 1.5, "hedge: 20ms", "hedge: 210ms"),
        "retry-after-ignored" => (
            |ran| {
                ran.failed("429", "model", "") == ran.all_failed()
                    && ran.says("succeeded", "0")
                    && ran.figure("attempts_per_call") > 1.5
            },
            "budget: 100%",
            "budget: 100%\n        retry_after: 60s",
        ),
        // Nothing is tried again, and every blip surfaces.
        "retry-misses-status" => (
            |ran| {
                ran.all_failed() > 0
                    && ran.failed("502", "gateway -> app", "reset_peer") == ran.all_failed()
                    && ran.says("attempts_per_call", "1")
            },
            "when: [500, 503]",
            "when: [500, 502, 503]",
        ),
        "retry-client-errors" => {
            (|ran| ran.figure("attempts_per_call") > 1.1, "when: [any]", "when: [5xx, transport]")
        }
        // Each failed call has asked the same sick model twice.
        "fallback-shares-callee" => (
            |ran| {
                ran.all_failed() > 0
                    && ran.failed("500", "model", "exception") == ran.all_failed()
                    && ran.requests("model") == ran.calls() + ran.all_failed()
            },
            "backup -> model: { timeout: 1s }",
            "backup -> other: { timeout: 1s }",
        ),
        _ => return None,
    })
}

/// Breakers, replicas, connections.
fn callees(rule: &str) -> Option<Entry> {
    Some(match rule {
        // It fails to the end, and each call still reaches the server and waits its time out.
        "breaker-never-opens" => (
            |ran| {
                ran.failed("", "app", "hang") == ran.all_failed()
                    && ran.all_failed() == 30
                    && ran.requests("app") == ran.calls()
            },
            "rate: { share: 50%, window: 1s }",
            "consecutive: 3",
        ),
        // One lost connection costs what three seconds offer.
        "breaker-too-eager" => (
            |ran| (145..=155).contains(&ran.all_failed()),
            "consecutive: 1, open_for: 3s",
            "consecutive: 5, open_for: 1s",
        ),
        "replicas-without-ejection" => {
            (|ran| ran.all_failed() * 4 == ran.calls(), "timeout: 1s }", "timeout: 1s, breaker: 3 }")
        }
        "keep-alive-order" => (
            |ran| {
                let lost = ran.failed("502", "gateway -> app", "keepalive_race");
                lost > 0 && lost == ran.all_failed()
            },
            "idle_timeout: 60s",
            "idle_timeout: 4s",
        ),
        _ => return None,
    })
}

/// Capacity and limits.
fn room(rule: &str) -> Option<Entry> {
    Some(match rule {
        "pool-too-small" => (
            |ran| {
                ran.failed("503", "gateway -> app", "") == ran.all_failed()
                    && ran.figure("success_rate") < 0.8
            },
            "max_connections: 4",
            "max_connections: 10",
        ),
        "in-flight-too-small" => (
            |ran| {
                ran.failed("503", "gateway", "queue_full") == ran.all_failed()
                    && ran.figure("success_rate") < 0.8
            },
            "max_in_flight: 4",
            "max_in_flight: 10",
        ),
        // Long after the lost workers are back.
        "queue-outlasts-timeout" => (
            |ran| {
                let late = |call: &&Row| {
                    call["status"] == "504" && call["start_ms"].parse::<f64>().unwrap() > 3500.0
                };
                ran.each_call.iter().filter(late).count() > 10 && ran.figure("wasted_work") > 0.3
            },
            "queue: 200",
            "queue: 40",
        ),
        "utilisation" => (
            |ran| {
                ran.failed("503", "app", "queue_full") == ran.all_failed()
                    && ran.figure("success_rate") < 0.85
            },
            "workers: 4",
            "workers: 9",
        ),
        "rate-limit-below-load" => (
            |ran| {
                let refused = ran.failed("429", "app", "rate_limit");
                // 40% but for the burst.
                refused == ran.all_failed() && (190..=200).contains(&refused)
            },
            "rate: 60/s",
            "rate: 120/s",
        ),
        "token-limit-below-load" => (
            |ran| {
                let refused = ran.failed("429", "gateway", "rate_limit");
                // Half of the load, but for what may be let in at once.
                refused == ran.all_failed() && (25..=30).contains(&refused)
            },
            "tokens: 6000/min",
            "tokens: 20000/min",
        ),
        "unknown-key" => (
            |ran| ran.failed("401", "api-connect", "bad_credentials") == ran.calls(),
            "timeout: 4s }     # passes sk-shop on",
            "timeout: 4s, key: client-id-1 }",
        ),
        "body-limit" => (
            |ran| ran.failed("413", "app", "body_limit") == ran.calls(),
            "body_limit: 1MiB",
            "body_limit: 10MiB",
        ),
        "head-limit" => (
            |ran| ran.failed("431", "app", "header_limit") == ran.calls(),
            "header_limit: 1KiB",
            "header_limit: 16KiB",
        ),
        _ => return None,
    })
}

fn run(scenario: &Path, folder: &Path) -> Ran {
    let mut command = badgateway(["run", "--engine", "virtual", "--quiet", "--out"]);
    Running::start(command.arg(folder).arg(scenario)).end_within(Duration::from_mins(1)).well();
    let rows = |file: &str| rows(folder, file);
    let strategy = rows("strategies.csv").remove(0);
    Ran {
        origins: rows("origins.csv"),
        layers: rows("layers.csv"),
        each_call: rows("calls.csv"),
        hops: rows("hops.csv"),
        strategy,
    }
}

#[test]
fn what_each_rule_foretells_comes_true() {
    let temp = tempfile::tempdir().unwrap();
    for rule in RULES {
        let file = temp.path().join(format!("{}.yaml", rule.id));
        std::fs::write(&file, rule.example).unwrap();
        assert!(rules(&checked(&file, &[])).contains(&rule.id), "{} is silent on its example", rule.id);
        let ran = run(&file, &temp.path().join(rule.id));
        let foretold = foretold(rule);
        assert!((foretold.seen)(&ran), "{}: {:#?}\n{:#?}", rule.id, ran.strategy, ran.origins);
    }
}

#[test]
fn with_the_fix_the_rule_is_silent() {
    let temp = tempfile::tempdir().unwrap();
    for rule in RULES {
        let (from, to) = foretold(rule).fix;
        assert!(rule.example.contains(from), "{}: no `{from}`", rule.id);
        let mut text = rule.example.replacen(from, to, 1);
        if rule.id == "fallback-shares-callee" {
            text = text.replace("  model:   {", "  other:   { kind: server }\n  model:   {");
        }
        let file = temp.path().join(format!("{}.yaml", rule.id));
        std::fs::write(&file, text).unwrap();
        let checked = checked(&file, &[]);
        assert!(!rules(&checked).contains(&rule.id), "{}: {checked:#}", rule.id);
    }
}
