//! What a rule has found.

use super::subject::Subject;
use super::{At, Rule, Severity};
use crate::Problem;

/// How many findings of one rule are kept: who has more needs no more to begin with.
const FINDINGS_MAX: usize = 100;

/// Something that a rule has found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// Where, what is wrong, and what to write instead.
    pub problem: Problem,
}

/// Takes what one rule finds.
#[derive(Debug)]
pub(super) struct Findings<'s> {
    rule: &'static Rule,
    subject: &'s Subject<'s>,
    list: Vec<Finding>,
}

/// A finding that is being described; [`Draft::say`] ends it.
#[must_use]
pub(super) struct Draft<'f, 's> {
    findings: &'f mut Findings<'s>,
    at: At,
    key: &'static str,
    severity: Severity,
    fix: Option<String>,
}

impl<'s> Findings<'s> {
    pub(super) fn new(rule: &'static Rule, subject: &'s Subject<'s>) -> Self {
        Self { rule, subject, list: Vec::new() }
    }

    /// Something is wrong with a value: the keys to it, such as `retry.budget`.
    pub(super) fn at(&mut self, at: At, key: &'static str) -> Draft<'_, 's> {
        let severity = self.rule.severity;
        Draft { findings: self, at, key, severity, fix: None }
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.list
    }
}

impl Draft<'_, '_> {
    /// How bad it is, if not as bad as the rule can be.
    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// What to write instead.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same, if what it was read from has a word for it.
    pub(super) fn maybe_fix(mut self, fix: Option<String>) -> Self {
        self.fix = fix;
        self
    }

    /// What is wrong.
    pub(super) fn say(self, message: impl Into<String>) {
        let Self { findings, at, key, severity, fix } = self;
        if findings.list.len() >= FINDINGS_MAX {
            return;
        }
        let place = findings.subject.places.place(findings.subject.scenario, at, key);
        let problem = Problem { message: message.into(), help: fix, ..place };
        let known = |finding: &Finding| finding.problem == problem;
        if !findings.list.iter().any(known) {
            findings.list.push(Finding { rule: findings.rule, severity, problem });
        }
    }
}
