//! The words for outcomes: `502`, `5xx`, `connect`, `transport`, ...

use super::super::super::file::WhenItem;
use super::super::super::hint::did_you_mean;
use super::super::super::path::Path;
use super::super::super::problem::Collector;
use crate::policy::Outcomes;
use crate::wire::Failure;

/// A word for several outcomes: its statuses, and whether it names a failure.
type Group = (&'static str, &'static [std::ops::RangeInclusive<u16>], fn(Failure) -> bool);

/// Words for several outcomes. Those with a hyphen are Envoy's (`retry_on`).
const GROUPS: [Group; 15] = [
    ("4xx", &[400..=499], |_| false),
    ("5xx", &[500..=599], |_| false),
    ("connect", &[], Failure::before_connection),
    ("tls", &[], |f| matches!(f, Failure::TlsProtocolError | Failure::TlsCertificateError)),
    ("reset", &[], |f| {
        matches!(
            f,
            Failure::ConnectionTerminated
                | Failure::HeadIncomplete
                | Failure::StreamReset
                | Failure::StreamRefused
        )
    }),
    ("timeout", &[], |f| matches!(f, Failure::HeadTimeout | Failure::BodyTimeout)),
    ("truncated", &[], |f| f == Failure::BodyIncomplete),
    ("malformed", &[], |f| matches!(f, Failure::ProtocolError | Failure::HeadTooLarge)),
    ("unsent", &[], |f| f.before_connection() || f == Failure::ConnectionLimitReached),
    ("content", &[], Failure::is_in_content),
    // What was tried over the wire, or had no connection for it.
    ("transport", &[], |f| is_retriable(f) && f != Failure::DestinationUnavailable && !f.is_in_content()),
    ("any", &[400..=599], is_retriable),
    ("gateway-error", &[502..=504], |_| false),
    ("connect-failure", &[], Failure::before_connection),
    ("refused-stream", &[], |f| f == Failure::StreamRefused),
];

/// Whether another try may follow it: nobody waits any more for what was cancelled.
fn is_retriable(failure: Failure) -> bool {
    failure != Failure::Cancelled
}

/// The failures of which this is true.
fn those(is: impl Fn(Failure) -> bool) -> impl Iterator<Item = Failure> {
    Failure::ALL.into_iter().filter(move |&failure| is(failure))
}

/// Envoy's one word for a status.
const RETRIABLE_4XX: &str = "retriable-4xx";

/// What the entries stand for together. A word without a meaning is found by [`check`].
pub(super) fn lower(items: &[WhenItem]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for item in items {
        let _ = add(item, &mut outcomes);
    }
    // Exceptions count wherever they stand.
    for status in items.iter().filter_map(excluded) {
        outcomes.remove_status(status);
    }
    outcomes
}

/// Adds what an entry stands for; none if it stands for nothing.
fn add(item: &WhenItem, outcomes: &mut Outcomes) -> Option<()> {
    let word = match item {
        WhenItem::Status(status) => {
            outcomes.add_statuses([*status]);
            return Some(());
        }
        WhenItem::Word(word) => word.as_str(),
    };
    if let Some((_, statuses, failures)) = GROUPS.iter().find(|(name, ..)| *name == word) {
        outcomes.add_statuses(statuses.iter().cloned().flatten());
        outcomes.add_failures(those(failures));
    } else if word == RETRIABLE_4XX {
        outcomes.add_statuses([409]);
    } else if excluded(item).is_none() {
        outcomes.add_failures([those(is_retriable).find(|f| f.name() == word)?]);
    }
    Some(())
}

/// The status that an entry such as `!501` takes out.
fn excluded(item: &WhenItem) -> Option<u16> {
    match item {
        WhenItem::Word(word) => word.strip_prefix('!')?.parse().ok(),
        WhenItem::Status(_) => None,
    }
}

/// Looks through a list of outcomes.
pub(super) fn check(items: &[WhenItem], at: &Path, problems: &mut Collector<'_>) {
    for (i, item) in items.iter().enumerate() {
        let at = at.at(i);
        let status = match item {
            WhenItem::Status(status) => Some(*status),
            WhenItem::Word(_) => excluded(item),
        };
        match (item, status) {
            (_, Some(status)) if !Outcomes::STATUSES.contains(&status) => {
                let help = "a status that is tried again is between 400 and 599";
                problems.value(&at).help(help).say(format!("{status} is not the status of a failure"));
            }
            (WhenItem::Word(word), None) if add(item, &mut Outcomes::default()).is_none() => {
                let names = those(is_retriable).map(Failure::name);
                let words: Vec<&str> =
                    GROUPS.iter().map(|(name, ..)| *name).chain([RETRIABLE_4XX]).chain(names).collect();
                let help = || did_you_mean(word, words.iter().copied(), "a status, or one of");
                problems.value(&at).maybe_help(help).say(format!("there is no outcome `{word}`"));
            }
            _ => {}
        }
    }
}

/// Looks through a list of statuses.
pub(super) fn check_statuses(items: &[WhenItem], at: &Path, problems: &mut Collector<'_>) {
    check(items, at, problems);
    for (i, item) in items.iter().enumerate() {
        let mut outcomes = Outcomes::default();
        let _ = add(item, &mut outcomes);
        if Failure::ALL.into_iter().any(|failure| outcomes.has_failure(failure)) {
            let help = "only a response can have a `Retry-After`: write statuses";
            problems.value(&at.at(i)).help(help).say("a transport failure is no response");
        }
    }
}
