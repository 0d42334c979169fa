//! What a scenario's text becomes.

mod hostile;
mod mistakes;
mod round_trip;
mod schema;
