//! `--set path=value`: changes in a document's tree, before its shape is looked at.
//!
//! A path is written as problems show it: `nodes.app.workers`, `load[0].rate`. An entry of a list
//! may be named instead of counted: `faults[app-crash].start`, `edges[gw -> app].timeout`.

use super::hint::did_you_mean;
use super::path::{Path, Segment};
use super::problem::Problem;
use super::source::{Override, Source};
use super::source_map::SourceMap;
use super::tree::Tree;

/// How long a path may be.
const STEPS_MAX: usize = 20;

/// A step as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// After a dot, or first.
    Name(String),
    /// In brackets.
    Bracket(String),
}

/// Why an override cannot be done: the message, and the likely fix.
type Refused = (String, Option<String>);

/// Sets one value; the result says which.
pub(super) fn apply(tree: &mut Tree, path: &str, value: &str) -> Result<Override, Box<Problem>> {
    let typed = format!("--set {path}={value}");
    let problem =
        |(message, help)| Box::new(Problem { path: path.to_owned(), message, help, ..Source::typed(&typed) });
    let value = read(value).map_err(problem)?;
    let steps = steps(path).map_err(problem)?;
    let path = set(tree, &steps, value).map_err(problem)?;
    Ok(Override { path, typed })
}

fn read(value: &str) -> Result<Tree, Refused> {
    // The scan also keeps out what would take for ever to read.
    let flaws = SourceMap::scan(value).map_or_else(|fatal| fatal, |(_, flaws)| flaws);
    if let Some(flaw) = flaws.into_iter().next() {
        return Err((flaw.message, flaw.help));
    }
    serde_yaml::from_str(value).map_err(|error| (format!("the value is not YAML: {error}"), None))
}

fn steps(path: &str) -> Result<Vec<Step>, Refused> {
    let mut steps = Vec::new();
    let mut rest = path.trim();
    let help = || Some("write a path such as `load[0].rate` or `nodes.app.workers`".to_owned());
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((name, after)) = inside.split_once(']') else {
                return Err(("the path has a `[` without a `]`".to_owned(), help()));
            };
            steps.push(Step::Bracket(name.trim().to_owned()));
            rest = after;
        } else {
            let rest_of_name = rest.strip_prefix('.').filter(|_| !steps.is_empty()).unwrap_or(rest);
            let end = rest_of_name.find(['.', '[']).unwrap_or(rest_of_name.len());
            if end == 0 {
                return Err(("the path has an empty step".to_owned(), help()));
            }
            steps.push(Step::Name(rest_of_name[..end].to_owned()));
            rest = &rest_of_name[end..];
        }
    }
    if steps.len() > STEPS_MAX {
        return Err((format!("the path has more than {STEPS_MAX} steps"), help()));
    }
    if steps.is_empty() { Err(("the path is empty".to_owned(), help())) } else { Ok(steps) }
}

/// Goes down to the place, adding what is not there, and puts the value in.
fn set(tree: &mut Tree, steps: &[Step], value: Tree) -> Result<Path, Refused> {
    let mut path = Path::root();
    let mut here = tree;
    let mut left = steps;
    while let Some((step, after)) = left.split_first() {
        lengthen(here, step, &path);
        match here {
            Tree::List(items) => {
                let index = find_item(items, step, &path)?;
                path = path.at(index);
                here = &mut items[index];
                left = after;
                if let Some(chain) = only_edge(&path, here, after) {
                    path = path.at(chain.as_str());
                    here =
                        here.get_mut(&Path::root().at(chain.as_str())).expect("only_edge has just seen it");
                }
            }
            Tree::Map(entries) => {
                let (key, used) = key(left, |key| entries.contains_key(key));
                path = path.at(key.as_str());
                here = entries.entry(key).or_insert(Tree::Null);
                left = &left[used..];
            }
            _ => return Err((format!("`{path}` is a value: there is nothing inside it to set"), None)),
        }
    }
    *here = value;
    Ok(path)
}

/// Turns a short form into its long one, where the path leads into it.
fn lengthen(here: &mut Tree, step: &Step, path: &Path) {
    let is_edge = matches!(path.0.as_slice(), [Segment::Key(edges), Segment::Index(_)] if edges == "edges");
    match here {
        Tree::Null => *here = Tree::Map(indexmap::IndexMap::new()),
        Tree::Text(text) if is_edge || matches!(step, Step::Name(name) if name == text) => {
            *here = Tree::Map([(std::mem::take(text), Tree::Null)].into_iter().collect());
        }
        _ => {}
    }
}

/// The chain of an edge that the path goes on into without naming it.
fn only_edge(path: &Path, here: &mut Tree, after: &[Step]) -> Option<String> {
    let is_edge = matches!(path.0.as_slice(), [Segment::Key(edges), Segment::Index(_)] if edges == "edges");
    let next = after.first().filter(|_| is_edge)?;
    lengthen(here, next, path);
    let Tree::Map(entries) = here else { return None };
    let chain = entries.keys().next().filter(|_| entries.len() == 1)?;
    let (Step::Name(name) | Step::Bracket(name)) = next;
    (name != chain).then(|| chain.clone())
}

fn find_item(items: &[Tree], step: &Step, path: &Path) -> Result<usize, Refused> {
    let Step::Bracket(wanted) = step else {
        let help = Some(format!("write `{path}[0]`"));
        return Err((format!("`{path}` is a list"), help));
    };
    if let Ok(index) = wanted.parse::<usize>() {
        return if index < items.len() {
            Ok(index)
        } else {
            let message = format!("`{path}` has no entry {index}");
            Err((message, Some(format!("it has {}, counted from 0", items.len()))))
        };
    }
    let names: Vec<&str> = items.iter().map(|item| name_of(item).unwrap_or_default()).collect();
    let squeeze = |text: &str| text.split_whitespace().collect::<String>();
    names.iter().position(|name| squeeze(name) == squeeze(wanted)).ok_or_else(|| {
        let known: Vec<&str> = names.into_iter().filter(|n| !n.is_empty()).collect();
        let help = did_you_mean(wanted, known, "the names are");
        (format!("`{path}` has no entry called `{wanted}`"), help)
    })
}

/// What an entry of a list is called: its `name`, or the chain of an edge.
fn name_of(item: &Tree) -> Option<&str> {
    match item {
        Tree::Text(text) => Some(text),
        Tree::Map(entries) => match entries.get("name") {
            Some(Tree::Text(name)) => Some(name),
            _ => entries.keys().next().map(String::as_str).filter(|key| key.contains("->")),
        },
        _ => None,
    }
}

/// The key that the next steps name, and how many of them: names may have dots in them.
fn key(steps: &[Step], exists: impl Fn(&str) -> bool) -> (String, usize) {
    let mut joined = String::new();
    let mut best = None;
    for (i, step) in steps.iter().enumerate() {
        match (i, step) {
            (0, Step::Name(name) | Step::Bracket(name)) => joined.clone_from(name),
            (_, Step::Name(name)) => {
                joined.push('.');
                joined.push_str(name);
            }
            (_, Step::Bracket(_)) => break,
        }
        if best.is_none() || exists(&joined) {
            best = Some((joined.clone(), i + 1));
        }
    }
    best.unwrap_or_default()
}
