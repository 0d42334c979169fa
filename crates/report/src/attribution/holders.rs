//! A pool or a node was full because those inside took too long: who were they, and what held them?
//!
//! The refused call cannot tell. Calls that were inside at that moment can, once they have ended: the
//! refused one is judged then, by what its place was taken for.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use topology::{Cause, EdgeId, Failure, Scenario};
use trace::{Attempt, CallTrace, HopId, Outcome, Record, Served, Time};

use super::{Case, Finding, Lifecycle, rules, timeouts};
use crate::Verdict;
use crate::recorder::is_synthetic;

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
    /// By this call, once it has ended.
    call: Option<u64>,
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
    /// Calls that were not even made, over an edge of which no failure is known yet: those who met it have
    /// not ended.
    unasked: BTreeMap<EdgeId, VecDeque<CallTrace>>,
}

impl Waiting {
    /// Something was kept out: from now on those who end are asked what it was kept out by.
    /// Nobody asks for the calls of a surge.
    pub(crate) fn ask(&mut self, scenario: &Scenario, record: &Record) {
        let (asked, call) = match record {
            Record::Attempt(attempt) => (unsent(attempt), attempt.call),
            Record::Served(served) => (refused(served), served.call),
            _ => return,
        };
        self.add(asked.filter(|_| !is_synthetic(scenario, call)));
    }

    /// The same for all of a call.
    pub(crate) fn ask_all(&mut self, trace: &CallTrace) {
        trace.attempts.iter().for_each(|attempt| self.add(unsent(attempt)));
        trace.served.iter().for_each(|served| self.add(refused(served)));
    }

    fn add(&mut self, asked: Option<(Question, u32)>) {
        if let Some((question, left)) = asked.filter(|(_, left)| *left > 0) {
            self.questions.insert(question, Asked { call: None, left });
        }
    }

    /// A call has ended: it answers what others ask, as far as it can. Those that have all their answers
    /// are given back; the answers are with `lifecycle`.
    pub(crate) fn hear(
        &mut self,
        scenario: &Scenario,
        lifecycle: &mut Lifecycle,
        trace: &CallTrace,
    ) -> Vec<CallTrace> {
        let mut ready = Vec::new();
        for unasked in self.unasked.values_mut() {
            while let Some(oldest) =
                unasked.pop_front_if(|oldest| trace.end.end.since(oldest.end.end) > PATIENCE)
            {
                ready.push(oldest);
            }
        }
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
        let call = self.questions.remove(&question)?.call?;
        let (_, unsettled) = self.calls.get_mut(&call)?;
        unsettled.retain(|other| *other != question);
        if unsettled.is_empty() { self.calls.remove(&call).map(|(trace, _)| trace) } else { None }
    }

    /// Takes a call in, if it has a question. Gives back one that is to be judged now: this one, or one
    /// that has waited for too long.
    pub(crate) fn take_in(
        &mut self,
        scenario: &Scenario,
        lifecycle: &Lifecycle,
        trace: CallTrace,
    ) -> Option<CallTrace> {
        let asked = trace.attempts.iter().filter_map(unsent).chain(trace.served.iter().filter_map(refused));
        let open: Vec<Question> =
            asked.map(|(question, _)| question).filter(|q| self.questions.contains_key(q)).collect();
        if open.is_empty() {
            let case = Case { scenario, lifecycle, trace: &trace };
            let Some(edge) = case.unasked() else { return Some(trace) };
            let unasked = self.unasked.entry(edge).or_default();
            unasked.push_back(trace);
            return if unasked.len() > WAITING_MAX { unasked.pop_front() } else { None };
        }
        let call = self.next;
        for question in &open {
            if let Some(asked) = self.questions.get_mut(question) {
                asked.call = Some(call);
            }
        }
        self.calls.insert(call, (trace, open));
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

    /// A call that was not even made, and why is known by now.
    pub(crate) fn explained(&mut self, scenario: &Scenario, lifecycle: &Lifecycle) -> Option<CallTrace> {
        self.unasked.iter_mut().find_map(|(edge, unasked)| {
            unasked.pop_front_if(|trace| Case { scenario, lifecycle, trace }.last_failure(*edge).is_some())
        })
    }

    /// Nobody can answer any more.
    pub(crate) fn close(&mut self) -> impl Iterator<Item = CallTrace> + use<> {
        self.questions.clear();
        let asking = std::mem::take(&mut self.calls).into_values().map(|(trace, _)| trace);
        asking.chain(std::mem::take(&mut self.unasked).into_values().flatten())
    }
}

impl Case<'_> {
    /// The edge over which a failed call was not even made, if nothing that is known says why.
    fn unasked(&self) -> Option<EdgeId> {
        if self.trace.end.is_ok() {
            return None;
        }
        let local = self
            .trace
            .attempts
            .iter()
            .filter(|a| a.outcome.failure() == Some(Failure::DestinationUnavailable));
        let mut unexplained = local.filter(|attempt| {
            matches!(rules::look(self, attempt.hop), Finding::Here(birth) if birth.cause == Cause::Unknown)
        });
        unexplained.next().map(|attempt| attempt.edge)
    }

    /// What an attempt was held up by at a moment, if it had taken longer by then than attempts do when
    /// all is well.
    fn held_up(&self, attempt: &Attempt, at: Time) -> Option<Verdict> {
        let callee = self.callee(attempt.edge);
        let stay = at.since(attempt.start);
        let by_timer = attempt.outcome.failure().is_some_and(Failure::is_timeout);
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

/// What an attempt asks that was not sent, and how many know.
fn unsent(attempt: &Attempt) -> Option<(Question, u32)> {
    let crowd = attempt.crowd.as_ref()?;
    Some(((attempt.edge, attempt.start, attempt.hop), crowd.attempts.count))
}

/// What a request asks that was refused, and how many know.
fn refused(served: &Served) -> Option<(Question, u32)> {
    let (edge, under_way) = served.held_up.as_ref()?.crowd?;
    Some(((edge, served.arrived, served.hop), under_way.count))
}
