//! Which observations are of one request or trace: those that have a key in common, directly or by way of
//! others.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::observation::{Between, Call, Observation, Try, Visit};

/// What is known of one request, or of one trace.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// What it is called by those who look for it.
    pub(crate) keys: Vec<String>,
    pub(crate) visits: Vec<Visit>,
    pub(crate) tries: Vec<Made>,
    pub(crate) calls: Vec<Call>,
    pub(crate) between: HashMap<String, String>,
}

/// An attempt, and for which of the group's visits it was made, if its line says so.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) made: Try,
    pub(crate) of: Option<usize>,
}

/// Sets that are joined, by the number of one of theirs.
#[derive(Debug, Default)]
struct Sets(Vec<usize>);

impl Sets {
    fn new_one(&mut self) -> usize {
        self.0.push(self.0.len());
        self.0.len() - 1
    }

    fn of(&mut self, mut one: usize) -> usize {
        while self.0[one] != one {
            self.0[one] = self.0[self.0[one]];
            one = self.0[one];
        }
        one
    }

    fn join(&mut self, one: usize, other: usize) -> usize {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other)] = one.min(other);
        one.min(other)
    }
}

/// The groups, in the order in which they were first heard of. What belongs to no request is left out.
pub(crate) fn groups(observations: Vec<Observation>) -> Vec<Group> {
    let mut sets = Sets::default();
    let mut by_key: IndexMap<String, usize> = IndexMap::new();
    let mut placed = Vec::with_capacity(observations.len());
    for observation in observations {
        if matches!(observation, Observation::Process { .. } | Observation::Link { .. }) {
            continue;
        }
        let mut own = None;
        for key in observation.keys() {
            own = Some(match (by_key.get(key), own) {
                (Some(&known), Some(own)) => sets.join(known, own),
                (Some(&known), None) => known,
                (None, Some(own)) => {
                    by_key.insert(key.clone(), own);
                    own
                }
                (None, None) => {
                    let new = sets.new_one();
                    by_key.insert(key.clone(), new);
                    new
                }
            });
        }
        placed.push((own.unwrap_or_else(|| sets.new_one()), observation));
    }
    let mut place_of: HashMap<usize, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (set, observation) in placed {
        let place = *place_of.entry(sets.of(set)).or_insert_with(|| {
            groups.push(Group::default());
            groups.len() - 1
        });
        groups[place].add(observation);
    }
    // Each key is one group's alone.
    for (key, set) in by_key {
        if let Some(&place) = place_of.get(&sets.of(set)) {
            groups[place].keys.push(key);
        }
    }
    groups
}

impl Group {
    fn add(&mut self, observation: Observation) {
        match observation {
            Observation::Visit(visit, tries) => {
                let of = Some(self.visits.len());
                self.visits.push(*visit);
                self.tries.extend(tries.into_iter().map(|made| Made { made, of }));
            }
            Observation::Try(made) => self.tries.push(Made { made: *made, of: None }),
            Observation::Call(call) => self.calls.push(*call),
            Observation::Between(Between { span, parent, .. }) => {
                self.between.insert(span, parent);
            }
            Observation::Process { .. } | Observation::Link { .. } => {}
        }
    }
}
