//! Subjects of commits.

use crate::{Rule, Violation};

/// Commit after which the rule holds.
pub const BASE: &str = "c9adc0fe05d50c942c9c57160c539bdc001e9225";

/// Longest subject, in characters.
const LONGEST: usize = 72;

/// A commit by its abbreviated id and its subject.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Abbreviated id.
    pub id: String,
    /// First line of the message.
    pub subject: String,
}

/// Finds subjects that are too long.
#[must_use]
pub fn check(commits: &[Commit]) -> Vec<Violation> {
    commits
        .iter()
        .filter(|commit| commit.subject.chars().count() > LONGEST)
        .map(|commit| Violation {
            file: format!("commit {}", commit.id),
            line: 1,
            rule: Rule::CommitSubject,
            remedy: format!(
                "subject of {} characters, at most {LONGEST}: move detail into the body",
                commit.subject.chars().count()
            ),
        })
        .collect()
}
