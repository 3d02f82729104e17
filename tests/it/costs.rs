//! What everything costs, counted by the services and by the table.

use std::fmt::Write as _;

use jiff::SignedDuration;
use sandbox::{Call, Kind, Role, Service};
use shared::ids::TeamId;
use shared::message::{Ask, Cause, Message};
use shared::store::memory::Requests;

use crate::town::{MINUTE, Town};

/// What something costs. Tokens are asked for once an hour, and not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    webex: u64,
    graph: u64,
    graph_writes: u64,
    reads: u64,
    writes: u64,
    items_written: u64,
}

impl Cost {
    fn numbers(self) -> [u64; 6] {
        let Self { webex, graph, graph_writes, reads, writes, items_written } = self;
        [webex, graph, graph_writes, reads, writes, items_written]
    }
}

impl Cost {
    fn of(calls: &[Call], asked: Requests) -> Self {
        let count = |of: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| of(call)).count() as u64;
        Self {
            webex: count(&|call| call.service == Service::Webex),
            graph: count(&|call| call.service == Service::Graph),
            graph_writes: count(&|call| call.service == Service::Graph && call.kind == Kind::Write),
            reads: asked.reads(),
            writes: asked.writes(),
            items_written: asked.items_written,
        }
    }
}

/// The table of costs, as measured, and what of it is not as it should be.
struct Table {
    rows: String,
    wrong: String,
}

impl Table {
    fn new() -> Self {
        let head = "| situation | Webex calls | Graph calls | of them writes | table reads | table writes | items written |\n| --- | --- | --- | --- | --- | --- | --- |\n";
        Self { rows: head.into(), wrong: String::new() }
    }

    fn row(&mut self, situation: &str, (cost, calls): (Cost, Vec<Call>), expected: [u64; 6]) {
        let numbers = cost.numbers();
        writeln!(self.rows, "| {situation} | {} |", numbers.map(|number| number.to_string()).join(" | ")).unwrap();
        if numbers != expected {
            let calls: Vec<String> = calls.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
            writeln!(self.wrong, "{situation}: {numbers:?} instead of {expected:?}\n{calls:#?}").unwrap();
        }
    }
}

fn look(town: &Town, team: TeamId) -> Message {
    town.skip(SignedDuration::from_secs(1));
    town.wish(Ask::Team { team, region: None }, Cause::WebexWebhook)
}

async fn measured(town: &Town, message: &Message) -> (Cost, Vec<Call>) {
    town.world().take_calls();
    let before = town.store().requests();
    town.handle(message).await;
    let calls = town.world().take_calls();
    (Cost::of(&calls, town.store().requests() - before), calls)
}

#[tokio::test]
async fn folders_cost_exactly_this() {
    let mut table = Table::new();
    let mut town = Town::with_folders(6).await;
    let team = town.with_linked_team("Costs").await;
    // No look at every link, nor at every folder, comes in between.
    while town.kept(team).await.unwrap().next_look < town.now() + 300 * MINUTE {
        town.let_pass(60 * MINUTE).await;
    }
    let mut space = None;
    let made = story(&mut town, |town| space = Some(town.create_space(team, "Gears"))).await;
    table.row("a space of a team is made, with all that follows", made, [12, 3, 1, 24, 12, 16]);
    let renamed = story(&mut town, |town| town.world().rename_room(space.unwrap(), "Cogs")).await;
    table.row("a space of a team is renamed, with all that follows", renamed, [4, 3, 1, 8, 10, 13]);
    println!("{}", table.rows);
    assert!(table.wrong.is_empty(), "{}", table.wrong);
    town.assert_clean();
}

/// Whether a round made the call: it reads events, people and changed groups, and looks after webhooks, subscription and the consent to files.
fn is_a_rounds(call: &Call) -> bool {
    let paths = [
        "/v1/events",
        "/v1/webhooks",
        "/v1/identity",
        "/v1.0/groups/delta",
        "/v1.0/groups/00000000-0000-0000-0000-000000000000/drive",
        "/v1.0/subscriptions",
        "/v1.0/users",
    ];
    let of_people = !call.items.is_empty() && call.items.iter().all(|item| item.path.starts_with("/users"));
    of_people || paths.iter().any(|path| call.path.starts_with(path))
}

/// What looks cost in the span after something happened.
async fn story(town: &mut Town, act: impl FnOnce(&Town)) -> (Cost, Vec<Call>) {
    town.world().take_calls();
    let before = town.house.asked_by_looks();
    act(town);
    town.let_pass(40 * MINUTE).await;
    let calls: Vec<Call> = town.world().take_calls().into_iter().filter(|call| !is_a_rounds(call)).collect();
    (Cost::of(&calls, town.house.asked_by_looks() - before), calls)
}

#[tokio::test]
async fn each_situation_costs_exactly_this() {
    let mut table = Table::new();
    let mut town = Town::of(70).await;
    // Tokens and the directory's rules are read by the first team of the day.
    town.create_team("First of the day", &town.people[60..62]);
    town.let_pass(2 * MINUTE).await;
    let team = town.create_team("Costs", &town.people[..9]);
    let new = Ask::Room { room: team.general_space(), region: Default::default() };
    let new = measured(&town, &town.wish(new, Cause::WebexWebhook)).await;
    table.row("new team, people + owners up to 20", new, [4, 1, 1, 6, 5, 27]);
    town.let_pass(30 * MINUTE).await;

    let old = Message { at: town.now() - 60 * MINUTE, ..look(&town, team) };
    table.row("message older than the last reading", measured(&town, &old).await, [0, 0, 0, 1, 0, 0]);
    table.row("team in step", measured(&town, &look(&town, team)).await, [2, 1, 0, 2, 2, 2]);

    town.world().add_to_team(team, town.people[9].person, Role::Member).unwrap();
    table.row("one person joined the team", measured(&town, &look(&town, team)).await, [2, 2, 1, 4, 3, 7]);
    table.row("echo of an own write", measured(&town, &look(&town, team)).await, [2, 1, 0, 2, 2, 2]);
    town.skip(16 * MINUTE);
    table.row("the look 15 minutes after", measured(&town, &look(&town, team)).await, [2, 1, 0, 2, 2, 3]);

    for person in &town.people[10..55] {
        town.world().add_to_team(team, person.person, Role::Member).unwrap();
    }
    table.row("45 people joined at once", measured(&town, &look(&town, team)).await, [2, 4, 3, 4, 4, 96]);
    town.skip(16 * MINUTE);
    town.handle(&look(&town, team)).await;

    town.world().remove_from_team(team, town.people[20].person).unwrap();
    table.row("one person removed from the team", measured(&town, &look(&town, team)).await, [3, 2, 1, 5, 4, 7]);

    // No daily look comes in between.
    while town.kept(team).await.unwrap().next_look < town.now() + 300 * MINUTE {
        town.let_pass(60 * MINUTE).await;
    }
    let joined = story(&mut town, |town| town.world().add_to_team(team, town.people[55].person, Role::Member).unwrap());
    table.row("a person joins the team, with all that follows", joined.await, [8, 5, 1, 15, 13, 18]);
    let left = story(&mut town, |town| town.world().remove_from_team(team, town.people[55].person).unwrap());
    table.row("a person leaves the team, with all that follows", left.await, [8, 5, 1, 16, 14, 18]);
    let people = town.people[63..67].to_vec();
    let made = story(&mut town, |town| _ = town.create_team("A story", &people));
    table.row("a team of four is made, with all that follows", made.await, [12, 5, 1, 19, 13, 29]);
    println!("{}", table.rows);
    assert!(table.wrong.is_empty(), "{}", table.wrong);
    town.assert_clean();
}
