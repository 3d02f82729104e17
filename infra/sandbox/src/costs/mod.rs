//! What everything costs, counted by the simulated services and the table: calls for each [situation](situations), and what they come to in [dollars](bill).
//!
//! # Assumptions
//! Tokens are asked for once an hour, and not counted.

mod bill;
mod scene;

use std::fmt::{Display, Formatter};

use clients::http::TransportError;
use domain::ids::TeamId;
use engine::sync::SyncError;
use engine::tenant::{Folders, NewTeams, Settings};
use jiff::SignedDuration;
use store::message::{Ask, Cause};
use store::table::memory::Requests;

use self::scene::{MINUTE, START, Scene, Spent};
use crate::house::HouseError;
use crate::{Call, Kind, Refused, Role, Service};

pub use bill::{Bill, bill};

/// Why nothing could be counted.
#[derive(Debug, thiserror::Error)]
pub enum NotCounted {
    /// The functions could not be set up.
    #[error(transparent)]
    House(#[from] HouseError),
    /// A simulated service refused what a person does.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A look failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A token could not be had.
    #[error(transparent)]
    Token(#[from] TransportError),
    /// Something did not come about that a situation begins with.
    #[error("{0}")]
    NotAsMeant(String),
}

/// What something costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Calls of Webex.
    pub webex: u64,
    /// Calls of Graph, SharePoint's among them. A `$batch` is one.
    pub graph: u64,
    /// How many of them may have changed something.
    pub graph_writes: u64,
    /// How often an answer is waited for: calls that are made at the same time count once.
    pub waits: u64,
    /// Requests to the table that read.
    pub reads: u64,
    /// Requests to the table that write.
    pub writes: u64,
    /// Items in them.
    pub items_written: u64,
}

impl Cost {
    fn of(calls: &[Call], waits: u64, asked: Requests) -> Self {
        let count = |of: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| of(call)).count() as u64;
        Self {
            webex: count(&|call| call.service == Service::Webex),
            graph: count(&|call| call.service == Service::Graph),
            graph_writes: count(&|call| call.service == Service::Graph && call.kind == Kind::Write),
            waits,
            reads: asked.reads(),
            writes: asked.writes(),
            items_written: asked.items_written,
        }
    }

    /// All numbers, in the order of the [table](Table).
    pub fn numbers(self) -> [u64; 7] {
        let Self { webex, graph, graph_writes, waits, reads, writes, items_written } = self;
        [webex, graph, graph_writes, waits, reads, writes, items_written]
    }
}

/// Something that happens, and what it costs.
#[derive(Debug, Clone)]
pub struct Situation {
    /// What happens.
    pub name: &'static str,
    /// What it costs, without rounds.
    pub cost: Cost,
    /// The calls, for whoever wonders.
    pub calls: Vec<Call>,
}

impl Situation {
    fn new(name: &'static str, Spent { calls, waits, asked }: Spent) -> Self {
        Self { name, cost: Cost::of(&calls, waits, asked), calls }
    }
}

/// Situations as a table in Markdown.
pub struct Table<'a>(pub &'a [Situation]);

impl Display for Table<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "| situation | Webex calls | Graph calls | of them writes | one after the other | table reads | table writes | items written |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
        for Situation { name, cost, .. } in self.0 {
            writeln!(out, "| {name} | {} |", cost.numbers().map(|number| number.to_string()).join(" | "))?;
        }
        Ok(())
    }
}

/// The settings: every new team gets a group.
fn every_team() -> Settings {
    Settings { switched_on_at: START.parse().ok(), new_teams: NewTeams::Every, ..Settings::default() }
}

/// Counts every situation, in simulated time. The numbers are the same at every run.
///
/// # Errors
/// None in practice: nothing fails here that nobody lets fail.
pub async fn situations() -> Result<Vec<Situation>, NotCounted> {
    let mut found = looks().await?;
    found.extend(folders().await?);
    Ok(found)
}

async fn looks() -> Result<Vec<Situation>, NotCounted> {
    let mut scene = Scene::set(70, every_team()).await?;
    let people = scene.people.clone();
    // Tokens and the directory's rules are read by the first team of the day.
    scene.create_team("First of the day", &people[60..62])?;
    scene.let_pass(MINUTE * 2).await;
    let team = scene.create_team("Costs", &people[..9])?;
    let new = scene.message(Ask::Room { room: team.general_space(), region: Default::default() }, Cause::WebexWebhook);
    let mut found = vec![Situation::new("a new team of nine people", scene.handle(&new).await?)];
    scene.let_pass(MINUTE * 30).await;

    let mut old = scene.wish(team);
    old.at -= MINUTE * 60;
    found.push(Situation::new("a message older than the last reading", scene.handle(&old).await?));
    found.push(Situation::new("a team in step", scene.look(team).await?));
    scene.world().add_to_team(team, people[9].person, Role::Member)?;
    found.push(Situation::new("one person joined the team", scene.look(team).await?));
    found.push(Situation::new("the echo of an own write", scene.look(team).await?));
    scene.skip(MINUTE * 16);
    found.push(Situation::new("the look 15 minutes after a change", scene.look(team).await?));

    for person in &people[10..55] {
        scene.world().add_to_team(team, person.person, Role::Member)?;
    }
    found.push(Situation::new("45 people joined at once", scene.look(team).await?));
    scene.skip(MINUTE * 16);
    scene.look(team).await?;
    scene.world().remove_from_team(team, people[20].person)?;
    found.push(Situation::new("one person removed from the team", scene.look(team).await?));

    scene.until_nothing_is_due(team).await?;
    scene.world().add_to_team(team, people[55].person, Role::Member)?;
    found.push(scene.story("a person joins the team, with all that follows").await);
    scene.world().remove_from_team(team, people[55].person)?;
    found.push(scene.story("a person leaves the team, with all that follows").await);
    scene.create_team("A story", &people[63..67])?;
    found.push(scene.story("a team of four is made, with all that follows").await);
    scene.assert_clean()?;
    Ok(found)
}

async fn folders() -> Result<Vec<Situation>, NotCounted> {
    let mut scene = Scene::set(6, Settings { folders: Folders::EachSpace, ..every_team() }).await?;
    let people = scene.people.clone();
    let team = scene.create_team("Costs", &people[..4])?;
    scene.let_pass(MINUTE * 30).await;
    scene.until_nothing_is_due(team).await?;
    let space = scene.world().create_room(people[0].person, "Gears", Some(team));
    let made = scene.story("a space of a team is made, with its folder and all that follows").await;
    scene.world().rename_room(space, "Cogs");
    let renamed = scene.story("a space of a team is renamed, with its folder and all that follows").await;
    scene.assert_clean()?;
    Ok(vec![made, renamed])
}

impl Scene {
    /// What looks cost in the time after something happened, until nothing of it is open.
    async fn story(&mut self, name: &'static str) -> Situation {
        Situation::new(name, self.let_pass(MINUTE * 40).await.looks)
    }

    /// Waits until no look comes by itself for some hours.
    async fn until_nothing_is_due(&mut self, team: TeamId) -> Result<(), NotCounted> {
        while self.kept(team).await?.next_look < self.now() + SignedDuration::from_hours(5) {
            self.let_pass(MINUTE * 60).await;
        }
        Ok(())
    }
}
