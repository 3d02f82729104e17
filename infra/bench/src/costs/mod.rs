//! Costs: the calls of each [situation](situations), and a month's [`bill`] in dollars.
//!
//! The simulated services and the in-memory table count. Tokens are requested once an hour and are
//! not counted.

mod bill;
mod metered;

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

use clients::webex::SpaceClue;
use domain::ids::TeamId;
use engine::tenant::{Folders, Settings};
use serde::Serialize;
use serde_json::{Value, json};
use sim::{Call, Kind, Service};
use store::message::{Job, Trigger};
use store::table::memory::Requests;

use self::metered::{Metered, Spent};
use crate::BenchError;
use crate::setup::{MINUTE, every_team};

pub use bill::{Bill, bill};

/// The cost of a situation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Calls to Webex.
    pub webex: u64,
    /// Calls to Graph and SharePoint. A `$batch` is one call.
    pub graph: u64,
    /// Calls to Graph that may have changed something.
    pub graph_writes: u64,
    /// Consecutive waits for an answer: parallel calls count once.
    pub waits: u64,
    /// Table requests that read.
    pub reads: u64,
    /// Table requests that write.
    pub writes: u64,
    /// Items in these writes.
    pub items_written: u64,
}

impl Cost {
    fn of(calls: &[Call], waits: u64, requests: Requests) -> Self {
        let count = |matches: &dyn Fn(&Call) -> bool| {
            calls.iter().filter(|call| matches(call)).count() as u64
        };
        Self {
            webex: count(&|call| call.service == Service::Webex),
            graph: count(&|call| call.service == Service::Graph),
            graph_writes: count(&|call| call.service == Service::Graph && call.kind == Kind::Write),
            waits,
            reads: requests.reads(),
            writes: requests.writes(),
            items_written: requests.items_written,
        }
    }

    /// All numbers, in the order of the [table](Table).
    pub fn numbers(self) -> [u64; 7] {
        let Self { webex, graph, graph_writes, waits, reads, writes, items_written } = self;
        [webex, graph, graph_writes, waits, reads, writes, items_written]
    }
}

/// A situation and its cost.
#[derive(Debug, Clone, Serialize)]
pub struct Situation {
    /// A short description.
    pub name: &'static str,
    /// The cost of the team syncs, without reconciliation cycles.
    #[serde(flatten)]
    pub cost: Cost,
    /// The calls behind the cost.
    #[serde(skip)]
    pub calls: Vec<Call>,
}

impl Situation {
    fn new(name: &'static str, Spent { calls, waits, requests }: Spent) -> Self {
        Self { name, cost: Cost::of(&calls, waits, requests), calls }
    }
}

/// Situations as a Markdown table.
pub struct Table<'a>(pub &'a [Situation]);

impl Display for Table<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "| situation | Webex calls | Graph calls | of these, writes | consecutive calls \
             | table reads | table writes | items written |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for Situation { name, cost, .. } in self.0 {
            let numbers = cost.numbers().map(|number| number.to_string());
            writeln!(out, "| {name} | {} |", numbers.join(" | "))?;
        }
        Ok(())
    }
}

/// Returns the situations, and a tenant's monthly dollars by the number of tenants, as JSON.
pub fn json(situations: &[Situation], bill: &Bill) -> Value {
    let month: BTreeMap<String, f64> = bill.shares().collect();
    json!({"situations": situations, "dollars_of_a_tenant": month})
}

/// Counts every situation in simulated time. The numbers are the same at every run.
///
/// # Errors
/// None in practice: no fault is injected.
pub async fn situations() -> Result<Vec<Situation>, BenchError> {
    let mut metered = Metered::start(70, every_team()).await?;
    let people = metered.people.clone();
    // The first team of the day reads the tokens and the directory's rules.
    metered.create_team("First of the day", &people[60..62])?;
    metered.let_pass(MINUTE * 2).await;
    let team = metered.create_team("Costs", &people[..9])?;
    let mut found = single_syncs(&mut metered, team).await?;
    found.extend(with_follow_ups(&mut metered, team).await?);
    metered.assert_clean()?;
    found.extend(folders().await?);
    Ok(found)
}

/// Situations of one team sync each, on a team of nine without a group.
async fn single_syncs(metered: &mut Metered, team: TeamId) -> Result<Vec<Situation>, BenchError> {
    let people = metered.people.clone();
    let (room, region) = (team.general_space(), Default::default());
    let clue = SpaceClue::LikelyTeam;
    let new = metered.message(Job::Room { room, region, clue }, Trigger::WebexWebhook);
    let mut found = vec![];
    let mut add = |name, spent| found.push(Situation::new(name, spent));
    add("a new team of nine people", metered.handle(&new).await?);
    metered.let_pass(MINUTE * 30).await;

    let mut old = metered.sync_request(team);
    old.at -= MINUTE * 60;
    add("a message older than the last reading", metered.handle(&old).await?);
    add("a team in sync", metered.sync(team).await?);

    metered.add_to_team(team, &people[9..10])?;
    add("one person joined the team", metered.sync(team).await?);
    add("the echo of our own write", metered.sync(team).await?);
    metered.skip(MINUTE * 16);
    add("the sync 15 minutes after a change", metered.sync(team).await?);

    metered.add_to_team(team, &people[10..55])?;
    add("45 people joined at once", metered.sync(team).await?);
    metered.skip(MINUTE * 16);
    metered.sync(team).await?;
    metered.world().remove_from_team(team, people[20].person)?;
    // The first sync only asks about the person; the second one asks again, and removes.
    metered.sync(team).await?;
    metered.skip(MINUTE * 4);
    add("one person removed from the team", metered.sync(team).await?);
    Ok(found)
}

/// Situations of a change with all team syncs that follow.
async fn with_follow_ups(
    metered: &mut Metered,
    team: TeamId,
) -> Result<Vec<Situation>, BenchError> {
    let people = metered.people.clone();
    let mut found = vec![];
    let mut add = |name, spent| found.push(Situation::new(name, spent));
    metered.until_nothing_is_due(team).await?;
    metered.add_to_team(team, &people[55..56])?;
    add("a person joins the team, with all follow-ups", metered.follow_ups().await);
    metered.world().remove_from_team(team, people[55].person)?;
    add("a person leaves the team, with all follow-ups", metered.follow_ups().await);
    metered.create_team("Follow-ups", &people[63..67])?;
    add("a team of four is created, with all follow-ups", metered.follow_ups().await);
    Ok(found)
}

async fn folders() -> Result<Vec<Situation>, BenchError> {
    let settings = Settings { folders: Folders::EachSpace, ..every_team() };
    let mut metered = Metered::start(6, settings).await?;
    let people = metered.people.clone();
    let team = metered.create_team("Costs", &people[..4])?;
    metered.let_pass(MINUTE * 30).await;
    metered.until_nothing_is_due(team).await?;
    let space = metered.world().create_room(people[0].person, "Gears", Some(team));
    let created = metered.follow_ups().await;
    metered.world().rename_room(space, "Cogs");
    let renamed = metered.follow_ups().await;
    metered.assert_clean()?;
    Ok(vec![
        Situation::new("a space is created, with its folder and all follow-ups", created),
        Situation::new("a space is renamed, with its folder and all follow-ups", renamed),
    ])
}
