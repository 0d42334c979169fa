//! What retries can add up to when everything fails.

use std::collections::BTreeMap;

use crate::{EdgeId, NodeId, Scenario};

impl Scenario {
    /// The most attempts that one call can make at the deepest nodes: the product of `max_attempts`
    /// over the layers, on the worst way down. Calls of one node that are made at once or one after
    /// another add up, and so does a fallback, which comes after them; of several callees to choose from
    /// (replicas, weights) the worst counts. Hedges are attempts. What budgets, breakers, deadlines and
    /// time-outs cut off is not taken off.
    pub fn attempts_bound(&self) -> u64 {
        let mut known = BTreeMap::new();
        self.callers().map(|client| self.attempts_below(client, &mut known)).max().unwrap_or(0)
    }

    /// The way down on which that is worst: an edge from a client, one from its callee, and so on.
    pub fn worst_way(&self) -> Vec<EdgeId> {
        let mut known = BTreeMap::new();
        // The first of those that are equally bad.
        let begin = self.callers().map(|client| (self.attempts_below(client, &mut known), client));
        let begin = begin.reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
        let mut way = Vec::new();
        let mut next = begin.map(|(_, client)| client);
        while let Some(node) = next {
            let below = self.edges_below(node).map(|edge| (self.attempts_to(edge, &known), edge));
            let worst = below.reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
            way.extend(worst.map(|(_, edge)| edge));
            next = worst.map(|(_, edge)| self.topology.ends(edge).1);
        }
        way
    }

    /// Those who send a load of their own; without one (a configuration that names none) all whom nobody
    /// calls.
    fn callers(&self) -> impl Iterator<Item = NodeId> {
        let loads = self.loads.iter().map(|load| load.from);
        let all = self.topology.nodes().map(|(node, _)| node).filter(|_| self.loads.is_empty());
        let uncalled = all.filter(|&node| self.topology.incoming(node).is_empty());
        loads.chain(uncalled).filter(|&client| !self.topology.node(client).synthetic)
    }

    /// Attempts at the deepest nodes for one request at this node. With a stack of its own: a chain may
    /// be a hundred thousand nodes long.
    fn attempts_below(&self, node: NodeId, known: &mut BTreeMap<NodeId, u64>) -> u64 {
        let mut stack = vec![node];
        while let Some(&next) = stack.last() {
            let below = self.edges_below(next).map(|edge| self.topology.ends(edge).1);
            let before = stack.len();
            stack.extend(below.filter(|callee| !known.contains_key(callee)));
            if stack.len() == before {
                known.insert(next, self.attempts_at(next, known));
                stack.pop();
            }
        }
        known.get(&node).copied().unwrap_or(0)
    }

    /// The edges that calls of a node may take, fallbacks included.
    fn edges_below(&self, node: NodeId) -> impl Iterator<Item = EdgeId> {
        let calls = self.topology.node(node).plan.stages.iter().flat_map(|stage| &stage.calls);
        calls.flat_map(|call| call.edges.iter()).flat_map(|&(edge, _)| {
            let fallback = &self.topology.edge(edge).policy.fallback;
            std::iter::once(edge).chain(fallback.iter().copied())
        })
    }

    /// The same as [`Self::attempts_below`], where all callees are known.
    fn attempts_at(&self, node: NodeId, known: &BTreeMap<NodeId, u64>) -> u64 {
        let stages = &self.topology.node(node).plan.stages;
        if stages.is_empty() {
            return 1;
        }
        let calls = stages.iter().flat_map(|stage| &stage.calls);
        calls.fold(0, |sum: u64, call| {
            let each = call.edges.iter().map(|&(edge, _)| self.attempts_over(edge, known));
            sum.saturating_add(each.max().unwrap_or(0))
        })
    }

    /// What a call over this edge comes to, its fallback included.
    fn attempts_over(&self, edge: EdgeId, known: &BTreeMap<NodeId, u64>) -> u64 {
        let fallback = self.topology.edge(edge).policy.fallback.iter();
        let after = fallback.map(|&edge| self.attempts_to(edge, known)).max().unwrap_or(0);
        self.attempts_to(edge, known).saturating_add(after)
    }

    fn attempts_to(&self, edge: EdgeId, known: &BTreeMap<NodeId, u64>) -> u64 {
        let policy = &self.topology.edge(edge).policy;
        let hedged = policy.hedge.map_or(1, |hedge| hedge.max_attempts);
        let attempts = u64::from(policy.retry.max_attempts.max(hedged));
        let below = known.get(&self.topology.ends(edge).1).copied().unwrap_or(0);
        attempts.saturating_mul(below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(nodes_and_edges: &str) -> u64 {
        let text = format!("name: x\nload: [{{ from: c, rate: 1/s }}]\n{nodes_and_edges}");
        Scenario::parse(&text, "x.yaml").unwrap_or_else(|problems| panic!("{problems}")).attempts_bound()
    }

    #[test]
    fn layers_multiply() {
        let three_of_four =
            "nodes: { c: { kind: client }, a: { kind: gateway }, b: { kind: gateway }, d: { kind: server } }
edges:
  - c -> a: { retry: { max_attempts: 4 } }
  - a -> b: { retry: { max_attempts: 4 } }
  - b -> d: { retry: { max_attempts: 4 } }
";
        assert_eq!(bound(three_of_four), 64);
    }

    #[test]
    fn the_worst_way_is_the_one_with_the_most_attempts() {
        let text = "name: x
load: [{ from: c, rate: 1/s }]
nodes: { c: { kind: client }, g: { kind: gateway, calls: parallel }, a: { kind: server }, b: { kind: server } }
edges:
  - c -> g: { retry: { max_attempts: 2 } }
  - g -> a
  - g -> b: { retry: { max_attempts: 5 } }
";
        let scenario = Scenario::parse(text, "x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
        let way: Vec<String> = scenario.worst_way().iter().map(|e| scenario.topology.edge_name(*e)).collect();
        assert_eq!(way, ["c -> g", "g -> b"]);
    }

    #[test]
    fn calls_add_up_and_choices_do_not() {
        let nodes = "nodes:
  c: { kind: client }
  gw: { kind: gateway, calls: CALLS }
  a: { kind: server, replicas: 3 }
  b: { kind: server }
edges:
  - c -> gw: { retry: { max_attempts: 2 } }
  - gw -> a: { retry: { max_attempts: 3 } }
  - gw -> b: { retry: { max_attempts: 5 } }
";
        let with = |calls: &str| bound(&nodes.replace("CALLS", calls));
        assert_eq!(with("parallel"), 2 * (3 + 5));
        assert_eq!(with("sequential"), 2 * (3 + 5));
        assert_eq!(with("weighted"), 2 * 5);
    }

    #[test]
    fn hedges_are_attempts_and_a_fallback_comes_after_them() {
        let text = "nodes: { c: { kind: client }, a: { kind: server }, b: { kind: server } }
edges:
  - c -> a: { retry: { max_attempts: 2 }, hedge: { after: 50ms, max_attempts: 3 }, fallback: b }
  - c -> b: { retry: { max_attempts: 4 } }
";
        assert_eq!(bound(text), 3 + 4);
    }

    #[test]
    fn a_huge_product_stays_a_number() {
        let names: Vec<String> = (0..16).map(|i| format!("n{i}")).collect();
        let nodes = names.join(": { kind: gateway }, ");
        let chain = names.join(" -> ");
        let text = format!(
            "nodes: {{ c: {{ kind: client }}, {nodes}: {{ kind: gateway }}, end: {{ kind: server }} }}\nedges:\n  - c -> {chain} -> end: {{ retry: {{ max_attempts: 100 }} }}\n"
        );
        assert_eq!(bound(&text), u64::MAX);
    }

    #[test]
    fn a_chain_may_be_very_long() {
        let names: Vec<String> = (0..20_000).map(|i| format!("n{i}")).collect();
        let nodes = names.join(": { kind: gateway }\n  ");
        let text = format!(
            "nodes:\n  c: {{ kind: client }}\n  {nodes}: {{ kind: gateway }}\n  end: {{ kind: server }}\nedges:\n  - c -> {} -> end\n",
            names.join(" -> ")
        );
        assert_eq!(bound(&text), 1);
    }

    #[test]
    fn a_surge_is_no_client_of_its_own() {
        let text = "nodes: { c: { kind: client }, d: { kind: server } }
edges: [c -> d]
faults: [{ at: d, overload: { surge: { rate: 9/s } } }]
";
        assert_eq!(bound(text), 1);
    }
}
