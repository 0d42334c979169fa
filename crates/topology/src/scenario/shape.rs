//! From a tree to the shape of a scenario file, with every error and not only the first: what is
//! wrong is told, taken out, and the rest is read again.

use super::de::{self, Reason, ShapeError};
use super::file::ScenarioFile;
use super::hint::{did_you_mean, list, nearest};
use super::path::{Path, Segment};
use super::problem::Collector;
use super::source_map::{Spot, shorten};
use super::tree::Tree;
use crate::fault::{Config, Crash, Network, Overload};

/// How many errors are looked for.
const ROUNDS_MAX: usize = 50;
/// How much reading all rounds together may take, in values.
const READING_MAX: usize = 4_000_000;

/// Words that the format has reserved, but that do nothing yet.
const NOT_YET: [&str; 1] = ["api"];

/// What could be read.
pub(super) struct Shaped {
    pub(super) file: ScenarioFile,
    /// Whether everything is there that something else may refer to.
    pub(super) whole: bool,
}

/// Reads a tree, which is left without what has the wrong shape.
pub(super) fn read(tree: &mut Tree, problems: &mut Collector<'_>) -> Option<Shaped> {
    if *tree == Tree::Null {
        let help = "`badgateway new NAME` writes a scenario to start from";
        problems.value(&Path::root()).help(help).say("the scenario is empty");
        return None;
    }
    let mut whole = true;
    let mut removed: Vec<Path> = Vec::new();
    let rounds = (READING_MAX / tree.size()).clamp(1, ROUNDS_MAX);
    for _ in 0..rounds {
        let error = match de::from_tree(tree) {
            // Without nodes all names are wrong.
            Ok(_) if removed.contains(&Path::root().at("nodes")) => return None,
            Ok(file) => {
                // What else is wrong with the same node, edge or fault may only follow from it.
                for path in removed {
                    problems.hush(Path(path.0.into_iter().take(2).collect()));
                }
                return Some(Shaped { file, whole });
            }
            Err(error) => error,
        };
        let path = error.path();
        let follows = matches!(error.reason, Reason::MissingKey(key) if removed.contains(&path.at(key)));
        if !follows {
            report(&error, problems);
        }
        match (&error.reason, path.0.len()) {
            (Reason::MissingKey(key), 0) => {
                whole = false;
                let Tree::Map(entries) = tree else { return None };
                entries.insert((*key).to_owned(), Tree::Null);
                let path = Path::root().at(*key);
                *tree.get_mut(&path)? = stand_in(&path);
                removed.push(path);
                continue;
            }
            (_, 0) => return None,
            _ => {}
        }
        let mut path = path;
        // A mapping whose only key is unknown says nothing without it.
        if matches!(error.reason, Reason::UnknownWord { .. }) && error.spot == Spot::Key {
            path.0.pop();
        }
        *tree.get_mut(&path)? = stand_in(&path);
        whole &= !is_referred_to(&path);
        removed.push(path);
    }
    None
}

/// What is put in the place of something of the wrong shape: nothing, unless the rest needs it. Its
/// place is hushed, so that nobody hears of it.
fn stand_in(path: &Path) -> Tree {
    let entry = |key: &str, value: &str| {
        Tree::Map([(key.to_owned(), Tree::Text(value.to_owned()))].into_iter().collect())
    };
    match path.0.as_slice() {
        [Segment::Key(key)] => match key.as_str() {
            "name" => Tree::Text("unnamed".to_owned()),
            // No fault begins after that.
            "duration" => Tree::Text("720h".to_owned()),
            "nodes" | "edges" | "load" => Tree::Null,
            _ => Tree::Gone,
        },
        [Segment::Key(key), _] => match key.as_str() {
            "nodes" => entry("kind", "server"),
            "faults" => entry("at", ""),
            "load" | "strategies" => Tree::Null,
            _ => Tree::Text(String::new()),
        },
        _ => Tree::Gone,
    }
}

/// Whether something else in a scenario depends on what is at a place.
fn is_referred_to(path: &Path) -> bool {
    match path.0.as_slice() {
        [Segment::Key(key)] => matches!(key.as_str(), "nodes" | "edges" | "load" | "duration" | "strategies"),
        // The chain of an edge; the number of a node's replicas.
        [Segment::Key(top), _, Segment::Key(key)] => top == "edges" || key == "replicas",
        segments => segments.len() <= 2,
    }
}

fn report(error: &ShapeError, problems: &mut Collector<'_>) {
    let path = error.path();
    let draft = match error.spot {
        Spot::Key => problems.key(&path),
        Spot::Value => problems.value(&path),
    };
    match &error.reason {
        Reason::UnknownKey { key, .. } if NOT_YET.contains(&key.as_str()) => {
            draft.say(format!("`{key}` is not available yet"));
        }
        Reason::UnknownKey { key, known } => {
            let help = || did_you_mean(key, known.iter().copied(), "the keys here are");
            draft.maybe_help(help).say(format!("unknown key `{}`", shorten(key)));
        }
        Reason::UnknownWord { word, known } => {
            let message = format!("`{}` is not one of the words that may stand here", shorten(word));
            let elsewhere =
                other_cause(&path, word).map(|cause| format!("`{word}` is a mechanism of `{cause}`"));
            let close = nearest(word, known.iter().copied()).map(|word| format!("did you mean `{word}`?"));
            let all = || format!("one of {}", list(known.iter().copied()));
            draft.help(elsewhere.or(close).unwrap_or_else(all)).say(message);
        }
        Reason::MissingKey(key) => {
            draft.maybe_help(|| about(key).map(str::to_owned)).say(format!("`{key}` is missing"));
        }
        Reason::Wrong { found, expected } => {
            let quote = found.starts_with("the number") && expected == "a text";
            let help = || quote.then(|| "put it in quotes".to_owned());
            draft.maybe_help(help).say(format!("expected {expected}, found {found}"));
        }
        Reason::Bad { why, expected } => draft.help(format!("expected {expected}")).say(why),
        Reason::Other(message) => draft.say(message),
    }
}

/// The cause that has the mechanism, if it stands under another.
fn other_cause(path: &Path, word: &str) -> Option<&'static str> {
    let causes = [
        ("overload", de::variants::<Overload>()),
        ("network", de::variants::<Network>()),
        ("config", de::variants::<Config>()),
        ("crash", de::variants::<Crash>()),
    ];
    let under_a_cause =
        path.0.iter().any(|s| matches!(s, Segment::Key(k) if causes.iter().any(|(c, _)| c == k)));
    let (cause, _) = causes.into_iter().find(|(_, words)| words.contains(&word))?;
    under_a_cause.then_some(cause)
}

/// What a necessary key is for.
fn about(key: &str) -> Option<&'static str> {
    Some(match key {
        "name" => "give the scenario a name; the folder of its runs is called after it",
        "nodes" => "the programs in the chain: `nodes: { client: { kind: client }, app: { kind: server } }`",
        "edges" => "who calls whom: `edges: [client -> app]`",
        "load" => "who sends what: `load: [{ from: client, rate: 100/s }]`",
        "kind" => "one of client, gateway, server",
        "at" => "where it happens: a node `app`, or an edge `gateway -> app`",
        "max_attempts" => "how many attempts in all, the first included",
        "for" => "how long the stage lasts",
        _ => return None,
    })
}
