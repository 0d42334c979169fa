//! Each mechanism at each place of one chain: what chance may never draw.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use report::Figures;
use topology::profile::Profile;

use crate::drawn::{
    EDGE_FAULTS, GATEWAY_FAULTS, NODE_FAULTS, SHARED_EDGE_FAULTS, check, figures, is_state, over_http_2,
    virtual_figures,
};

/// A client, two gateways and a server, with one fault. Each waits longer than those below it.
fn scenario(profile: &str, place: &str, fault: &str) -> String {
    let probability = if is_state(fault) { "" } else { ", probability: 50%" };
    format!(
        "name: placed
duration: 500ms
seed: 3
nodes:
  n0: {{ kind: client }}
  n1: {{ kind: gateway, profile: {profile} }}
  n2: {{ kind: gateway, profile: {profile} }}
  n3: {{ kind: server, service_time: 2ms, workers: 64 }}
edges:
  - n0 -> n1: {{ timeout: 160ms, connect_timeout: 60ms }}
  - n1 -> n2: {{ timeout: 130ms, connect_timeout: 60ms }}
  - n2 -> n3: {{ timeout: 100ms, connect_timeout: 60ms }}
load:
  - {{ from: n0, rate: 60/s, request: {{ method: POST, body: {{ size: 50B }} }} }}
faults:
  - {{ at: {place}, {fault}, start: 100ms{probability} }}
"
    )
}

/// Each mechanism at each place, with these profiles for the place with this number.
fn scenarios(profiles: impl Fn(usize) -> Vec<&'static Profile>) -> Vec<String> {
    let edges = &["n0 -> n1", "n1 -> n2", "n2 -> n3"][..];
    let placed = [
        (false, EDGE_FAULTS, edges),
        (false, GATEWAY_FAULTS, &["n1", "n2"]),
        (false, NODE_FAULTS, &["n1", "n2", "n3"]),
        (true, SHARED_EDGE_FAULTS, edges),
        (true, NODE_FAULTS, &["n1", "n2", "n3"]),
    ];
    let mut scenarios = Vec::new();
    for (is_shared, faults, places) in placed {
        for (i, fault) in faults.iter().enumerate() {
            for (j, place) in places.iter().enumerate() {
                let made = profiles(i + j).into_iter().map(|profile| scenario(profile.name, place, fault));
                scenarios.extend(made.map(|text| if is_shared { over_http_2(&text) } else { text }));
            }
        }
    }
    scenarios
}

#[test]
fn every_mechanism_is_recognised_at_every_place() {
    // By turns: no two places next to each other have the same profile.
    recognised(figures, &scenarios(|place| vec![Profile::ALL[place % Profile::ALL.len()]]));
}

#[test]
fn every_mechanism_is_recognised_at_every_place_in_virtual_time() {
    recognised(virtual_figures, &scenarios(|_| Profile::ALL.to_vec()));
}

fn recognised(figures: fn(&str) -> Figures, scenarios: &[String]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let broke = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(text) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let figures = figures(text);
                    broke.fetch_add(usize::from(figures.score.single.total > 0), Ordering::Relaxed);
                    if !check(text, &figures).is_empty() {
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    // A machine that stalls spoils one run, a fault of ours each: once more, alone.
    let again = wrong.into_inner().unwrap();
    let wrong: Vec<_> = again.into_iter().flat_map(|text| check(text, &figures(text))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A few break nothing in so light a load: one worker is enough for it.
    let (broke, all) = (broke.into_inner(), scenarios.len());
    assert!(broke * 10 >= all * 9, "{broke} of {all} broke anything");
}
