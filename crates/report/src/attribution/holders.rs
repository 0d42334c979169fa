//! A pool or a node was full because those inside took too long: who were they, and what held them?
//!
//! The refused call cannot tell. Calls that were inside at that moment can, once they have ended: the
//! refused one is judged then, by what its place was taken for.

use std::collections::BTreeMap;
use std::time::Duration;

use topology::{Cause, EdgeId, Failure, Scenario};
use trace::{Attempt, CallTrace, HopId, Outcome, Time};

use super::{Case, Finding, Lifecycle, fullness, rules, timeouts};
use crate::Verdict;

/// So many calls wait for an answer at once; beyond, the oldest go without.
const WAITING_MAX: usize = 10_000;
/// A call waits for so long at most: some of those who know have ended before it asks, or never will.
const PATIENCE: Duration = Duration::from_mins(1);

/// No hop comes after it.
const LAST_HOP: HopId = HopId(u64::MAX);

/// What kept a request out: the attempts over this edge that were under way at that moment. The last is
/// the hop that was refused.
type Question = (EdgeId, Time, HopId);

/// How a question stands.
#[derive(Debug)]
struct Asked {
    /// By this call.
    call: u64,
    /// So many of those who know have not been heard.
    left: u32,
}

/// Calls whose verdict depends on others that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// In the order in which they came.
    calls: BTreeMap<u64, (CallTrace, Vec<Question>)>,
    questions: BTreeMap<Question, Asked>,
    next: u64,
}

impl Waiting {
    /// A call has ended: it answers what others ask, as far as it can. Those that have all their answers
    /// are given back; the answers are with `lifecycle`.
    pub(crate) fn hear(
        &mut self,
        scenario: &Scenario,
        lifecycle: &mut Lifecycle,
        trace: &CallTrace,
    ) -> Vec<CallTrace> {
        let mut ready = Vec::new();
        while let Some((_, (oldest, _))) = self.calls.first_key_value()
            && trace.end.end.since(oldest.end.end) > PATIENCE
        {
            ready.extend(self.give_up_oldest());
        }
        if self.questions.is_empty() {
            return ready;
        }
        for holder in &trace.attempts {
            let (from, to) = ((holder.edge, holder.start, LAST_HOP), (holder.edge, holder.end, HopId(0)));
            if from >= to {
                continue;
            }
            let asked: Vec<_> = self.questions.range(from..to).map(|(question, _)| *question).collect();
            for question in asked {
                let (_, at, refused) = question;
                let case = Case { scenario, lifecycle, trace };
                if let Some(verdict) = case.held_up(holder, at) {
                    lifecycle.answer(refused, verdict);
                    ready.extend(self.settle(question));
                } else if let Some(asked) = self.questions.get_mut(&question) {
                    asked.left = asked.left.saturating_sub(1);
                    if asked.left == 0 {
                        ready.extend(self.settle(question));
                    }
                }
            }
        }
        ready
    }

    /// A question is settled; gives back its call, if that was the last one.
    fn settle(&mut self, question: Question) -> Option<CallTrace> {
        let call = self.questions.remove(&question)?.call;
        let (_, unsettled) = self.calls.get_mut(&call)?;
        unsettled.retain(|other| *other != question);
        if unsettled.is_empty() { self.calls.remove(&call).map(|(trace, _)| trace) } else { None }
    }

    /// Takes a call in, if it has a question. Gives back one that is to be judged now: this one, or one
    /// that has waited for too long.
    pub(crate) fn take_in(&mut self, scenario: &Scenario, trace: CallTrace) -> Option<CallTrace> {
        let questions = questions(scenario, &trace);
        if questions.is_empty() {
            return Some(trace);
        }
        let call = self.next;
        let asked = questions.iter().map(|&(question, left)| (question, Asked { call, left }));
        self.questions.extend(asked);
        self.calls.insert(call, (trace, questions.into_iter().map(|(question, _)| question).collect()));
        self.next += 1;
        if self.calls.len() > WAITING_MAX { self.give_up_oldest() } else { None }
    }

    /// The call that has waited longest goes without what it has not been answered.
    fn give_up_oldest(&mut self) -> Option<CallTrace> {
        let (_, (oldest, unanswered)) = self.calls.pop_first()?;
        for question in unanswered {
            self.questions.remove(&question);
        }
        Some(oldest)
    }

    /// Nobody can answer any more.
    pub(crate) fn close(&mut self) -> impl Iterator<Item = CallTrace> + use<> {
        self.questions.clear();
        std::mem::take(&mut self.calls).into_values().map(|(trace, _)| trace)
    }
}

impl Case<'_> {
    /// What an attempt was held up by at a moment, if it took longer than attempts do when all is well.
    fn held_up(&self, attempt: &Attempt, at: Time) -> Option<Verdict> {
        let callee = self.callee(attempt.edge);
        let stay = attempt.end.since(attempt.start);
        let by_timer = matches!(
            attempt.outcome.failure(),
            Some(Failure::ConnectionTimeout | Failure::HeadTimeout | Failure::BodyTimeout)
        );
        let usual = if by_timer {
            timeouts::usual_time(self, callee, 0)
        } else {
            timeouts::usual_at_most(self, callee)
        };
        if stay <= usual {
            return None;
        }
        let finding = match attempt.outcome {
            outcome if outcome.is_ok() => Finding::Waiting(attempt.hop, at),
            Outcome::Failed { failure: Failure::Cancelled, .. } => Finding::Waiting(attempt.hop, at),
            _ => rules::look(self, attempt.hop),
        };
        Some(self.follow_from(attempt.hop, finding)).filter(|verdict| verdict.cause != Cause::Unknown)
    }
}

/// What a call asks, each with the number of those who know.
fn questions(scenario: &Scenario, trace: &CallTrace) -> Vec<(Question, u32)> {
    let unsent = trace.attempts.iter().filter_map(|a| {
        let crowd = a.crowd.as_ref()?;
        Some(((a.edge, a.start, a.hop), crowd.attempts.count))
    });
    let refused = trace.served.iter().filter_map(|s| {
        let (edge, under_way) = s.held_up.as_ref()?.crowd?;
        let case = &Case { scenario, lifecycle: &Lifecycle::default(), trace };
        (!fullness::is_by_own_work(case, s)).then_some(((edge, s.arrived, s.hop), under_way.count))
    });
    unsent.chain(refused).filter(|(_, count)| *count > 0).collect()
}
