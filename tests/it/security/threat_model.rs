//! The threat model in `SECURITY.md` names tests for each attack, and has each attack that is
//! tested here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Adds the names of all tests in the source files under a directory.
fn add_tests(directory: &Path, found: &mut BTreeSet<String>) {
    for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            add_tests(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let mut is_test = false;
            for line in fs::read_to_string(&path).unwrap().lines().map(str::trim) {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some((name, _)) = rest.and_then(|rest| rest.split_once('(')) {
                    found.extend(is_test.then(|| name.to_owned()));
                    is_test = false;
                }
            }
        }
    }
}

/// Returns each row's attack, with the tests that it names.
fn rows(model: &str) -> Vec<(&str, BTreeSet<&str>)> {
    let (_, table) = model.split_once("| attack | what holds | test |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let is_test = |name: &&str| name.contains('_') && !name.contains(['/', ' ']);
    let cells = table.lines().skip(2).map(|row| row.split('|').collect::<Vec<_>>());
    cells.map(|row| (row[1].trim(), row[3].split('`').filter(is_test).collect())).collect()
}

#[test]
fn every_attack_has_a_row_and_every_row_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut all, mut attacks) = (BTreeSet::new(), BTreeSet::new());
    for place in ["tests/it", "shared", "functions"] {
        add_tests(&root.join(place), &mut all);
    }
    add_tests(&root.join("tests/it/security"), &mut attacks);
    attacks.remove("every_attack_has_a_row_and_every_row_a_test");
    assert!(attacks.len() > 35, "{attacks:?}");
    let model = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rows = rows(&model);
    assert!(rows.len() > 30, "{}", rows.len());
    let mut named = BTreeSet::new();
    for (attack, tests) in rows {
        assert!(!tests.is_empty(), "no test for: {attack}");
        for test in tests {
            assert!(all.contains(test), "no test {test} for: {attack}");
            named.insert(test.to_owned());
        }
    }
    let missing: Vec<_> = attacks.difference(&named).collect();
    assert!(missing.is_empty(), "attacks without a row: {missing:?}");
}
