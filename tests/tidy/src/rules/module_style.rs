//! One style of module: `x.rs` for a leaf, `x/mod.rs` for a module with children.

use std::collections::BTreeSet;

use crate::source::Source;
use crate::{Rule, Violation};

/// Finds `x.rs` beside a folder `x`.
#[must_use]
pub fn check(files: &[Source]) -> Vec<Violation> {
    let folders: BTreeSet<&str> = files
        .iter()
        .filter(|file| file.is_rust())
        .flat_map(|file| file.path.match_indices('/').map(|(at, _)| &file.path[..at]))
        .collect();
    files
        .iter()
        .filter(|file| file.path.strip_suffix(".rs").is_some_and(|stem| folders.contains(stem)))
        .map(|file| {
            let stem = file.path.trim_end_matches(".rs");
            file.violation(
                1,
                Rule::ModuleStyle,
                format!("is beside folder {stem}/: move it to {stem}/mod.rs"),
            )
        })
        .collect()
}
