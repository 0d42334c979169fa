//! Where a scenario's parts stand in its text.

use std::collections::BTreeMap;

use super::path::{Path, Segment};
use super::problem::Problem;
use super::source::Source;
use super::source_map::Spot;
use super::{Scenario, Strategy};
use crate::NodeKind;
use crate::lint::{At, Places};

/// A scenario's text, to show places in it.
#[derive(Debug)]
pub struct Placed<'a> {
    source: Source<'a>,
    /// By caller and callee, as declared.
    edges: BTreeMap<(String, String), Path>,
}

impl<'a> Placed<'a> {
    pub(super) fn new(source: Source<'a>, chains: &[String]) -> Self {
        let mut edges = BTreeMap::new();
        for (entry, chain) in chains.iter().enumerate() {
            let at = Path::root().at("edges").at(entry).at(chain.as_str());
            let names: Vec<&str> = chain.split("->").map(str::trim).collect();
            for pair in names.windows(2) {
                edges.insert((pair[0].to_owned(), pair[1].to_owned()), at.clone());
            }
        }
        Self { source, edges }
    }

    /// The place of a key in what is at a path; of that itself, if the key is not written there.
    fn place_in(&self, whole: &Path, key: &str) -> Problem {
        let path = join(whole, key);
        Problem { path: path.to_string(), ..self.source.place(&path, Spot::Value, None) }
    }

    /// Whether all of a path is written.
    fn is_written(&self, path: &Path) -> bool {
        let by_override = self.source.overrides.iter().any(|o| o.path.contains(path));
        by_override || self.source.map.locate(path, Spot::Key).is_some_and(|(_, all)| all)
    }
}

impl Places for Placed<'_> {
    fn place(&self, scenario: &Scenario, at: At, key: &str) -> Problem {
        let topology = &scenario.topology;
        let name = |node| topology.node(node).declared_name.as_str();
        let root = Path::root();
        match at {
            At::Node(node) => self.place_in(&root.at("nodes").at(name(node)), key),
            At::Edge(edge) => {
                let (from, to) = topology.ends(edge);
                let of_client = topology.node(from).kind == NodeKind::Client;
                let in_force = |s: &&Strategy| s.name == scenario.strategy;
                if of_client && scenario.strategies.iter().any(|s| in_force(&s)) {
                    let strategy = root.at("strategies").at(scenario.strategy.as_str());
                    let first = key.split('.').next().unwrap_or_default();
                    if self.is_written(&join(&strategy, first)) {
                        return self.place_in(&strategy, key);
                    }
                }
                let ends = (name(from).to_owned(), name(to).to_owned());
                let edges = root.at("edges");
                self.place_in(self.edges.get(&ends).unwrap_or(&edges), key)
            }
            At::Load(load) => self.place_in(&root.at("load").at(load), key),
            At::Fault(fault) => self.place_in(&root.at("faults").at(fault), key),
        }
    }
}

/// A path, further along a key such as `retry.budget`.
fn join(whole: &Path, key: &str) -> Path {
    let keys = key.split('.').filter(|key| !key.is_empty()).map(Segment::from);
    Path(whole.0.iter().cloned().chain(keys).collect())
}
