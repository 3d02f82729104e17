//! Nothing but tests: they are in `it`.
