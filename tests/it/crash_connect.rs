//! Crash at every step of connecting a group, and of uniting both sides.

use std::io::Write as _;

use sandbox::Role;
use shared::connect::{self, Candidate, Connected};
use shared::http::Deadline;
use shared::ids::{GroupId, TeamId};
use shared::link;
use shared::store::from_item;
use shared::tenant::{NewTeams, Settings, Tenant, keys};

use crate::crash::{Effect, cut_off, until_cut_off};
use crate::town::{MINUTE, Town, every_team};

/// A team whose creator was asked, and a group: of four people the first moderates the team, the second is a member of both and moderates it, too, the third owns the group.
async fn scene() -> (Town, TeamId, GroupId) {
    let mut town = Town::with_one_tenant(4, Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    let team = town.create_team("Garden", &town.people[..2]);
    town.world().promote(team, town.people[1].person).unwrap();
    let group = town.world().create_group(town.people[2].object, "Gardeners").unwrap();
    [1, 3].into_iter().for_each(|n| town.world().add_member(group, town.people[n].object));
    town.let_pass(6 * MINUTE).await;
    (town, team, group)
}

/// What the page's button does.
async fn connect(house: &sandbox::house::House, town: &Town, team: TeamId, group: GroupId) {
    let (store, now) = (house.sync().store.as_ref(), town.now());
    let candidate = Candidate::load(store, town.tenant(), team).await.unwrap().unwrap();
    if candidate.before.as_ref().is_some_and(|kept| kept.link.group() == Some(group)) {
        return;
    }
    let deadline = Deadline(now + MINUTE);
    let union = house.sync().union(town.tenant(), &candidate, group, deadline).await.unwrap().unwrap();
    let tenant: Tenant = from_item(store.get(&keys::tenant(town.tenant())).await.unwrap().unwrap()).unwrap();
    let connected = connect::connect(store, &tenant, &union, "Connected.".into(), now).await.unwrap();
    assert!(matches!(connected, Connected::Linked | Connected::Busy), "{connected:?}");
}

async fn assert_united(town: &Town, team: TeamId, group: GroupId, told: &str) {
    let world = town.world();
    assert_eq!(world.groups(town.handle.directory).len(), 1, "{told}: no other group");
    let (seen, there) = (world.team(team).unwrap(), world.group(group).unwrap());
    let owners: Vec<bool> = town.people.iter().map(|person| there.owners.contains(&person.object)).collect();
    assert_eq!(owners, [true, true, true, false], "{told}: owners");
    assert!(town.people.iter().all(|person| there.members.contains(&person.object)), "{told}: members");
    let role = |n: usize| seen.people.get(&town.people[n].person).copied();
    let roles = [0, 1, 2, 3].map(role);
    let moderator = Some(Role::Moderator);
    assert_eq!(roles, [moderator, moderator, moderator, Some(Role::Member)], "{told}: the team");
    assert_eq!((seen.title.as_str(), there.display_name.as_str()), ("Gardeners", "Gardeners"), "{told}");
    assert!(world.violations().is_empty(), "{told}: {:?}", world.violations());
    for (who, on_link) in link::people(town.store(), town.tenant(), team).await.unwrap() {
        assert!(on_link.memory.intents.is_empty(), "{told}: {who:?} has open intents");
    }
}

fn say(points: usize, what: &str) {
    // The harness would keep what a passing test prints to itself.
    let mut past_the_harness = std::io::stderr();
    writeln!(past_the_harness, "{what}: {points} crash points end well").unwrap();
    assert!(points > 10, "{points} points are too few to be true");
}

#[tokio::test]
async fn connecting_survives_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, team, group) = scene().await;
            let blown =
                cut_off(&mut town, (at, effect), async |house, town| connect(house, town, team, group).await).await;
            // Whoever saw no page looks again when the lease of what was cut off has ended.
            town.let_pass(2 * MINUTE).await;
            connect(&town.house, &town, team, group).await;
            town.let_pass(30 * MINUTE).await;
            assert_united(&town, team, group, &format!("cut off at call {at}, its effect {effect:?}")).await;
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "connecting");
}

#[tokio::test]
async fn uniting_survives_a_crash_at_every_step() {
    let mut points = 0;
    for effect in [Effect::NotDone, Effect::Done] {
        for at in 0.. {
            let (mut town, team, group) = scene().await;
            connect(&town.house, &town, team, group).await;
            let blown = until_cut_off(&mut town, (at, effect), 2 * MINUTE).await;
            town.let_pass(40 * MINUTE).await;
            assert_united(&town, team, group, &format!("cut off at call {at}, its effect {effect:?}")).await;
            if !blown {
                break;
            }
            points += 1;
        }
    }
    say(points, "uniting");
}
