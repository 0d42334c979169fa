//! The models of `../tandem.yaml` and `../chain.yaml` in NeXosim, on one thread.
//!
//! `nexosim-models tandem|chain SECONDS` runs one for so many seconds of virtual time, and prints how many
//! calls that were, the seconds they took, and their mean latency: see `../models.py`.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::{EventSinkReader, Output, SinkState, event_slot};
use nexosim::simulation::{EventKey, Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use rand::SeedableRng;
use rand_distr::{Distribution, Exp};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// Calls a second.
const RATE: f64 = 1000.0;
/// The mean service time in the tandem, in seconds.
const WORK: f64 = 0.0008;
/// That of the chain's last node.
const LAST_WORK: f64 = 0.005;
const TRANSIT: Duration = Duration::from_micros(30);
const TIMEOUT: Duration = Duration::from_secs(1);
const HOPS: u64 = 4;

/// A call: its number, and when it began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Call {
    number: u64,
    begun: MonotonicTime,
}

fn exponential(rng: &mut Pcg64Mcg, rate: f64) -> Duration {
    Duration::from_secs_f64(Exp::new(rate).expect("rates are positive").sample(rng))
}

/// Where calls come from.
#[derive(Serialize, Deserialize)]
struct Arrivals {
    rng: Pcg64Mcg,
    end: MonotonicTime,
    next: u64,
    output: Output<Call>,
}

#[Model]
impl Arrivals {
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        let gap = exponential(&mut self.rng, RATE);
        cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("it lies ahead");
    }

    #[nexosim(schedulable)]
    async fn arrive(&mut self, (): (), cx: &Context<Self>) {
        let begun = cx.time();
        if begun >= self.end {
            return;
        }
        let gap = exponential(&mut self.rng, RATE);
        cx.schedule_event(gap, schedulable!(Self::arrive), ()).expect("it lies ahead");
        self.output.send(Call { number: self.next, begun }).await;
        self.next += 1;
    }
}

/// A queue with one server.
#[derive(Serialize, Deserialize)]
struct Queue {
    rng: Pcg64Mcg,
    waiting: VecDeque<Call>,
    output: Output<Call>,
}

#[Model]
impl Queue {
    fn arrive(&mut self, call: Call, cx: &Context<Self>) {
        self.waiting.push_back(call);
        if self.waiting.len() == 1 {
            self.work(cx);
        }
    }

    fn work(&mut self, cx: &Context<Self>) {
        let work = exponential(&mut self.rng, 1.0 / WORK);
        cx.schedule_event(work, schedulable!(Self::done), ()).expect("it lies ahead");
    }

    #[nexosim(schedulable)]
    async fn done(&mut self, (): (), cx: &Context<Self>) {
        let Some(call) = self.waiting.pop_front() else { return };
        if !self.waiting.is_empty() {
            self.work(cx);
        }
        self.output.send(call).await;
    }
}

/// A node of the chain, which calls the next one or works: with a way there and back, and a time-out.
#[derive(Serialize, Deserialize)]
struct Hop {
    rng: Pcg64Mcg,
    /// The client is the first, and answers nobody.
    is_first: bool,
    is_last: bool,
    #[serde(skip)]
    timeouts: HashMap<u64, EventKey>,
    next: Output<Call>,
    back: Output<Call>,
}

#[Model]
impl Hop {
    /// A request arrives.
    fn arrive(&mut self, call: Call, cx: &Context<Self>) {
        if self.is_last {
            let work = exponential(&mut self.rng, 1.0 / LAST_WORK);
            cx.schedule_event(work + TRANSIT, schedulable!(Self::answer), call).expect("it lies ahead");
        } else {
            let key = cx.schedule_keyed_event(TIMEOUT, schedulable!(Self::time_out), call.number);
            self.timeouts.insert(call.number, key.expect("it lies ahead"));
            cx.schedule_event(TRANSIT, schedulable!(Self::ask), call).expect("it lies ahead");
        }
    }

    #[nexosim(schedulable)]
    async fn ask(&mut self, call: Call) {
        self.next.send(call).await;
    }

    /// The answer of the next node has come.
    async fn answered(&mut self, call: Call, cx: &Context<Self>) {
        let Some(key) = self.timeouts.remove(&call.number) else { return };
        key.cancel();
        if self.is_first {
            self.back.send(call).await;
        } else {
            cx.schedule_event(TRANSIT, schedulable!(Self::answer), call).expect("it lies ahead");
        }
    }

    #[nexosim(schedulable)]
    async fn answer(&mut self, call: Call) {
        self.back.send(call).await;
    }

    #[nexosim(schedulable)]
    async fn time_out(&mut self, number: u64) {
        assert!(self.timeouts.remove(&number).is_none(), "a time-out is as good as impossible here");
    }
}

/// What has come of the calls.
#[derive(Default, Serialize, Deserialize)]
struct Results {
    calls: u64,
    latency: Duration,
    output: Output<(u64, Duration)>,
}

#[Model]
impl Results {
    async fn ended(&mut self, call: Call, cx: &Context<Self>) {
        self.calls += 1;
        self.latency += cx.time().duration_since(call.begun);
        self.output.send((self.calls, self.latency)).await;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, seconds] = arguments.as_slice() else { return Err("tandem|chain SECONDS".into()) };
    let start = MonotonicTime::EPOCH;
    let end = start + Duration::from_secs(seconds.parse()?);
    let rng = Pcg64Mcg::seed_from_u64;

    let mut arrivals = Arrivals { rng: rng(0), end, next: 0, output: Output::default() };
    let mut results = Results::default();
    let (sink, mut slot) = event_slot(SinkState::Enabled);
    results.output.connect_sink(sink);
    let (arrivals_mailbox, results_mailbox) = (Mailbox::new(), Mailbox::new());
    let mut bench = SimInit::with_num_threads(1);
    match model.as_str() {
        "tandem" => {
            // From the last to the first: each needs the mailbox of the next one.
            let last = Mailbox::new();
            let mut queue = Queue { rng: rng(HOPS), waiting: VecDeque::new(), output: Output::default() };
            queue.output.connect(Results::ended, &results_mailbox);
            let mut next = last.address();
            bench = bench.add_model(queue, last, &format!("q{HOPS}"));
            for place in (1..HOPS).rev() {
                let mailbox = Mailbox::new();
                let mut queue =
                    Queue { rng: rng(place), waiting: VecDeque::new(), output: Output::default() };
                queue.output.connect(Queue::arrive, next);
                next = mailbox.address();
                bench = bench.add_model(queue, mailbox, &format!("q{place}"));
            }
            arrivals.output.connect(Queue::arrive, next);
        }
        "chain" => {
            // The client and the nodes behind it.
            let mailboxes: Vec<Mailbox<Hop>> = (0..=HOPS).map(|_| Mailbox::new()).collect();
            let addresses: Vec<_> = mailboxes.iter().map(Mailbox::address).collect();
            arrivals.output.connect(Hop::arrive, addresses[0].clone());
            for (place, mailbox) in (0..=HOPS).zip(mailboxes) {
                let mut hop = Hop {
                    rng: rng(place + 1),
                    is_first: place == 0,
                    is_last: place == HOPS,
                    timeouts: HashMap::new(),
                    next: Output::default(),
                    back: Output::default(),
                };
                let index = usize::try_from(place)?;
                if let Some(next) = addresses.get(index + 1) {
                    hop.next.connect(Hop::arrive, next.clone());
                }
                match index.checked_sub(1) {
                    Some(before) => hop.back.connect(Hop::answered, addresses[before].clone()),
                    None => hop.back.connect(Results::ended, &results_mailbox),
                }
                bench = bench.add_model(hop, mailbox, &format!("n{place}"));
            }
        }
        other => return Err(format!("`{other}` is no model: tandem or chain").into()),
    }
    let mut simulation = bench
        .add_model(arrivals, arrivals_mailbox, "arrivals")
        .add_model(results, results_mailbox, "results")
        .init(start)?;

    let began = Instant::now();
    simulation.run()?;
    let took = began.elapsed().as_secs_f64();
    let (calls, latency) = slot.try_read().ok_or("no call has ended")?;
    let mean_ms = latency.as_secs_f64() * 1e3 / calls as f64;
    println!("{{\"calls\": {calls}, \"seconds\": {took:.4}, \"mean_ms\": {mean_ms:.4}}}");
    Ok(())
}
