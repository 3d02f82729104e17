//! What everything costs, counted by the services and by the table. The numbers are those that the README publishes.

use sandbox::costs::{self, Situation, Table};

/// Webex calls, Graph calls, of them writes, one after the other; reads and writes of the table, items written.
const EXPECTED: [(&str, [u64; 7]); 13] = [
    ("a new team of nine people", [4, 1, 1, 4, 6, 5, 27]),
    ("a message older than the last reading", [0, 0, 0, 0, 1, 0, 0]),
    ("a team in step", [2, 1, 0, 1, 2, 2, 2]),
    ("one person joined the team", [2, 2, 1, 2, 4, 3, 7]),
    ("the echo of an own write", [2, 1, 0, 1, 2, 2, 2]),
    ("the look 15 minutes after a change", [2, 1, 0, 1, 2, 2, 3]),
    ("45 people joined at once", [2, 4, 3, 4, 4, 4, 96]),
    ("one person removed from the team", [3, 2, 1, 3, 5, 4, 7]),
    ("a person joins the team, with all that follows", [8, 5, 1, 5, 15, 9, 14]),
    ("a person leaves the team, with all that follows", [9, 5, 1, 6, 16, 10, 14]),
    ("a team of four is made, with all that follows", [12, 5, 1, 8, 19, 13, 29]),
    ("a space of a team is made, with its folder and all that follows", [12, 3, 1, 11, 25, 14, 18]),
    ("a space of a team is renamed, with its folder and all that follows", [4, 3, 1, 5, 8, 9, 12]),
];

/// What is wrong with one situation, and the calls that it made.
fn wrong(found: &Situation, expected: [u64; 7]) -> Option<String> {
    let calls =
        || found.calls.iter().map(|call| format!("{} {} {}", call.at, call.method, call.path)).collect::<Vec<_>>();
    let numbers = found.cost.numbers();
    (numbers != expected).then(|| format!("{}: {numbers:?} instead of {expected:?}\n{:#?}\n", found.name, calls()))
}

#[tokio::test]
async fn each_situation_costs_exactly_this_and_the_readme_says_so() {
    let found = costs::situations().await.unwrap();
    assert_eq!(found.iter().map(|one| one.name).collect::<Vec<_>>(), EXPECTED.map(|(name, _)| name));
    let wrong: String =
        found.iter().zip(EXPECTED).filter_map(|(found, (_, expected))| wrong(found, expected)).collect();
    assert!(wrong.is_empty(), "{wrong}");
    is_published(&Table(&found).to_string());
}

#[tokio::test]
async fn the_bill_of_a_month_is_as_the_readme_says() {
    is_published(&costs::bill().await.unwrap().to_string());
}

/// The README has this table, as `cargo run -p sandbox -- costs` prints it.
fn is_published(table: &str) {
    let readme = include_str!("../../README.md");
    assert!(readme.contains(table), "the README does not say this:\n{table}");
}
