//! Scale: large customers, and many of them, in simulated time.
//!
//! First syncs up to the services' quotas, reconciliation cycles over idle links, and a large
//! directory.

mod directory;
mod first_sync;
mod idle;
mod plot;
mod tally;

use std::fmt::{Display, Formatter};

pub use directory::{Directory, directory};
pub use first_sync::{FirstSync, Size, first_sync};
pub use idle::{Idle, create_links, idle};
pub use plot::plot;
pub use tally::{Limit, Usage};

use crate::BenchError;
use crate::machine::where_and_when;

/// All scale measurements, in the published sizes.
#[derive(Debug, Clone)]
pub struct Scale {
    /// 1,000 teams of one tenant.
    pub one: FirstSync,
    /// 40 teams of each of 100 tenants.
    pub many: FirstSync,
    /// 10,000 links without changes.
    pub idle: Idle,
    /// 100,000 people.
    pub directory: Directory,
}

/// Counts everything; takes some minutes.
///
/// # Errors
/// If something does not happen that a measurement waits for.
pub async fn scale() -> Result<Scale, BenchError> {
    Ok(Scale {
        one: first_sync(Size { tenants: 1, teams: 1_000, people: 50 }).await?,
        many: first_sync(Size { tenants: 100, teams: 40, people: 50 }).await?,
        idle: idle(10_000).await?,
        directory: directory(100_000).await?,
    })
}

/// The share of a limit from which on it counts as the bottleneck.
const BOTTLENECK: f64 = 0.5;

fn line(out: &mut Formatter<'_>, what: &str, usage: &Usage) -> std::fmt::Result {
    let Usage { seconds, webex, graph, write_units, throttled, most_in_a_row, shares, .. } = usage;
    let shares = shares.map(|(_, share)| format!("{:.0} %", share * 100.0)).join(" | ");
    let limit = match usage.nearest() {
        (limit, BOTTLENECK..) => limit.to_string(),
        _ => "none of these".to_owned(),
    };
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    writeln!(
        out,
        "| {what} | {minutes} min {seconds} s | {webex} | {graph} | {write_units} | {shares} \
         | {throttled} | {most_in_a_row} | {limit} |"
    )
}

/// `one tenant`, or `each of 100 tenants`.
fn of_tenants(count: usize) -> String {
    if count == 1 { "one tenant".to_owned() } else { format!("each of {count} tenants") }
}

/// The measurements as a Markdown table.
impl Display for Scale {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { one, many, idle, directory } = self;
        writeln!(out, "Counted {}.\n", where_and_when())?;
        writeln!(
            out,
            "| what | simulated time | Webex calls | Graph calls | write units \
             | used of an account's calls | of a directory's writes | of all directories' writes \
             | 429s | in a row | bottleneck |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for FirstSync { size: Size { tenants, teams, people }, usage, .. } in [one, many] {
            let of = of_tenants(*tenants);
            line(out, &format!("first sync of {teams} teams of {people} people in {of}"), usage)?;
        }
        let cycles = format!("a day of cycles over {} idle links, with daily syncs", idle.links);
        line(out, &cycles, &idle.usage)?;
        let index = format!("{} people enter the person index", directory.people);
        line(out, &index, &directory.usage)?;
        writeln!(
            out,
            "\nFive minutes of cycles over the idle links: {} calls on average, {} at most.",
            idle.calls.average, idle.calls.most
        )?;
        writeln!(
            out,
            "While people entered the index, an answer had at most {} of them, and a table request \
             {} items.",
            directory.in_an_answer, directory.in_a_request
        )
    }
}
