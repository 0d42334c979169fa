//! A node's own rules refused a request: which of them, and how it stood.

use topology::rules::{KeyProblem, Measure, Rule, Rules};
use topology::{Cause, NodeId};
use trace::{Ruled, Served, Spent};

use super::{Birth, Case, Finding};

/// What a refusal by one of the node's own rules means; `None` if it was none of them.
pub(super) fn refused(case: &Case<'_>, node: NodeId, served: &Served, status: u16) -> Option<Finding> {
    let ruled = served.ruled.as_deref()?;
    let rules = case.scenario.topology.node(node).rules.as_deref()?;
    let name = case.name(node);
    let at_node = |cause, mechanism| Birth::at_node(node, cause, mechanism);
    let refused = format!("{name} refused the request with {status}");
    Some(match ruled.refused_by? {
        Rule::Key(problem) => {
            let what = match (problem, ruled.consumer) {
                (KeyProblem::Missing, _) => "it presents no API key, and only consumers may come".to_owned(),
                (KeyProblem::Expired, Some(owner)) => {
                    let owner = rules.consumer(owner);
                    let after = owner.expires.unwrap_or_default().as_secs_f64();
                    format!("the key of consumer {} has expired, {after} s into the run", owner.name)
                }
                (KeyProblem::Unknown | KeyProblem::Expired, _) => {
                    "its API key is none of its consumers'".to_owned()
                }
            };
            let next = match problem {
                KeyProblem::Missing => {
                    "have the client send its key, and the gateways before pass it on (or present their own)"
                }
                KeyProblem::Unknown => {
                    "compare the key with the gateway's consumers: revoked, mistyped, of another environment, or replaced on the way?"
                }
                KeyProblem::Expired => "renew the token before it expires; who was to do so?",
            };
            at_node(Cause::Config, "bad_credentials").because(format!("{refused}: {what}"), next)
        }
        Rule::Plan => {
            let who = owner(rules, ruled);
            let plan = ruled.consumer.and_then(|consumer| rules.plan_of(consumer));
            let plan = plan.map_or_else(String::new, |plan| format!(" `{}`", plan.name));
            let model = case.ask().map_or_else(String::new, |ask| format!(" `{}`", ask.model));
            at_node(Cause::Config, "not_allowed").because(
                format!("{refused}: the model{model} is not one of the plan{plan}{who}"),
                "ask for a model of the plan, or have the plan changed: no retry helps",
            )
        }
        Rule::Models => {
            let model = case.ask().map_or_else(String::new, |ask| format!(" `{}`", ask.model));
            let edges = case.scenario.topology.outgoing(node);
            let models: Vec<&str> = edges
                .iter()
                .flat_map(|edge| case.scenario.topology.edge(*edge).models.iter())
                .map(|pattern| pattern.0.as_str())
                .collect();
            at_node(Cause::Config, "unknown_model").because(
                format!("{refused}: it has no provider for the model{model} ({} are served)", models.join(", ")),
                "compare the model's name with those that the gateway lists (GET /v1/models), and its routes: no retry helps",
            )
        }
        Rule::Limit(_) => {
            let spent = ruled.spent?;
            let is_cost = rules.limit(spent.limit).of == Measure::Cost;
            let mechanism = if is_cost { "quota" } else { "rate_limit" };
            at_node(Cause::Overload, mechanism)
                .because(format!("{refused}: {}", was_spent(rules, ruled, spent)), next_step(spent, is_cost))
        }
    })
}

/// Which limit was spent, and by whom.
fn was_spent(rules: &Rules, ruled: &Ruled, spent: Spent) -> String {
    let limit = rules.limit(spent.limit);
    let by = if limit.per_consumer {
        owner(rules, ruled).replace(" of consumer", " by consumer")
    } else {
        String::new()
    };
    let retries = if spent.by_retries > 0.0 && spent.used > 0.0 {
        format!(", {:.0}% of it on retries", 100.0 * spent.by_retries / spent.used)
    } else {
        String::new()
    };
    format!("its limit `{}` ({limit}) was spent{by}{retries}", rules.limit_name(spent.limit))
}

fn owner(rules: &Rules, ruled: &Ruled) -> String {
    ruled.consumer.map_or_else(String::new, |id| format!(" of consumer {}", rules.consumer(id).name))
}

fn next_step(spent: Spent, is_cost: bool) -> &'static str {
    if spent.by_retries * 2.0 > spent.used {
        "most of it went on retries: obey Retry-After, back off, give retries a budget; then look at the plan"
    } else if is_cost {
        "what spends it? Shorter prompts, a cheaper model, a cache; or a larger budget. No retry helps before the period ends"
    } else {
        "raise the limit or the plan, or slow the callers down as Retry-After says"
    }
}

#[cfg(test)]
mod tests {
    use topology::rules::{Consumer, ConsumerId, Limit, LimitId, Plan};
    use topology::{Refusal, Scenario, Target};
    use trace::{Outcome, Source};

    use super::super::{Lifecycle, attribute};
    use super::*;
    use crate::Verdict;
    use crate::testing::{Call, chain};

    fn rules() -> Rules {
        let limit = |name: &str, of, quota: &str, plan| Limit {
            name: name.to_owned(),
            of,
            quota: quota.parse().unwrap(),
            burst: None,
            per_consumer: plan == Some(0),
            soft: false,
            plan,
        };
        let expires = Some(std::time::Duration::from_secs(30));
        Rules {
            limits: vec![
                limit("rpm", Measure::Requests, "100/min", Some(0)),
                limit("budget", Measure::Cost, "5/day", None),
            ],
            plans: vec![Plan { name: "gold".to_owned(), models: Vec::new() }],
            consumers: vec![Consumer { name: "app-a".to_owned(), key: "k".into(), plan: Some(0), expires }],
            ..Rules::default()
        }
    }

    fn verdict(refusal: Refusal, ruled: Ruled) -> Verdict {
        let mut scenario: Scenario = chain(&["client", "gateway", "app"]);
        scenario.topology.node_mut(NodeId(1)).rules = Some(Box::new(rules()));
        let mut call = Call::new(0, 0, 5);
        call.attempt(call.root(), 0, 1, Outcome::Answered(429));
        call.served(Source::Refused(refusal)).ruled = Some(Box::new(ruled));
        let verdict = attribute(&scenario, &Lifecycle::default(), &call.end());
        assert_eq!(verdict.origin, Target::Node(NodeId(1)));
        verdict
    }

    fn spent(limit: u16, used: f64, by_retries: f64) -> Ruled {
        let limit = LimitId(limit);
        Ruled {
            consumer: Some(ConsumerId(0)),
            refused_by: Some(Rule::Limit(limit)),
            spent: Some(Spent { limit, used, by_retries }),
            over: Vec::new(),
            cached: false,
        }
    }

    #[test]
    fn a_spent_limit_is_named_with_its_numbers() {
        let limited = verdict(Refusal::RateLimited, spent(0, 100.0, 0.0));
        assert_eq!((limited.cause, limited.mechanism), (Cause::Overload, "rate_limit"));
        assert!(
            limited.evidence.ends_with(
                "its limit `gold/rpm` (100 requests a minute for each consumer) was spent by consumer app-a"
            ),
            "{}",
            limited.evidence
        );
        let stormed = verdict(Refusal::RateLimited, spent(0, 100.0, 60.0));
        assert!(
            stormed.evidence.ends_with("by consumer app-a, 60% of it on retries"),
            "{}",
            stormed.evidence
        );
        assert_ne!(stormed.next_step, limited.next_step);
        let budget = verdict(Refusal::QuotaSpent, spent(1, 5.2, 0.0));
        assert_eq!((budget.cause, budget.mechanism), (Cause::Overload, "quota"));
        assert!(
            budget.evidence.ends_with("its limit `budget` (5 of cost a day) was spent"),
            "{}",
            budget.evidence
        );
    }

    #[test]
    fn a_key_is_missing_unknown_or_expired() {
        let key = |problem, consumer| {
            let ruled = Ruled { consumer, refused_by: Some(Rule::Key(problem)), ..Ruled::default() };
            let verdict = verdict(Refusal::BadCredentials, ruled);
            assert_eq!((verdict.cause, verdict.mechanism), (Cause::Config, "bad_credentials"));
            verdict.evidence
        };
        assert!(key(KeyProblem::Missing, None).contains("presents no API key"));
        assert!(key(KeyProblem::Unknown, None).ends_with("is none of its consumers'"));
        let expired = key(KeyProblem::Expired, Some(ConsumerId(0)));
        assert!(expired.ends_with("the key of consumer app-a has expired, 30 s into the run"), "{expired}");
    }
}
