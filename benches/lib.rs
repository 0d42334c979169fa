//! The scenarios that the benchmarks share.

use topology::Scenario;

/// Three gateways in front of a server, none of which does work of its own.
///
/// # Panics
/// If the text is no scenario any more: then it has to follow the format.
pub fn chain(load: &str, faults: &str) -> Scenario {
    let text = format!(
        "
name: bench-chain
duration: 1h
nodes:
  client: {{ kind: client }}
  gw1: {{ kind: gateway }}
  gw2: {{ kind: gateway }}
  gw3: {{ kind: gateway }}
  app: {{ kind: server, service_time: 0s }}
edges:
  - client -> gw1 -> gw2 -> gw3 -> app
load:
  - {load}
faults: {faults}
"
    );
    Scenario::parse(&text, "bench-chain.yaml").unwrap_or_else(|problems| panic!("{problems}"))
}
