//! The virtual engine beside theory and published results: `docs/fidelity.md`.
//!
//! Each row is a scenario, run to its end under many seeds, and what is to be expected of it. The
//! difference must be within 3.3 standard errors over the seeds (two-sided, one in a thousand). The
//! ordinary run is short, and asks that a difference of a fifth would be noticed. The full one asks for the limit
//! of each figure as well, takes some minutes, and makes the tables of the document:
//!
//! ```text
//! FIDELITY=full UPDATE_DOCS=1 cargo test --release --package sim --test theory
//! ```
//!
//! The ordinary run holds the document to the same rows, expectations and verdicts, and to the same
//! figures where both sizes are the same.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows tests only by their attribute, not their helpers"
)]

mod amplification;
mod backoff;
mod budgets;
mod document;
mod formulas;
mod metastability;
mod queueing;
mod row;
mod seen;

use row::hold;

#[test]
fn one_server() {
    hold("one server", &queueing::single::rows());
}

#[test]
fn several_servers() {
    hold("several servers", &queueing::several::rows());
}

#[test]
fn callers() {
    hold("callers", &queueing::callers::rows());
}

#[test]
fn amplification() {
    hold("amplification", &amplification::rows());
}

#[test]
fn budgets() {
    hold("budgets", &budgets::rows());
}

#[test]
fn backoff() {
    hold("backoff", &backoff::rows());
}

#[test]
fn metastability() {
    hold("metastability", &metastability::rows());
}
