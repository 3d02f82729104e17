//! The rules over the repository, and each rule alone.

mod repository;
mod rules;
