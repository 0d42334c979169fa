//! C11: a limit on tokens, cost or requests of models below the load.

use super::super::findings::Findings;
use super::super::subject::Subject;
use super::super::text::{number, percent};
use super::super::{At, Rule, Severity};
use crate::rules::{ConsumerId, Key, Limit, Measure, Rules};
use crate::{Node, NodeId};

pub(in crate::lint) static RULE: Rule = Rule {
    id: "token-limit-below-load",
    code: "C11",
    severity: Severity::Warning,
    title: "a limit of tokens or cost is below what the load takes",
    why: "Once it is spent, requests are refused until it is there again, whatever the model server could do; the \
          tokens of attempts that time out count too.",
    formula: "limit < load x (prompt + completion tokens, in the mean), in the limit's own time; of a model server its \
              requests and tokens a minute; a soft limit is only gone over. The load is that of first attempts at its peak",
    fix: "Raise the limit or the plan, ask for fewer tokens (`max_tokens`), cache, or have the clients send less.",
    source: "rate limits of OpenAI and Anthropic (requests and tokens a minute); budgets of LiteLLM, Kong and Portkey",
    example: include_str!("../examples/token-limit-below-load.yaml"),
    check,
};

/// What is taken a second.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    requests: f64,
    tokens: f64,
    cost: f64,
}

impl Rate {
    fn of(self, measure: Measure) -> f64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost,
        }
    }
}

/// What the loads take there whose requests are such a consumer's.
fn rate(
    subject: &Subject<'_>,
    node: NodeId,
    rules: Option<&Rules>,
    is_meant: impl Fn(Option<ConsumerId>) -> bool,
) -> Rate {
    let mut sum = Rate::default();
    for there in subject.asked.iter().map(|asked| &asked.nodes[node.index()]) {
        let key = there.keys.first().and_then(|(key, _)| key.as_deref());
        let consumer = match rules.filter(|rules| !rules.consumers.is_empty()).map(|rules| rules.holder(key))
        {
            Some(Key::Of(consumer)) => Some(consumer),
            // It is refused before.
            Some(Key::Missing | Key::Unknown) => continue,
            None => None,
        };
        if is_meant(consumer) {
            sum.requests += there.per_s;
            sum.tokens += there.per_s * there.takes.tokens;
            sum.cost += there.per_s * there.takes.cost;
        }
    }
    sum
}

fn check(subject: &Subject<'_>, findings: &mut Findings<'_>) {
    for (id, node) in subject.nodes() {
        if let Some(model) = node.llm.as_deref() {
            let taken = rate(subject, id, None, |_| true);
            let limits = [
                (model.requests_per_minute, taken.requests, "requests", "llm.requests_per_minute"),
                (model.tokens_per_minute, taken.tokens, "tokens", "llm.tokens_per_minute"),
            ];
            for (limit, per_s, what, key) in limits {
                let Some(limit) = limit.map(f64::from).filter(|limit| per_s * 60.0 > *limit) else {
                    continue;
                };
                let offered = per_s * 60.0;
                let message = format!(
                    "`{}` takes {} {what} a minute, but up to {} are asked of it, retries not counted: {} too many",
                    node.declared_name,
                    number(limit),
                    number(offered),
                    percent(1.0 - limit / offered)
                );
                findings.at(At::Node(id), key).say(message);
            }
        }
        let Some(rules) = node.rules.as_deref() else { continue };
        for limit in rules.limits.iter().filter(|limit| limit.of != Measure::Requests) {
            check_limit(subject, id, node, rules, limit, findings);
        }
    }
}

fn check_limit(
    subject: &Subject<'_>,
    id: NodeId,
    node: &Node,
    rules: &Rules,
    limit: &Limit,
    findings: &mut Findings<'_>,
) {
    let is_in_plan =
        |consumer: ConsumerId| limit.plan.is_none() || rules.consumer(consumer).plan == limit.plan;
    let of =
        |is_meant: &dyn Fn(Option<ConsumerId>) -> bool| rate(subject, id, Some(rules), is_meant).of(limit.of);
    let (per_s, whose) = if limit.per_consumer {
        let consumers = (0..).map(ConsumerId).take(rules.consumers.len()).filter(|id| is_in_plan(*id));
        let each = consumers.map(|id| (of(&|consumer| consumer == Some(id)), Some(id)));
        each.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
    } else {
        (of(&|consumer| consumer.map_or(limit.plan.is_none(), is_in_plan)), None)
    };
    let offered = per_s * limit.quota.per.as_secs_f64();
    if offered <= limit.quota.amount {
        return;
    }
    let whose = whose.map(|id| format!(" by `{}`", rules.consumer(id).name)).unwrap_or_default();
    let then = if limit.soft { "what is over passes, and is counted" } else { "what is over is refused" };
    let message = format!(
        "the limit `{}` at `{}` is {limit}, but up to {} {} are asked for{whose} {}, retries not counted: {then}",
        limit.name,
        node.declared_name,
        number(offered),
        limit.of.unit(),
        limit.quota.period()
    );
    let severity = if limit.soft { Severity::Info } else { Severity::Warning };
    let key = if limit.plan.is_some() { "plans" } else { "limits" };
    findings.at(At::Node(id), key).severity(severity).say(message);
}
