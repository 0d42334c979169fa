//! Responses on their way: what a node sends, what the link makes of it, and what is passed on.

use std::collections::VecDeque;

use node::{ProxyStatus, Reply};
use topology::llm::{Api, Model};
use topology::wire::{Close, ProcessEnd};
use topology::{Failure, NodeId};
use trace::Sink;

use super::events::Event;
use super::request::{ADDRESS, digits, field};
use super::response::{Framing, Response};
use super::world::{Exchange, ExchangeKey, Reading, VisitKey, World};
use crate::llm::{Body, Form};
use crate::message::{self, LIST_SEPARATOR};
use crate::pieces::{Pieces, Then as Follows};
use crate::shape::{MALFORMED, Shape, Then};

/// A response that comes piece by piece.
#[derive(Debug)]
pub(super) struct Flow {
    shape: Shape,
    framing: Framing,
    writes: VecDeque<(Part, u64)>,
    /// It goes on by an event that is under way.
    is_moving: bool,
    held: bool,
    more: More,
    /// The sender's own body.
    pieces: Option<Pieces>,
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Head,
    /// What surrounds a chunk.
    Frame,
    Body,
    /// The empty chunk.
    Last,
}

/// What follows on all that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    /// The next piece of the sender's own body.
    Pieces,
    /// What the sender is passing on.
    Passed,
    /// Nothing.
    End,
    /// It breaks off.
    Break,
}

impl Flow {
    fn new(shape: Shape, response: &Response, more: More) -> Self {
        let (head, framing) = (response.head_bytes(), response.framing());
        let shape = Shape { head_end: Some(head), ..shape };
        let writes = VecDeque::from([(Part::Head, head)]);
        Self { shape, framing, writes, is_moving: false, held: false, more, pieces: None }
    }

    /// Sends so much of the body.
    fn write(&mut self, bytes: u64) {
        if bytes == 0 || self.framing == Framing::Length(0) {
            return;
        }
        if self.framing == Framing::Chunked {
            let hexadecimal = u64::from(bytes.ilog2() / 4 + 1);
            self.writes.extend([(Part::Frame, hexadecimal + 2), (Part::Body, bytes), (Part::Frame, 2)]);
        } else {
            self.writes.push_back((Part::Body, bytes));
        }
    }

    fn end(&mut self, whole: bool) {
        self.more = if whole { More::End } else { More::Break };
        let last = match self.framing {
            Framing::Chunked => digits(0) + 4,
            Framing::Stream => 0,
            Framing::Length(_) | Framing::Close => return,
        };
        if whole {
            self.writes.push_back((Part::Last, last));
        }
    }

    /// Whether the link has ended the connection.
    pub(super) fn is_cut(&self) -> bool {
        self.shape.is_cut()
    }
}

impl<S: Sink> World<'_, S> {
    /// A node answers.
    pub(super) fn respond(&mut self, node: NodeId, to: ExchangeKey, reply: &Reply) {
        let (response, pieces) = self.own_response(node, to, reply);
        let Some(exchange) = self.exchanges.get(to) else { return };
        let shape = match reply.truncated_at(response.length) {
            Some(body) => Some(Shape::truncated(body)),
            None => exchange.shape(response.length),
        };
        self.start(to, response, shape, pieces);
    }

    /// A node's process fails in this way instead of answering.
    pub(super) fn die(&mut self, node: NodeId, to: ExchangeKey, end: ProcessEnd) {
        match end {
            // What is wrong with what it says is in its reply.
            ProcessEnd::Hang
            | ProcessEnd::StreamError
            | ProcessEnd::StreamStall
            | ProcessEnd::Unterminated
            | ProcessEnd::CutContent => {}
            ProcessEnd::Panic => self.drop_connection(to, Close::Fin),
            ProcessEnd::Malformed => {
                if let Some(exchange) = self.exchanges.get_mut(to) {
                    exchange.received = MALFORMED.len() as u64;
                }
                self.events.push_transit(self.now, Event::Fail(to, Failure::ProtocolError));
            }
            ProcessEnd::Truncate => {
                let declared = self.env.scenario.topology.node(node).response;
                let (response, pieces) = self.own_response(node, to, &Reply::regular(declared.status));
                self.start(to, response, Some(Shape::truncated(declared.body)), pieces);
            }
        }
    }

    /// A response of a node's own; and its pieces, if it comes in pieces.
    fn own_response(&self, node: NodeId, to: ExchangeKey, reply: &Reply) -> (Response, Option<Pieces>) {
        let node = self.env.scenario.topology.node(node);
        if let Some(model) = &node.llm {
            return self.model_response(model.api, Some(model), to, reply);
        }
        if reply.completion.is_some() {
            // Out of a gateway's cache.
            let ask =
                self.exchanges.get(to).and_then(|x| self.templates[usize::from(x.call.load())].llm.as_ref());
            if let Some(api) = ask.map(|asks| asks.ask.api) {
                return self.model_response(api, None, to, reply);
            }
        }
        let in_pieces = reply.regular && node.response.chunks > 1;
        let said = (!reply.regular).then(|| message::own_error(node, reply));
        let length = match &said {
            Some(said) => Some(said.body.len() as u64),
            None => (!in_pieces).then_some(node.response.body),
        };
        let mut response = Response::new(reply.status, length, self.has_body(to));
        if let Some(said) = said {
            let more = said.headers.iter().map(|(name, value)| field(name, value.len() as u64)).sum::<u64>();
            response.content_type = u16::try_from(said.content_type.len()).unwrap_or(u16::MAX);
            response.more_fields = u16::try_from(more).unwrap_or(u16::MAX);
        }
        response.retry_after = reply.retry_after.map(message::retry_after);
        response.proxy_status = proxy_status(&node.name, 0, reply.proxy_status);
        (response, in_pieces.then(|| Pieces::of(&node.response)))
    }

    /// What a model server says.
    fn model_response(
        &self,
        api: Api,
        model: Option<&Model>,
        to: ExchangeKey,
        reply: &Reply,
    ) -> (Response, Option<Pieces>) {
        let Some(exchange) = self.exchanges.get(to) else {
            return (Response::new(reply.status, Some(0), false), None);
        };
        let template = &self.templates[usize::from(exchange.call.load())];
        let edge = &self.env.scenario.topology.edge(exchange.edge).path;
        let form = match model {
            None => template.llm.as_ref().and_then(|llm| llm.form_of_client()),
            Some(model) => {
                let target = template.target(api, edge);
                let asked = template.llm.as_ref().and_then(|llm| llm.form(target));
                let other = || Form::other(model, target, &template.path_text, template.text.as_bytes());
                Some(asked.unwrap_or_else(other))
            }
        };
        let Some(form) = form else {
            return (Response::new(reply.status, Some(0), false), None);
        };
        let said = form.say(api, reply, exchange.hop, self.now.since_start());
        let (length, pieces) = match said.body {
            Body::Whole(text) => (Some(text.len() as u64), None),
            Body::Pieces(pieces) => (None, Some(pieces)),
        };
        let mut response = Response::new(reply.status, length, self.has_body(to));
        let more = said.headers.iter().map(|(name, value)| field(name, value.len() as u64)).sum::<u64>();
        response.content_type = u16::try_from(said.content_type.len()).unwrap_or(u16::MAX);
        response.more_fields = u16::try_from(more).unwrap_or(u16::MAX);
        response.retry_after = said.retry_after.map(message::retry_after);
        response.wrong = match reply.completion.as_ref().and_then(|completion| completion.broken) {
            Some((_, ProcessEnd::StreamError)) => Some(Failure::StreamError),
            Some((_, ProcessEnd::Unterminated | ProcessEnd::CutContent)) => Some(Failure::ContentIncomplete),
            _ => None,
        };
        (response, pieces)
    }

    /// Whether responses to this request have bodies.
    fn has_body(&self, exchange: ExchangeKey) -> bool {
        let call = self.exchanges.get(exchange).map(|x| x.call);
        call.is_none_or(|call| !self.templates[usize::from(call.load())].is_head)
    }

    /// Puts a response of a node's own on its way.
    fn start(&mut self, to: ExchangeKey, response: Response, shape: Option<Shape>, pieces: Option<Pieces>) {
        if shape.is_none() && pieces.is_none() {
            self.answer_at_once(to, response);
            return;
        }
        self.open(to, response, shape.unwrap_or_default(), More::Passed);
        let Some(flow) = self.exchanges.get_mut(to).and_then(|x| x.flow.as_mut()) else { return };
        if let Some(pieces) = pieces {
            flow.more = More::Pieces;
            flow.pieces = Some(pieces);
            self.piece(to);
        } else {
            flow.write(response.body.unwrap_or(0));
            flow.end(true);
            self.go_on(to);
        }
    }

    /// A whole response that nothing delays.
    fn answer_at_once(&mut self, to: ExchangeKey, response: Response) {
        if let Some(exchange) = self.exchanges.get_mut(to) {
            exchange.response = Some(response);
            self.events.push_transit(self.now, Event::Answer(to));
        }
    }

    /// Begins a response that comes piece by piece.
    fn open(&mut self, to: ExchangeKey, response: Response, shape: Shape, more: More) {
        let Some(exchange) = self.exchanges.get_mut(to) else { return };
        let closes = shape.close_delay.is_some() && response.framing() != Framing::Length(0);
        let response = Response { closes, is_stream: exchange.connection.id > 0, ..response };
        exchange.response = Some(response);
        exchange.flow = Some(Box::new(Flow::new(shape, &response, more)));
    }

    /// The next piece of a body.
    pub(super) fn piece(&mut self, to: ExchangeKey) {
        let Some(flow) = self.exchanges.get_mut(to).and_then(|x| x.flow.as_mut()) else { return };
        let Some(pieces) = flow.pieces.as_mut().filter(|_| flow.more == More::Pieces) else { return };
        let (piece, interval) = (pieces.piece(), pieces.interval);
        let (is_over, then) = (pieces.is_over(), pieces.then);
        match piece {
            Some(piece) => flow.write(piece.len()),
            None => flow.end(then == Follows::End),
        }
        match (is_over, then) {
            (true, Follows::End) => flow.end(true),
            (true, Follows::Silence) => {}
            (true, Follows::Break) if flow.more == More::Break => {}
            _ => self.events.push(self.now + interval, Event::Piece(to)),
        }
        self.go_on(to);
    }

    /// A response of a callee is passed on as it comes.
    pub(super) fn relay(&mut self, visit: VisitKey, node: NodeId, from: ExchangeKey, said: ProxyStatus) {
        let to = self.answers(visit);
        let Some((exchange, to)) = self.exchanges.get_mut(from).zip(to) else { return };
        let Some(received) = exchange.response else { return };
        exchange.reading = Reading::Relay(Some(to));
        let response = self.passed_on(node, received, said);
        let shape = self.exchanges.get(to).and_then(|exchange| exchange.shape(response.length));
        self.open(to, response, shape.unwrap_or_default(), More::Passed);
        self.go_on(to);
    }

    /// A response of a callee, all of which is there, is passed on.
    pub(super) fn relay_whole(
        &mut self,
        visit: VisitKey,
        node: NodeId,
        received: Response,
        said: ProxyStatus,
    ) {
        let Some(to) = self.answers(visit) else { return };
        let response = self.passed_on(node, received, said);
        let shape = self.exchanges.get(to).and_then(|exchange| exchange.shape(response.length));
        if let Some(shape) = shape {
            self.open(to, response, shape, More::Passed);
            self.pass_on(to, response.body.unwrap_or(0));
            self.relayed(to, true);
        } else {
            self.answer_at_once(to, response);
        }
    }

    /// What a node makes of a response that it passes on.
    fn passed_on(&self, node: NodeId, received: Response, said: ProxyStatus) -> Response {
        let name = &self.env.scenario.topology.node(node).name;
        Response {
            proxy_status: proxy_status(name, received.proxy_status, said),
            length: received.length.filter(|_| !received.closes),
            body: received.body.filter(|_| !received.closes),
            closes: false,
            ..received
        }
    }

    /// A response of a callee that has come whole is passed on.
    pub(super) fn pass_on_held(&mut self, visit: VisitKey, node: NodeId, slot: u16, said: ProxyStatus) {
        let Some(stay) = self.visits.get(visit) else { return };
        let held = stay.held.iter().find(|(of, _)| *of == slot).map(|(_, response)| *response);
        let Some((received, to)) = held.zip(self.answers(visit)) else { return };
        let name = &self.env.scenario.topology.node(node).name;
        let response = Response { proxy_status: proxy_status(name, received.proxy_status, said), ..received };
        let Some(exchange) = self.exchanges.get(to) else { return };
        let shape = exchange.shape(response.length);
        self.start(to, response, shape, None);
    }

    /// A piece of a body that is passed on has come.
    fn pass_on(&mut self, to: ExchangeKey, bytes: u64) {
        if let Some(flow) = self.exchanges.get_mut(to).and_then(|x| x.flow.as_mut()) {
            flow.write(bytes);
            self.go_on(to);
        }
    }

    /// The response that was passed on has ended.
    pub(super) fn relayed(&mut self, to: ExchangeKey, whole: bool) {
        if let Some(flow) = self.exchanges.get_mut(to).and_then(|x| x.flow.as_mut()) {
            flow.end(whole);
            self.go_on(to);
        }
    }

    /// Has a response move, if it does not.
    fn go_on(&mut self, key: ExchangeKey) {
        if let Some(flow) = self.exchanges.get_mut(key).and_then(|x| x.flow.as_mut())
            && !flow.is_moving
        {
            flow.is_moving = true;
            self.events.push_transit(self.now, Event::Flow(key));
        }
    }

    /// A response moves: writes reach the caller until the link pauses or ends, or there is nothing
    /// more for now.
    pub(super) fn flow(&mut self, key: ExchangeKey) {
        loop {
            let now = self.now;
            let Some(flow) = self.exchanges.get_mut(key).and_then(|x| x.flow.as_mut()) else { return };
            if !std::mem::replace(&mut flow.held, true) && !flow.shape.delay.is_zero() {
                self.events.push(now + flow.shape.delay, Event::Flow(key));
                return;
            }
            let Some((part, left)) = flow.writes.front_mut() else {
                flow.is_moving = false;
                match (flow.more, flow.framing) {
                    (More::Break, _) => self.breaks_off(key, Close::Fin),
                    (More::End, Framing::Close) => {
                        let delay = flow.shape.close_delay.unwrap_or_default();
                        self.events.push(now + delay, Event::Closed(key, Close::Fin));
                    }
                    _ => {}
                }
                return;
            };
            let (part, bytes) = (*part, flow.shape.allow(*left));
            *left -= bytes;
            let is_done = *left == 0;
            if is_done {
                flow.writes.pop_front();
            }
            let then = flow.shape.wrote(bytes);
            self.receive(key, part, bytes, is_done);
            match then {
                Then::GoOn => {}
                Then::Pause(pause) => {
                    self.events.push(now + pause, Event::Flow(key));
                    return;
                }
                Then::End(close) => {
                    if let Some(flow) = self.exchanges.get_mut(key).and_then(|x| x.flow.as_mut()) {
                        flow.writes.clear();
                    }
                    self.breaks_off(key, close);
                    return;
                }
            }
        }
    }

    /// A response ends in its middle; where it shares its connection, its stream does.
    fn breaks_off(&mut self, key: ExchangeKey, close: Close) {
        let shares = self.exchanges.get(key).is_some_and(|x| x.connection.id > 0);
        self.closed(key, if shares { Close::Reset } else { close });
    }

    /// So many bytes of a response reach the caller; whether they are the last of their part.
    fn receive(&mut self, key: ExchangeKey, part: Part, bytes: u64, is_done: bool) {
        let Some(exchange) = self.exchanges.get_mut(key) else { return };
        exchange.received += bytes;
        // The head comes whole in time, or not at all.
        let is_progress = part != Part::Head || is_done;
        if let Some(quiet) = exchange.quiet.as_mut().filter(|_| is_progress) {
            quiet.heard = self.now;
        }
        let Some(response) = exchange.response else { return };
        let framing = response.framing();
        let is_corrupt = exchange.flow.as_ref().is_some_and(|flow| flow.shape.corrupt);
        if is_corrupt && bytes > 0 {
            self.fail(key, Failure::ProtocolError, false);
            return;
        }
        let mut is_whole = false;
        match part {
            Part::Head if is_done => {
                is_whole = self.head_comes(key) && framing == Framing::Length(0);
            }
            Part::Body => {
                exchange.body += bytes;
                is_whole = matches!(framing, Framing::Length(length) if exchange.body >= length);
                if let Reading::Relay(Some(to)) = exchange.reading {
                    self.pass_on(to, bytes);
                }
            }
            Part::Last => is_whole = is_done,
            Part::Head | Part::Frame => {}
        }
        if is_whole {
            self.end(key, response.status);
        }
    }
}

impl Exchange {
    /// What its link does to a response with a body of this length, if anything.
    fn shape(&self, body: Option<u64>) -> Option<Shape> {
        let link = &self.disturbance.get()?.link;
        Some(Shape::of(link, body)).filter(|shape| !shape.is_plain())
    }
}

/// How long `Proxy-Status` is after a node has said this, and was before.
fn proxy_status(node: &str, before: u64, said: ProxyStatus) -> u64 {
    if said.is_silent() {
        return before;
    }
    let Some(member) = message::proxy_status(node, said, said.next.map(|_| ADDRESS)) else {
        return before;
    };
    let separator = if before > 0 { LIST_SEPARATOR.len() as u64 } else { 0 };
    before + separator + member.len() as u64
}
