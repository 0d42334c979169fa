//! What a visit answers: what a callee has said, or something of the node's own.

use std::time::Duration;

use topology::node::ScriptStep;
use topology::profile::{PassesOn, Reaction, Why};
use topology::wire::{Close, ProcessEnd};
use topology::{EdgeId, NodeKind, Refusal};
use trace::{HopId, Outcome, Sent, ServedEnd, Source};

use super::proxy_status::proxy_status;
use super::{Phase, REROUTED, Role, Visit};
use crate::action::{Action, Reply};
use crate::rules::for_model;
use crate::scope::Scope;

impl Visit {
    /// Whether a response with this status, of the call in `slot`, is passed on as it comes, and not only
    /// once it has all come.
    pub(super) fn relays(&self, slot: u16, status: u16, scope: &Scope<'_, '_>) -> bool {
        let profile = scope.declared().profile;
        let at_once = match profile.passes_on {
            PassesOn::AsItComes => true,
            PassesOn::Whole => false,
            PassesOn::WholeButStreams => self.asked().is_some_and(|ask| ask.stream),
        };
        at_once && !(profile.rewrites_errors && status >= 400) && self.answers_with(slot, scope)
    }

    /// Whether a response with this status, of the call in `slot`, may be passed on later.
    pub(super) fn may_pass_on(&self, slot: u16, status: u16, scope: &Scope<'_, '_>) -> bool {
        if status < 400 {
            return self.answers_with(slot, scope);
        }
        let is_gateway = matches!(self.role, Role::Server(_)) && scope.declared().kind == NodeKind::Gateway;
        is_gateway && !scope.declared().profile.rewrites_errors
    }

    /// Whether this node answers with what the call in `slot` gets, if that is good: it is a gateway, and
    /// nobody else is asked after this one or beside it.
    pub(super) fn answers_with(&self, slot: u16, scope: &Scope<'_, '_>) -> bool {
        let declared = scope.declared();
        if declared.kind != NodeKind::Gateway || matches!(self.role, Role::Client { .. }) {
            return false;
        }
        let Phase::Calling(stage) = self.phase else { return false };
        let mut later = declared.plan.stages[stage + 1..].iter().flat_map(|stage| &stage.calls);
        let is_last = if declared.rules.as_ref().is_some_and(|rules| rules.routes) {
            !later.any(|choice| for_model(choice, self.model(), scope).is_some())
        } else {
            later.next().is_none()
        };
        slot == REROUTED || (is_last && self.expected == 1)
    }

    /// Whether the request is not the first on its caller's connection.
    pub(super) fn on_used_connection(&self) -> bool {
        matches!(&self.role, Role::Server(serving) if serving.incoming.used_connection)
    }

    /// The visit ends with the response that is kept of the call in `slot`.
    pub(super) fn answer_with(
        &mut self,
        slot: u16,
        edge: EdgeId,
        hop: HopId,
        status: u16,
        scope: &mut Scope<'_, '_>,
    ) {
        let proxy_status = proxy_status(scope, None, Some((edge, status)));
        scope.out.push(Action::PassOn { slot, proxy_status });
        self.finish(Some(status), Source::Relayed(hop), Sent::Whole, ServedEnd::Answered, scope);
    }

    /// The visit ends with what a call of it failed with.
    pub(super) fn pass_on(
        &mut self,
        slot: u16,
        hop: HopId,
        edge: EdgeId,
        outcome: Outcome,
        scope: &mut Scope<'_, '_>,
    ) {
        if matches!(self.role, Role::Client { .. }) {
            self.end_call(outcome, Some(hop), scope);
            return;
        }
        if let Some(caught) = scope.declared().catch {
            let source = match outcome {
                _ if caught < 400 => Source::Own,
                Outcome::Answered(_) => Source::Relayed(hop),
                Outcome::Failed { failure, .. } => Source::Translated(hop, failure),
            };
            self.respond(Reply::regular(caught), source, scope);
            return;
        }
        let (status, why, source, proxy_status) = match outcome {
            Outcome::Answered(status) if self.may_pass_on(slot, status, scope) => {
                self.answer_with(slot, edge, hop, status, scope);
                return;
            }
            Outcome::Answered(status) => {
                let told = proxy_status(scope, None, Some((edge, status)));
                (status, Why::Rewritten, Source::Relayed(hop), told)
            }
            Outcome::Failed { failure, .. } => {
                let source = Source::Translated(hop, failure);
                let status = match scope.declared().profile.on_failure(failure).does {
                    Reaction::StatusThenSilence(_) if self.on_used_connection() => {
                        scope.out.push(Action::Close(Close::Fin));
                        self.finish(None, source, Sent::Nothing, ServedEnd::Answered, scope);
                        return;
                    }
                    Reaction::Status(status) | Reaction::StatusThenSilence(status) => status,
                    Reaction::PassOn => {
                        scope.out.push(Action::Fail(ProcessEnd::Malformed));
                        self.finish(None, source, Sent::Malformed, ServedEnd::Answered, scope);
                        return;
                    }
                };
                let mut told = proxy_status(scope, Some(failure.proxy_status()), None);
                told.next = Some(scope.env.scenario.topology.ends(edge).1);
                (status, Why::Failed(failure), source, told)
            }
        };
        let reply = Reply { regular: false, proxy_status, why: Some(why), ..Reply::regular(status) };
        self.respond(reply, source, scope);
    }

    /// All calls have ended well: the node's own answer.
    pub(super) fn answer(&mut self, scope: &mut Scope<'_, '_>) {
        if matches!(self.role, Role::Client { .. }) {
            // A client whose calls were all optional, or that has none: nothing was asked for.
            self.end_call(Outcome::Answered(200), None, scope);
            return;
        }
        if let Some(&ScriptStep::Close(close)) = self.script_step(scope) {
            scope.out.push(Action::Close(close));
            self.finish(None, Source::Own, Sent::Nothing, ServedEnd::Answered, scope);
            return;
        }
        self.respond(self.own_reply(scope), Source::Own, scope);
    }

    /// Its own answer: what its script says, or what it answers when all is well.
    pub(super) fn own_reply(&self, scope: &Scope<'_, '_>) -> Reply {
        match self.script_step(scope) {
            Some(&ScriptStep::Answer { status, retry_after }) => {
                Reply { retry_after, ..Reply::regular(status) }
            }
            _ => Reply::regular(scope.declared().response.status),
        }
    }

    /// What the node's script says for this attempt, if it has one.
    pub(super) fn script_step<'e>(&self, scope: &Scope<'_, 'e>) -> Option<&'e ScriptStep> {
        let script = &scope.declared().script;
        script.get(usize::from(self.origin.retries)).or(script.last())
    }

    /// Refuses; whoever is told so may come again after this time.
    pub(super) fn refuse(
        &mut self,
        refusal: Refusal,
        retry_after: Option<Duration>,
        scope: &mut Scope<'_, '_>,
    ) {
        if let Role::Server(serving) = &self.role
            && serving.responded
        {
            return;
        }
        let declared = scope.declared();
        let status = declared.on_refusal(refusal);
        let now = scope.now;
        let allowances = scope.node.quota.as_mut().map(|quota| Box::new(quota.left(now)));
        let proxy_status = proxy_status(scope, Some(refusal.proxy_status()), None);
        let limit = match &self.role {
            Role::Server(serving) => serving.spent_limit(),
            Role::Client { .. } => None,
        };
        let why = Some(Why::Refused(refusal));
        let reply = Reply {
            regular: false,
            retry_after,
            proxy_status,
            allowances,
            why,
            limit,
            ..Reply::regular(status)
        };
        self.respond(reply, Source::Refused(refusal), scope);
    }

    pub(super) fn respond(&mut self, reply: Reply, source: Source, scope: &mut Scope<'_, '_>) {
        let status = reply.status;
        scope.out.push(Action::Respond(reply));
        self.finish(Some(status), source, Sent::Whole, ServedEnd::Answered, scope);
    }
}
