//! Nothing is said about what is in order.

use super::{checked, rules};

/// Four nodes in a row, each waiting longer than the next, retries at one layer with a budget, room
/// everywhere.
const CHAIN: &str = "name: clean
nodes:
  client:  { kind: client }
  outer:   { kind: gateway, profile: nginx }
  inner:   { kind: gateway }
  app:     { kind: server, replicas: 2, workers: 32, queue: 64, service_time: { lognormal: { p50: 20ms, p99: 150ms } } }
edges:
  - client -> outer: { timeout: 3s }
  - outer -> inner: { timeout: 2500ms, pool: { max_connections: 64 } }
  - inner -> app:
      timeout: 1s
      retry: { max_attempts: 2, backoff: { exponential: { base: 50ms, max: 1s, jitter: full } }, budget: 10% }
      breaker: { consecutive: 5, open_for: 1s, max_ejected: 50% }
load:
  - { from: client, rate: 200/s, arrivals: poisson }
  - { from: client, users: 20, think_time: 100ms }
";

/// A fan-out with a stream, a hedge, a fallback of its own, and requests that must not be repeated.
const FAN_OUT: &str = "name: clean
nodes:
  client:  { kind: client }
  gateway: { kind: gateway, calls: [auth, model], max_in_flight: 200 }
  auth:    { kind: server, service_time: 2ms }
  model:   { kind: server, workers: 64, queue: 64, service_time: 200ms, response: { body: 4KiB, chunks: 20, chunk_interval: 50ms } }
  cache:   { kind: server, service_time: 1ms }
edges:
  - client -> gateway: { timeout: 15s }
  - gateway -> auth: { timeout: 200ms }
  - gateway -> model:
      timeout: 5s
      fallback: cache
      retry: { max_attempts: 2, when: [connect, 503], backoff: { exponential: { base: 50ms, jitter: full } }, budget: 10%, idempotent_only: true }
  - gateway -> cache: { timeout: 100ms }
load:
  - { from: client, rate: 20/s, request: { method: POST, body: { size: 8KiB } } }
";

#[test]
fn nothing_is_said_about_what_is_in_order() {
    let temp = tempfile::tempdir().unwrap();
    for text in [CHAIN, FAN_OUT] {
        let file = temp.path().join("s.yaml");
        std::fs::write(&file, text).unwrap();
        let checked = checked(&file, &["--deny", "infos"]);
        assert_eq!((rules(&checked), &checked["passed"]), (vec![], &true.into()), "{checked:#}");
    }
}
