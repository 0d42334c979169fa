//! A model server's own work: the prompt's prefill, then token after token. The sequence holds its
//! place in the batch, a worker, until the last of them.

use std::time::Duration;

use topology::llm::Asked;
use trace::{Sent, ServedEnd, Source, Time};

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
    /// When its first token was there, and how long each further one takes.
    decoding: Option<(Time, Duration)>,
}

impl Generation {
    /// Of what is asked, if the node is a model server.
    pub(super) fn of(serving: &mut Serving, scope: &Scope<'_, '_>) -> Option<Box<Self>> {
        let model = scope.declared().llm.as_deref()?;
        let asked = *serving.incoming.ask.take()?;
        let mut rng = scope.env.dice.rng(Purpose::Completion, serving.incoming.hop.0);
        let wanted = model.completion_tokens.sample(&mut rng);
        let room = model.context.saturating_sub(asked.prompt_tokens).max(1);
        let cap = asked.max_tokens.map_or(room, |max| max.min(room)).max(1);
        Some(Box::new(Self { asked, tokens: wanted.min(cap), is_capped: wanted > cap, decoding: None }))
    }

    /// How long the prompt's prefill takes as it begins now.
    pub(super) fn prefill(&self, scope: &Scope<'_, '_>) -> Duration {
        let declared = scope.declared().llm.as_deref();
        declared.map_or(Duration::ZERO, |model| {
            model.prefill(self.asked.prompt_tokens, model.crowding(scope.node.workers.taken()))
        })
    }

    /// How long all tokens but the first take.
    fn rest(&self) -> Duration {
        let (_, per_token) = self.decoding.unwrap_or_default();
        per_token.saturating_mul(self.tokens - 1).min(topology::units::DURATION_MAX)
    }

    fn reply(&self, serving: &Serving, status: u16) -> Reply {
        let completion = Completion {
            hop: serving.incoming.hop,
            prompt_tokens: self.asked.prompt_tokens,
            tokens: self.tokens,
            is_capped: self.is_capped,
            stream: self.asked.stream,
            interval: self.decoding.map_or(Duration::ZERO, |(_, per_token)| per_token),
        };
        Reply { completion: Some(Box::new(completion)), ..Reply::regular(status) }
    }
}

impl Visit {
    /// The prompt is taken in: the first token is there, and the others follow. How long each takes is
    /// fixed now, by how many sequences are in the batch.
    pub(super) fn decode(&mut self, scope: &mut Scope<'_, '_>) {
        let Role::Server(serving) = &mut self.role else { return };
        let (Some(model), Some(mut generation)) =
            (scope.declared().llm.as_deref(), serving.generation.take())
        else {
            return;
        };
        let slower = serving.incoming.disturbance.process.work_factor;
        let factor = model.crowding(scope.node.workers.taken()) * if slower > 0.0 { slower } else { 1.0 };
        generation.decoding = Some((scope.now, model.per_token(factor)));
        if generation.asked.stream {
            serving.responded = true;
            scope.out.push(Action::Respond(generation.reply(serving, scope.declared().response.status)));
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

    /// The last token is there.
    pub(super) fn generated(&mut self, scope: &mut Scope<'_, '_>) {
        let Role::Server(serving) = &mut self.role else { return };
        let status = scope.declared().response.status;
        if let Some(generation) = serving.generation.as_ref().filter(|_| !serving.responded) {
            scope.out.push(Action::Respond(generation.reply(serving, status)));
        }
        self.finish(Some(status), Source::Own, Sent::Whole, ServedEnd::Answered, scope);
    }
}
