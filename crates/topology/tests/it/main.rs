//! What a scenario's text becomes.

mod mistakes;
mod round_trip;
