//! Late, repeated, lost and unusable messages, and replicas that lag.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use clients::http::{Transport, TransportError};
use domain::ids::TeamId;
use sandbox::local_stack::{Connections, LocalStack};
use sim::{Call, Kind, MembershipRole, OwnerRemoval, Service};
use store::message::{Job, Trigger};
use store::queue::Queue;

use crate::support::{DAY, MINUTE, TwoTenants};

fn writes(env: &TwoTenants) -> Vec<String> {
    let is_write = |call: &Call| call.kind == Kind::Write && call.service != Service::Entra;
    let text =
        |call: Call| format!("{} {:?} {} {:?}", call.at, call.service, call.method, call.status);
    env.world().calls().into_iter().filter(is_write).map(text).collect()
}

fn count_syncs(env: &TwoTenants, team: TeamId) -> usize {
    let path = format!("/v1/teams/{}", env.world().team_id(team));
    env.world().calls().iter().filter(|call| call.method == "GET" && call.path == path).count()
}

#[tokio::test]
async fn lagging_replicas_cause_no_flapping() {
    for removal in [OwnerRemoval::KeepsMembership, OwnerRemoval::TakesMembership] {
        let mut env = TwoTenants::with_people(12).await;
        let team = env.create_team("Lag", &env.people[..8]);
        env.let_pass(60 * MINUTE).await;
        env.world().graph_settings(|settings| {
            settings.replica_lag = Duration::from_secs(600);
            settings.owner_removal = removal;
            settings.notification_jitter = Duration::from_secs(60);
        });
        let (group, _) = env.group();
        let person = |n: usize| env.people[n];
        let world = env.world().clone();
        world.take_calls();
        // In Webex: a join, a leave, and two promotions, one of which is undone.
        world.add_to_team(team, person(8).person, MembershipRole::Member).unwrap();
        world.remove_from_team(team, person(1).person).unwrap();
        for n in [2, 3] {
            world.promote(team, person(n).person).unwrap();
        }
        // In Microsoft 365: a join, a leave, and a promotion.
        world.add_member(group, person(9).object);
        world.remove_member(group, person(4).object);
        world.add_owner(group, person(5).object);
        env.let_pass(5 * MINUTE).await;
        world.demote(team, env.people[3].person).unwrap();
        env.let_pass(55 * MINUTE).await;
        let there = world.team(team).unwrap().people;
        assert!(
            there.contains_key(&env.people[8].person) && there.contains_key(&env.people[9].person)
        );
        assert!(
            !there.contains_key(&env.people[1].person)
                && !there.contains_key(&env.people[4].person)
        );
        let moderators: Vec<usize> = (0..12)
            .filter(|n| there.get(&env.people[*n].person) == Some(&MembershipRole::Moderator))
            .collect();
        assert_eq!(moderators, [0, 2, 5]);
        env.assert_in_sync(team);
        // Group: membership of the two promoted, one write for the join and both promotions, the
        // leave, the demotion, and the membership again. Team: three.
        let made = writes(&env);
        assert!(made.len() <= 2 + 1 + 1 + 2 + 3, "{made:#?}");
        world.take_calls();
        env.let_pass(2 * DAY).await;
        assert_eq!(writes(&env), [""; 0]);
        env.assert_in_sync(team);
    }
}

/// Entra's own pages create owners who are not members.
#[tokio::test]
async fn owner_becomes_member_after_the_lag_window() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Owners", &env.people[..3]);
    env.let_pass(60 * MINUTE).await;
    env.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let (group, _) = env.group();
    let world = env.world().clone();
    world.add_owner(group, env.people[3].object);
    world.take_calls();
    env.let_pass(14 * MINUTE).await;
    assert_eq!(
        world.team(team).unwrap().people.get(&env.people[3].person),
        Some(&MembershipRole::Moderator)
    );
    assert_eq!(
        world.count_of(Service::Graph, Kind::Write),
        0,
        "no reading yet proves that they are not a member"
    );
    env.let_pass(60 * MINUTE).await;
    assert!(world.group(group).unwrap().members.contains(&env.people[3].object));
    world.take_calls();
    env.let_pass(2 * DAY).await;
    assert_eq!(world.count_of(Service::Graph, Kind::Write), 0);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn departed_owner_is_not_added_by_stale_replicas() {
    let mut env = TwoTenants::with_people(24).await;
    let team = env.create_team("Owners", &env.people);
    for owner in &env.people[4..] {
        env.world().promote(team, owner.person).unwrap();
    }
    env.let_pass(60 * MINUTE).await;
    env.world().graph_settings(|settings| settings.replica_lag = Duration::from_secs(600));
    let (group, _) = env.group();
    let world = env.world().clone();
    // Four a day: more would need an approval.
    for offboarding in env.people.clone()[4..].chunks(4) {
        for owner in offboarding {
            world.remove_owner(group, owner.object).unwrap();
            world.remove_member(group, owner.object);
            env.let_pass(3 * MINUTE).await;
        }
        env.let_pass(DAY).await;
        for owner in offboarding {
            assert!(!world.group(group).unwrap().members.contains(&owner.object));
            assert!(!world.team(team).unwrap().people.contains_key(&owner.person));
        }
    }
    env.assert_in_sync(team);
}

#[tokio::test]
async fn burst_of_500_webhooks_needs_few_syncs() {
    let mut env = TwoTenants::with_people(500).await;
    let team = env.create_team("Burst", &env.people[..10]);
    env.let_pass(20 * MINUTE).await;
    env.world().webex_settings(|settings| settings.delivery_jitter = Duration::from_secs(2));
    env.world().take_calls();
    for person in &env.people[10..] {
        env.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    env.let_pass(5 * MINUTE).await;
    assert!(count_syncs(&env, team) <= 8, "{} looks", count_syncs(&env, team));
    assert_eq!(env.world().count_of(Service::Graph, Kind::Write), 25, "490 people, 20 a call");
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn duplicate_late_and_lost_webhooks_are_harmless() {
    let mut env = TwoTenants::with_people(20).await;
    env.world().webex_settings(|settings| {
        settings.deliveries_doubled = 100;
        settings.deliveries_lost = 30;
        settings.delivery_jitter = Duration::from_secs(600);
    });
    env.world().graph_settings(|settings| settings.notifications_lost = 50);
    let team = env.create_team("Storm", &env.people[..10]);
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
    env.world().take_calls();
    for n in 10..15 {
        env.world().add_to_team(team, env.people[n].person, MembershipRole::Member).unwrap();
        env.let_pass(MINUTE).await;
    }
    for n in 1..4 {
        env.world().remove_from_team(team, env.people[n].person).unwrap();
        env.let_pass(MINUTE).await;
    }
    env.world().add_to_team(team, env.people[1].person, MembershipRole::Moderator).unwrap();
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
    assert!(writes(&env).len() <= 5 + 3 + 1, "{:#?}", writes(&env));
    env.let_pass(2 * DAY).await;
    env.assert_in_sync(team);
}

/// A transport that panics for one team, like a bug in a sync run.
struct PanickingTransport {
    inner: Arc<dyn Transport>,
    path: String,
}

#[async_trait]
impl Transport for PanickingTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> Result<http::Response<Bytes>, TransportError> {
        assert!(!request.uri().path().ends_with(&self.path), "a panicking");
        self.inner.send(request, timeout).await
    }
}

#[tokio::test]
async fn crashing_message_becomes_a_dead_letter() {
    let mut env = TwoTenants::with_people(6).await;
    let crashing = env.create_team("Poisoned", &env.people[..3]);
    let team = env.create_team("Healthy", &env.people[..3]);
    env.let_pass(60 * MINUTE).await;
    let backend = env.stack.backend().clone();
    let panicking = PanickingTransport {
        inner: backend.world.transport(),
        path: env.world().team_id(crashing),
    };
    let connections = Connections { transport: Arc::new(panicking), ..Connections::to(&backend) };
    let tenants = env.stack.tenants().to_vec();
    env.stack = LocalStack::with_connections(&backend, connections).unwrap();
    env.stack.set_tenants(&tenants);

    let ask = |team| Job::Team { team, region: None };
    env.world().add_to_team(team, env.people[4].person, MembershipRole::Member).unwrap();
    let batch = [
        env.message(ask(crashing), Trigger::WebexWebhook),
        env.message(ask(team), Trigger::WebexWebhook),
    ];
    backend.queue.send_all(&batch).await.unwrap();
    let received = backend.queue.receive(10);
    assert_eq!(received.len(), 2);
    env.stack.invoke_sync(received).await;
    assert_eq!(backend.queue.len(), 1, "only the broken one comes again");
    let group = env
        .world()
        .groups(env.handle.directory)
        .into_values()
        .find(|group| group.display_name == "Healthy");
    env.assert_team_matches(team, &group.unwrap());
    env.let_pass(40 * MINUTE).await;
    let dead = backend.queue.dead_letters();
    assert_eq!(dead, batch[..1], "after five receives");
    assert!(env.world().violations().is_empty());
}

#[tokio::test]
async fn teams_of_the_same_name_stay_separate() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Same", &env.people[..3]);
    let newcomer = env.world().add_person(&env.other, "Newcomer");
    let theirs = env.world().create_team(env.neighbour.person, "Same");
    env.let_pass(20 * MINUTE).await;
    env.world().add_to_team(team, env.people[3].person, MembershipRole::Moderator).unwrap();
    env.world().add_to_team(theirs, newcomer.person, MembershipRole::Member).unwrap();
    env.let_pass(DAY).await;
    env.assert_in_sync(team);
    let groups = env.world().groups(env.other.directory);
    let [group] = groups.values().collect::<Vec<_>>()[..] else { panic!("{groups:?}") };
    assert_eq!(group.members, [env.neighbour.object, newcomer.object].into());
    assert_eq!(group.owners, [env.neighbour.object].into());
}
