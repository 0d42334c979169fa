//! What a scenario's text becomes.

#![expect(clippy::unwrap_used, reason = "clippy knows tests only by their attribute, not their helpers")]

mod docs;
mod hostile;
mod meaning;
mod misfit;
mod mistakes;
mod round_trip;
mod schema;
