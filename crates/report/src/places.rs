//! The nodes and edges of a run with what failures have to do with them.

use std::collections::BTreeMap;

use trace::manifest::NodeEntry;
use trace::overview::EdgeTraffic;
use trace::rows::StrategyRow;

use crate::Report;

/// A node that is drawn.
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) requests: u64,
    pub(crate) born: u64,
    pub(crate) masked: u64,
    pub(crate) passed: u64,
    pub(crate) faults: Vec<&'a str>,
}

/// An edge that is drawn.
pub(crate) struct Edge<'a> {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) name: String,
    pub(crate) traffic: Option<&'a EdgeTraffic>,
    pub(crate) born: u64,
    pub(crate) masked: u64,
    pub(crate) faults: Vec<&'a str>,
}

/// Where calls went under one strategy.
pub(crate) struct Places<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) edges: Vec<Edge<'a>>,
}

/// What a place is to failures.
pub(crate) fn role(born: u64, passed: u64) -> &'static str {
    match (born, passed) {
        (0, 0) => "clean",
        (0, _) => "passed",
        _ => "born",
    }
}

impl<'a> Places<'a> {
    /// So many nodes at most, those with the most failures and requests, and the edges between them.
    pub(crate) fn new(report: &'a Report, of: &StrategyRow, most: usize) -> Self {
        let overview =
            report.overview.iter().flat_map(|o| &o.strategies).find(|o| *o.strategy == *of.strategy);
        let mut born: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for row in report.origins.iter().filter(|row| row.strategy == of.strategy) {
            let (surfaced, masked) = born.entry(&row.origin).or_default();
            *surfaced += row.surfaced;
            *masked += row.masked;
        }
        let mut faults: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in report.faults.iter().filter(|row| row.strategy == of.strategy) {
            faults.entry(&row.target).or_default().push(&row.fault);
        }
        // A fault on `app` is on all its replicas `app#1`, `app#2`, ...
        let faults_at = |name: &str| {
            let declared = name.split_once('#').map_or(name, |(declared, _)| declared);
            let own = faults.get(name).into_iter();
            let shared = faults.get(declared).into_iter().filter(|_| declared != name);
            own.chain(shared).flatten().copied().collect::<Vec<_>>()
        };
        let requests: BTreeMap<&str, u64> = report
            .layers
            .iter()
            .filter(|row| row.strategy == of.strategy)
            .map(|row| (&*row.node, row.requests))
            .collect();
        let passed: BTreeMap<&str, u64> =
            overview.iter().flat_map(|o| &o.passed).map(|p| (&*p.node, p.calls)).collect();
        let node = |entry: &'a NodeEntry| {
            let name = &*entry.name;
            let (surfaced, masked) = born.get(name).copied().unwrap_or_default();
            Node {
                name,
                kind: &entry.kind,
                requests: requests.get(name).copied().unwrap_or(0),
                born: surfaced,
                masked,
                passed: passed.get(name).copied().unwrap_or(0),
                faults: faults_at(name),
            }
        };
        let mut nodes: Vec<Node<'a>> = report.run.nodes.iter().map(node).collect();
        if nodes.len() > most {
            nodes.sort_by_key(|node| std::cmp::Reverse((node.born, node.passed, node.requests)));
            nodes.truncate(most);
        }
        let places: BTreeMap<&str, usize> =
            nodes.iter().enumerate().map(|(place, n)| (n.name, place)).collect();
        let traffic: BTreeMap<(&str, &str), &EdgeTraffic> =
            overview.iter().flat_map(|o| &o.edges).map(|e| ((&*e.from, &*e.to), e)).collect();
        let edges = report.run.edges.iter().filter_map(|entry| {
            let name = format!("{} -> {}", entry.from, entry.to);
            let (surfaced, masked) = born.get(&*name).copied().unwrap_or_default();
            let traffic = traffic.get(&(&*entry.from, &*entry.to)).copied();
            let faults = faults.get(&*name).cloned().unwrap_or_default();
            // What only a fault may use and did not is not part of the picture.
            (traffic.is_some() || overview.is_none() || !faults.is_empty() || surfaced + masked > 0)
                .then_some(())?;
            let (from, to) = (*places.get(&*entry.from)?, *places.get(&*entry.to)?);
            Some(Edge { from, to, name, traffic, born: surfaced, masked, faults })
        });
        let edges = edges.collect();
        Self { nodes, edges }
    }
}
