//! What the docs show can be read.

use topology::Scenario;

const POLICIES: &str = include_str!("../../../../docs/policies.md");

#[test]
fn the_policies_in_the_docs_are_a_scenarios() {
    let (_, rest) = POLICIES.split_once("```yaml\n").unwrap();
    let (edges, _) = rest.split_once("```").unwrap();
    let nodes = "name: docs
nodes:
  client: { kind: client }
  gateway: { kind: server, replicas: 3 }
  other-gateway: { kind: server, queue: { places: 128, order: lifo, codel: 5ms } }
";
    let text = format!("{nodes}{edges}load: [{{ users: 1, request: {{ priority: 9 }} }}]\n");
    let scenario = Scenario::parse(&text, "docs/policies.md").unwrap_or_else(|problems| panic!("{problems}"));
    let policy = &scenario.topology.edges().next().unwrap().1.policy;
    assert!(policy.hedge.is_some() && policy.breaker.is_some() && policy.throttle.is_some());
    assert_eq!((policy.retry.max_attempts, policy.fallback.len()), (4, 1));
}
