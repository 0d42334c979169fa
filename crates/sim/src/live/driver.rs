//! Drives one visit: carries out the machine's actions and brings back what comes of them.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::HeaderValue;
use http::response;
use node::{Action, AttemptId, AttemptReport, Input, ProxyStatus, Reply, Ticket, Timer, Visit};
use smallvec::SmallVec;
use tokio::sync::oneshot;
use topology::NodeId;
use topology::wire::{Close, ProcessEnd};
use trace::{CallEnd, HopId, Outcome, Record, Served, ServedEnd, Time};

use super::entries::Passing;
use super::exchange::{self, Course, Head, Sent};
use super::headers;
use super::processors;
use super::world::{World, lock};

/// What the caller is to get.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A response of the node's own.
    Respond(Reply),
    /// The response of a callee, as it comes.
    Relay(Box<Head>, AttemptId, ProxyStatus),
    /// The response of a callee, which has come.
    PassOn(Box<Held>, ProxyStatus),
    /// The process fails in this way.
    Fail(ProcessEnd),
    /// The connection closes in this way.
    Close(Close),
    /// Nothing: the visit is over.
    Nothing,
}

/// A response of a callee that has come whole.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) parts: response::Parts,
    pub(crate) body: Bytes,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Timer,
    Attempt(AttemptId),
    Worker,
}

enum Event {
    Input(Input),
    Sent(AttemptId, Sent),
    Held(AttemptId, Box<Held>, AttemptReport),
}

/// What is recorded of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// The node's own side.
    Own,
    /// The caller's side too: it came from outside, and its caller keeps no records.
    ForCaller,
    /// Nothing: nobody knows whose request it is.
    Nothing,
}

thread_local! {
    /// Room for the actions of one step, so that a request needs none of its own.
    static ACTIONS: Cell<Vec<Action>> = const { Cell::new(Vec::new()) };
    /// And for its records.
    static RECORDS: Cell<Vec<Record>> = const { Cell::new(Vec::new()) };
}

/// One visit under way. Whoever holds it may drop the future of [`Driver::step`] at any time and
/// go on later, elsewhere: nothing is lost.
pub(crate) struct Driver {
    world: Arc<World>,
    node: NodeId,
    visit: Visit,
    via: Option<HeaderValue>,
    pending: SmallVec<[(Key, BoxFuture<'static, Event>); 2]>,
    heads: SmallVec<[(AttemptId, Box<Head>); 1]>,
    /// The last response that is kept of each call.
    held: Vec<(u16, Box<Held>)>,
    /// The attempts under way, and how far they have come.
    courses: SmallVec<[(HopId, Arc<Course>); 1]>,
    answer: Option<Answer>,
    over: bool,
    epoch: u64,
    /// Its caller is there.
    attended: bool,
    telling: Telling,
    /// Its place in the queue, once it has had one.
    ticket: Option<Ticket>,
    /// What it sends on, if it came from outside.
    passing: Option<Passing>,
}

impl Driver {
    pub(crate) fn new(world: Arc<World>, node: NodeId, visit: Visit, via: Option<HeaderValue>) -> Self {
        let epoch = world.node(node).epoch.load(Ordering::Acquire);
        Self {
            world,
            node,
            visit,
            via,
            pending: SmallVec::new(),
            heads: SmallVec::new(),
            held: Vec::new(),
            courses: SmallVec::new(),
            answer: None,
            over: false,
            epoch,
            attended: true,
            telling: Telling::Own,
            ticket: None,
            passing: None,
        }
    }

    /// It sends on what has come from outside.
    pub(crate) fn sending_on(mut self, passing: Passing) -> Self {
        self.passing = Some(passing);
        self
    }

    /// Records so much.
    pub(crate) fn telling(mut self, telling: Telling) -> Self {
        self.telling = telling;
        self
    }

    /// Whether the visit is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes an input and does what the machine says.
    pub(crate) fn apply(&mut self, input: Input) {
        if self.over {
            return;
        }
        let world = self.world.clone();
        let host = world.node(self.node);
        let input = if host.epoch.load(Ordering::Acquire) == self.epoch { input } else { Input::ProcessDown };
        let (mut actions, mut records) = (ACTIONS.take(), RECORDS.take());
        {
            let mut state = lock(&host.state);
            let tell = &mut |record| records.push(record);
            self.visit.handle(world.clock.now(), input, &world.env(), &mut state, &mut actions, tell);
            // Before anyone else can free a worker: it would look for us in vain.
            for action in &actions {
                if let Action::Queued(ticket) = action {
                    let (grant, granted) = oneshot::channel();
                    lock(&host.waiting).insert(*ticket, grant);
                    self.ticket = Some(*ticket);
                    let granted = async move {
                        // The sender goes away unused only at the end of the run.
                        Event::Input(granted.await.unwrap_or(Input::Granted))
                    };
                    self.pending.push((Key::Worker, Box::pin(granted)));
                }
            }
        }
        for mut record in records.drain(..) {
            if let Record::Attempt(attempt) = &mut record {
                let place = self.courses.iter().position(|(hop, _)| *hop == attempt.hop);
                let course = place.map(|place| self.courses.swap_remove(place).1);
                if attempt.is_given_up() {
                    attempt.had_come(course.map(|course| course.received()).unwrap_or_default());
                }
            }
            self.record(record);
        }
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        ACTIONS.set(actions);
        RECORDS.set(records);
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Queued(_) => {}
            Action::Sleep { timer, until } => self.sleep(timer, until),
            Action::Compute { processors, work, .. } => self.compute(processors, work),
            Action::Wake(ticket) => self.tell(ticket, Input::Granted),
            Action::Shed(ticket) => self.tell(ticket, Input::Shed),
            Action::Send { id, outgoing } => {
                let course = Arc::new(Course::default());
                self.courses.push((outgoing.hop, Arc::clone(&course)));
                let sent = exchange::send(self.world.clone(), outgoing, self.via.clone(), course);
                self.pending.push((Key::Attempt(id), Box::pin(async move { Event::Sent(id, sent.await) })));
            }
            Action::Relay { id, proxy_status } if self.attended => {
                if let Some(head) = self.take_head(id) {
                    self.answer = Some(Answer::Relay(head, id, proxy_status));
                }
            }
            // Where nobody is there to pass it on to, it is read all the same.
            Action::Relay { id, .. } | Action::Drain { id } => {
                if let Some(head) = self.take_head(id) {
                    let drained = async move {
                        let report = head.rest.drain().await;
                        Event::Input(Input::Ended { id, report })
                    };
                    self.pending.push((Key::Attempt(id), Box::pin(drained)));
                }
            }
            Action::Hold { id } => {
                if let Some(head) = self.take_head(id) {
                    let Head { parts, rest } = *head;
                    let read = async move {
                        let (body, report) = rest.collect().await;
                        Event::Held(id, Box::new(Held { parts, body }), report)
                    };
                    self.pending.push((Key::Attempt(id), Box::pin(read)));
                }
            }
            Action::PassOn { slot, proxy_status } => {
                if let Some(place) = self.held.iter().position(|(of, _)| *of == slot) {
                    let (_, held) = self.held.swap_remove(place);
                    self.answer = Some(Answer::PassOn(held, proxy_status));
                }
            }
            Action::Abandon { id } => {
                self.pending.retain(|(key, _)| *key != Key::Attempt(id));
                self.take_head(id);
            }
            Action::Respond(reply) => self.answer = Some(Answer::Respond(reply)),
            Action::Fail(end) => self.answer = Some(Answer::Fail(end)),
            Action::Close(close) => self.answer = Some(Answer::Close(close)),
            Action::Charge { hop, charge } => self.world.tell_charge(hop, charge),
            Action::Finish => {
                self.over = true;
                if let Some(ticket) = self.ticket.take() {
                    // It may have left the queue by itself: nobody else would take it out then.
                    lock(&self.world.node(self.node).waiting).remove(&ticket);
                }
                self.pending.clear();
                self.heads.clear();
                self.held.clear();
                self.passing = None;
            }
        }
    }

    /// Records what is to be told of this visit.
    fn record(&self, record: Record) {
        match (self.telling, &record) {
            (Telling::Nothing, _) => {}
            (Telling::ForCaller, Record::Served(served)) => {
                let (attempt, end) = outside_records(&self.world, served);
                self.world.record(record);
                self.world.record(attempt);
                self.world.record(end);
            }
            _ => self.world.record(record),
        }
    }

    /// Tells a visit in the queue what has become of its place.
    fn tell(&self, ticket: Ticket, input: Input) {
        if let Some(waiting) = lock(&self.world.node(self.node).waiting).remove(&ticket) {
            // Its visit may just have been dropped with the run.
            let _ = waiting.send(input);
        }
    }

    fn sleep(&mut self, timer: Timer, until: Time) {
        let world = self.world.clone();
        let wait = async move {
            match timer {
                // A deadline is seldom reached, and need not be precise.
                Timer::Deadline => tokio::time::sleep_until(world.clock.instant(until)).await,
                Timer::Work | Timer::Backoff(_) | Timer::Hedge(_) => world.clock.sleep_until(until).await,
            }
            Event::Input(Input::Woke(timer))
        };
        self.pending.push((Key::Timer, Box::pin(wait)));
    }

    fn compute(&mut self, processors: u32, work: Duration) {
        let done = processors::compute(&self.world, self.node, processors, work);
        self.pending.push((
            Key::Timer,
            Box::pin(async move {
                done.await;
                Event::Input(Input::Woke(Timer::Work))
            }),
        ));
    }

    fn take_head(&mut self, id: AttemptId) -> Option<Box<Head>> {
        let place = self.heads.iter().position(|(of, _)| *of == id)?;
        Some(self.heads.swap_remove(place).1)
    }

    /// Waits for one thing to happen, and takes it.
    async fn step(&mut self) {
        let pending = &mut self.pending;
        let event = poll_fn(|cx| {
            for place in 0..pending.len() {
                if let Poll::Ready(event) = pending[place].1.as_mut().poll(cx) {
                    drop(pending.swap_remove(place));
                    return Poll::Ready(event);
                }
            }
            Poll::Pending
        })
        .await;
        match event {
            Event::Input(input) => self.apply(input),
            Event::Sent(id, Sent::Ended(report)) => self.apply(Input::Ended { id, report }),
            Event::Held(id, held, report) => {
                self.held.retain(|(slot, _)| *slot != id.slot);
                self.held.push((id.slot, held));
                self.apply(Input::Ended { id, report });
            }
            Event::Sent(id, Sent::Head(head)) => {
                let status = head.parts.status.as_u16();
                let retry_after = headers::retry_after(&head.parts.headers, SystemTime::now());
                self.heads.push((id, head));
                self.apply(Input::Head { id, status, retry_after });
            }
        }
    }

    /// Goes on until there is something for the caller.
    pub(crate) async fn until_answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.answer.take() {
                return answer;
            }
            if self.over {
                return Answer::Nothing;
            }
            self.step().await;
        }
    }

    /// Goes on as far as it can without waiting; ready once the visit is over.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::pin::pin!(self.until_over()).poll(cx)
    }

    /// Goes on until the visit is over.
    pub(crate) async fn until_over(&mut self) {
        while !self.over {
            self.step().await;
        }
    }
}

/// Keeps a visit going when its caller hangs up: the server drops the handler's future then, but
/// what becomes of the work is the machine's decision, and it must be recorded in any case.
pub(crate) struct Attended(Option<Box<Driver>>);

impl Attended {
    pub(crate) fn new(driver: Driver) -> Self {
        Self(Some(Box::new(driver)))
    }

    pub(crate) fn driver(&mut self) -> &mut Driver {
        self.0.as_mut().expect("it is only taken as this is dropped")
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some(mut driver) = self.0.take() else { return };
        driver.attended = false;
        driver.apply(Input::CallerGone);
        if !driver.is_over()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                let world = driver.world.clone();
                tokio::select! {
                    () = driver.until_over() => {}
                    () = world.over.wait() => driver.apply(Input::RunEnds),
                }
            });
        }
    }
}

/// What a caller outside this process would have recorded, as far as its callee can know.
fn outside_records(world: &World, served: &Served) -> (Record, Record) {
    let root = HopId::root(served.call);
    let outcome = match (served.status, served.end) {
        (Some(status), ServedEnd::Answered) => Outcome::Answered(status),
        (status, ServedEnd::CallerGone) => Outcome::Failed { failure: topology::Failure::Cancelled, status },
        (status, _) => Outcome::Failed { failure: topology::Failure::ConnectionTerminated, status },
    };
    let Served { call, hop, edge, arrived, finished, .. } = *served;
    let begun = trace::Begun { call, hop, parent: root, edge, attempt: 1, at: arrived };
    let attempt = trace::Attempt { outcome, ..begun.until(finished) };
    let end = CallEnd {
        call: served.call,
        client: world.edge(served.edge).caller,
        start: served.arrived,
        end: served.finished,
        status: outcome.status(),
        failure: outcome.failure(),
        attempts: 1,
        decisive: Some(served.hop),
        parent: None,
    };
    (Record::Attempt(attempt), Record::Call(end))
}
