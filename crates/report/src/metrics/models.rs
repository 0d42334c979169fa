//! What model servers make of tokens, what that costs, and what a node's own rules refuse.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use topology::NodeId;
use topology::llm::{Api, Model};
use topology::rules::LimitId;
use trace::{Served, Source, Usage};

use super::{Counters, Labels, Run, described, register, word};
use crate::Judged;
use crate::anatomy::is_used;

/// Money.
type Money = Counter<f64, AtomicU64>;

/// The buckets of token counts that the conventions advise: powers of four.
fn token_buckets() -> Histogram {
    Histogram::new((0..14).map(|power| 4_f64.powi(power)))
}

/// Makes a histogram with them.
#[derive(Debug, Clone, Copy)]
struct TokenBuckets;

impl MetricConstructor<Histogram> for TokenBuckets {
    fn new_metric(&self) -> Histogram {
        token_buckets()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Families {
    usage: Family<Labels, Histogram, TokenBuckets>,
    tokens: Counters,
    cost: Family<Labels, Money>,
    refusals: Counters,
    exceeded: Counters,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let usage = Family::new_with_constructor(TokenBuckets);
        Self {
            usage: register(registry, &described::TOKEN_USAGE, usage),
            tokens: register(registry, &described::TOKENS, Family::default()),
            cost: register(registry, &described::COST, Family::default()),
            refusals: register(registry, &described::REFUSALS, Family::default()),
            exceeded: register(registry, &described::EXCEEDED, Family::default()),
        }
    }
}

/// The series of one model server: of prompts and of completions.
#[derive(Debug)]
struct Server {
    usage: [Histogram; 2],
    /// Those for answers that somebody used, and the others.
    tokens: [[Counter; 2]; 2],
    cost: [Money; 2],
}

/// What tokens are, and what became of them.
const TYPES: [&str; 2] = ["input", "output"];
const OUTCOMES: [&str; 2] = ["used", "wasted"];

impl Server {
    fn new(families: &Families, run: &Run, node: NodeId, model: &Model) -> Self {
        let provider = word("gen_ai_provider_name", provider(model.api));
        let labels = |more: Vec<_>| run.labels(run.node(node).into_iter().chain(more));
        let token = |kind| word("gen_ai_token_type", kind);
        Self {
            usage: TYPES.map(|kind| {
                let labels = labels(vec![provider.clone(), token(kind)]);
                families.usage.get_or_create_owned(&labels)
            }),
            tokens: OUTCOMES.map(|outcome| {
                TYPES.map(|kind| {
                    families.tokens.get_or_create_owned(&labels(vec![token(kind), word("outcome", outcome)]))
                })
            }),
            cost: OUTCOMES
                .map(|outcome| families.cost.get_or_create_owned(&labels(vec![word("outcome", outcome)]))),
        }
    }

    fn count(&self, usage: Usage, model: &Model, is_used: bool) {
        let outcome = usize::from(!is_used);
        for (kind, tokens) in [usage.prompt, usage.completion].into_iter().enumerate() {
            self.usage[kind].observe(f64::from(tokens));
            self.tokens[outcome][kind].inc_by(tokens.into());
        }
        self.cost[outcome].inc_by(model.price.of(usage.prompt.into(), usage.completion.into()));
    }
}

/// As the conventions call it, where they do.
fn provider(api: Api) -> &'static str {
    match api {
        Api::Gemini => "gcp.gemini",
        Api::Mistral => "mistral_ai",
        Api::OpenAi | Api::Anthropic | Api::Ollama | Api::DashScope => api.name(),
    }
}

/// Counts a run.
#[derive(Debug)]
pub(super) struct Counting {
    families: Families,
    servers: BTreeMap<NodeId, Server>,
    refusals: BTreeMap<(NodeId, &'static str, Option<String>), Counter>,
    exceeded: BTreeMap<(NodeId, LimitId), Counter>,
}

impl Counting {
    pub(super) fn new(families: Families, run: &Run) -> Self {
        // From zero on: what is first seen at one has not grown.
        let models = run.nodes().filter_map(|(node, declared)| Some((node, declared.llm.as_deref()?)));
        let servers = models.map(|(node, model)| (node, Server::new(&families, run, node, model))).collect();
        Self { families, servers, refusals: BTreeMap::new(), exceeded: BTreeMap::new() }
    }

    /// A node is done with a request.
    pub(super) fn served(&mut self, run: &Run, served: &Served) {
        let node = run.scenario.topology.ends(served.edge).1;
        let rules = run.scenario.topology.node(node).rules.as_deref();
        for over in served.ruled.iter().flat_map(|ruled| &ruled.over) {
            let series = self.exceeded.entry((node, over.limit)).or_insert_with(|| {
                let limit = rules.map(|rules| rules.limit_name(over.limit)).unwrap_or_default();
                let labels = run.node(node).into_iter().chain([("limit", limit.into())]);
                self.families.exceeded.get_or_create_owned(&run.labels(labels))
            });
            series.inc();
        }
        let Source::Refused(refusal) = served.source else { return };
        let key = (node, refusal.name(), served.rule(&run.scenario));
        let series = self.refusals.entry(key).or_insert_with_key(|(_, reason, rule)| {
            let rule = ("rule", rule.as_deref().unwrap_or_default().into());
            let labels = run.node(node).into_iter().chain([word("reason", reason), rule]);
            self.families.refusals.get_or_create_owned(&run.labels(labels))
        });
        series.inc();
    }

    /// A call is complete: it is known which answers were used.
    pub(super) fn call(&self, run: &Run, call: &Judged<'_>) {
        if self.servers.is_empty() {
            return;
        }
        for served in call.trace.served.iter().filter(|served| served.usage != Usage::default()) {
            let node = run.scenario.topology.ends(served.edge).1;
            let model = run.scenario.topology.node(node).llm.as_deref();
            if let Some((server, model)) = self.servers.get(&node).zip(model) {
                server.count(served.usage, model, is_used(call.trace, served.hop));
            }
        }
    }
}
