//! The rules over the tracked files of this repository.

use std::path::Path;

use tidy::Rule;
use tidy::repository::Repository;

#[test]
fn repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = tidy::check(&Repository::read(&root).unwrap());
    for rule in Rule::ALL {
        let count = found.iter().filter(|violation| violation.rule == rule).count();
        println!("{count:6} {}", rule.name());
    }
    let listed: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "{} violations:\n{}", listed.len(), listed.join("\n"));
}
