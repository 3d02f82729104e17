//! Lag, bursts, and messages that come twice, late, never, or that nobody can deal with.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::ids::TeamId;
use sandbox::house::{House, Reach};
use sandbox::{Call, Kind, OwnerRemoval, Role, Service};
use store::message::{Ask, Cause};
use store::queue::Queue;

use crate::town::{DAY, MINUTE, Town};

fn writes(town: &Town) -> Vec<String> {
    let is_write = |call: &Call| call.kind == Kind::Write && call.service != Service::Entra;
    let told = |call: Call| format!("{} {:?} {} {:?}", call.at, call.service, call.method, call.status);
    town.world().calls().into_iter().filter(is_write).map(told).collect()
}

fn looks(town: &Town, team: TeamId) -> usize {
    let path = format!("/v1/teams/{}", town.world().team_id(team));
    town.world().calls().iter().filter(|call| call.method == "GET" && call.path == path).count()
}

#[tokio::test]
async fn replicas_that_lag_ten_minutes_make_nothing_flap() {
    for removal in [OwnerRemoval::KeepsMembership, OwnerRemoval::TakesMembership] {
        let mut town = Town::of(12).await;
        let team = town.create_team("Lag", &town.people[..8]);
        town.let_pass(60 * MINUTE).await;
        town.world().graph_settings(|settings| {
            settings.replica_lag = Duration::from_secs(600);
            settings.owner_removal = removal;
            settings.notification_jitter = Duration::from_secs(60);
        });
        let (group, _) = town.group();
        let person = |n: usize| town.people[n];
        let world = town.world().clone();
        world.take_calls();
        // In Webex: a join, a leave, two promotions, of which one is undone.
        world.add_to_team(team, person(8).person, Role::Member).unwrap();
        world.remove_from_team(team, person(1).person).unwrap();
        for n in [2, 3] {
            world.promote(team, person(n).person).unwrap();
        }
        // In Microsoft 365: a join, a leave, a promotion.
        world.add_member(group, person(9).object);
        world.remove_member(group, person(4).object);
        world.add_owner(group, person(5).object);
        town.let_pass(5 * MINUTE).await;
        world.demote(team, town.people[3].person).unwrap();
        town.let_pass(55 * MINUTE).await;
        let there = world.team(team).unwrap().people;
        assert!(there.contains_key(&town.people[8].person) && there.contains_key(&town.people[9].person));
        assert!(!there.contains_key(&town.people[1].person) && !there.contains_key(&town.people[4].person));
        let moderators: Vec<usize> =
            (0..12).filter(|n| there.get(&town.people[*n].person) == Some(&Role::Moderator)).collect();
        assert_eq!(moderators, [0, 2, 5]);
        town.assert_in_step(team);
        // To the group: the membership of both who are promoted, the join and both promotions in one, the leave, the demotion and the membership again. To the team: three.
        let made = writes(&town);
        assert!(made.len() <= 2 + 1 + 1 + 2 + 3, "{made:#?}");
        world.take_calls();
        town.let_pass(2 * DAY).await;
        assert_eq!(writes(&town), [""; 0]);
        town.assert_in_step(team);
    }
}

/// Entra's own pages make owners who are no members.
#[tokio::test]
async fn an_owner_who_is_no_member_becomes_one_when_no_replica_can_be_mistaken_any_more() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Owners", &town.people[..3]);
    town.let_pass(60 * MINUTE).await;
    town.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let (group, _) = town.group();
    let world = town.world().clone();
    world.add_owner(group, town.people[3].object);
    world.take_calls();
    town.let_pass(14 * MINUTE).await;
    assert_eq!(world.team(team).unwrap().people.get(&town.people[3].person), Some(&Role::Moderator));
    assert_eq!(world.count_of(Service::Graph, Kind::Write), 0, "no reading yet proves that he is no member");
    town.let_pass(60 * MINUTE).await;
    assert!(world.group(group).unwrap().members.contains(&town.people[3].object));
    world.take_calls();
    town.let_pass(2 * DAY).await;
    assert_eq!(world.count_of(Service::Graph, Kind::Write), 0);
    town.assert_in_step(team);
}

#[tokio::test]
async fn whoever_leaves_as_owner_and_member_is_not_taken_in_by_replicas_that_show_one_of_them() {
    let mut town = Town::of(24).await;
    let team = town.create_team("Owners", &town.people);
    for owner in &town.people[4..] {
        town.world().promote(team, owner.person).unwrap();
    }
    town.let_pass(60 * MINUTE).await;
    town.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let (group, _) = town.group();
    let world = town.world().clone();
    // Four a day: more would wait for an administrator.
    for leaving in town.people.clone()[4..].chunks(4) {
        for owner in leaving {
            world.remove_owner(group, owner.object).unwrap();
            world.remove_member(group, owner.object);
            town.let_pass(3 * MINUTE).await;
        }
        town.let_pass(DAY).await;
        for owner in leaving {
            assert!(!world.group(group).unwrap().members.contains(&owner.object));
            assert!(!world.team(team).unwrap().people.contains_key(&owner.person));
        }
    }
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_burst_of_500_webhooks_of_one_team_is_a_handful_of_looks() {
    let mut town = Town::of(500).await;
    let team = town.create_team("Burst", &town.people[..10]);
    town.let_pass(20 * MINUTE).await;
    town.world().webex_settings(|settings| settings.delivery_jitter = Duration::from_secs(2));
    town.world().take_calls();
    for person in &town.people[10..] {
        town.world().add_to_team(team, person.person, Role::Member).unwrap();
    }
    town.let_pass(5 * MINUTE).await;
    assert!(looks(&town, team) <= 8, "{} looks", looks(&town, team));
    assert_eq!(town.world().count_of(Service::Graph, Kind::Write), 25, "490 people, 20 a call");
    town.let_pass(DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn webhooks_that_come_doubled_late_or_not_at_all_change_nothing() {
    let mut town = Town::of(20).await;
    town.world().webex_settings(|settings| {
        settings.deliveries_doubled = 100;
        settings.deliveries_lost = 30;
        settings.delivery_jitter = Duration::from_secs(600);
    });
    town.world().graph_settings(|settings| settings.notifications_lost = 50);
    let team = town.create_team("Storm", &town.people[..10]);
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
    town.world().take_calls();
    for n in 10..15 {
        town.world().add_to_team(team, town.people[n].person, Role::Member).unwrap();
        town.let_pass(MINUTE).await;
    }
    for n in 1..4 {
        town.world().remove_from_team(team, town.people[n].person).unwrap();
        town.let_pass(MINUTE).await;
    }
    town.world().add_to_team(team, town.people[1].person, Role::Moderator).unwrap();
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
    assert!(writes(&town).len() <= 5 + 3 + 1, "{:#?}", writes(&town));
    town.let_pass(2 * DAY).await;
    town.assert_in_step(team);
}

/// Breaks down over one team, as a look with a mistake in it would.
struct Mine {
    inner: Arc<dyn Transport>,
    path: String,
}

#[async_trait]
impl Transport for Mine {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        assert!(!request.uri().path().ends_with(&self.path), "a mine");
        self.inner.send(request, timeout).await
    }
}

#[tokio::test]
async fn a_message_that_breaks_the_function_is_a_dead_letter_after_five_receives_and_its_neighbours_are_none_the_worse()
{
    let mut town = Town::of(6).await;
    let poisoned = town.create_team("Poisoned", &town.people[..3]);
    let team = town.create_team("Healthy", &town.people[..3]);
    town.let_pass(60 * MINUTE).await;
    let ground = town.house.ground().clone();
    let mine = Mine { inner: ground.world.transport(), path: town.world().team_id(poisoned) };
    let reach = Reach { transport: Arc::new(mine), ..Reach::to(&ground) };
    let tenants = town.house.tenants().to_vec();
    town.house = House::reaching_out(&ground, reach).unwrap();
    town.house.take_over(&tenants);

    let ask = |team| Ask::Team { team, region: None };
    town.world().add_to_team(team, town.people[4].person, Role::Member).unwrap();
    let batch = [town.wish(ask(poisoned), Cause::WebexWebhook), town.wish(ask(team), Cause::WebexWebhook)];
    ground.queue.send_all(&batch).await.unwrap();
    let received = ground.queue.receive(10);
    assert_eq!(received.len(), 2);
    town.house.invoke_sync(received).await;
    assert_eq!(ground.queue.len(), 1, "only the broken one comes again");
    let group = town.world().groups(town.handle.directory).into_values().find(|group| group.display_name == "Healthy");
    town.assert_are_one(team, &group.unwrap());
    town.let_pass(40 * MINUTE).await;
    let dead = ground.queue.dead_letters();
    assert_eq!(dead, batch[..1], "after five receives");
    assert!(town.world().violations().is_empty());
}

#[tokio::test]
async fn two_tenants_with_teams_of_the_same_name_never_meet() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Same", &town.people[..3]);
    let newcomer = town.world().add_person(&town.other, "Newcomer");
    let theirs = town.world().create_team(town.neighbour.person, "Same");
    town.let_pass(20 * MINUTE).await;
    town.world().add_to_team(team, town.people[3].person, Role::Moderator).unwrap();
    town.world().add_to_team(theirs, newcomer.person, Role::Member).unwrap();
    town.let_pass(DAY).await;
    town.assert_in_step(team);
    let groups = town.world().groups(town.other.directory);
    let [group] = groups.values().collect::<Vec<_>>()[..] else { panic!("{groups:?}") };
    assert_eq!(group.members, [town.neighbour.object, newcomer.object].into());
    assert_eq!(group.owners, [town.neighbour.object].into());
}
