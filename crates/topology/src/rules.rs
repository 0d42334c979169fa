//! The rules of a node: what it decides about requests by itself, as its operator has configured it. Who
//! may come (consumers and their keys), for what (plans), and how much of it (limits).

mod keys;
mod quota;

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

pub use keys::{AUTHORIZATION, GOOD_KEY, KEY_FIELDS, bearer, key_of};
pub use quota::Quota;

use crate::units::Share;

/// All rules of one node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    /// The node's own limits, then those of its plans.
    pub limits: Vec<Limit>,
    /// What consumers may have.
    pub plans: Vec<Plan>,
    /// Who may come, each by its key. Empty: anybody.
    pub consumers: Vec<Consumer>,
    /// Some of the node's edges are for some models alone.
    pub routes: bool,
    /// The share of requests that it answers from its cache.
    pub cache: Share,
}

/// A limit by its place in [`Rules::limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitId(pub u16);

/// A consumer by its place in [`Rules::consumers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsumerId(pub u16);

/// So much in so long. Without a burst it is counted in fixed windows, which begin with the run (as Kong,
/// APISIX's limit-count and `LiteLLM` count); with one it is a token bucket (as nginx and Envoy have).
///
/// Requests count as they are let in. Tokens and cost count as an answer ends, when they are known: a
/// request is let in as long as something is left, so that the last one may go over.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// What it is called.
    pub name: String,
    /// What is counted.
    pub of: Measure,
    /// How much of it.
    pub quota: Quota,
    /// How much may come at once, where it is given out evenly over time.
    pub burst: Option<f64>,
    /// Each consumer has as much; all together otherwise.
    pub per_consumer: bool,
    /// Who goes over is let in all the same, and that is recorded.
    pub soft: bool,
    /// It is only for the consumers of this plan, by its place in [`Rules::plans`].
    pub plan: Option<u16>,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Requests.
    Requests,
    /// Tokens: of prompts and of completions.
    Tokens,
    /// What tokens cost, by the price of the model server that made them.
    Cost,
}

/// What the consumers who have subscribed to it may do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// The models that may be asked; none: all.
    pub models: Vec<Pattern>,
}

/// Somebody who may come: an application, a team, a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// What it is called.
    pub name: String,
    /// By which it is known.
    pub key: Arc<str>,
    /// What it has subscribed to, by its place in [`Rules::plans`].
    pub plan: Option<u16>,
    /// From this moment of a run on its key is no longer good.
    pub expires: Option<Duration>,
}

/// A name, or the beginning of names: `gpt-*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Pattern {
    /// Whether a name is one of those meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => self.0 == name,
        }
    }
}

/// Which of a node's rules refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Its consumers: the request's key is none of theirs.
    Key(KeyProblem),
    /// Its consumer's plan: the model is not one of it.
    Plan,
    /// Its edges: none is for the model.
    Models,
    /// This limit.
    Limit(LimitId),
}

/// A request's key, to a node that has consumers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// There is none.
    #[default]
    Missing,
    /// It is nobody's.
    Unknown,
    /// It is this consumer's.
    Of(ConsumerId),
}

/// What is wrong with a request's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyProblem {
    /// There is none.
    Missing,
    /// It is nobody's.
    Unknown,
    /// It was somebody's.
    Expired,
}

impl Measure {
    /// Of how much is spoken: `100 requests`.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Cost => "of cost",
        }
    }
}

impl Rules {
    /// A limit.
    pub fn limit(&self, id: LimitId) -> &Limit {
        &self.limits[usize::from(id.0)]
    }

    /// A consumer.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        &self.consumers[usize::from(id.0)]
    }

    /// Whose a key is.
    pub fn holder(&self, key: Option<&str>) -> Key {
        let Some(key) = key else { return Key::Missing };
        match (0..).zip(&self.consumers).find(|(_, consumer)| *consumer.key == *key) {
            Some((place, _)) => Key::Of(ConsumerId(place)),
            None => Key::Unknown,
        }
    }

    /// Why nobody may come with a key at this moment of a run; none if its consumer may.
    pub fn key_problem(&self, key: Key, now: Duration) -> Option<KeyProblem> {
        match key {
            Key::Missing => Some(KeyProblem::Missing),
            Key::Unknown => Some(KeyProblem::Unknown),
            Key::Of(id) => {
                let is_over = self.consumer(id).expires.is_some_and(|expires| now >= expires);
                is_over.then_some(KeyProblem::Expired)
            }
        }
    }

    /// A consumer's plan, if it has one.
    pub fn plan_of(&self, consumer: ConsumerId) -> Option<&Plan> {
        self.consumer(consumer).plan.map(|plan| &self.plans[usize::from(plan)])
    }

    /// The limits that a request of this consumer counts for.
    pub fn limits_of(&self, consumer: Option<ConsumerId>) -> impl Iterator<Item = (LimitId, &Limit)> {
        let plan = consumer.and_then(|consumer| self.consumer(consumer).plan);
        let all = (0..).map(LimitId).zip(&self.limits);
        all.filter(move |(_, limit)| limit.plan.is_none() || limit.plan == plan)
    }

    /// A limit as logs name it: `rpm`, or `gold/rpm` where it is that of a plan.
    pub fn limit_name(&self, id: LimitId) -> String {
        let limit = self.limit(id);
        match limit.plan {
            Some(plan) => format!("{}/{}", self.plans[usize::from(plan)].name, limit.name),
            None => limit.name.clone(),
        }
    }

    /// A rule as logs name it: `limit rpm`.
    pub fn name(&self, rule: Rule, consumer: Option<ConsumerId>) -> String {
        match rule {
            Rule::Key(KeyProblem::Missing) => "no key".to_owned(),
            Rule::Key(KeyProblem::Unknown) => "unknown key".to_owned(),
            Rule::Key(KeyProblem::Expired) => "expired key".to_owned(),
            Rule::Plan => match consumer.and_then(|consumer| self.plan_of(consumer)) {
                Some(plan) => format!("plan {}", plan.name),
                None => "plan".to_owned(),
            },
            Rule::Models => "models".to_owned(),
            Rule::Limit(id) => format!("limit {}", self.limit_name(id)),
        }
    }
}

impl Limit {
    /// The most that there is at once, if it comes evenly over time.
    pub fn bucket(&self) -> Option<f64> {
        self.burst.map(|burst| burst.max(1.0))
    }
}

/// What it grants, in words: `100 requests a minute for each consumer`.
impl Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, per) = (self.quota.amount, self.quota.period());
        write!(f, "{amount} {} {per}", self.of.unit())?;
        if let Some(burst) = self.bucket() {
            write!(f, ", {burst} at once")?;
        }
        if self.per_consumer {
            f.write_str(" for each consumer")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_its_beginning() {
        let matches = |pattern: &str, name| Pattern(pattern.to_owned()).matches(name);
        assert!(matches("gpt-*", "gpt-4o") && matches("*", "anything") && matches("gpt-4o", "gpt-4o"));
        assert!(!matches("gpt-4o", "gpt-4o-mini") && !matches("gpt-*", "llama"));
    }

    #[test]
    fn a_key_is_somebodys_until_it_expires() {
        let consumer = |name: &str, key: &str, expires| Consumer {
            name: name.to_owned(),
            key: key.into(),
            plan: None,
            expires,
        };
        let minute = Duration::from_mins(1);
        let rules = Rules {
            consumers: vec![consumer("a", "ka", None), consumer("b", "kb", Some(minute))],
            ..Rules::default()
        };
        assert_eq!((rules.holder(None), rules.holder(Some("kc"))), (Key::Missing, Key::Unknown));
        let (b, now) = (rules.holder(Some("kb")), Duration::ZERO);
        assert_eq!((b, rules.key_problem(b, now)), (Key::Of(ConsumerId(1)), None));
        assert_eq!(rules.key_problem(b, minute), Some(KeyProblem::Expired));
        assert_eq!(rules.key_problem(Key::Unknown, now), Some(KeyProblem::Unknown));
    }
}
