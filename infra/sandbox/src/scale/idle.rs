//! Rounds over links of which none changes.

use clients::http::Deadline;
use domain::clock::Clock;
use domain::ids::{TeamId, TenantId};
use engine::link::{self, Link, Phase};
use engine::tenant::Settings;
use engine::tenant::settings::OfficerStanding;
use jiff::{SignedDuration, Timestamp};
use store::message::{Ask, Cause, Message};
use store::table::{Change, Condition, Store, Write, moment};

use super::tally::{Taken, Tally};
use crate::costs::NotCounted;
use crate::house::House;
use crate::load::{MINUTE, every_team, ground, not_as_meant};
use crate::{Person, Role};

/// People of the tenant.
const PEOPLE: usize = 400;

/// So many times five minutes are counted: a day, in which each link has its look.
const TIMES: usize = 288;

/// What rounds over idle links took in a day.
#[derive(Debug, Clone)]
pub struct Idle {
    /// How many links.
    pub links: usize,
    /// What it took.
    pub taken: Taken,
    /// Calls of both services in five minutes, on average and at most.
    pub calls: (usize, usize),
}

/// Counts a day of rounds over so many links, in which each is looked at once.
///
/// # Errors
/// If something is written, or somebody is wronged.
pub async fn idle(count: usize) -> Result<Idle, NotCounted> {
    let ground = ground()?;
    let handle = ground.world.add_tenant("Contoso");
    let people: Vec<_> = (0..PEOPLE).map(|n| ground.world.add_person(&handle, &format!("Person {n}"))).collect();
    let mut house = House::new(&ground)?;
    // Nobody steps into a team when it is first looked at.
    let settings = Settings { standing: OfficerStanding::Outside, ..every_team() };
    let tenant = house.sign_up(&handle, settings).await?;
    ground.world.webex_settings(|settings| settings.deliveries_lost = 100);
    ground.world.graph_settings(|settings| settings.notifications_lost = 100);
    let teams = links(&house, tenant, &people, count, own_moment).await?;
    // Every link is looked at once, and what that left to settle is settled.
    for team in teams {
        ground.clock.advance(std::time::Duration::from_secs(1));
        let (at, ask) = (ground.clock.now(), Ask::Team { team, region: None });
        let message = Message { v: Default::default(), tenant, at, cause: Cause::WebexWebhook, ask };
        house.sync().handle(&message, Deadline(at + MINUTE)).await?;
    }
    house.let_pass(MINUTE * 180).await;
    let tenants = [handle];
    let mut tally = Tally::begin(&ground, &tenants);
    let (mut all, mut most) = (0, 0);
    for _ in 0..TIMES {
        house.let_pass(MINUTE * 5).await;
        let calls = tally.count();
        (all, most) = (all + calls, most.max(calls));
    }
    let taken = tally.end();
    let (violations, dead) = (ground.world.violations(), ground.queue.dead_letters());
    if taken.write_units > 0 || !violations.is_empty() || !dead.is_empty() {
        return Err(not_as_meant(format!("{taken:?}, {violations:?}, and dead letters: {dead:?}")));
    }
    Ok(Idle { links: count, taken, calls: (all / TIMES, most) })
}

/// Links of teams and groups that are the same, without the hours that it takes to make them: two people each. `due` says when a link's next look is.
///
/// # Errors
/// If the table refuses, or a person is of no tenant.
pub async fn links(
    house: &House,
    tenant: TenantId,
    people: &[Person],
    count: usize,
    due: impl Fn(TeamId, Timestamp) -> Timestamp,
) -> Result<Vec<TeamId>, NotCounted> {
    let (world, store, now) = (&house.ground().world, &house.ground().store, house.ground().clock.now());
    let mut teams = vec![];
    for (n, (one, other)) in people.iter().zip(people.iter().cycle().skip(1)).cycle().take(count).enumerate() {
        let title = format!("Team {n}");
        let team = world.create_team(one.person, &title);
        world.add_to_team(team, other.person, Role::Member)?;
        let group = world.create_group(one.object, &title).ok_or_else(|| not_as_meant("nobody makes the group"))?;
        world.add_member(group, other.object);
        let link = Link { daily_at: Some(now), ..Link::new(team, Default::default(), title, Phase::Linked { group }) };
        let creation = link::creation(tenant, &link, now).map_err(not_as_meant)?;
        let next = vec![Change::Set("gsi1sk", moment(due(team, now)))];
        store.write(vec![creation]).await.map_err(not_as_meant)?;
        store.write(vec![Write::Update(link::key(tenant, team), next, Condition::Any)]).await.map_err(not_as_meant)?;
        teams.push(team);
    }
    Ok(teams)
}

/// Spread over the day.
fn own_moment(team: TeamId, now: Timestamp) -> Timestamp {
    now + SignedDuration::from_secs(60 + i64::try_from(team.0.as_u128() % 86_340).unwrap_or(0))
}
