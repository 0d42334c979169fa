//! What all parts of a live run share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Uri};
use node::{Dice, Env, Faults, Input, NodeState, Ticket};
use tokio::sync::oneshot;
use topology::external::Program;
use topology::llm::{Ask, Asked};
use topology::wire::SharedDisturbance;
use topology::{EdgeId, NodeId, NodeKind, Protocol, Scenario};
use trace::{CallId, Charge, Exchange, HopId, Record, RunKey, Sink, redact};

use super::clock::Clock;
use super::entries::{self, Entries};
use super::gate::{self, Gate, Insides};
use super::headers::{self, Via};
use super::multiplex::Streams;
use super::pool::Pool;
use super::ports::{Blackhole, Port};
use super::processors::Processors;
use super::records::Records;
use super::tls::SelfSigned;
use super::wire::Conn;
use crate::llm::{self, Form};
use crate::load::OUTSIDE;
use crate::message::{self, target};
use crate::run::{RunError, Signal, Stop};

/// Exchanges of failed attempts that are kept whole, for people to look at.
const EXCHANGES_KEPT: i64 = 4000;

/// One node at work.
#[derive(Debug)]
pub(crate) struct NodeHost {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) port: Port,
    /// Where it is: at its port, unless it is a program that runs by itself.
    pub(crate) address: SocketAddr,
    pub(crate) state: Mutex<NodeState>,
    /// If it is a program: the requests inside.
    pub(crate) insides: Insides,
    /// Some callers speak HTTP/2 to it.
    pub(crate) is_shared: bool,
    /// Those who wait for a worker.
    pub(crate) waiting: Mutex<BTreeMap<Ticket, oneshot::Sender<Input>>>,
    pub(crate) connections: Mutex<Vec<Weak<Conn>>>,
    /// Requests of clients outside so far.
    pub(crate) outside_requests: AtomicU64,
    /// Counts the deaths of the process: work begun under another number is dead.
    pub(crate) epoch: AtomicU64,
    /// The body of a regular response.
    pub(crate) body: Bytes,
    pub(crate) via: Via,
    pub(crate) processors: Processors,
}

/// One edge at work.
#[derive(Debug)]
pub(crate) struct EdgeHost {
    pub(crate) caller: NodeId,
    pub(crate) callee: NodeId,
    pub(crate) address: SocketAddr,
    pub(crate) authority: HeaderValue,
    /// Where the declared path is not the client's own.
    pub(crate) path: Option<Uri>,
    pub(crate) pool: Pool,
    /// In its place, where a connection carries several requests at once.
    pub(crate) streams: Option<Streams>,
    /// The key that is presented over it: bare, and as credentials.
    pub(crate) key: Option<(HeaderValue, HeaderValue)>,
    /// A listener of its own, where one is needed.
    pub(crate) gate: Option<Gate>,
    /// Its callee is a program, and its caller is all that sees what it does.
    pub(crate) to_program: bool,
}

/// What a load sends.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) method: Method,
    pub(crate) path: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    pub(crate) idempotent: bool,
    pub(crate) priority: u8,
    /// It asks a model.
    pub(crate) ask: Option<Ask>,
    /// Of the answer to that.
    pub(crate) form: Option<Form>,
    /// Its body and some of its header fields are made of that, call by call.
    pub(crate) is_of_ask: bool,
}

impl Template {
    /// Of a call that is no load's.
    fn plain() -> Self {
        Self {
            method: Method::GET,
            path: target("/"),
            headers: Vec::new(),
            body: Bytes::new(),
            idempotent: true,
            priority: 5,
            ask: None,
            form: None,
            is_of_ask: false,
        }
    }

    /// What a call asks of a model.
    pub(crate) fn asked(&self, world: &World, call: CallId) -> Option<Asked> {
        self.ask.as_ref().map(|ask| world.dice.asked(ask, call))
    }

    /// The body that a call sends.
    pub(crate) fn body(&self, world: &World, call: CallId) -> Bytes {
        match &self.ask {
            Some(ask) if self.is_of_ask => llm::request_body(ask.api, &world.dice.asked(ask, call)).into(),
            _ => self.body.clone(),
        }
    }
}

/// What the callee of a disturbed attempt has to know, and tells back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disturbed {
    pub(crate) disturbance: SharedDisturbance,
    /// The callee closed the connection for idleness.
    pub(crate) idle_closed: bool,
}

/// Counts for the progress line.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) started: AtomicU64,
    pub(crate) ok: AtomicU64,
    pub(crate) failed: AtomicU64,
}

/// A live run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Arc<Scenario>,
    /// What its traces have in common.
    pub(crate) run: RunKey,
    pub(crate) faults: Faults,
    pub(crate) dice: Dice,
    pub(crate) clock: Clock,
    pub(crate) nodes: Vec<NodeHost>,
    pub(crate) edges: Vec<EdgeHost>,
    pub(crate) templates: Vec<Arc<Template>>,
    plain: Arc<Template>,
    /// Where the user's own client calls, instead of ours.
    pub(crate) is_up: bool,
    pub(crate) entries: Entries,
    /// Nobody listens there: what refuses.
    pub(crate) refused: Port,
    /// Nobody listens there: what a wrong port is.
    pub(crate) wrong_port: Port,
    /// A server that nobody trusts.
    pub(crate) tls: SelfSigned,
    pub(crate) blackhole: Blackhole,
    pub(crate) stop: Stop,
    pub(crate) counts: Counts,
    /// The clients give up what is under way.
    pub(crate) give_up: Signal,
    /// The clock has begun.
    pub(crate) begun: Signal,
    /// The run is over.
    pub(crate) over: Signal,
    disturbed: Mutex<BTreeMap<HopId, Disturbed>>,
    /// Some node is a model server.
    has_models: bool,
    /// What attempts under way have taken of models, as their callees tell it.
    charges: Mutex<BTreeMap<HopId, Option<Box<Charge>>>>,
    /// Every attempt comes with what was sent and received.
    keeps_exchanges: bool,
    exchanges_left: AtomicI64,
    pub(crate) records: Arc<Records>,
    shortage: Mutex<Option<String>>,
    failure: Mutex<Option<RunError>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    /// Takes a port for each node, and everything else that a run needs; nothing listens yet.
    ///
    /// `up` is the port of the first edge that leaves a client, if the user's own client is to call
    /// (0: any); the others have those that follow.
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        stop: Stop,
        records: Arc<Records>,
        up: Option<u16>,
    ) -> Result<Self, RunError> {
        let mut next_port = up.unwrap_or(0);
        let take = |what: &str| Port::take().map_err(RunError::io(format!("cannot take a port for {what}")));
        let faults = Faults::new(&scenario);
        let dice = Dice::new(scenario.seed);
        let env = Env { scenario: &scenario, dice, faults: &faults };
        let topology = &scenario.topology;
        let mut nodes = Vec::with_capacity(topology.node_count());
        for (id, node) in topology.nodes() {
            let port = take(&node.name)?;
            nodes.push(NodeHost {
                id,
                name: node.name.clone(),
                address: address(node, port.address)?,
                port,
                insides: Insides::default(),
                is_shared: topology.incoming(id).iter().any(|e| topology.edge(*e).protocol == Protocol::H2),
                state: Mutex::new(NodeState::new(&env, id)),
                waiting: Mutex::default(),
                connections: Mutex::default(),
                outside_requests: AtomicU64::new(0),
                epoch: AtomicU64::new(0),
                body: filler(node.response.body),
                via: Via::default(),
                processors: Processors::default(),
            });
        }
        let mut edges = Vec::with_capacity(topology.edge_count());
        for (id, edge) in topology.edges() {
            let (caller, callee) = topology.ends(id);
            let host = &nodes[callee.index()];
            let caller_node = topology.node(caller);
            let is_entry = up.is_some() && caller_node.kind == NodeKind::Client && !caller_node.synthetic;
            let port = match gate::is_needed(&scenario, up.is_some(), id) {
                false => None,
                true if is_entry && next_port > 0 => {
                    let what = format!("cannot take port {next_port} for {}", host.name);
                    let port = Port::take_this(next_port).map_err(RunError::io(what))?;
                    next_port = next_port.saturating_add(1);
                    Some(port)
                }
                true => Some(take(&host.name)?),
            };
            let gate = port.map(Gate::new);
            let address = gate.as_ref().map_or(host.address, |gate| gate.port.address);
            edges.push(EdgeHost {
                caller,
                callee,
                address,
                authority: HeaderValue::from_str(&host.address.to_string()).expect("an address is ASCII"),
                path: (edge.path != "/").then(|| target(&edge.path)),
                pool: Pool::new(edge.policy.pool),
                streams: (edge.protocol == Protocol::H2).then(|| Streams::new(edge.policy.pool)),
                key: edge.key.as_deref().and_then(key_values),
                to_program: gate.is_none() && topology.node(callee).kind == NodeKind::External,
                gate,
            });
        }
        let templates = scenario.loads.iter().map(|load| Arc::new(template(&load.request))).collect();
        let plain = Arc::new(Template::plain());
        let has_models = has_models(&scenario);
        let (refused, wrong_port) = (take("refusals")?, take("wrong ports")?);
        let blackhole = Blackhole::open().map_err(RunError::io("cannot open a port that never answers"))?;
        let clock = Clock::new().map_err(RunError::io("cannot make a timer"))?;
        Ok(Self {
            faults,
            dice,
            clock,
            nodes,
            edges,
            templates,
            plain,
            is_up: up.is_some(),
            entries: Entries::default(),
            refused,
            wrong_port,
            tls: SelfSigned::default(),
            blackhole,
            stop,
            counts: Counts::default(),
            give_up: Signal::default(),
            begun: Signal::default(),
            over: Signal::default(),
            disturbed: Mutex::default(),
            has_models,
            charges: Mutex::default(),
            keeps_exchanges: false,
            exchanges_left: AtomicI64::new(EXCHANGES_KEPT),
            records,
            shortage: Mutex::default(),
            failure: Mutex::default(),
            scenario,
            run: RunKey::default(),
        })
    }

    /// The same, as this sink wants it told.
    pub(crate) fn told_to(self, sink: &impl Sink) -> Self {
        Self { keeps_exchanges: sink.wants_exchanges(), run: sink.run_key(), ..self }
    }

    /// Begins the run's time; once is enough.
    pub(crate) fn begin(&self) {
        self.clock.begin();
        self.begun.give();
    }

    /// What the node machine looks at.
    pub(crate) fn env(&self) -> Env<'_> {
        Env { scenario: &self.scenario, dice: self.dice, faults: &self.faults }
    }

    pub(crate) fn edge(&self, id: EdgeId) -> &EdgeHost {
        &self.edges[id.index()]
    }

    pub(crate) fn node(&self, id: NodeId) -> &NodeHost {
        &self.nodes[id.index()]
    }

    /// What a call sends.
    pub(crate) fn template(&self, call: CallId) -> Arc<Template> {
        if (self.is_up || call.load() == OUTSIDE)
            && let Some(template) = entries::template_of(self, call)
        {
            return template;
        }
        self.templates.get(usize::from(call.load())).unwrap_or(&self.plain).clone()
    }

    /// Whether a node is not ours: a program, or the user's own client.
    pub(crate) fn is_foreign(&self, node: NodeId) -> bool {
        gate::is_foreign(&self.scenario, self.is_up, node)
    }

    /// Whether an edge is where the user's own client calls.
    pub(crate) fn is_entry(&self, edge: EdgeId) -> bool {
        let caller = self.scenario.topology.node(self.edge(edge).caller);
        self.is_up && caller.kind == NodeKind::Client && !caller.synthetic
    }

    /// Hands a record to the sink.
    pub(crate) fn record(&self, record: Record) {
        if let Record::Call(end) = &record
            && !self.scenario.topology.node(end.client).synthetic
        {
            let count = if end.is_ok() { &self.counts.ok } else { &self.counts.failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.records.push(record);
    }

    /// How many requests could not be related to a call.
    pub(crate) fn unrelated(&self) -> u64 {
        let gates = self.edges.iter().filter_map(|edge| edge.gate.as_ref());
        gates.map(|gate| gate.unrelated.load(Ordering::Relaxed)).sum()
    }

    /// Leaves word for the callee of a disturbed attempt.
    pub(crate) fn disturb(&self, hop: HopId, disturbance: SharedDisturbance) {
        lock(&self.disturbed).insert(hop, Disturbed { disturbance, idle_closed: false });
    }

    /// What is done to an attempt.
    pub(crate) fn disturbance(&self, hop: HopId) -> SharedDisturbance {
        lock(&self.disturbed).get(&hop).map(|d| d.disturbance.clone()).unwrap_or_default()
    }

    /// The callee has closed an idle connection under an attempt.
    pub(crate) fn tell_idle_closed(&self, hop: HopId) {
        if let Some(disturbed) = lock(&self.disturbed).get_mut(&hop) {
            disturbed.idle_closed = true;
        }
    }

    /// Whether the callee has told so.
    pub(crate) fn was_idle_closed(&self, hop: HopId) -> bool {
        lock(&self.disturbed).get(&hop).is_some_and(|d| d.idle_closed)
    }

    /// The attempt is over.
    pub(crate) fn undisturb(&self, hop: HopId) {
        lock(&self.disturbed).remove(&hop);
    }

    /// An attempt begins, and its callee may tell what it takes of models.
    pub(crate) fn expect_charge(&self, hop: HopId) {
        if self.has_models {
            lock(&self.charges).insert(hop, None);
        }
    }

    /// The answer to an attempt took so much.
    pub(crate) fn tell_charge(&self, hop: HopId, charge: Box<Charge>) {
        if let Some(told) = lock(&self.charges).get_mut(&hop) {
            *told = Some(charge);
        }
    }

    /// The attempt is over: what it took, if that has been told.
    pub(crate) fn charge_of(&self, hop: HopId) -> Option<Box<Charge>> {
        if self.has_models { lock(&self.charges).remove(&hop).flatten() } else { None }
    }

    /// Whether one more exchange may be kept whole.
    pub(crate) fn may_keep_exchange(&self) -> bool {
        self.keeps_exchanges
            || (self.exchanges_left.load(Ordering::Relaxed) > 0
                && self.exchanges_left.fetch_sub(1, Ordering::Relaxed) > 0)
    }

    /// Whether that of each attempt is kept.
    pub(crate) fn keeps_exchanges(&self) -> bool {
        self.keeps_exchanges
    }

    /// What a request is whose caller keeps no records, where that is kept of all.
    pub(crate) fn exchange_of<B>(&self, edge: EdgeId, request: &http::Request<B>) -> Option<Box<Exchange>> {
        let url =
            || redact::url(&format!("http://{}{}", self.edge(edge).address, request.uri())).into_owned();
        self.keeps_exchanges.then(|| {
            Box::new(Exchange {
                method: request.method().to_string(),
                url: url(),
                request_headers: headers::readable(request.headers()),
                ..Exchange::default()
            })
        })
    }

    /// This machine has run out of something.
    pub(crate) fn tell_shortage(&self, what: &std::io::Error) {
        lock(&self.shortage).get_or_insert_with(|| format!("a connection could not be made: {what}"));
    }

    /// The run cannot go on.
    pub(crate) fn fail(&self, error: RunError) {
        lock(&self.failure).get_or_insert(error);
        self.stop.now();
    }

    /// Why it could not go on.
    pub(crate) fn failure(&self) -> Option<RunError> {
        lock(&self.failure).take()
    }

    /// What this machine ran out of first, if of anything.
    pub(crate) fn shortage(&self) -> Option<String> {
        lock(&self.shortage).clone()
    }

    /// Whether calls of this load are results.
    pub(crate) fn is_measured(&self, load: usize) -> bool {
        let from = self.scenario.loads[load].from;
        let node = self.scenario.topology.node(from);
        node.kind == NodeKind::Client && !node.synthetic
    }
}

/// Where a node is.
fn address(node: &topology::Node, port: SocketAddr) -> Result<SocketAddr, RunError> {
    use std::net::ToSocketAddrs;
    let Some(Program::Running { host, port }) = node.external.as_ref().map(|external| &external.program)
    else {
        return Ok(port);
    };
    let what = format!("cannot find the host {host} of {}", node.name);
    let mut found = (host.as_str(), *port).to_socket_addrs().map_err(RunError::io(what.clone()))?;
    found.next().ok_or_else(|| RunError::io(what)(std::io::Error::other("it has no address")))
}

fn filler(bytes: u64) -> Bytes {
    const START: &[u8] = b"{\"ok\":true,\"filler\":\"";
    const END: &[u8] = b"\"}";
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    if size < START.len() + END.len() {
        return Bytes::from(vec![b' '; size]);
    }
    let mut body = Vec::with_capacity(size);
    body.extend_from_slice(START);
    body.resize(size - END.len(), b'x');
    body.extend_from_slice(END);
    Bytes::from(body)
}

/// Whether some node is a model server.
fn has_models(scenario: &Scenario) -> bool {
    scenario.topology.nodes().any(|(_, node)| node.llm.is_some())
}

/// A key as it is written.
fn key_values(key: &str) -> Option<(HeaderValue, HeaderValue)> {
    Some((HeaderValue::from_str(key).ok()?, HeaderValue::from_str(&message::bearer(key)).ok()?))
}

fn template(request: &topology::load::Request) -> Template {
    let headers = request.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    });
    let asks = llm::of_load(request);
    let form = asks.as_ref().and_then(|(ask, form)| form.clone().or_else(|| Form::of_client(ask)));
    Template {
        method: Method::from_bytes(request.method.as_bytes()).unwrap_or(Method::GET),
        path: target(&request.path),
        headers: headers.collect(),
        body: match &request.body {
            topology::load::Body::Size(bytes) => filler(*bytes),
            topology::load::Body::Text(text) => Bytes::from(text.clone()),
        },
        idempotent: request.is_idempotent(),
        priority: request.priority,
        ask: asks.map(|(ask, _)| ask),
        form,
        is_of_ask: request.llm.is_some(),
    }
}
