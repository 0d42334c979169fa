//! A node's rules at work: who is let in, and what has been used up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use topology::llm::Model;
use topology::node::Choice;
use topology::rules::{ConsumerId, Key, Limit, LimitId, Measure, Rule, Rules};
use topology::{EdgeId, NodeId, Refusal, Topology};
use trace::{Charge, Ruled, Spent, Time};

use crate::action::Incoming;
use crate::scope::Scope;

/// What has been used of a node's limits.
#[derive(Debug, Default)]
pub(crate) struct RulesState {
    counters: BTreeMap<(LimitId, Option<ConsumerId>), Counter>,
}

/// What one has used of one limit.
#[derive(Debug, Clone, Copy)]
struct Counter {
    /// In the window, or missing in the bucket.
    used: f64,
    /// How much of that was used by retries.
    by_retries: f64,
    /// When the window began, or the bucket was looked at last.
    since: Time,
}

/// What the rules make of a request.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub(crate) ruled: Box<Ruled>,
    /// Refused, and when to come again.
    pub(crate) refusal: Option<(Refusal, Option<Duration>)>,
}

/// What the node's rules make of a request as it arrives. What is let in counts.
pub(crate) fn judge(
    incoming: &Incoming,
    model: Option<&str>,
    rules: &Rules,
    scope: &mut Scope<'_, '_>,
) -> Judgement {
    let now = scope.now;
    let mut ruled = Box::new(Ruled::default());
    let refused = |ruled, refusal, wait| Judgement { ruled, refusal: Some((refusal, wait)) };
    if !rules.consumers.is_empty() {
        if let Key::Of(consumer) = incoming.key {
            ruled.consumer = Some(consumer);
        }
        if let Some(problem) = rules.key_problem(incoming.key, now.since_start()) {
            ruled.refused_by = Some(Rule::Key(problem));
            return refused(ruled, Refusal::BadCredentials, None);
        }
    }
    let plan = ruled.consumer.and_then(|consumer| rules.plan_of(consumer)).filter(|p| !p.models.is_empty());
    if let (Some(plan), Some(model)) = (plan, model)
        && !plan.models.iter().any(|pattern| pattern.matches(model))
    {
        ruled.refused_by = Some(Rule::Plan);
        return refused(ruled, Refusal::NotAllowed, None);
    }
    if rules.routes && !is_served(model, scope) {
        ruled.refused_by = Some(Rule::Models);
        return refused(ruled, Refusal::UnknownModel, None);
    }
    let state = scope.node.rules.get_or_insert_default();
    for (id, limit) in rules.limits_of(ruled.consumer) {
        let counter = state.counter(id, limit, ruled.consumer, now);
        let Some(wait) = counter.full_for(limit, now) else { continue };
        let spent = Spent { limit: id, used: counter.used, by_retries: counter.by_retries };
        if limit.soft {
            ruled.over.push(spent);
            continue;
        }
        ruled.spent = Some(spent);
        ruled.refused_by = Some(Rule::Limit(id));
        let refusal = if limit.of == Measure::Cost { Refusal::QuotaSpent } else { Refusal::RateLimited };
        return refused(ruled, refusal, Some(wait));
    }
    let is_retry = incoming.retries > 0;
    state.charge(rules, ruled.consumer, now, is_retry, |of| f64::from(u8::from(of == Measure::Requests)));
    Judgement { ruled, refusal: None }
}

/// Whether some edge of the node's plan is for the model that is asked.
fn is_served(model: Option<&str>, scope: &Scope<'_, '_>) -> bool {
    let choices = scope.declared().plan.stages.iter().flat_map(|stage| &stage.calls);
    let mut edges = choices.flat_map(|choice| choice.edges.iter());
    edges.any(|(edge, _)| scope.env.scenario.topology.edge(*edge).serves(model))
}

/// A model server that a node's requests for this model get to, if there is one.
pub(crate) fn server_of<'t>(model: &str, node: NodeId, topology: &'t Topology) -> Option<&'t Model> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![node]);
    while let Some(node) = open.pop() {
        let declared = topology.node(node);
        if declared.llm.is_some() {
            return declared.llm.as_deref();
        }
        let choices = declared.plan.stages.iter().flat_map(|stage| &stage.calls);
        let edges = choices.flat_map(|choice| choice.edges.iter().map(|(edge, _)| *edge));
        let serving = edges.filter(|edge| topology.edge(*edge).serves(Some(model)));
        // The first of them is looked at first.
        let callees: Vec<NodeId> = serving.map(|edge| topology.ends(edge).1).collect();
        open.extend(callees.into_iter().rev().filter(|callee| seen.insert(*callee)));
    }
    None
}

/// What is left of a choice for requests that ask this model; `None` if nothing is.
pub(crate) fn for_model(choice: &Choice, model: Option<&str>, scope: &Scope<'_, '_>) -> Option<Choice> {
    let serves = |(edge, _): &&(EdgeId, u32)| scope.env.scenario.topology.edge(*edge).serves(model);
    let edges: Arc<[(EdgeId, u32)]> = choice.edges.iter().filter(serves).copied().collect();
    (!edges.is_empty()).then_some(Choice { edges, balance: choice.balance })
}

impl RulesState {
    /// An answer has ended, and this is what it took.
    pub(crate) fn charged(
        &mut self,
        rules: &Rules,
        consumer: Option<ConsumerId>,
        charge: &Charge,
        is_retry: bool,
        now: Time,
    ) {
        self.charge(rules, consumer, now, is_retry, |of| match of {
            Measure::Requests => 0.0,
            Measure::Tokens => charge.tokens as f64,
            Measure::Cost => charge.cost,
        });
    }

    fn charge(
        &mut self,
        rules: &Rules,
        consumer: Option<ConsumerId>,
        now: Time,
        is_retry: bool,
        amount: impl Fn(Measure) -> f64,
    ) {
        for (id, limit) in rules.limits_of(consumer) {
            let amount = amount(limit.of);
            if amount > 0.0 {
                let counter = self.counter(id, limit, consumer, now);
                counter.used += amount;
                counter.by_retries += if is_retry { amount } else { 0.0 };
            }
        }
    }

    /// What has been used of a limit by this moment.
    fn counter(
        &mut self,
        id: LimitId,
        limit: &Limit,
        consumer: Option<ConsumerId>,
        now: Time,
    ) -> &mut Counter {
        let owner = consumer.filter(|_| limit.per_consumer);
        let fresh = Counter { used: 0.0, by_retries: 0.0, since: now };
        let counter = self.counters.entry((id, owner)).or_insert(fresh);
        if limit.burst.is_some() {
            let left = counter.used - now.since(counter.since).as_secs_f64() * limit.quota.per_second();
            counter.by_retries *= if counter.used > 0.0 { (left / counter.used).max(0.0) } else { 0.0 };
            counter.used = left.max(0.0);
            counter.since = now;
        } else {
            let begun = window_begin(limit, now);
            if counter.since < begun {
                *counter = Counter { since: begun, ..fresh };
            }
        }
        counter
    }
}

impl Counter {
    /// How long there will be nothing left of the limit; `None` if there is something.
    fn full_for(&self, limit: &Limit, now: Time) -> Option<Duration> {
        // A request is one; of what is only known afterwards, a bit that is left is enough.
        let least = if limit.of == Measure::Requests { 1.0 } else { 0.0 };
        let most = limit.bucket().unwrap_or(limit.quota.amount);
        let is_full = if least > 0.0 { self.used + least > most + SLACK } else { self.used >= most };
        if !is_full {
            return None;
        }
        if limit.burst.is_some() {
            let missing = (self.used + least - most).max(0.0);
            let wait = Duration::try_from_secs_f64(missing / limit.quota.per_second());
            return Some(wait.unwrap_or(topology::units::DURATION_MAX).min(topology::units::DURATION_MAX));
        }
        Some((window_begin(limit, now) + limit.quota.per).since(now))
    }
}

/// What sums of floating point numbers may be off.
const SLACK: f64 = 1e-9;

/// When the window began in which this moment is.
fn window_begin(limit: &Limit, now: Time) -> Time {
    let per = limit.quota.per.as_nanos().max(1);
    let whole = now.since_start().as_nanos() / per * per;
    Time(u64::try_from(whole).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use topology::rules::Quota;

    use super::*;

    const S: u64 = 1_000_000_000;

    fn limit(of: Measure, quota: &str, burst: Option<f64>) -> Limit {
        let quota: Quota = quota.parse().unwrap();
        Limit { name: String::new(), of, quota, burst, per_consumer: true, soft: false, plan: None }
    }

    /// Lets `amount`s through at these times, as long as something is left; what it said of each.
    fn waits(limit: &Limit, requests: &[(u64, f64)]) -> Vec<Option<u64>> {
        let mut state = RulesState::default();
        let mut said = Vec::new();
        for &(ms, amount) in requests {
            let now = Time(ms * 1_000_000);
            let counter = state.counter(LimitId(0), limit, None, now);
            let wait = counter.full_for(limit, now);
            if wait.is_none() {
                counter.used += amount;
            }
            said.push(wait.map(|wait| u64::try_from(wait.as_millis()).unwrap()));
        }
        said
    }

    #[test]
    fn a_window_ends_by_the_clock() {
        let two = limit(Measure::Requests, "2/min", None);
        let requests = [(50_000, 1.0), (51_000, 1.0), (58_000, 1.0), (60_000, 1.0), (60_001, 1.0)];
        assert_eq!(waits(&two, &requests), [None, None, Some(2000), None, None]);
    }

    #[test]
    fn a_bucket_fills_evenly() {
        let bucket = limit(Measure::Requests, "60/min", Some(2.0));
        let requests = [(0, 1.0), (0, 1.0), (0, 1.0), (400, 1.0), (1000, 1.0), (1000, 1.0)];
        assert_eq!(waits(&bucket, &requests), [None, None, Some(1000), Some(600), None, Some(1000)]);
    }

    #[test]
    fn what_is_only_known_afterwards_may_go_over() {
        let tokens = limit(Measure::Tokens, "100/min", None);
        assert_eq!(waits(&tokens, &[(0, 99.0), (1000, 500.0), (2000, 1.0)]), [None, None, Some(58_000)]);
        let bucket = limit(Measure::Tokens, "60/min", Some(100.0));
        assert_eq!(waits(&bucket, &[(0, 130.0), (0, 1.0), (31_000, 1.0)]), [None, Some(30_000), None]);
    }

    #[test]
    fn each_consumer_has_its_own() {
        let one = limit(Measure::Requests, "1/h", None);
        let shared = Limit { per_consumer: false, ..one.clone() };
        for (limit, refused) in [(one, false), (shared, true)] {
            let mut state = RulesState::default();
            let now = Time(S);
            state.counter(LimitId(0), &limit, Some(ConsumerId(0)), now).used += 1.0;
            let other = state.counter(LimitId(0), &limit, Some(ConsumerId(1)), now);
            assert_eq!(other.full_for(&limit, now).is_some(), refused);
        }
    }
}
