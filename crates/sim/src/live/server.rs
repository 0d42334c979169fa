//! A node as an axum server: from a request on a socket to a visit, and back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use h2::Reason;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, VIA,
};
use http::{StatusCode, Version};
use http_body_util::{BodyExt, Limited};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use node::{HopContext, Incoming, Input, ProxyStatus, Reply, Visit};
use tokio::net::{TcpListener, TcpStream};
use topology::llm::{Api, Asked, Model};
use topology::wire::{Close, Link, Phase, ProcessEnd, SharedDisturbance};
use topology::{EdgeId, NodeId, NodeKind};
use tower_service::Service;
use trace::{Begun, HopId, Record, Time};

use super::driver::{Answer, Attended, Driver, Held, Telling};
use super::exchange::Head;
use super::headers::{self, Identity, PROXY_STATUS};
use super::relay::{InPieces, Relay};
use super::sharing::{self, Cut, Number, Sharing};
use super::tap::{Tap, TappedBody};
use super::wire::{Conn, Wire};
use super::world::{World, lock};
use super::{entries, front, gate};
use crate::llm::{self, Form, Target, Watch};
use crate::load::OUTSIDE;
use crate::message::{self, LIST_SEPARATOR, WRONG_PATH};
use crate::pieces::Pieces;
use crate::shape::{MALFORMED, Place, Shape};

/// What the handler of a connection is given.
struct Host {
    world: Arc<World>,
    node: NodeId,
    /// The edge whose listener it came to.
    gate: Option<EdgeId>,
    conn: Arc<Conn>,
}

/// Accepts connections until its task is ended.
pub(crate) async fn accept(world: Arc<World>, node: NodeId, gate: Option<EdgeId>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(world.clone(), node, gate, stream));
            }
            Err(e) => {
                // Out of descriptors, most likely: wait for some to come back.
                world.tell_shortage(&e);
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn serve(world: Arc<World>, node: NodeId, gate: Option<EdgeId>, stream: TcpStream) {
    // Without it the pieces of a streamed body arrive together and late.
    let _ = stream.set_nodelay(true);
    let conn = Arc::new(Conn::default());
    conn.idle_since.store(world.clock.now().0, Ordering::Relaxed);
    let own = [&world.node(node).connections];
    let gates = gate.and_then(|edge| world.edge(edge).gate.as_ref()).map(|gate| &gate.connections);
    for connections in own.into_iter().chain(gates) {
        let mut connections = lock(connections);
        if connections.len() == connections.capacity() {
            connections.retain(|c| c.strong_count() > 0);
        }
        connections.push(Arc::downgrade(&conn));
    }
    // A node has one handler for every path: with a router in between, a request would cost eight
    // more allocations.
    let handler = handle.with_state(Arc::new(Host { world: world.clone(), node, gate, conn: conn.clone() }));
    if gate.is_none() && world.node(node).is_shared && conn.begins_shared(&stream).await {
        match Sharing::of(&stream) {
            Ok(sharing) => conn.sharing.get_or_init(|| sharing),
            Err(e) => return world.tell_shortage(&e),
        };
        let counted = conn.clone();
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            let number = Number(counted.requests.fetch_add(1, Ordering::Relaxed));
            request.extensions_mut().insert(number);
            let head_alone = request.method() == http::Method::HEAD;
            let said = handler.clone().call(request);
            let sharing = counted.clone();
            async move { sharing::answer(&sharing, said.await, head_alone) }
        });
        let wire = TokioIo::new(Wire::new(stream, conn.clone(), world.clone()));
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_concurrent_streams(None).max_header_list_size(1 << 20);
        let serving = builder.serve_connection(wire, service);
        return conn.drive_shared(Box::pin(serving.map(|_| ()))).await;
    }
    let service = service_fn(|request| handler.clone().call(request));
    let wire = TokioIo::new(Wire::new(stream, conn.clone(), world.clone()));
    let connection = http1::Builder::new().max_buf_size(1 << 20).serve_connection(wire, service);
    if gate.is_none() {
        return conn.drive(&world, connection).await;
    }
    tokio::select! {
        () = conn.drive(&world, connection) => {}
        () = world.over.wait() => {
            if let Some(mut tap) = conn.untap(|_| true) {
                tap.left();
                tap.over(&world, None);
            }
        }
    }
}

/// Marks a connection as busy as long as it lives.
struct Busy(Arc<Host>);

impl Drop for Busy {
    fn drop(&mut self) {
        let Host { world, conn, .. } = &*self.0;
        conn.idle_since.store(world.clock.now().0, Ordering::Relaxed);
        conn.active.fetch_sub(1, Ordering::Release);
    }
}

async fn handle(State(host): State<Arc<Host>>, request: Request) -> Response {
    let Host { world, node, conn, gate } = &*host;
    let node = *node;
    let earlier = match request.extensions().get::<Number>() {
        Some(Number(number)) => *number,
        None => conn.requests.fetch_add(1, Ordering::Relaxed),
    };
    if conn.sharing.get().is_some_and(|sharing| !sharing.takes(earlier)) {
        // The caller has been told so.
        return std::future::pending().await;
    }
    conn.active.fetch_add(1, Ordering::Release);
    let busy = Busy(host.clone());
    let now = world.clock.now();
    let idle = now.since(Time(conn.idle_since.load(Ordering::Relaxed)));
    conn.set_shape(Shape::default());

    let shut = |edge| world.edge(edge).gate.as_ref().is_some_and(|gate| gate.shut.load(Ordering::Acquire));
    if gate.is_some_and(shut) {
        // Over a connection from before: its end has just not been seen.
        return ended(conn, Close::Fin).await;
    }

    let mut request = request;
    let caller = match gate.filter(|edge| world.is_entry(*edge)) {
        Some(edge) => {
            // What is sent on is all of it.
            let (head, body) = request.into_parts();
            let Ok(body) = Limited::new(body, front::BODY_MAX).collect().await else {
                return ended(conn, Close::Reset).await;
            };
            let body = body.to_bytes();
            let (identity, begun) = entries::arrived(world, edge, &head, body.clone());
            request = Request::from_parts(head, Body::from(body));
            Caller { identity, outside: false, foreign: Some(begun), unrelated: false }
        }
        None => identify(world, node, *gate, &request),
    };
    let now = world.clock.now();
    let Caller { identity, outside, foreign, unrelated } = caller;
    let disturbance = match (identity.disturbed, outside || foreign.is_some()) {
        (true, _) => world.disturbance(identity.hop),
        (false, false) => SharedDisturbance::default(),
        (false, true) => {
            let Identity { call, hop, edge, retries, .. } = identity;
            let at = HopContext { call, hop, edge, retries };
            world.faults.disturb(&world.scenario, world.dice, &at, now)
        }
    };
    let link = disturbance.link;
    if let Some(begun) = foreign {
        let reused = earlier > 0;
        let idle = if reused { idle } else { std::time::Duration::ZERO };
        world.record(Record::Begun(begun));
        let tap = Tap::new(begun, reused, idle, disturbance.marks.link);
        conn.watch(tap.of(world.exchange_of(begun.edge, &request)));
    }
    if link.goaway {
        drop(busy);
        conn.go_away(earlier);
        return std::future::pending().await;
    }
    if let Some((Phase::BeforeRequest, error)) = link.reset_stream {
        return sharing::reset(sharing::reason(error));
    }
    if let Some((Phase::BeforeRequest, close)) = link.cut {
        conn.end(close);
        return std::future::pending().await;
    }
    if link.closes_idle(earlier, idle) {
        world.tell_idle_closed(identity.hop);
        conn.tap(|tap| tap.closed_idle(disturbance.marks.idle_race));
        return ended(conn, Close::Fin).await;
    }
    let without_body = request.method() == http::Method::HEAD;
    let mut response = if world.scenario.topology.node(node).kind == NodeKind::External {
        front::pass_on(world, conn, identity, &link, request).await
    } else {
        let driven = Driven { identity, outside, unrelated, used_connection: earlier > 0, disturbance };
        visit(world, node, conn, driven, request).await
    };
    if conn.sharing.get().is_some() && !link.delay.is_zero() {
        response = sharing::hold(response, world.clock.sleep_until(world.clock.now() + link.delay)).await;
    }
    if foreign.is_some() {
        let status = response.status().as_u16();
        let ends_by_close = response.version() == Version::HTTP_10;
        conn.tap(|tap| tap.response(status, response.headers(), ends_by_close, link.corrupt));
        let asks = world.template(identity.call).ask.is_some();
        let watch = if asks { Watch::of_answer(status, response.headers()) } else { None };
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = TappedBody::around(body, conn.clone(), without_body, watch);
    }
    response
}

/// Who a request at one of our nodes is, and what is done to it.
struct Driven {
    identity: Identity,
    outside: bool,
    unrelated: bool,
    /// It is not the first on its connection.
    used_connection: bool,
    disturbance: SharedDisturbance,
}

/// A request's stay at one of our nodes.
async fn visit(
    world: &Arc<World>,
    node: NodeId,
    conn: &Arc<Conn>,
    driven: Driven,
    request: Request,
) -> Response {
    let Driven { identity, outside, unrelated, used_connection, disturbance } = driven;
    let (head, body) = request.into_parts();
    let mut incoming =
        Incoming { used_connection, ..incoming(world, node, &head, identity, disturbance.clone()) };
    let mut body = Some(body);
    let mut passing = None;
    let declared = world.scenario.topology.node(node);
    let fits =
        body.as_ref().is_some_and(|body| http_body::Body::size_hint(body).lower() <= declared.body_limit);
    if (outside || unrelated) && fits && declared.kind == NodeKind::Gateway {
        // What is sent on is all of it.
        let all = match body.take() {
            Some(body) => Limited::new(body, front::BODY_MAX).collect().await,
            None => return ended(conn, Close::Reset).await,
        };
        let Ok(all) = all else { return ended(conn, Close::Reset).await };
        let all = all.to_bytes();
        passing = Some(entries::passes(world, identity.call, &head, all.clone()));
        body = Some(Body::from(all));
    }
    let model = world.scenario.topology.node(node).llm.as_deref();
    let form = match model {
        None => {
            let template = world.template(identity.call);
            incoming.ask = template.asked(world, identity.call).map(Box::new);
            template.ask.as_ref().zip(template.form.clone()).map(|(ask, form)| (ask.api, form))
        }
        Some(model) => {
            let asked = asked(world, node, model, &head, &mut body).await;
            incoming.path_known &= asked.is_known;
            incoming.ask = asked.ask.map(Box::new);
            Some((model.api, asked.form))
        }
    };
    let via = world.node(node).via.after(head.headers.get(VIA), &world.node(node).name);
    let mut driver = Driver::new(world.clone(), node, Visit::request(incoming), via);
    if let Some(passing) = passing {
        driver = driver.sending_on(passing);
    }
    if outside {
        driver = driver.telling(Telling::ForCaller);
    } else if unrelated {
        driver = driver.telling(Telling::Nothing);
    }
    driver.apply(Input::Begin);
    // A request that is refused is refused by its head; of one that is not, the body has to come,
    // though its bytes are of no use to anyone.
    let refused = driver.is_over();
    let mut visit = Attended::new(driver);
    if let Some(body) = body.filter(|body| !refused && !http_body::Body::is_end_stream(body)) {
        let _ = body.collect().await;
    }
    let answer = visit.driver().until_answer().await;
    let speaking = Speaking { node, hop: identity.hop, form };
    respond(world, &speaking, conn, visit, answer, &disturbance.link).await
}

/// Who answers.
struct Speaking {
    node: NodeId,
    /// To what.
    hop: HopId,
    /// In which form, if a model is asked.
    form: Option<(Api, Form)>,
}

/// What a request to a model server is about.
struct AskedOf {
    is_known: bool,
    form: Form,
    ask: Option<Asked>,
}

/// Reads what a request asks of a model server; its body is taken then, if it is not too large.
async fn asked(
    world: &World,
    node: NodeId,
    model: &Model,
    head: &http::request::Parts,
    body: &mut Option<Body>,
) -> AskedOf {
    let target = llm::target(model.api, &head.method, head.uri.path());
    let is_known = !matches!(target, Target::Unknown);
    let limit = world.scenario.topology.node(node).body_limit;
    let declared = body.as_ref().map_or(0, |body| http_body::Body::size_hint(body).lower());
    let taken = match body.take_if(|_| declared <= limit && is_known) {
        Some(body) => Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX)).collect().await.ok(),
        None => None,
    };
    let bytes = taken.map_or_else(Bytes::new, http_body_util::Collected::to_bytes);
    let path = head.uri.path();
    let Target::Completion(format) = target else {
        return AskedOf { is_known, form: Form::other(model, target, path, &bytes), ask: None };
    };
    let (form, ask) = llm::parse(format, path, &head.headers, &bytes);
    AskedOf { is_known, form, ask: Some(ask) }
}

/// Ends the connection, and waits to be dropped with it; of one that carries other requests, this one's
/// stream.
pub(super) async fn ended(conn: &Conn, close: Close) -> Response {
    if conn.sharing.get().is_some() && close != Close::Silence {
        return sharing::reset(Reason::INTERNAL_ERROR);
    }
    conn.end(close);
    std::future::pending().await
}

/// Who a request is.
struct Caller {
    identity: Identity,
    /// It comes from a client outside, which gets an identity here.
    outside: bool,
    /// Its caller is a program: this is the hop.
    foreign: Option<Begun>,
    /// Nobody can tell which call it belongs to.
    unrelated: bool,
}

/// Who a request is.
///
/// Nobody can tell which of the requests from outside try one call again. Each counts as a retry of
/// those before it at this node: so a script is walked request by request.
fn identify(world: &World, node: NodeId, gate: Option<EdgeId>, request: &Request) -> Caller {
    let known = |identity| Caller { identity, outside: false, foreign: None, unrelated: false };
    let foreign = gate.filter(|&edge| world.is_foreign(world.edge(edge).caller));
    if let Some(edge) = foreign {
        if let Some((identity, begun)) =
            gate::relate(world, edge, request.method(), request.uri(), request.headers())
        {
            return Caller { foreign: Some(begun), ..known(identity) };
        }
        gate::unrelated(world, edge);
    } else {
        let ours = Identity::read(request.headers())
            .filter(|i| i.edge.index() < world.edges.len() && world.edge(i.edge).callee == node);
        if let Some(identity) = ours {
            return known(identity);
        }
    }
    let call = entries::name(world, OUTSIDE);
    let edge = foreign.unwrap_or_else(|| {
        let edge = world.edges.iter().position(|e| e.callee == node).unwrap_or(0);
        EdgeId(u32::try_from(edge).unwrap_or(0))
    });
    let hop = HopId::root(call).child(0, edge.0, 1);
    let earlier = world.node(node).outside_requests.fetch_add(1, Ordering::Relaxed);
    let retries = u16::try_from(earlier).unwrap_or(u16::MAX);
    let identity = Identity { call, hop, edge, retries, disturbed: false, priority: 5 };
    Caller { outside: foreign.is_none(), unrelated: foreign.is_some(), ..known(identity) }
}

fn incoming(
    world: &World,
    node: NodeId,
    head: &http::request::Parts,
    identity: Identity,
    disturbance: SharedDisturbance,
) -> Incoming {
    let key_rules = world.scenario.topology.node(node).key_rules();
    let key = key_rules.map(|rules| rules.holder(headers::key(&head.headers)));
    let declared = head.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    Incoming {
        call: identity.call,
        hop: identity.hop,
        edge: identity.edge,
        retries: identity.retries,
        used_connection: false,
        looped: headers::via_contains(&head.headers, &world.node(node).name),
        path_known: head.uri.path() != WRONG_PATH,
        credentials_good: headers::credentials_good(&head.headers),
        head_bytes: headers::head_bytes(head),
        body_bytes: declared.unwrap_or(0),
        idempotent: head.method.is_idempotent(),
        time_left: headers::time_left(&head.headers),
        priority: identity.priority,
        key: key.unwrap_or_default(),
        ask: None,
        disturbance,
    }
}

async fn respond(
    world: &Arc<World>,
    speaking: &Speaking,
    conn: &Conn,
    visit: Attended,
    answer: Answer,
    link: &Link,
) -> Response {
    let node = speaking.node;
    let declared = &world.scenario.topology.node(node).response;
    let mut response = match answer {
        Answer::Respond(reply) => {
            let response = own_response(world, speaking, &reply, Some(visit));
            let length = http_body::Body::size_hint(response.body()).exact();
            if let Some(body) = reply.truncated_at(length) {
                conn.set_shape(Shape::truncated(body));
                return response;
            }
            response
        }
        Answer::Relay(head, id, proxy_status) => {
            let Head { parts, rest } = *head;
            passed_on(world, node, parts, proxy_status).map(|()| Body::new(Relay::new(visit, id, rest)))
        }
        Answer::PassOn(held, proxy_status) => {
            let Held { parts, body } = *held;
            passed_on(world, node, parts, proxy_status).map(|()| Body::from(body))
        }
        Answer::Fail(ProcessEnd::Truncate) => {
            let response = own_response(world, speaking, &Reply::regular(declared.status), None);
            let shape = Shape::truncated(declared.body);
            if conn.sharing.get().is_some() {
                return shared_shape(&shape, Reason::INTERNAL_ERROR, response);
            }
            conn.set_shape(shape);
            return response;
        }
        Answer::Fail(ProcessEnd::Malformed) if conn.sharing.get().is_some() => {
            return sharing::reset(Reason::PROTOCOL_ERROR);
        }
        Answer::Fail(ProcessEnd::Malformed) => {
            conn.end_with(MALFORMED, Close::Fin);
            return std::future::pending().await;
        }
        Answer::Fail(ProcessEnd::Panic) => return ended(conn, Close::Fin).await,
        // What is wrong with what it says is in its reply.
        Answer::Fail(
            ProcessEnd::Hang
            | ProcessEnd::StreamError
            | ProcessEnd::StreamStall
            | ProcessEnd::Unterminated
            | ProcessEnd::CutContent,
        )
        | Answer::Nothing => return ended(conn, Close::Silence).await,
        Answer::Close(close) => return ended(conn, close).await,
    };
    shape_response(conn, link, &mut response);
    response
}

/// The head of a response that a callee has made, on its way on.
fn passed_on(
    world: &World,
    node: NodeId,
    parts: http::response::Parts,
    proxy_status: ProxyStatus,
) -> http::Response<()> {
    let mut response = http::Response::from_parts(parts, ());
    response.headers_mut().remove(CONNECTION);
    response.headers_mut().remove(TRANSFER_ENCODING);
    // A response cut off from its end has HTTP/1.0 only on its own link.
    *response.version_mut() = Version::HTTP_11;
    add_proxy_status(world, node, &mut response, proxy_status);
    response
}

fn own_response(world: &Arc<World>, speaking: &Speaking, reply: &Reply, visit: Option<Attended>) -> Response {
    let node = speaking.node;
    let declared = &world.scenario.topology.node(node).response;
    let host = world.node(node);
    let model = world.scenario.topology.node(node).llm.as_deref();
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let said = speaking.form.as_ref().filter(|_| model.is_some() || reply.completion.is_some());
    let said = said.map(|(api, form)| form.say(*api, reply, speaking.hop, since_1970));
    let mut retry_after = reply.retry_after;
    let mut content_type = message::CONTENT_TYPE;
    let mut more = Vec::new();
    let body = if let Some(said) = said {
        content_type = said.content_type;
        more = said.headers;
        retry_after = said.retry_after;
        match said.body {
            llm::Body::Whole(text) => Body::from(text),
            llm::Body::Pieces(pieces) => Body::new(InPieces::new(world.clone(), Bytes::new(), pieces, visit)),
        }
    } else if reply.regular && declared.chunks > 1 {
        Body::new(InPieces::new(world.clone(), host.body.clone(), Pieces::of(declared), None))
    } else if reply.regular {
        Body::from(host.body.clone())
    } else {
        let said = message::own_error(world.scenario.topology.node(node), reply);
        content_type = said.content_type;
        more = said.headers;
        Body::from(said.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers::write_fields(headers, more);
    if let Some(retry_after) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(message::retry_after(retry_after)));
    }
    add_proxy_status(world, node, &mut response, reply.proxy_status);
    response
}

/// Adds this node's member: the first member is the intermediary nearest the origin.
fn add_proxy_status<B>(world: &World, node: NodeId, response: &mut http::Response<B>, said: ProxyStatus) {
    let next = said.next.map(|next| world.node(next).address);
    let Some(member) = message::proxy_status(&world.node(node).name, said, next) else { return };
    let before = response.headers().get(PROXY_STATUS).and_then(|v| v.to_str().ok());
    let value = before.map_or(member.clone(), |before| format!("{before}{LIST_SEPARATOR}{member}"));
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(PROXY_STATUS, value);
    }
}

/// Of what is done to a response's bytes, where the connection carries others: it is cut.
fn shared_shape(shape: &Shape, reason: Reason, response: Response) -> Response {
    match shape.cut {
        Some((Place::Body(bytes), _)) => Cut::off(response, bytes, reason),
        _ => response,
    }
}

/// Puts what the link does on the connection, for this response.
pub(super) fn shape_response(conn: &Conn, link: &Link, response: &mut Response) {
    let shape = Shape::of(link, http_body::Body::size_hint(response.body()).exact());
    if shape.is_plain() {
        return;
    }
    if conn.sharing.get().is_some() {
        let reason = link.reset_stream.map_or(Reason::INTERNAL_ERROR, |(_, error)| sharing::reason(error));
        *response = shared_shape(&shape, reason, std::mem::take(response));
        return;
    }
    if shape.close_delay.is_some() {
        // No length and no chunks: the end of the connection is the end of the body.
        *response.version_mut() = Version::HTTP_10;
        response.headers_mut().remove(CONTENT_LENGTH);
        let body = std::mem::take(response.body_mut());
        *response.body_mut() =
            Body::from_stream(futures_util::TryStreamExt::into_stream(body.into_data_stream()));
    }
    conn.set_shape(shape);
}
