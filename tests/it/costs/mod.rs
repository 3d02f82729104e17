//! Costs of each situation, counted by the services and the table, as published.

mod load;
mod scale;

use bench::costs::{self, Cost, Situation, Table};

/// Webex calls, Graph calls, Graph writes, sequential calls; table reads, table writes, items
/// written.
const EXPECTED: [(&str, [u64; 7]); 13] = [
    ("a new team of nine people", [4, 1, 1, 4, 6, 5, 27]),
    ("a message older than the last reading", [0, 0, 0, 0, 1, 0, 0]),
    ("a team in sync", [2, 1, 0, 1, 2, 2, 2]),
    ("one person joined the team", [2, 2, 1, 2, 4, 3, 7]),
    ("the echo of our own write", [2, 1, 0, 1, 2, 2, 3]),
    ("the sync 15 minutes after a change", [2, 1, 0, 1, 2, 2, 3]),
    ("45 people joined at once", [2, 4, 3, 4, 4, 4, 96]),
    ("one person removed from the team", [4, 2, 1, 4, 5, 3, 7]),
    ("a person joins the team, with all follow-ups", [8, 5, 1, 5, 15, 9, 15]),
    ("a person leaves the team, with all follow-ups", [17, 10, 1, 13, 31, 15, 24]),
    ("a team of four is created, with all follow-ups", [12, 5, 1, 8, 21, 24, 44]),
    ("a space is created, with its folder and all follow-ups", [15, 5, 1, 14, 25, 15, 19]),
    ("a space is renamed, with its folder and all follow-ups", [4, 4, 1, 6, 8, 7, 10]),
];

/// Describes a situation whose costs differ, with its calls.
fn mismatch(found: &Situation, expected: [u64; 7]) -> Option<String> {
    let calls = || {
        found
            .calls
            .iter()
            .map(|call| format!("{} {} {}", call.at, call.method, call.path))
            .collect::<Vec<_>>()
    };
    let numbers = found.cost.numbers();
    (numbers != expected)
        .then(|| format!("{}: {numbers:?} instead of {expected:?}\n{:#?}\n", found.name, calls()))
}

#[tokio::test]
async fn situations_cost_what_is_published() {
    let found = costs::situations().await.unwrap();
    assert_eq!(
        found.iter().map(|one| one.name).collect::<Vec<_>>(),
        EXPECTED.map(|(name, _)| name)
    );
    let wrong: String = found
        .iter()
        .zip(EXPECTED)
        .filter_map(|(found, (_, expected))| mismatch(found, expected))
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
    assert_published(&Table(&found).to_string());
}

#[tokio::test]
async fn monthly_bill_is_as_published() {
    let bill = costs::bill().await.unwrap();
    assert_published(&bill.to_string());
    let cost = Cost { webex: 2, ..Cost::default() };
    let situations = [Situation { name: "a team in sync", cost, calls: vec![] }];
    let json = costs::json(&situations, &bill);
    assert_eq!(json["situations"][0]["name"], "a team in sync");
    assert_eq!(json["situations"][0]["webex"], 2);
    assert_eq!(json["dollars_of_a_tenant"]["100"], bill.share(100.0));
}

/// Asserts that the documents contain this table.
fn assert_published(table: &str) {
    let readme = include_str!("../../../docs/MEASUREMENTS.md");
    assert!(readme.contains(table), "the README does not say this:\n{table}");
}
