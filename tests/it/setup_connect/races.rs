//! Connecting a group while something else happens: what was shown is done, or nothing is.

use clients::http::Deadline;
use domain::ids::{GroupId, TeamId};
use engine::adopt::{self, Candidate, Connected, Hindrance};
use engine::link::{self, Phase, TroubleKind};
use engine::tenant::Tenant;
use sandbox::{Fault, Service};
use store::keys;
use store::table::{Store, from_item};

use super::scene::{Scene, confirm, group, group_called, older_team, seen_in_team, team_called, union_of};
use crate::town::MINUTE;

#[tokio::test]
async fn if_the_world_moved_nothing_is_connected_and_the_new_union_is_shown() {
    let mut scene = Scene::new().await;
    let union = scene.union();
    let page = scene.browser.prove(&union, scene.person(2).object).await;
    scene.customers.world().add_member(scene.group, scene.person(5).object);
    let new = confirm(&mut scene.browser, &union, &page).await;
    new.is(409, "so nothing was connected");
    new.is(409, "Person 05 is added to the team<");
    assert!(scene.kept(scene.team).await.is_none());
    scene.customers.world().rename_group(scene.group, scene.person(2).object, "Weeders");
    confirm(&mut scene.browser, &union, &new).await.is(409, "is renamed to “Weeders”");
    let new = scene.browser.open(&union).await;
    confirm(&mut scene.browser, &union, &new).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(scene.seen(), ([0, 1, 2, 3, 5].into(), [0, 2].into(), "Weeders".into()));
}

#[tokio::test]
async fn pressing_twice_connects_once() {
    let mut scene = Scene::new().await;
    let union = scene.union();
    let page = scene.browser.prove(&union, scene.person(2).object).await;
    let mut again = scene.browser.clone();
    let (one, other) =
        tokio::join!(confirm(&mut scene.browser, &union, &page), async { confirm(&mut again, &union, &page).await });
    one.is(200, "The group is connected.");
    other.is(200, "The group is connected.");
    confirm(&mut scene.browser, &union, &page).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    assert_eq!(page.html.matches("connected the group “Gardeners”").count(), 1);
    scene.browser.open(&union).await.is(409, "The team has a group already.");
    scene.browser.open(&scene.search("gard")).await.is(200, "The team has a group already.");
}

#[tokio::test]
async fn of_two_administrators_who_connect_one_group_to_two_teams_one_does_it() {
    let mut scene = Scene::with(|customers| _ = older_team(customers, "Meadow", 4)).await;
    let meadow = team_called(&scene, "Meadow");
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let (one, two) = (scene.union(), union_of(meadow, scene.group));
    let here = scene.browser.prove(&one, scene.person(2).object).await;
    let there = other.prove(&two, scene.person(2).object).await;
    let (here, there) =
        tokio::join!(confirm(&mut scene.browser, &one, &here), async { confirm(&mut other, &two, &there).await });
    let linked = [scene.is_linked(scene.team, scene.group).await, scene.is_linked(meadow, scene.group).await];
    assert_eq!(linked.iter().filter(|linked| **linked).count(), 1, "{linked:?}");
    for (page, linked) in [(here, linked[0]), (there, linked[1])] {
        if linked {
            page.is(200, "The group is connected.");
        } else {
            page.is(409, "It is linked to another team.");
        }
    }
    let loser = if linked[0] { meadow } else { scene.team };
    assert!(scene.kept(loser).await.is_none(), "nothing is left of the other wish");
}

#[tokio::test]
async fn of_two_groups_that_are_connected_to_one_team_at_once_one_is() {
    let mut scene = Scene::with(|customers| _ = group(customers, "Weeders", 4, &[])).await;
    let weeders = group_called(&scene, "Weeders");
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let (one, two) = (scene.union(), union_of(scene.team, weeders));
    let here = scene.browser.prove(&one, scene.person(2).object).await;
    let there = other.prove(&two, scene.person(4).object).await;
    let (here, there) =
        tokio::join!(confirm(&mut scene.browser, &one, &here), async { confirm(&mut other, &two, &there).await });
    let (winner, loser, refused) = match here.status {
        200 => (scene.group, weeders, there),
        _ => (weeders, scene.group, here),
    };
    assert!(scene.is_linked(scene.team, winner).await);
    refused.is(409, "The team has a group already.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    let directory = scene.customers.acme.directory;
    let claims = link::claims(scene.customers.house.ground().store.as_ref(), directory, [winner, loser]).await.unwrap();
    assert_eq!(claims.keys().collect::<Vec<_>>(), [&winner], "the other group is free");
}

#[tokio::test]
async fn a_team_that_got_a_group_meanwhile_or_is_getting_one_is_left_to_it() {
    let mut scene = Scene::new().await;
    let union = scene.union();
    let shown = scene.browser.prove(&union, scene.person(2).object).await;
    let team = scene.team.to_string();
    let chosen = scene.browser.submit_on("/existing", "/existing", &[("action", "choose"), ("team", &team)]).await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene.browser.submit_on("/selection", "/selection", &create).await.is(200, "Groups are being created");
    let refusal = Fault::status(503).on(Service::Graph).method("PATCH").path("uniqueName").times(u32::MAX);
    scene.customers.world().fault(refusal.clone());
    scene.customers.house.let_pass(3 * MINUTE).await;
    assert!(matches!(scene.kept(scene.team).await.unwrap().link.phase, Phase::Creating { .. }));
    confirm(&mut scene.browser, &union, &shown).await.is(409, "A group is just being created for the team.");
    scene.browser.open(&scene.search("gard")).await.is(200, "A group is just being created for the team.");
    scene.customers.world().withdraw(&refusal);
    scene.customers.house.let_pass(90 * MINUTE).await;
    scene.sign_in_again().await;
    let shown = scene.browser.prove(&union, scene.person(2).object).await;
    shown.is(409, "The team has a group already.");
    assert!(!scene.is_linked(scene.team, scene.group).await);
    assert_eq!(scene.seen_in_group(), ([1, 2, 3].into(), [2].into(), "Gardeners".into()));
}

#[tokio::test]
async fn a_group_of_our_making_that_was_connected_elsewhere_in_the_meantime_is_not_taken_twice() {
    let mut scene = Scene::new().await;
    let team = scene.team.to_string();
    let chosen = scene.browser.submit_on("/existing", "/existing", &[("action", "choose"), ("team", &team)]).await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene.browser.submit_on("/selection", "/selection", &create).await.is(200, "Groups are being created");
    // The group is made, and nobody hears of it for a while.
    let lost = Fault::cut_after().on(Service::Graph).method("PATCH").path("uniqueName");
    let blind = Fault::status(503).on(Service::Graph).method("GET").path("uniqueName").times(u32::MAX);
    scene.customers.world().fault(lost);
    scene.customers.world().fault(blind.clone());
    scene.customers.house.let_pass(3 * MINUTE).await;
    let made = group_called(&scene, "Garden");
    let meadow = older_team(&scene.customers, "Meadow", 4);
    scene.find_teams().await;
    let path = union_of(meadow, made);
    let page = scene.browser.prove(&path, scene.person(0).object).await;
    confirm(&mut scene.browser, &path, &page).await.is(200, "The group is connected.");
    scene.customers.world().withdraw(&blind);
    scene.customers.house.let_pass(3 * 60 * MINUTE).await;
    assert!(scene.is_linked(meadow, made).await);
    let link = scene.kept(scene.team).await.unwrap().link;
    assert!(matches!(link.phase, Phase::Creating { .. }), "{:?}", link.phase);
    assert_eq!(link.trouble.unwrap().kind, TroubleKind::SomebodyElsesGroup);
    assert_eq!(seen_in_team(&scene.customers, scene.team).0, [0, 1].into(), "nobody came of it");
    // Its remedy is to connect another.
    scene.sign_in_again().await;
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn the_group_with_the_teams_own_key_is_offered_where_it_keeps_the_team_from_another() {
    let mut scene = Scene::new().await;
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    // A second team, of our making, unlinked and chosen again.
    scene.browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Pond", 4);
    scene.customers.house.let_pass(20 * MINUTE).await;
    let pond = scene.kept(team).await.unwrap().link.group().unwrap();
    let page = format!("/teams/{team}");
    scene.sign_in_again().await;
    scene.browser.submit_on(&page, &page, &[("action", "unlink"), ("sure", "yes")]).await.is(200, "The link is over");
    scene.browser.open(&page).await.is(200, &format!("href=\"{page}/connect\""));
    scene.find_teams().await;
    let id = team.to_string();
    let chosen = scene.browser.submit_on("/existing", "/existing", &[("action", "choose"), ("team", &id)]).await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene.browser.submit_on("/selection", "/selection", &create).await.is(200, "Groups are being created");
    scene.customers.house.let_pass(5 * MINUTE).await;
    let trouble = scene.kept(team).await.unwrap().link.trouble.unwrap();
    assert_eq!(trouble.kind, TroubleKind::SomebodyElsesGroup);
    let offered = scene.browser.open(&format!("{page}/connect")).await;
    offered.is(200, "The group with the team's own key");
    offered.is(200, &union_of(team, pond));
    let path = union_of(team, pond);
    let shown = scene.browser.prove(&path, scene.person(4).object).await;
    confirm(&mut scene.browser, &path, &shown).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    let link = scene.kept(team).await.unwrap().link;
    assert_eq!((link.group(), link.trouble), (Some(pond), None));
    assert!(link.notices.is_empty(), "{:?}", link.notices);
}

/// What the setup pages do at last, without them: a union that was shown, and the tenant as it is stored.
async fn shown(scene: &Scene, team: TeamId, group: GroupId) -> (adopt::Union, Tenant) {
    let ground = scene.customers.house.ground();
    let store = ground.store.as_ref();
    let candidate = Candidate::load(store, scene.tenant, team).await.unwrap().unwrap();
    let now = domain::clock::Clock::now(ground.clock.as_ref());
    let sync = scene.customers.house.sync();
    let union = sync.union(scene.tenant, &candidate, group, Deadline(now + MINUTE)).await.unwrap().unwrap();
    let tenant = store.get(&keys::tenant(scene.tenant)).await.unwrap().unwrap();
    (union, from_item(tenant).unwrap())
}

#[tokio::test]
async fn a_link_that_is_being_looked_at_goes_first() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Asked", 0);
    scene.customers.house.let_pass(3 * MINUTE).await;
    let (union, tenant) = shown(&scene, team, scene.group).await;
    let ground = scene.customers.house.ground().clone();
    let now = domain::clock::Clock::now(ground.clock.as_ref());
    let lease = link::take_lease(ground.store.as_ref(), scene.tenant, team, now, now + MINUTE).await.unwrap();
    assert!(lease.is_some());
    let connect = async || adopt::connect(ground.store.as_ref(), &tenant, &union, "x".into(), now).await.unwrap();
    assert_eq!(connect().await, Connected::Busy);
    assert!(matches!(scene.kept(team).await.unwrap().link.phase, Phase::Asked { .. }));
    scene.customers.advance(61);
    let now = domain::clock::Clock::now(ground.clock.as_ref());
    let connect = async || adopt::connect(ground.store.as_ref(), &tenant, &union, "x".into(), now).await.unwrap();
    assert_eq!(connect().await, Connected::Linked);
    assert_eq!(connect().await, Connected::Linked, "twice is once");
    // The group is taken by now: a link that waits is given back as it was.
    let other = older_team(&scene.customers, "Asked too", 1);
    scene.customers.house.let_pass(3 * MINUTE).await;
    let (mut theirs, _) = (union.clone(), ());
    theirs.team.id = other;
    let now = domain::clock::Clock::now(ground.clock.as_ref());
    let refused = adopt::connect(ground.store.as_ref(), &tenant, &theirs, "x".into(), now).await.unwrap();
    assert_eq!(refused, Connected::Hindered(Hindrance::GroupHasTeam));
    let kept = scene.kept(other).await.unwrap();
    assert!(matches!(kept.link.phase, Phase::Asked { card: Some(_) }) && !kept.is_leased(now), "{kept:?}");
}
