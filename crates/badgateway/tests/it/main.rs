//! End to end.

mod drawn;
mod inputs;
mod interrupts;
mod readme;
mod runs;
mod support;
mod terminal;
