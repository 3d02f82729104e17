//! Reconciliation cycles over links without changes.

use clients::http::Deadline;
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use engine::link::{self, Link, Phase};
use engine::tenant::Settings;
use engine::tenant::settings::ServiceAccountMode;
use jiff::{SignedDuration, Timestamp};
use sandbox::local_stack::LocalStack;
use sim::{MembershipRole, Person};
use store::message::{Job, Message, Trigger};
use store::table::{Change, Condition, Store, Write, moment};

use super::tally::{Tally, Usage};
use crate::BenchError;
use crate::error::unexpected;
use crate::setup::{MINUTE, assert_clean, backend, every_team};

/// People of the tenant.
const PEOPLE: usize = 400;

/// Intervals of five minutes that are counted: a day, in which each link is synced once.
const INTERVALS: usize = 288;

/// The result of a day of cycles over idle links.
#[derive(Debug, Clone)]
pub struct Idle {
    /// The number of links.
    pub links: usize,
    /// Usage of the day.
    pub usage: Usage,
    /// Calls to both services in five minutes.
    pub calls: Calls,
}

/// Calls in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Average over all intervals.
    pub average: usize,
    /// Maximum over all intervals.
    pub most: usize,
}

/// Counts a day of cycles over this many links, in which each is synced once.
///
/// # Errors
/// If anything is written, or a call breaks a rule.
pub async fn idle(count: usize) -> Result<Idle, BenchError> {
    let backend = backend()?;
    let handle = backend.world.add_tenant("Contoso");
    let person = |n| backend.world.add_person(&handle, &format!("Person {n}"));
    let people: Vec<_> = (0..PEOPLE).map(person).collect();
    let mut stack = LocalStack::new(&backend)?;
    // Outside the teams, the service account joins none of them at its first sync.
    let settings = Settings { service_account_mode: ServiceAccountMode::Observer, ..every_team() };
    let tenant = stack.sign_up(&handle, settings).await?;
    backend.world.webex_settings(|settings| settings.deliveries_lost = 100);
    backend.world.graph_settings(|settings| settings.notifications_lost = 100);
    let teams = create_links(&stack, tenant, &people, count, spread_over_day).await?;
    // Each link is synced once, and its follow-ups are done before counting starts.
    for team in teams {
        backend.clock.advance(std::time::Duration::from_secs(1));
        let (at, job) = (backend.clock.now(), Job::Team { team, region: None });
        let message =
            Message { v: Default::default(), tenant, at, trigger: Trigger::WebexWebhook, job };
        stack.sync().handle(&message, Deadline(at + MINUTE)).await?;
    }
    stack.let_pass(MINUTE * 180).await;
    let tenants = [handle];
    let mut tally = Tally::begin(&backend, &tenants);
    let (mut all, mut most) = (0, 0);
    for _ in 0..INTERVALS {
        stack.let_pass(MINUTE * 5).await;
        let calls = tally.count();
        (all, most) = (all + calls, most.max(calls));
    }
    let usage = tally.end();
    if usage.write_units > 0 {
        return Err(unexpected(format!("idle links were written: {usage:?}")));
    }
    assert_clean(&backend)?;
    Ok(Idle { links: count, usage, calls: Calls { average: all / INTERVALS, most } })
}

/// Creates links of equal teams and groups of two people each, without the hours of syncing.
///
/// `due` returns the moment of a link's next sync.
///
/// # Errors
/// If the table refuses a write, or a person belongs to no tenant.
pub async fn create_links(
    stack: &LocalStack,
    tenant: TenantId,
    people: &[Person],
    count: usize,
    due: impl Fn(TeamId, Timestamp) -> Timestamp,
) -> Result<Vec<TeamId>, BenchError> {
    let backend = stack.backend();
    let (world, store, now) = (&backend.world, &backend.store, backend.clock.now());
    let pairs = people.iter().zip(people.iter().cycle().skip(1));
    let mut teams = vec![];
    for (n, (one, other)) in pairs.cycle().take(count).enumerate() {
        let title = format!("Team {n}");
        let team = world.create_team(one.person, &title);
        world.add_to_team(team, other.person, MembershipRole::Member)?;
        let group = world.create_group(one.object, &title);
        let group = group.ok_or_else(|| unexpected("the group was not created"))?;
        world.add_member(group, other.object);
        let link = Link {
            full_sync_at: Some(now),
            ..Link::new(team, Default::default(), title, Phase::Linked { group })
        };
        let creation = link::creation(tenant, &link, now).map_err(unexpected)?;
        store.write(vec![creation]).await.map_err(unexpected)?;
        let next = vec![Change::Set("gsi1sk", moment(due(team, now)))];
        let update = Write::Update(link::key(tenant, team), next, Condition::Any);
        store.write(vec![update]).await.map_err(unexpected)?;
        teams.push(team);
    }
    Ok(teams)
}

fn spread_over_day(team: TeamId, now: Timestamp) -> Timestamp {
    let seconds = i64::try_from(team.0.as_u128() % 86_340).unwrap_or(0);
    now + SignedDuration::from_secs(60 + seconds)
}
