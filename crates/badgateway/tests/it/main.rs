//! End to end.

mod drawn;
