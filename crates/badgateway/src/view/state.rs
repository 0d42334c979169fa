//! What the live view shows.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use report::render::Charset;
use report::{NodeSight, Sight, Watch};
use sim::Progress;
use topology::{NodeId, Scenario, Topology};
use trace::Time;
use trace::rows::StrategyRow;

use super::history::History;

/// Rates are those over so many sights.
const SIGHTS: usize = 11;

/// All that is drawn.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) scenario: String,
    pub(super) engine: String,
    pub(super) colour: bool,
    pub(super) charset: Charset,
    /// Which of several runs this is.
    pub(super) turn: Option<String>,
    /// How many of many runs are done.
    pub(super) count: Option<String>,
    /// Where to call.
    pub(super) entries: Vec<String>,
    /// What strategies have shown.
    pub(super) results: Vec<StrategyRow>,
    /// The run under way.
    pub(super) run: Option<Run>,
}

impl State {
    pub(super) fn new(scenario: &Scenario, engine: &str, colour: bool, charset: Charset) -> Self {
        Self {
            scenario: scenario.name.clone(),
            engine: engine.to_owned(),
            colour,
            charset,
            turn: None,
            count: None,
            entries: Vec::new(),
            results: Vec::new(),
            run: None,
        }
    }

    /// Takes what the run's recorder has told, and asks for more.
    pub(super) fn look(&mut self) {
        let Some(run) = &mut self.run else { return };
        if let Some(sight) = run.watch.take() {
            run.see(sight);
        }
        run.watch.ask();
    }
}

/// A run.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) scenario: Arc<Scenario>,
    /// How long its load goes on, if that is known.
    pub(super) duration: Option<Duration>,
    /// Its nodes as a tree of who calls whom.
    pub(super) tree: Vec<Place>,
    pub(super) progress: Progress,
    pub(super) history: History,
    pub(super) sight: Sight,
    /// How long it takes until the load ends, by the wall clock.
    pub(super) left: Option<Duration>,
    /// When what it has told of its nodes was so, and what it was: the last few times.
    seen: VecDeque<(Time, Vec<NodeSight>)>,
    begin: Instant,
    watch: Watch,
}

/// A node's place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: NodeId,
    pub(super) depth: usize,
}

/// What a node is asked just now, per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rates {
    pub(super) requests: f64,
    pub(super) failed: f64,
}

impl Run {
    pub(super) fn new(scenario: Arc<Scenario>, duration: Option<Duration>, watch: Watch) -> Self {
        Self {
            tree: tree(&scenario.topology),
            duration,
            progress: Progress::default(),
            history: History::new(duration),
            sight: Sight::default(),
            left: None,
            seen: VecDeque::with_capacity(SIGHTS),
            begin: Instant::now(),
            watch,
            scenario,
        }
    }

    /// How it is going.
    pub(super) fn go_on(&mut self, now: &Progress) {
        self.history.add(now);
        self.left = self.duration.and_then(|duration| left(duration, now.elapsed, self.begin.elapsed()));
        self.progress = now.clone();
    }

    /// What its recorder has told.
    pub(super) fn see(&mut self, sight: Sight) {
        if self.seen.len() == SIGHTS {
            self.seen.pop_front();
        }
        self.seen.push_back((sight.at, sight.nodes.clone()));
        self.sight = sight;
    }

    /// A node's rates; none as long as too little is known.
    pub(super) fn rates(&self, node: NodeId) -> Option<Rates> {
        let ((from, before), (to, now)) = (self.seen.front()?, self.seen.back()?);
        let took = to.since(*from).as_secs_f64();
        let (before, now) = (before.get(node.index())?, now.get(node.index())?);
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / took;
        (took > 0.0).then(|| Rates {
            requests: rate(before.requests, now.requests),
            failed: rate(before.failed, now.failed),
        })
    }

    /// Whether calls that begin now count.
    pub(super) fn is_warm(&self) -> bool {
        self.progress.elapsed >= self.scenario.warmup
    }
}

/// How long the wall clock still goes, if the run's own goes on as it has.
fn left(duration: Duration, elapsed: Duration, took: Duration) -> Option<Duration> {
    let share = elapsed.as_secs_f64() / duration.as_secs_f64();
    let left = took.as_secs_f64() * (1.0 / share - 1.0);
    Duration::try_from_secs_f64(left.max(0.0)).ok()
}

/// The nodes as a tree: each once, below the first that calls it.
fn tree(topology: &Topology) -> Vec<Place> {
    let is_shown = |node: NodeId| !topology.node(node).synthetic;
    let called =
        |node: NodeId| topology.incoming(node).into_iter().any(|edge| is_shown(topology.ends(edge).0));
    let shown: Vec<NodeId> = topology.nodes().map(|(node, _)| node).filter(|node| is_shown(*node)).collect();
    let mut tree = Vec::with_capacity(shown.len());
    let mut is_in = vec![false; topology.node_count()];
    let roots = shown.iter().filter(|node| !called(**node)).chain(&shown);
    for &root in roots {
        let mut next = vec![Place { node: root, depth: 0 }];
        while let Some(place) = next.pop() {
            if std::mem::replace(&mut is_in[place.node.index()], true) {
                continue;
            }
            tree.push(place);
            let callees = topology.outgoing(place.node).into_iter().rev().map(|edge| topology.ends(edge).1);
            next.extend(callees.map(|node| Place { node, depth: place.depth + 1 }));
        }
    }
    tree
}
