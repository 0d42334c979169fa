//! A model server's own work: the prompt's prefill, then token after token. The sequence holds its
//! place in the batch, a worker, until the last of them.

use std::time::Duration;

use topology::Refusal;
use topology::llm::{Asked, Model};
use topology::node::ScriptStep;
use topology::wire::ProcessEnd;
use trace::{Sent, ServedEnd, Source, Time, Usage};

use super::{Phase, Role, Serving, Visit};
use crate::action::{Action, Completion, Reply, Timer};
use crate::dice::Purpose;
use crate::scope::Scope;

/// A completion that is being made, or will be.
#[derive(Debug)]
pub(super) struct Generation {
    asked: Asked,
    /// How many tokens the completion has.
    tokens: u32,
    /// It ends because it may not be longer.
    is_capped: bool,
    /// How many tokens there are before it ends in another way, and how.
    broken: Option<(u32, ProcessEnd)>,
    /// When its first token was there, and how long each further one takes.
    decoding: Option<(Time, Duration)>,
}

/// How many tokens a completion has, and whether it ends because it may not be longer.
pub(super) fn completion_length(model: &Model, asked: &Asked, rng: &mut impl rand::Rng) -> (u32, bool) {
    let wanted = model.completion_tokens.sample(rng);
    let room = model.context.saturating_sub(asked.prompt_tokens).max(1);
    let cap = asked.max_tokens.map_or(room, |max| max.min(room)).max(1);
    (wanted.min(cap), wanted > cap)
}

impl Generation {
    /// Of what is asked, if the node is a model server.
    pub(super) fn of(serving: &mut Serving, scope: &Scope<'_, '_>) -> Option<Box<Self>> {
        let model = scope.declared().llm.as_deref()?;
        let asked = *serving.incoming.ask.take()?;
        let mut rng = scope.env.dice.rng(Purpose::Completion, serving.incoming.hop.0);
        let (tokens, is_capped) = completion_length(model, &asked, &mut rng);
        let broken = serving.incoming.disturbance.process.ending.and_then(|end| match (end, asked.stream) {
            (ProcessEnd::Truncate | ProcessEnd::StreamError | ProcessEnd::StreamStall, true) => {
                Some((tokens.div_ceil(2), end))
            }
            (ProcessEnd::Unterminated, true) | (ProcessEnd::Truncate | ProcessEnd::CutContent, false) => {
                Some((tokens, end))
            }
            _ => None,
        });
        Some(Box::new(Self { asked, tokens, is_capped, broken, decoding: None }))
    }

    /// What a limit on tokens counts it as.
    pub(super) fn cost(&self) -> u32 {
        self.asked.prompt_tokens.saturating_add(self.tokens)
    }

    /// The model that is asked.
    pub(super) fn model(&self) -> &str {
        &self.asked.model
    }

    /// Why the model does not take it, if it does not; and whether for a fault.
    pub(super) fn refusal(&self, fault: Option<u32>, scope: &mut Scope<'_, '_>) -> Option<(Refusal, bool)> {
        let context = scope.declared().llm.as_deref().map_or(u32::MAX, |model| model.context);
        let wanted = self.asked.prompt_tokens.saturating_add(self.asked.max_tokens.unwrap_or(0));
        if wanted > fault.unwrap_or(context).min(context) {
            return Some((Refusal::ContextTooLong, fault.is_some_and(|limit| wanted > limit)));
        }
        let (cost, now) = (self.cost(), scope.now);
        let spent = scope.node.quota.as_mut().is_some_and(|quota| !quota.take(cost, now));
        spent.then_some((Refusal::RateLimited, false))
    }

    /// How long the prompt's prefill takes as it begins now.
    pub(super) fn prefill(&self, scope: &Scope<'_, '_>) -> Duration {
        let declared = scope.declared().llm.as_deref();
        declared.map_or(Duration::ZERO, |model| {
            model.prefill(self.asked.prompt_tokens, model.crowding(scope.node.workers.taken()))
        })
    }

    /// How long it takes from the first token to the end: to the last token, to what comes in the place
    /// of one, or to the last before nothing more comes.
    fn rest(&self) -> Duration {
        let (_, per_token) = self.decoding.unwrap_or_default();
        let intervals = match self.broken {
            Some((made, ProcessEnd::StreamError | ProcessEnd::Truncate)) if self.asked.stream => made,
            Some((made, _)) => made - 1,
            None => self.tokens - 1,
        };
        per_token.saturating_mul(intervals).min(topology::units::DURATION_MAX)
    }

    /// What has been done for it by now, if a worker took it.
    pub(super) fn usage(&self, started: Option<Time>, now: Time) -> Usage {
        if started.is_none() {
            return Usage::default();
        }
        let made = self.decoding.map_or(0, |(first, per_token)| {
            let most = self.broken.map_or(self.tokens, |(made, _)| made);
            let more = now.since(first).as_nanos().checked_div(per_token.as_nanos());
            more.map_or(most, |more| u32::try_from(more).unwrap_or(u32::MAX).saturating_add(1).min(most))
        });
        Usage { prompt: self.asked.prompt_tokens, completion: made }
    }

    fn reply(&self, serving: &Serving, own: &Reply, scope: &mut Scope<'_, '_>) -> Reply {
        let completion = Completion {
            hop: serving.incoming.hop,
            prompt_tokens: self.asked.prompt_tokens,
            tokens: self.tokens,
            is_capped: self.is_capped,
            stream: self.asked.stream,
            interval: self.decoding.map_or(Duration::ZERO, |(_, per_token)| per_token),
            broken: self.broken,
        };
        let now = scope.now;
        Reply {
            completion: Some(Box::new(completion)),
            allowances: scope.node.quota.as_mut().map(|quota| Box::new(quota.left(now))),
            retry_after: own.retry_after,
            ..Reply::regular(own.status)
        }
    }
}

impl Visit {
    /// Whether the answer is to be a completion: a script may say something else, and a process may die
    /// before.
    pub(super) fn makes_completion(&self, scope: &Scope<'_, '_>) -> bool {
        let Role::Server(serving) = &self.role else { return false };
        let dies = matches!(
            serving.incoming.disturbance.process.ending,
            Some(ProcessEnd::Panic | ProcessEnd::Malformed | ProcessEnd::Hang)
        );
        let answers = match self.script_step(scope) {
            None => true,
            Some(&ScriptStep::Answer { status, .. }) => status < 400,
            Some(ScriptStep::Close(_)) => false,
        };
        answers && !dies
    }

    /// The prompt is taken in: the first token is there, and the others follow. How long each takes is
    /// fixed now, by how many sequences are in the batch.
    pub(super) fn decode(&mut self, scope: &mut Scope<'_, '_>) {
        let own = self.own_reply(scope);
        let Role::Server(serving) = &mut self.role else { return };
        let (Some(model), Some(mut generation)) =
            (scope.declared().llm.as_deref(), serving.generation.take())
        else {
            return;
        };
        let process = &serving.incoming.disturbance.process;
        let slower = |factor: f64| if factor > 0.0 { factor } else { 1.0 };
        let factor = model.crowding(scope.node.workers.taken())
            * slower(process.work_factor)
            * slower(process.token_factor);
        if process.token_factor > 0.0 || generation.broken.is_some() {
            serving.faults = serving.faults.union(serving.incoming.disturbance.marks.process);
        }
        generation.decoding = Some((scope.now, model.per_token(factor)));
        if generation.asked.stream {
            serving.responded = true;
            let reply = generation.reply(serving, &own, scope);
            scope.out.push(Action::Respond(reply));
        }
        let rest = generation.rest();
        serving.generation = Some(generation);
        self.phase = Phase::Generating;
        if rest.is_zero() {
            self.generated(scope);
        } else {
            scope.out.push(Action::Sleep { timer: Timer::Work, until: scope.now + rest });
        }
    }

    /// All that there will be is there.
    pub(super) fn generated(&mut self, scope: &mut Scope<'_, '_>) {
        let own = self.own_reply(scope);
        let status = own.status;
        let Role::Server(serving) = &mut self.role else { return };
        let Some(generation) = serving.generation.as_ref() else { return };
        let broken = generation.broken.map(|(_, end)| end);
        if broken == Some(ProcessEnd::StreamStall) {
            serving.worked = scope.now.since(serving.started.unwrap_or(scope.now));
            self.phase = Phase::Stuck;
            scope.node.workers.sticks();
            return;
        }
        if !serving.responded {
            let reply = generation.reply(serving, &own, scope);
            scope.out.push(Action::Respond(reply));
        }
        let (sent, end) = match broken {
            Some(ProcessEnd::Truncate) => (Sent::Cut, ServedEnd::Panicked),
            Some(ProcessEnd::StreamError) => (Sent::Error, ServedEnd::Answered),
            Some(ProcessEnd::Unterminated) => (Sent::Incomplete, ServedEnd::Answered),
            Some(ProcessEnd::CutContent) => (Sent::CutContent, ServedEnd::Answered),
            _ => (Sent::Whole, ServedEnd::Answered),
        };
        self.finish(Some(status), Source::Own, sent, end, scope);
    }
}
