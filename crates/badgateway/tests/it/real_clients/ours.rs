//! The presets, in our own live engine.

use std::sync::{Arc, Mutex};

use sim::live::{Stop, run};
use topology::Scenario;
use topology::scenario::presets;
use trace::{Attempt, CallEnd, Record, Sink, Time};

use super::Done;
use super::expected::{CLIENTS, Client, Row};
use super::scripts::{TIMEOUT, edge};

/// Attempts and calls; it ends the run after so many calls.
struct Kept {
    left: usize,
    stop: Stop,
    records: Arc<Mutex<(Vec<Attempt>, Vec<CallEnd>)>>,
}

impl Sink for Kept {
    fn record(&mut self, record: Record) -> std::io::Result<()> {
        let mut records = self.records.lock().unwrap();
        match record {
            Record::Attempt(attempt) => records.0.push(attempt),
            Record::Call(call) => {
                records.1.push(call);
                self.left = self.left.saturating_sub(1);
                if self.left == 0 {
                    self.stop.now();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn tick(&mut self, _: Time) -> std::io::Result<()> {
        Ok(())
    }
}

/// The scenario with each row's preset in force, where there is one.
pub(super) fn with_presets(scenario: &Scenario, rows: &[(&Client, &Row)]) -> Scenario {
    let mut scenario = scenario.clone();
    for client in CLIENTS.iter().filter(|client| is_there(client)) {
        let mut with = scenario.clone();
        with.apply_strategy(client.preset).unwrap();
        for (n, (_, row)) in rows.iter().enumerate().filter(|(_, (of, _))| of.name == client.name) {
            let edge = edge(&scenario, n);
            let mut policy = with.topology.edge(edge).policy.clone();
            if row.script.has_timeout() {
                policy.timeout = Some(TIMEOUT);
                policy.connect_timeout = TIMEOUT;
            }
            scenario.topology.edge_mut(edge).policy = policy;
        }
    }
    scenario
}

/// Whether badgateway has the client's preset.
pub(super) fn is_there(client: &Client) -> bool {
    presets::find(client.preset).is_some()
}

/// Makes each row's call.
pub(super) fn call(scenario: &Arc<Scenario>, rows: &[(&Client, &Row)]) -> Vec<Done> {
    let (stop, records) = (Stop::new(), Arc::default());
    let sink = Kept { left: rows.len(), stop: stop.clone(), records: Arc::clone(&records) };
    run(scenario, &stop, sink, |_| {}).unwrap();
    let (attempts, calls) = std::mem::take(&mut *records.lock().unwrap());
    let done = |n| {
        let edge = edge(scenario, n);
        let mut attempts: Vec<_> = attempts.iter().filter(|attempt| attempt.edge == edge).collect();
        attempts.sort_by_key(|attempt| attempt.start);
        let call = calls.iter().find(|call| Some(call.call) == attempts.first().map(|a| a.call));
        done(&attempts, call.expect("every call has ended"))
    };
    (0..rows.len()).map(done).collect()
}

fn done(attempts: &[&Attempt], call: &CallEnd) -> Done {
    let seconds = |at: Time| at.since_start().as_secs_f64();
    let last = attempts.last().map_or(call.start, |attempt| attempt.end);
    Done {
        attempts: attempts.iter().map(|a| (seconds(a.start), seconds(a.end))).collect(),
        rest: call.end.since(last).as_secs_f64(),
        sleeps: Vec::new(),
        outcome: format!("status {:?}, failure {:?}", call.status, call.failure),
        succeeded: call.is_ok(),
    }
}
