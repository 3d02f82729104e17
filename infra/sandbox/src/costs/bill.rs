//! The bill of AWS for a month, worked out: counts of this program times list prices.

use std::fmt::{Display, Formatter};

use engine::tenant::{Folders, Settings};

use super::scene::{MINUTE, Passed, Scene, Spent};
use super::{NotCounted, every_team};
use crate::Role;

/// Teams of a tenant, people of a team, and how often people or name of a team change in a month.
const TEAMS: usize = 1000;
const PEOPLE: usize = 50;
const CHANGES: usize = 10;
/// Days of a month, and how long activity is kept, in months.
const DAYS: f64 = 30.0;
const KEPT: f64 = 3.0;
/// What a call of Webex or Graph is taken to last, what a request to table or queue, and what an invocation beside them, in seconds.
const CALL: f64 = 0.3;
const REQUEST: f64 = 0.005;
const INVOCATION: f64 = 0.01;
/// What an invocation is taken to log, in bytes: Lambda's three lines, two of its own, and its metrics.
const LOGGED: f64 = 1500.0;
/// Requests of the pollers of one queue: five of them, and each waits 20 seconds for messages.
const POLLS: f64 = 5.0 * DAYS * 86_400.0 / 20.0;

/// For how many tenants the bill is worked out.
const TENANTS: [f64; 3] = [1.0, 100.0, 10_000.0];

const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// How many resources of a kind are deployed.
fn deployed(kind: &str) -> f64 {
    amount(TEMPLATE.lines().filter(|line| line.trim() == format!("Type: AWS::{kind}")).count() as u64)
}

/// The memory of a function, in GB.
fn memory() -> f64 {
    let megabytes = TEMPLATE.lines().find_map(|line| line.trim().strip_prefix("MemorySize: ")?.parse::<f64>().ok());
    megabytes.unwrap_or_default() / 1024.0
}

fn amount(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// One line.
struct Line {
    what: &'static str,
    /// For a tenant.
    each: f64,
    /// For a deployment, however many tenants it has.
    fixed: f64,
    /// Dollars for each.
    price: f64,
}

impl Line {
    /// Dollars for one tenant's share, where there are so many.
    fn share(&self, tenants: f64) -> f64 {
        (self.each + self.fixed / tenants) * self.price
    }
}

/// A month's bill, in US dollars for each tenant of 1,000 teams.
pub struct Bill {
    lines: Vec<Line>,
    /// Invocations of each function: for a tenant, and for a deployment.
    invocations: [(f64, f64); 3],
}

impl Bill {
    /// Dollars for the traces of one tenant's share: of each function X-Ray keeps one invocation in a second, and a twentieth of the others.
    fn traces(&self, tenants: f64) -> f64 {
        let seconds = DAYS * 86_400.0;
        let kept = self.invocations.iter().map(|(each, fixed)| {
            let all = each * tenants + fixed;
            all.min(seconds) + (all - seconds).max(0.0) / 20.0
        });
        kept.sum::<f64>() / tenants * 5.00e-6
    }

    /// Dollars for each tenant of 1,000 teams, where there are so many.
    pub fn share(&self, tenants: f64) -> f64 {
        self.lines.iter().map(|line| line.share(tenants)).sum::<f64>() + self.traces(tenants)
    }
}

/// The bill as a table in Markdown.
impl Display for Bill {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        let number = |number: f64| match number {
            0.0 => "0".to_owned(),
            ..1.0 => format!("{number:.2}"),
            ..10_000.0 => format!("{number:.0}"),
            ..1e6 => format!("{:.0} thousand", number / 1e3),
            _ => format!("{:.2} million", number / 1e6),
        };
        writeln!(
            out,
            "| what | for 1,000 teams | whatever the number | price of a million, or of each | 1 tenant | 100 tenants | 10,000 tenants |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for line in &self.lines {
            let shares = TENANTS.map(|tenants| format!("{:.2}", line.share(tenants))).join(" | ");
            let price =
                if line.price < 0.01 { format!("{:.3}", line.price * 1e6) } else { format!("{:.2} each", line.price) };
            writeln!(out, "| {} | {} | {} | {price} | {shares} |", line.what, number(line.each), number(line.fixed))?;
        }
        let (each, fixed) = self.invocations.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let shares = TENANTS.map(|tenants| format!("{:.2}", self.traces(tenants))).join(" | ");
        writeln!(
            out,
            "| traces, as far as X-Ray samples them | {} | {} | 5.000 | {shares} |",
            number(each),
            number(fixed)
        )?;
        let shares = TENANTS.map(|tenants| format!("**{:.2}**", self.share(tenants))).join(" | ");
        writeln!(out, "| together | | | | {shares} |")
    }
}

/// What something needs in a month.
#[derive(Default)]
struct Month {
    half_read_units: f64,
    write_units: f64,
    seconds: f64,
    webhook: f64,
    sync: f64,
    rounds: f64,
    queued: f64,
}

impl Month {
    fn add(&mut self, spent: &Spent, times: f64) {
        let asked = spent.asked;
        self.half_read_units += times * amount(asked.half_read_units);
        self.write_units += times * amount(asked.write_units);
        self.seconds += times * (amount(spent.waits) * CALL + amount(asked.reads() + asked.writes()) * REQUEST);
    }

    /// All of it but its rounds, which come anyway.
    fn add_story(&mut self, story: &Passed, queued: f64, times: f64) {
        self.add(&story.looks, times);
        self.webhook += times * amount(story.invocations.webhook);
        self.sync += times * amount(story.invocations.sync);
        self.queued += times * queued;
    }
}

/// Counts a daily look, a change with all that follows, and an hour of rounds, and works out what a tenant of 1,000 teams of 50 people costs in a month, each of which
/// has ten changes. List prices of us-east-1 in autumn 2026 without free tiers. What is batched in production (messages, turns) counts as if it were not.
///
/// # Errors
/// None in practice: nothing fails here that nobody lets fail.
pub async fn bill() -> Result<Bill, NotCounted> {
    let mut scene = Scene::set(TEAMS, every_team()).await?;
    let people = scene.people.clone();
    let before = scene.store().size();
    let team = scene.create_team("Bill", &people[..PEOPLE])?;
    scene.let_pass(MINUTE * 60).await;
    let linked = scene.store().size() - before;
    scene.until_nothing_is_due(team).await?;
    let look = scene.look(team).await?;
    scene.let_pass(MINUTE * 30).await;
    let hour = scene.let_pass(MINUTE * 60).await;
    let before = scene.store().size();
    scene.world().add_to_team(team, people[PEOPLE].person, Role::Member)?;
    let joined = scene.let_pass(MINUTE * 40).await;
    scene.world().remove_from_team(team, people[PEOPLE].person)?;
    let left = scene.let_pass(MINUTE * 40).await;
    let kept = (scene.store().size() - before) / 2;
    scene.assert_clean()?;

    let (teams, changes) = (amount(TEAMS as u64), amount((TEAMS * CHANGES) as u64));
    let turns = DAYS * 24.0 * 60.0;
    let mut month = Month { rounds: turns, queued: turns, ..Month::default() };
    month.add(&hour.rounds, DAYS * 24.0);
    month.add(&look, DAYS * teams);
    month.sync += DAYS * teams;
    month.queued += DAYS * teams;
    for story in [&joined, &left] {
        // A turn in each of the forty minutes.
        month.add_story(story, amount(story.queued) - 40.0, changes / 2.0);
    }
    let storage = teams * amount(linked as u64) + KEPT * changes * amount(kept as u64);
    let invocations = [(month.webhook, 0.0), (month.sync, 0.0), (month.rounds, turns)];
    let (each, fixed) = invocations.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let metrics = metrics(&hour).await?;
    let line = |what, each, fixed, price| Line { what, each, fixed, price };
    let lines = vec![
        line("table, write units", month.write_units, 0.0, 0.625e-6),
        line("table, read units", month.half_read_units / 2.0, 0.0, 0.125e-6),
        line("table, GB kept, with its backup", storage / 1e9, 0.0, 0.25 + 0.20),
        line(
            "functions, GB-seconds",
            memory() * (month.seconds + each * INVOCATION),
            memory() * fixed * INVOCATION,
            13.3334e-6,
        ),
        line("functions, invocations", each, fixed, 0.20e-6),
        line("schedule", 0.0, turns, 1.00e-6),
        line("HTTP API, webhooks and notifications", month.webhook, 0.0, 1.00e-6),
        // Each message is sent and deleted; received it is by the polls.
        line("queues, requests", month.queued * 2.0, 2.0 * POLLS, 0.40e-6),
        line("logs, GB", each * LOGGED / 1e9, fixed * LOGGED / 1e9, 0.50),
        line("secrets", 1.0, deployed("SecretsManager::Secret"), 0.40),
        // Webhook and reconcile read the webhooks' keys every five minutes.
        line("secrets, reads", 0.0, 2.0 * DAYS * 24.0 * 12.0, 5.00e-6),
        line("metrics", 0.0, metrics, 0.30),
        line("alarms", 0.0, deployed("CloudWatch::Alarm"), 0.10),
        line("dashboard", 0.0, deployed("CloudWatch::Dashboard"), 3.00),
    ];
    Ok(Bill { lines, invocations })
}

/// How many metrics there are on an ordinary day, with folders too: each function has its own.
async fn metrics(hour: &Passed) -> Result<f64, NotCounted> {
    let mut scene = Scene::set(6, Settings { folders: Folders::EachSpace, ..every_team() }).await?;
    let people = scene.people.clone();
    let team = scene.create_team("Metrics", &people[..4])?;
    let made = scene.let_pass(MINUTE * 60).await;
    scene.world().add_to_team(team, people[5].person, Role::Member)?;
    let joined = scene.let_pass(MINUTE * 60).await;
    let [sync, reconcile] = [0, 1].map(|function| {
        let all = [hour, &made, &joined].map(|passed| &passed.metrics[function]);
        all.into_iter().flatten().collect::<std::collections::BTreeSet<_>>().len() as u64
    });
    Ok(amount(sync + reconcile))
}
