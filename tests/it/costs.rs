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

impl std::ops::Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            webex: self.webex - other.webex,
            graph: self.graph - other.graph,
            graph_writes: self.graph_writes - other.graph_writes,
            reads: self.reads - other.reads,
            writes: self.writes - other.writes,
            items_written: self.items_written - other.items_written,
        }
    }
}

/// Counts from the moment when it was made.
struct Meter(Requests);

impl Meter {
    fn at(town: &Town) -> Self {
        town.world().take_calls();
        Self(town.store().requests())
    }

    fn read(&self, town: &Town) -> (Cost, Vec<Call>) {
        let calls = town.world().take_calls();
        let count = |of: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| of(call)).count() as u64;
        let asked = town.store().requests() - self.0;
        let cost = Cost {
            webex: count(&|call| call.service == Service::Webex),
            graph: count(&|call| call.service == Service::Graph),
            graph_writes: count(&|call| call.service == Service::Graph && call.kind == Kind::Write),
            reads: asked.reads(),
            writes: asked.writes(),
            items_written: asked.items_written,
        };
        (cost, calls)
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
    let meter = Meter::at(town);
    town.handle(message).await;
    meter.read(town)
}

/// What happens in a span beyond what the rounds of a span without anything do.
async fn story(town: &mut Town, act: impl FnOnce(&Town)) -> (Cost, Vec<Call>) {
    let span = 40 * MINUTE;
    let meter = Meter::at(town);
    town.let_pass(span).await;
    let (idle, _) = meter.read(town);
    let meter = Meter::at(town);
    act(town);
    town.let_pass(span).await;
    let (whole, calls) = meter.read(town);
    let calls = calls.into_iter().filter(|call| !call.path.starts_with("/v1/events")).collect();
    (whole - idle, calls)
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
    table.row("45 people joined at once", measured(&town, &look(&town, team)).await, [2, 4, 3, 4, 3, 95]);
    town.skip(16 * MINUTE);
    town.handle(&look(&town, team)).await;

    town.world().remove_from_team(team, town.people[20].person).unwrap();
    table.row("one person removed from the team", measured(&town, &look(&town, team)).await, [3, 2, 1, 5, 4, 7]);

    town.let_pass(60 * MINUTE).await;
    let joined = story(&mut town, |town| town.world().add_to_team(team, town.people[55].person, Role::Member).unwrap());
    table.row("a person joins the team, with all that follows", joined.await, [6, 4, 1, 13, 8, 13]);
    let left = story(&mut town, |town| town.world().remove_from_team(team, town.people[55].person).unwrap());
    table.row("a person leaves the team, with all that follows", left.await, [7, 4, 1, 14, 9, 13]);
    let people = town.people[63..67].to_vec();
    let made = story(&mut town, |town| _ = town.create_team("A story", &people));
    table.row("a team of four is made, with all that follows", made.await, [10, 4, 1, 17, 12, 28]);
    println!("{}", table.rows);
    assert!(table.wrong.is_empty(), "{}", table.wrong);
    town.assert_clean();
}
