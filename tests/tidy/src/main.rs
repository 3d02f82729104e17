//! Lists violations: `tidy [--root ROOT] [PATH...]`, below the given paths or everywhere.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tidy::repository::Repository;

fn main() -> io::Result<ExitCode> {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    let root = if arguments.len() > 1 && arguments[0] == "--root" {
        PathBuf::from(arguments.drain(..2).nth(1).unwrap_or_default())
    } else {
        find_root(&std::env::current_dir()?)
    };
    let paths: Vec<_> = arguments.iter().map(|path| below(&root, path)).collect();
    let found = tidy::check(&Repository::read(&root)?);
    let mut out = io::stdout().lock();
    let mut counts = BTreeMap::new();
    for violation in &found {
        let file = Path::new(&violation.file);
        if paths.is_empty() || paths.iter().any(|path| file.starts_with(path)) {
            writeln!(out, "{violation}")?;
            *counts.entry(violation.rule).or_insert(0) += 1;
        }
    }
    for (rule, count) in &counts {
        writeln!(out, "{count:6} {}", rule.name())?;
    }
    Ok(if counts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the nearest folder above that has a `Cargo.lock`.
fn find_root(from: &Path) -> PathBuf {
    let root = from.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or(from).to_owned()
}

/// Takes a path relative to the root.
fn below(root: &Path, path: &str) -> PathBuf {
    let path = Path::new(path);
    let path = path.strip_prefix(root).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).to_owned()
}
