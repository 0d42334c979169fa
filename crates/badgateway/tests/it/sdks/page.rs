//! The tables as a page for people.

use std::fmt::Write;

use super::faults::{FAULTS, Fault, Sdk};
use super::{Called, Language, Outcome};
use crate::support::root;

const INTRODUCTION: &str = "# SDKs in front of broken models

What applications see when a model's API fails: SDKs of models as they come, each in front of a gateway and a model server
of badgateway's (`badgateway up`), which speaks the SDK's API and is broken in one way. Each makes one call for a whole
answer, and one for a stream. They are given a time-out of 2 s and nothing else; how often they try again is theirs.

- Before the answer begins nearly all failures are raised, with the status, and the SDKs of OpenAI and Anthropic (and what
  is built on them) try three times where that may help.
- Once a stream has begun none tries again, and **some failures are not raised at all**: see below. Then a gateway's log
  says 200 and the application has half an answer.

## What is broken, and what badgateway says of it

The verdict on each call of each SDK is this one, and it names the place where the fault is. (A model that is overloaded and
one whose queue is full look the same from outside.)

| what | fault | verdict |
| --- | --- | --- |
";

const UNNOTICED: &str = "
## What an SDK does not notice

";

const LEGEND: &str = "
## SDK by SDK

The class that is raised, the status that it has, and the number of attempts if it is not one. **Nothing**: it ends like a
whole answer, without an exception; the application can tell by the reason for the end (`finish_reason`, `stop_reason`),
which is missing, unless it is told here. **An event**: the error comes as an event like others, without an exception.
**Waits**: still there when its time-out has been over more than ten times.
";

const END: &str = "
With a name of two words, the second is the API. Each driver is one program, `call.py` or `call.mjs` in
`crates/badgateway/tests/it/sdks`. In that for Node.js garbage is collected four times a second: a time-out that is lost by
that (`AbortSignal.timeout`, held by nothing) is lost in a busy application too.

`UPDATE_DOCS=1 cargo test -p badgateway --test it sdks` measures it anew.
";

/// Compares the page with the committed one.
pub(super) fn check(languages: &[Language]) {
    let page = page(languages);
    let path = root().join("docs/sdks.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == committed, "run it again with UPDATE_DOCS=1; it is now\n{page}");
}

fn page(languages: &[Language]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for Fault { what, at, is, verdict: (cause, mechanism), .. } in FAULTS {
        let _ = writeln!(page, "| {what} | `at: {at}, {is}` | {cause}, {mechanism} |");
    }
    page.push_str(UNNOTICED);
    for fault in FAULTS {
        for stream in [false, true] {
            unnoticed(&mut page, languages, fault, stream);
        }
    }
    page.push_str(LEGEND);
    for language in languages {
        for sdk in language.sdks {
            section(&mut page, language, sdk);
        }
    }
    page + END
}

/// A line for those which this escapes, if there are any.
fn unnoticed(page: &mut String, languages: &[Language], fault: &Fault, stream: bool) {
    let missed = |language: &Language, found: fn(&Outcome) -> bool| -> Vec<String> {
        let is_it = |called: &&Called| {
            called.cell.fault.is_some_and(|of| std::ptr::eq(of, fault)) && called.cell.stream == stream
        };
        let calls = language.calls.iter().filter(is_it).filter(|called| found(&called.outcome));
        calls.map(|called| format!("{} ({})", called.cell.sdk.name, language.name)).collect()
    };
    let answer = if stream { "a stream" } else { "a whole answer" };
    let mut say = |how: &str, found: fn(&Outcome) -> bool| {
        let missed: Vec<String> = languages.iter().flat_map(|language| missed(language, found)).collect();
        if !missed.is_empty() {
            let _ = writeln!(page, "- {answer}, {}: {how} with {}", fault.what, missed.join(", "));
        }
    };
    say("no exception", |outcome| matches!(outcome, Outcome::Ended { .. }));
    say("the time-out does not end it", |outcome| matches!(outcome, Outcome::Waits { .. }));
}

fn section(page: &mut String, language: &Language, sdk: &Sdk) {
    let package = sdk.name.split(' ').next().unwrap_or_default();
    let version = &language.versions[package];
    let _ = write!(page, "\n### {}: {} {version}\n\n", language.name, sdk.name);
    page.push_str("| what | a whole answer | a stream |\n| --- | --- | --- |\n");
    let cell = |fault: Option<&Fault>, stream: bool| {
        let found = language.calls.iter().find(|called| {
            let same = match (called.cell.fault, fault) {
                (Some(of), Some(fault)) => std::ptr::eq(of, fault),
                (None, None) => true,
                _ => false,
            };
            same && std::ptr::eq(called.cell.sdk, sdk) && called.cell.stream == stream
        });
        found.map_or_else(String::new, text)
    };
    for fault in std::iter::once(None).chain(FAULTS.iter().map(Some)) {
        let what = fault.map_or("nothing", |fault| fault.what);
        let _ = writeln!(page, "| {what} | {} | {} |", cell(fault, false), cell(fault, true));
    }
}

fn text(called: &Called) -> String {
    let mut text = match &called.outcome {
        Outcome::Raised { raised, status: Some(status) } => format!("`{raised}` {status}"),
        Outcome::Raised { raised, status: None } => format!("`{raised}`"),
        Outcome::Waits { .. } => "**waits**".to_owned(),
        Outcome::Ended { .. } if called.cell.fault.is_none() => "whole".to_owned(),
        Outcome::Ended { told: Some(told) } if told == "error" => "**an event**".to_owned(),
        Outcome::Ended { told: None } => "**nothing**".to_owned(),
        Outcome::Ended { told: Some(told) } => format!("**nothing** (`{told}`)"),
    };
    if called.attempts > 1 {
        let _ = write!(text, ", {} attempts", called.attempts);
    }
    text
}
