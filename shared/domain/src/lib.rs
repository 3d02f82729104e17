//! Ids, the clock, membership and the merge: pure rules, without I/O.

pub mod clock;
pub mod ids;
pub mod membership;
pub mod merge;
