//! Breakers: that never open, that open at once, and that are missing.

pub(super) mod eager;
pub(super) mod never;
pub(super) mod replicas;
