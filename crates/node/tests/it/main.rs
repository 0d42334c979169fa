//! The node machine, driven by hand.

#![expect(clippy::unwrap_used, reason = "clippy knows tests only by their attribute, not their helpers")]

mod bench;
mod decisions;
mod invariants;
mod policies;
mod published;
