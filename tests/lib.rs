//! Empty: all tests are in `it`.
