//! External nodes: real programs that someone else wrote.

use std::sync::Arc;

use super::super::file::{ConfigFile, ConfigLong, EdgeOptions, NodeFile, OrNone, ReadyFile, ReadyLong};
use super::super::hint::{did_you_mean, list};
use super::super::path::Path;
use super::super::problem::Collector;
use super::build::Build;
use super::nodes::answering_keys;
use super::text::{check_above_zero, request_path_problem};
use crate::external::{self, External, Program, Ready};
use crate::fault::{Crash, Mechanism, Overload};
use crate::template::{Template, VARIABLES, Variable};
use crate::{EdgeId, NodeId, NodeKind};

/// The largest file that is read for a program, in bytes.
const CONFIG_MAX: u64 = 1 << 20;

/// The keys that only an external node has, as far as they are given.
fn own_keys(file: &NodeFile) -> impl Iterator<Item = &'static str> {
    [
        ("command", file.command.is_some()),
        ("config", file.config.is_some()),
        ("url", file.url.is_some()),
        ("ready", file.ready.is_some()),
    ]
    .into_iter()
    .filter_map(|(key, given)| given.then_some(key))
}

/// Says which keys mean nothing at this kind of node.
pub(super) fn check_keys(file: &NodeFile, at: &Path, problems: &mut Collector<'_>) {
    if file.kind != NodeKind::External {
        for key in own_keys(file) {
            let message = format!("`{key}` is about a real program: only an external node has one");
            problems.key(&at.at(key)).help("write `kind: external`").say(message);
        }
        return;
    }
    let others = answering_keys(file).filter(|key| *key != "profile");
    for key in others.chain(file.deadline.0.is_some().then_some("deadline")) {
        let help = "set it in the program's own configuration";
        let message = format!("`{key}` means nothing at an external node: the program decides that itself");
        problems.key(&at.at(key)).help(help).say(message);
    }
}

/// Reads what an external node is; its file is made to stand by itself.
pub(super) fn lower(file: &mut NodeFile, at: &Path, problems: &mut Collector<'_>) -> Option<External> {
    if file.kind != NodeKind::External {
        return None;
    }
    let ReadyFile(ready) = file.ready.get_or_insert_with(|| ReadyFile(ReadyLong::default())).clone();
    let within = at.at("ready").at("within");
    check_above_zero(Some(ready.within), "write `within: 10s`", || within, problems);
    if let OrNone(Some(path)) = &ready.path
        && let Some(problem) = request_path_problem(path)
    {
        problems.value(&at.at("ready").at("path")).say(problem);
    }
    let program = match (&file.command, &file.url) {
        (Some(_), None) => started(file, at, problems)?,
        (None, Some(url)) => {
            if file.config.is_some() {
                let message = "a program that runs already has its configuration";
                problems.key(&at.at("config")).help("use `command` to start one").say(message);
            }
            running(url, &at.at("url"), problems)?
        }
        (None, None) => {
            let help =
                "write `command: nginx -c {{config}}`, or `url: http://127.0.0.1:8080` for one that runs";
            problems.key(at).help(help).say("an external node is a program, and none is given");
            return None;
        }
        (Some(_), Some(_)) => {
            let message = "either it is started (`command`) or it runs already (`url`)";
            problems.key(&at.at("url")).help("take one of the two out").say(message);
            return None;
        }
    };
    let ready = Ready { path: ready.path.0, within: ready.within.0 };
    Some(External { program, ready, simulated: file.profile.is_some() })
}

fn running(url: &str, at: &Path, problems: &mut Collector<'_>) -> Option<Program> {
    let parsed = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')).and_then(|rest| {
        let (host, port) = rest.rsplit_once(':')?;
        let good = !host.is_empty() && !host.contains(['/', ' ', '@']);
        Some((host.to_owned(), port.parse().ok().filter(|port| *port > 0 && good)?))
    });
    let Some((host, port)) = parsed else {
        let help = "write it as `http://127.0.0.1:8080`, without a path";
        problems.value(at).help(help).say(format!("`{url}` is not the address of a program"));
        return None;
    };
    Some(Program::Running { host, port })
}

fn started(file: &mut NodeFile, at: &Path, problems: &mut Collector<'_>) -> Option<Program> {
    let words = &file.command.as_ref()?.0;
    let command = at.at("command");
    if words.first().is_none_or(String::is_empty) {
        problems.value(&command).say("there is no program in it");
        return None;
    }
    let words: Vec<_> = words.iter().map(|word| template(word, &command, problems)).collect();
    let config = file.config.as_mut();
    let config = config.map(|config| config_file(config, &at.at("config"), problems));
    let words: Vec<_> = words.into_iter().collect::<Option<_>>()?;
    let config = match config {
        Some(config) => Some(config?),
        None => None,
    };
    if config.is_none() && words.iter().flat_map(Template::variables).any(|v| *v == Variable::Config) {
        let help = "write `config: program.conf`, or take `{{config}}` out";
        problems.value(&command).word("{{config}}").help(help).say("there is no `config` to write");
    }
    Some(Program::Started { command: words, config })
}

fn template(text: &str, at: &Path, problems: &mut Collector<'_>) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(wrong) => {
            let help = || did_you_mean(&wrong, VARIABLES, "there are");
            let message = format!("`{{{{{wrong}}}}}` is nothing that can be filled in");
            problems.value(at).word(&wrong).maybe_help(help).say(message);
            None
        }
    }
}

/// Reads the file that a program's is made from into the scenario.
fn config_file(
    file: &mut ConfigFile,
    at: &Path,
    problems: &mut Collector<'_>,
) -> Option<external::ConfigFile> {
    let ConfigFile(ConfigLong { file: from, text, name }) = file;
    let mut place = at.clone();
    match (&*from, &*text) {
        (Some(from), None) => {
            let path = problems.source().folder().join(from);
            match read(&path) {
                Ok(read) => *text = Some(read),
                Err(why) => {
                    let message = format!("cannot read {}: {why}", path.display());
                    problems.value(at).help("the file is looked for beside the scenario").say(message);
                    return None;
                }
            }
            let own = std::path::Path::new(from).file_name();
            name.get_or_insert_with(|| own.unwrap_or_default().to_string_lossy().into_owned());
        }
        (None, Some(_)) => place = at.at("text"),
        _ => {
            problems
                .key(at)
                .say("a file has either a text of its own (`text`) or one to be made from (`file`)");
            return None;
        }
    }
    let name = name.get_or_insert_with(|| "config".to_owned()).clone();
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        problems.value(&at.at("name")).say(format!("`{name}` is not the name of a file"));
        return None;
    }
    *from = None;
    let text = template(text.as_deref().unwrap_or_default(), &place, problems)?;
    Some(external::ConfigFile { name, text })
}

fn read(path: &std::path::Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
    if size > CONFIG_MAX {
        return Err(format!("it has {size} bytes, and at most {CONFIG_MAX} are read"));
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

/// Whether a node is a program that nothing stands in for: what its calls are like is its own affair.
pub(super) fn decides_itself(name: &str, build: &Build) -> bool {
    let nodes = build.groups.get(name).map_or(&[][..], |group| group.nodes.as_slice());
    nodes.iter().any(|node| {
        let node = build.topology.node(*node);
        node.kind == NodeKind::External && node.external.as_ref().is_none_or(|e| !e.simulated)
    })
}

/// Says that what an edge is to do is the program's own affair.
pub(super) fn check_edge(options: &EdgeOptions, chain: &str, at: &Path, problems: &mut Collector<'_>) {
    let policy = options.policy();
    let given = [
        ("preset", policy.preset.is_some()),
        ("timeout", policy.timeout.is_some()),
        ("connect_timeout", policy.connect_timeout.is_some()),
        ("deadline", policy.deadline.is_some()),
        ("propagate_deadline", policy.propagate_deadline.is_some()),
        ("retry", policy.retry.is_some()),
        ("hedge", policy.hedge.is_some()),
        ("breaker", policy.breaker.is_some()),
        ("throttle", policy.throttle.is_some()),
        ("concurrency", policy.concurrency.is_some()),
        ("fallback", policy.fallback.is_some()),
        ("pool", policy.pool.is_some()),
        ("weight", options.weight.0 != 1),
        ("optional", options.optional),
        ("stop_on", options.stop_on.is_some()),
        ("path", options.path.0 != "/"),
        ("key", options.key.0.is_some()),
        ("models", !options.models.is_empty()),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        let help = "set it in the program's configuration; write edges of other callers by themselves";
        let message = format!("`{key}` means nothing in `{chain}`: an external program is its caller");
        problems.key(&at.at(key)).help(help).say(message);
    }
}

/// Whether each program is told where to listen and where its callees are.
pub(super) fn check_callees(build: &Build, problems: &mut Collector<'_>) {
    for (name, group) in &build.groups {
        for node in &group.nodes {
            let Some(external) = build.topology.node(*node).external.clone() else { continue };
            if matches!(external.program, Program::Started { .. }) {
                let at = Path::root().at("nodes").at(name.as_str());
                let nodes = group.callees.keys().flat_map(|callee| &build.groups[callee].nodes);
                let callees: Vec<&str> =
                    nodes.map(|callee| build.topology.node(*callee).name.as_str()).collect();
                check_variables(name, &external, &callees, &at, problems);
            }
        }
    }
}

fn check_variables(
    name: &str,
    external: &Arc<External>,
    callees: &[&str],
    at: &Path,
    problems: &mut Collector<'_>,
) {
    let variables = || external.templates().flat_map(Template::variables);
    if !variables().any(|v| matches!(v, Variable::Listen(_))) {
        let help = "write `{{listen}}` (or `{{listen.port}}`) where its configuration has the address";
        problems.key(at).help(help).say(format!("`{name}` is never told where to listen"));
    }
    let mut told = Vec::new();
    for variable in variables() {
        let Variable::Upstream(callee, _) = variable else { continue };
        told.push(callee.as_str());
        if !callees.contains(&callee.as_str()) {
            let help = || match callees {
                [] => Some(format!("write an edge `{name} -> {callee}`")),
                some => did_you_mean(callee, some.iter().copied(), "its callees are"),
            };
            let message = format!("`{{{{upstreams.{callee}}}}}`: there is no edge `{name} -> {callee}`");
            problems.key(at).maybe_help(help).say(message);
        }
    }
    let untold: Vec<&str> = callees.iter().copied().filter(|callee| !told.contains(callee)).collect();
    if let Some(first) = untold.first() {
        let help = format!("write `{{{{upstreams.{first}}}}}` where its configuration has the address");
        let names = list(untold.iter().copied());
        problems.key(at).help(help).say(format!("`{name}` is never told where {names} is"));
    }
}

/// Why a fault cannot be made in an external node, and what can be done instead.
pub(super) fn problem_at_node(
    node: NodeId,
    mechanism: &Mechanism,
    build: &Build,
) -> Option<(String, String)> {
    let node = build.topology.node(node);
    let external = node.external.as_ref()?;
    let name = &node.name;
    match mechanism {
        // More requests come from outside it.
        Mechanism::Overload(Overload::Surge { .. }) => return None,
        Mechanism::Crash(Crash::Down { .. } | Crash::CrashLoop { .. }) => match external.program {
            Program::Started { .. } => return None,
            Program::Running { .. } => {
                let help = format!("give `{name}` a `command`, so that it can be ended and started again");
                return Some((
                    format!("`{}` cannot be made at `{name}`: it runs by itself", mechanism.name()),
                    help,
                ));
            }
        },
        _ => {}
    }
    let help = format!(
        "put it at a node behind `{name}`, at an edge to or from it, or in its own `config`; \
         `crash: down` ends the program and starts it again"
    );
    let message =
        format!("`{}` cannot be made inside `{name}`: it is a program of its own", mechanism.name());
    Some((message, help))
}

/// The same for an edge that leaves one.
pub(super) fn problem_at_edge(
    edge: EdgeId,
    mechanism: &Mechanism,
    build: &Build,
) -> Option<(String, String)> {
    let caller = build.topology.node(build.topology.ends(edge).0);
    caller.external.as_ref()?;
    let name = &caller.name;
    mechanism.is_of_caller().then(|| {
        (
            format!(
                "`{}` is how the caller is set up, and `{name}` is a program of its own",
                mechanism.name()
            ),
            format!("write it into the `config` of `{name}`"),
        )
    })
}

/// Whether a fault at this edge holds for every connection or for none: the program connects by
/// itself, before anyone knows for which request.
pub(super) fn is_state_of_edge(edge: EdgeId, mechanism: &Mechanism, build: &Build) -> bool {
    let caller = build.topology.node(build.topology.ends(edge).0);
    caller.external.is_some() && mechanism.closes_link().is_some()
}
