//! Whether a request is let in.

use std::time::Duration;

use topology::{Mechanism, Refusal};

use super::Serving;
use crate::rules::{Judgement, judge};
use crate::scope::Scope;

/// Whether a request is let in; if not, why, and when it may come again if that is told.
pub(super) fn admit(serving: &mut Serving, scope: &mut Scope<'_, '_>) -> Option<(Refusal, Option<Duration>)> {
    let declared = scope.declared();
    let incoming = &serving.incoming;
    let (process, marks) = (&incoming.disturbance.process, incoming.disturbance.marks);
    if incoming.looped {
        return Some((Refusal::LoopDetected, None));
    }
    let too_large = |size: u64, fault: Option<u64>, limit: u64| {
        (size > fault.unwrap_or(limit).min(limit)).then_some(fault.is_some_and(|f| size > f))
    };
    let head = too_large(incoming.head_bytes, process.header_limit, declared.header_limit);
    let body = too_large(incoming.body_bytes, process.body_limit, declared.body_limit);
    let limited = process.rate_limit.is_some_and(|f| !scope.node.take_token(scope.env, f, scope.now));
    let (refusal, by_fault) = match (head, body) {
        (Some(by_fault), _) => (Refusal::HeadTooLarge, by_fault),
        (None, Some(by_fault)) => (Refusal::BodyTooLarge, by_fault),
        _ if !incoming.credentials_good => (Refusal::BadCredentials, false),
        _ if !incoming.path_known => (Refusal::UnknownPath, false),
        _ if process.refuse.is_some() => (process.refuse?, true),
        _ if limited => (Refusal::RateLimited, true),
        _ => {
            if let Some(rules) = declared.rules.as_deref() {
                let Judgement { ruled, refusal } = judge(incoming, serving.model(), rules, scope);
                serving.noted.get_or_insert_default().ruled = Some(ruled);
                if refusal.is_some() {
                    return refusal;
                }
            }
            if declared.max_in_flight.is_some_and(|max| scope.node.in_flight > max) {
                serving.held_up(scope);
                if let Some(held) = &mut serving.held_up {
                    held.crowd = scope.node.busiest_edge(scope.now);
                }
                return Some((Refusal::QueueFull, None));
            }
            serving.generation.as_ref()?.refusal(process.context_limit, scope)?
        }
    };
    let mut retry_after = None;
    if refusal == Refusal::RateLimited && !by_fault {
        let (quota, generation) = (&scope.node.quota, &serving.generation);
        retry_after = quota.as_ref().zip(generation.as_ref()).map(|(quota, made)| quota.wait(made.cost()));
    }
    if by_fault {
        serving.faults = serving.faults.union(marks.process);
        if refusal == Refusal::RateLimited
            && let Some(Mechanism::Overload(overload)) =
                process.rate_limit.map(|fault| &scope.env.scenario.fault(fault).mechanism)
        {
            retry_after = Some(overload.retry_after());
        }
    }
    Some((refusal, retry_after))
}
