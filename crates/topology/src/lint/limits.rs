//! Sizes that one node accepts and the next does not.

pub(super) mod body;
pub(super) mod head;
