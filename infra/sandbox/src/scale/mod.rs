//! What large customers and many of them take, in simulated time: first syncs up to the services' quotas, rounds over idle links, and a large directory.

mod directory;
mod first_sync;
mod idle;
mod plot;
mod tally;

use std::fmt::{Display, Formatter};

pub use directory::{Directory, directory};
pub use first_sync::{FirstSync, Size, first_sync};
pub use idle::{Idle, idle, links};
pub use plot::plot;
pub use tally::{Limit, Taken};

use crate::costs::NotCounted;
use crate::load::where_and_when;

/// Everything, in the sizes that the README tells of.
#[derive(Debug, Clone)]
pub struct Scale {
    /// A thousand teams of one tenant.
    pub one: FirstSync,
    /// Forty teams of each of a hundred tenants.
    pub many: FirstSync,
    /// Ten thousand links of which none changes.
    pub idle: Idle,
    /// A hundred thousand people.
    pub directory: Directory,
}

/// Counts everything; takes some minutes.
///
/// # Errors
/// Where something does not come about that is waited for.
pub async fn scale() -> Result<Scale, NotCounted> {
    Ok(Scale {
        one: first_sync(Size { tenants: 1, teams: 1_000, people: 50 }).await?,
        many: first_sync(Size { tenants: 100, teams: 40, people: 50 }).await?,
        idle: idle(10_000).await?,
        directory: directory(100_000).await?,
    })
}

/// As much of a limit as this says that it is what limits.
const LIMITS: f64 = 0.5;

fn line(out: &mut Formatter<'_>, what: &str, taken: &Taken) -> std::fmt::Result {
    let Taken { seconds, webex, graph, write_units, throttled, most_in_a_row, shares, .. } = taken;
    let shares = shares.map(|(_, share)| format!("{:.0} %", share * 100.0)).join(" | ");
    let limit = match taken.nearest() {
        (limit, LIMITS..) => limit.to_string(),
        _ => "none of these".to_owned(),
    };
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    writeln!(
        out,
        "| {what} | {minutes} min {seconds} s | {webex} | {graph} | {write_units} | {shares} | {throttled} | {most_in_a_row} | {limit} |"
    )
}

impl Display for Scale {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { one, many, idle, directory } = self;
        writeln!(out, "Counted {}.\n", where_and_when())?;
        writeln!(
            out,
            "| what | simulated time | Webex calls | Graph calls | write units | used of an account's calls | of a directory's writes | of all directories' writes | 429s | in a row | what limits |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for FirstSync { size: Size { tenants, teams, people }, taken, .. } in [one, many] {
            let of = if *tenants == 1 { "one tenant".to_owned() } else { format!("each of {tenants} tenants") };
            line(out, &format!("first sync of {teams} teams of {people} people in {of}"), taken)?;
        }
        line(out, &format!("rounds over {} idle links, daily looks included", idle.links), &idle.taken)?;
        line(out, &format!("{} people enter the person index", directory.people), &directory.taken)?;
        let (average, most) = idle.calls;
        writeln!(out, "\nFive minutes of rounds over the idle links: {average} calls on average, {most} at most.")?;
        writeln!(
            out,
            "While people entered the index, an answer had {} of them at most, and a request to the table {} items.",
            directory.in_an_answer, directory.in_a_request
        )
    }
}
