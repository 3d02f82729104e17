//! A month's AWS bill: the counts of this program times list prices.

use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};

use engine::tenant::{Folders, Settings};

use super::metered::{Metered, Period, Spent};
use crate::BenchError;
use crate::setup::{MINUTE, every_team};

/// Teams of a tenant, people of a team, and changes of a team's people or name in a month.
const TEAMS: usize = 1000;
const PEOPLE: usize = 50;
const CHANGES: usize = 10;
/// Days of a month, and months for which activity is stored.
const DAYS: f64 = 30.0;
const RETENTION: f64 = 3.0;
/// Assumed seconds of a call to Webex or Graph, of a request to table or queue, and of an
/// invocation beside them.
const CALL: f64 = 0.3;
const REQUEST: f64 = 0.005;
const INVOCATION: f64 = 0.01;
/// Assumed log bytes of an invocation: three lines by Lambda, our two, and the metrics.
const LOGGED: f64 = 1500.0;
/// Assumed log bytes of a request to the HTTP API.
const ACCESS_LOGGED: f64 = 350.0;
/// Assumed bytes that a call, or a webhook's answer, sends out of AWS.
const SENT: f64 = 2_500.0;
/// Assumed life of an instance, in hours. A new one reads the secrets of its tenants.
const INSTANCE_LIFE: f64 = 2.0;
/// Requests of one queue's five pollers, each of which waits 20 seconds for messages.
const POLLS: f64 = 5.0 * DAYS * 86_400.0 / 20.0;

/// The numbers of tenants in the bill's last columns.
const TENANTS: [f64; 3] = [1.0, 100.0, 10_000.0];

const TEMPLATE: &str = include_str!("../../../../template.yaml");

/// The number of deployed resources of this type.
fn deployed(kind: &str) -> f64 {
    let lines = TEMPLATE.lines();
    amount(lines.filter(|line| line.trim() == format!("Type: AWS::{kind}")).count() as u64)
}

/// The number of metrics in all alarms.
fn alarmed() -> f64 {
    // Filters of the access log define metrics.
    amount(TEMPLATE.matches(" MetricName: ").count() as u64) - deployed("Logs::MetricFilter")
}

/// The memory of a function, in GB.
fn memory() -> f64 {
    let size = |line: &str| line.trim().strip_prefix("MemorySize: ")?.parse::<f64>().ok();
    TEMPLATE.lines().find_map(size).unwrap_or_default() / 1024.0
}

fn amount(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// One line of the bill.
struct Line {
    name: &'static str,
    /// Units of one tenant.
    each: f64,
    /// Units of a deployment, independent of the number of tenants.
    fixed: f64,
    /// Dollars of one unit.
    price: f64,
}

impl Line {
    /// Dollars of one tenant's share among this many tenants.
    fn share(&self, tenants: f64) -> f64 {
        (self.each + self.fixed / tenants) * self.price
    }
}

/// Invocations of a function in a month.
struct Invoked {
    /// Amount for one tenant.
    each: f64,
    /// Amount for a deployment.
    fixed: f64,
}

/// A month's bill, in US dollars for each tenant of 1,000 teams.
pub struct Bill {
    lines: Vec<Line>,
    /// Invocations of the webhook function by one tenant.
    webhooks: f64,
}

impl Bill {
    /// Traces of one tenant. Only webhooks begin one: X-Ray samples one a second, and 5 % of the
    /// others.
    fn traces(&self, tenants: f64) -> f64 {
        let (all, seconds) = (self.webhooks * tenants, DAYS * 86_400.0);
        (all.min(seconds) + (all - seconds).max(0.0) / 20.0) / tenants
    }

    /// Reads of one tenant's secrets: the tenant's own by each new instance, and a secret of an app
    /// each hour by each instance, for its token.
    fn secret_reads(tenants: f64) -> f64 {
        // Two for the first tenants, and 50 for 10,000.
        let instances = (tenants / 200.0).max(2.0);
        instances * DAYS * 24.0 * (1.0 / INSTANCE_LIFE + 1.0 / tenants.min(10.0))
    }

    /// Dollars of one tenant of 1,000 teams among this many tenants.
    pub fn share(&self, tenants: f64) -> f64 {
        let lines = self.lines.iter().map(|line| line.share(tenants)).sum::<f64>();
        lines + self.traces(tenants) * TRACE + Self::secret_reads(tenants) * SECRET_READ
    }
}

impl Bill {
    /// Dollars of one tenant of 1,000 teams, by the numbers of tenants of the table.
    pub(super) fn shares(&self) -> impl Iterator<Item = (String, f64)> {
        TENANTS.into_iter().map(|tenants| (tenants.to_string(), self.share(tenants)))
    }
}

/// Dollars of a trace.
const TRACE: f64 = 5.00e-6;
/// Dollars of a read of a secret.
const SECRET_READ: f64 = 5.00e-6;
/// Dollars of an event in a space that is in no team: API, two functions, queue, logs.
const OTHER_EVENT: f64 = 1.00e-6
    + 2.0 * (0.20e-6 + 0.25 * INVOCATION * 13.3334e-6 + LOGGED * 0.50e-9)
    + 3.0 * 0.40e-6
    + 0.10e-6
    + ACCESS_LOGGED * 0.50e-9;

fn rounded(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        ..1.0 => format!("{number:.2}"),
        ..10_000.0 => format!("{number:.0}"),
        ..1e6 => format!("{:.0} thousand", number / 1e3),
        _ => format!("{:.2} million", number / 1e6),
    }
}

/// The bill as a Markdown table.
impl Display for Bill {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        writeln!(
            out,
            "| item | per 1,000 teams | per deployment | price per million, or each \
             | 1 tenant | 100 tenants | 10,000 tenants |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
        for line in &self.lines {
            let shares = TENANTS.map(|tenants| format!("{:.2}", line.share(tenants))).join(" | ");
            let price = if line.price < 0.01 {
                format!("{:.3}", line.price * 1e6)
            } else {
                format!("{:.2} each", line.price)
            };
            let (each, fixed) = (rounded(line.each), rounded(line.fixed));
            writeln!(out, "| {} | {each} | {fixed} | {price} | {shares} |", line.name)?;
        }
        let mut by_tenants = |name: &str, units: &dyn Fn(f64) -> f64, price: f64| {
            let shares = TENANTS.map(|tenants| format!("{:.2}", units(tenants) * price));
            let price = price * 1e6;
            writeln!(out, "| {name} | varies | 0 | {price:.3} | {} |", shares.join(" | "))
        };
        by_tenants("secrets, reads by instances", &Self::secret_reads, SECRET_READ)?;
        by_tenants("traces that X-Ray samples", &|tenants| self.traces(tenants), TRACE)?;
        let shares = TENANTS.map(|tenants| format!("**{:.2}**", self.share(tenants))).join(" | ");
        writeln!(out, "| a tenant | | | | {shares} |")?;
        let totals = TENANTS.map(|tenants| format!("**{:.0}**", self.share(tenants) * tenants));
        writeln!(out, "| all tenants | | | | {} |", totals.join(" | "))?;
        writeln!(
            out,
            "\nEach million events in spaces that are in no team adds {:.2}.",
            OTHER_EVENT * 1e6
        )
    }
}

fn total(invocations: &[Invoked]) -> Invoked {
    let each = invocations.iter().map(|one| one.each).sum();
    Invoked { each, fixed: invocations.iter().map(|one| one.fixed).sum() }
}

/// The needs of one tenant in a month.
#[derive(Default)]
struct Month {
    half_read_units: f64,
    write_units: f64,
    seconds: f64,
    webhook: f64,
    sync: f64,
    cycles: f64,
    queued: f64,
    /// Calls to Webex and Microsoft.
    calls: f64,
    /// Bytes in the table.
    stored: f64,
}

impl Month {
    fn add(&mut self, spent: &Spent, times: f64) {
        let requests = spent.requests;
        self.half_read_units += times * amount(requests.half_read_units);
        self.write_units += times * amount(requests.write_units);
        self.calls += times * amount(spent.waits);
        let in_calls = amount(spent.waits) * CALL;
        let in_requests = amount(requests.reads() + requests.writes()) * REQUEST;
        self.seconds += times * (in_calls + in_requests);
    }

    /// Adds a change with everything that follows, without the cycles of its 40 minutes.
    fn add_change(&mut self, period: &Period, times: f64) {
        self.add(&period.syncs, times);
        self.webhook += times * amount(period.invocations.webhook);
        self.sync += times * amount(period.invocations.sync);
        self.queued += times * (amount(period.queued) - 40.0);
    }
}

/// Works out what a tenant of 1,000 teams of 50 people costs in a month.
///
/// Counts a daily sync, a change with everything that follows, and an hour of reconciliation
/// cycles; each team has ten changes a month. Prices are list prices of us-east-1 in autumn 2026,
/// without free tiers. Messages that production batches count one by one.
///
/// # Errors
/// None in practice: no fault is injected.
pub async fn bill() -> Result<Bill, BenchError> {
    let mut metered = Metered::start(TEAMS, every_team()).await?;
    let people = metered.people.clone();
    let before = metered.store().size();
    let team = metered.create_team("Bill", &people[..PEOPLE])?;
    metered.let_pass(MINUTE * 60).await;
    let linked = metered.store().size() - before;
    metered.until_nothing_is_due(team).await?;
    let daily = metered.sync(team).await?;
    metered.let_pass(MINUTE * 30).await;
    let hour = metered.let_pass(MINUTE * 60).await;
    let before = metered.store().size();
    metered.add_to_team(team, &people[PEOPLE..=PEOPLE])?;
    let joined = metered.let_pass(MINUTE * 40).await;
    metered.world().remove_from_team(team, people[PEOPLE].person)?;
    let left = metered.let_pass(MINUTE * 40).await;
    let stored = (metered.store().size() - before) / 2;
    metered.assert_clean()?;

    let (teams, changes) = (amount(TEAMS as u64), amount((TEAMS * CHANGES) as u64));
    let cycles = DAYS * 24.0 * 60.0;
    let mut month = Month { cycles, queued: cycles, ..Month::default() };
    month.add(&hour.cycles, DAYS * 24.0);
    month.add(&daily, DAYS * teams);
    month.sync += DAYS * teams;
    month.queued += DAYS * teams;
    month.add_change(&joined, changes / 2.0);
    month.add_change(&left, changes / 2.0);
    month.stored = teams * amount(linked as u64) + RETENTION * changes * amount(stored as u64);
    Ok(priced(&month, count_metrics(hour.metrics).await?))
}

fn priced(month: &Month, metrics: f64) -> Bill {
    let invocations = [
        Invoked { each: month.webhook, fixed: 0.0 },
        Invoked { each: month.sync, fixed: 0.0 },
        // The schedule invokes the function once a minute for all tenants.
        Invoked { each: month.cycles, fixed: month.cycles },
    ];
    let Invoked { each, fixed } = total(&invocations);
    let compute = memory() * (month.seconds + each * INVOCATION);
    let compute_fixed = memory() * fixed * INVOCATION;
    let (logged, logged_fixed) = (each * LOGGED / 1e9, fixed * LOGGED / 1e9);
    let line = |name, each, fixed, price| Line { name, each, fixed, price };
    let lines = vec![
        line("table, write units", month.write_units, 0.0, 0.625e-6),
        line("table, read units", month.half_read_units / 2.0, 0.0, 0.125e-6),
        line("table, GB stored, with backup", month.stored / 1e9, 0.0, 0.25 + 0.20),
        line("functions, GB-seconds", compute, compute_fixed, 13.3334e-6),
        line("functions, invocations", each, fixed, 0.20e-6),
        line("schedule", 0.0, month.cycles, 1.00e-6),
        line("HTTP API, webhooks and notifications", month.webhook, 0.0, 1.00e-6),
        // A message is sent and deleted; the polls receive it.
        line("queues, requests", month.queued * 2.0, 2.0 * POLLS, 0.40e-6),
        // Each message has a group, so its sending is fair.
        line("queues, fair sending", month.queued, 0.0, 0.10e-6),
        line("logs, GB", logged, logged_fixed, 0.50),
        line("access log, GB", month.webhook * ACCESS_LOGGED / 1e9, 0.0, 0.50),
        line("data out, GB", (month.calls + month.webhook) * SENT / 1e9, 0.0, 0.09),
        line("secrets", 1.0, deployed("SecretsManager::Secret"), 0.40),
        // Webhook and reconcile read the webhook keys every five minutes.
        line("secrets, reads", 0.0, 2.0 * DAYS * 24.0 * 12.0, 5.00e-6),
        line("metrics", 0.0, metrics, 0.30),
        // An alarm over several metrics costs each of them.
        line("alarms, metrics in them", 0.0, alarmed(), 0.10),
        line("dashboard", 0.0, deployed("CloudWatch::Dashboard"), 3.00),
    ];
    Bill { lines, webhooks: month.webhook }
}

/// Counts the metrics of an ordinary day, with folders; each function has its own.
async fn count_metrics(mut names: [BTreeSet<String>; 2]) -> Result<f64, BenchError> {
    let settings = Settings { folders: Folders::EachSpace, ..every_team() };
    let mut metered = Metered::start(6, settings).await?;
    let people = metered.people.clone();
    let team = metered.create_team("Metrics", &people[..4])?;
    let created = metered.let_pass(MINUTE * 60).await;
    metered.add_to_team(team, &people[5..=5])?;
    let joined = metered.let_pass(MINUTE * 60).await;
    for period in [created, joined] {
        for (names, more) in names.iter_mut().zip(period.metrics) {
            names.extend(more);
        }
    }
    Ok(amount(names.iter().map(BTreeSet::len).sum::<usize>() as u64))
}
