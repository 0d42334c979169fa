//! `badgateway up`: the nodes alone, for the user's own client.

use std::io::Write;
use std::net::SocketAddr;

use clap::Args;
use topology::load::Load;
use topology::units::DurationText;
use topology::{EdgeId, Mechanism, NodeKind, Scenario, Target};

use crate::cli::ScenarioArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::scenario;
use crate::session::{Engine, Session, SessionArgs};

/// The arguments of `up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The port of the first edge that leaves a client; others have those that follow. Any, if not given.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// The time of the faults begins at once rather than with the first request.
    #[arg(long)]
    from_start: bool,
    #[command(flatten)]
    session: SessionArgs,
}

pub(crate) fn up(args: &UpArgs, output: &Output) -> Result<Exit, Failure> {
    if args.session.engine == Engine::Virtual {
        return Err(Failure::wrong("no client can call nodes in virtual time: take `--engine virtual` out"));
    }
    let lasts = args.scenario.changes.duration.map(|DurationText(duration)| duration);
    let scenario = scenario::load(&args.scenario, output)?;
    check(&scenario)?;
    let mut session = Session::begin(&args.session, &scenario, &[], output)?;
    session.monitor.serve_anyhow()?;
    let metrics = session.monitor.metrics_url();
    let folder = session.dir.path().to_owned();
    let up = sim::live::Up { port: args.port, from_start: args.from_start, lasts, folder: Some(&folder) };
    session
        .up(scenario, &up, |scenario, calls| tell(scenario, calls, metrics.as_deref(), args.from_start))?;
    session.end(&args.session)
}

/// What cannot be done to a client that is not ours.
fn check(scenario: &Scenario) -> Result<(), Failure> {
    let topology = &scenario.topology;
    for fault in &scenario.faults {
        let leaves_client = |target: &&Target| match target {
            Target::Edge(edge) => {
                let caller = topology.node(topology.ends(*edge).0);
                caller.kind == NodeKind::Client && !caller.synthetic
            }
            Target::Node(_) => false,
        };
        let Some(Target::Edge(edge)) = fault.targets.iter().find(leaves_client) else { continue };
        let edge = topology.edge_name(*edge);
        if let Some(why) = problem(&fault.mechanism) {
            return Err(Failure::wrong(format!(
                "the fault `{}` at `{edge}` {why}: take it out, or put it at another edge",
                fault.name
            )));
        }
        let for_all = fault.mechanism.closes_link().is_some();
        let partial = fault.probability.get() < 1.0 || fault.first.is_some() || fault.count.is_some();
        if for_all && partial {
            return Err(Failure::wrong(format!(
                "the fault `{}` at `{edge}` holds for all connections of your client or for none: leave \
                 `probability`, `first` and `count` out, and say when with `start`, `for` and `every`",
                fault.name
            )));
        }
    }
    Ok(())
}

fn problem(mechanism: &Mechanism) -> Option<&'static str> {
    mechanism.is_of_caller().then_some("is how the client is set up, and with `up` that is yours")
}

/// Says where to call; the edges with their addresses again, for the live view.
fn tell(
    scenario: &Scenario,
    calls: &[(EdgeId, SocketAddr)],
    metrics: Option<&str>,
    from_start: bool,
) -> Vec<String> {
    let mut err = std::io::stderr().lock();
    let entries =
        calls.iter().map(|(edge, at)| format!("{}  http://{at}", scenario.topology.edge_name(*edge)));
    let mut entries: Vec<String> = entries.collect();
    for ((edge, address), entry) in calls.iter().zip(&entries) {
        let client = scenario.topology.ends(*edge).0;
        let load = scenario.loads.iter().find(|load| load.from == client);
        // Where this cannot be printed, there is nobody to tell.
        let _ = writeln!(err, "{entry}");
        let _ = writeln!(err, "  {}", curl(*address, load));
    }
    if let Some(url) = metrics {
        let _ = writeln!(err, "metrics  {url}");
        entries.push(format!("metrics  {url}"));
    }
    let begins = if from_start { "now" } else { "with the first request" };
    let _ = writeln!(err, "The scenario's time begins {begins}; Ctrl-C ends it, and says what was seen.");
    entries
}

/// A request as the scenario's own client would make it.
fn curl(address: SocketAddr, load: Option<&Load>) -> String {
    let Some(request) = load.map(|load| &load.request) else { return format!("curl -i http://{address}/") };
    let method = if request.method == "GET" { String::new() } else { format!("-X {} ", request.method) };
    format!("curl -i {method}'http://{address}{}'", request.path)
}
