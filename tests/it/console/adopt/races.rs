//! Adoption during other changes: what was shown is done, or nothing is.

use clients::http::Deadline;
use domain::ids::{GroupId, ObjectId, TeamId};
use engine::activity::{AdoptionRight, Decision};
use engine::adopt::{self, AdoptableTeam, AdoptionBlocker, AdoptionOutcome};
use engine::decision::Decider;
use engine::link::{self, FailureKind, Phase};
use engine::tenant::Tenant;
use sim::{Fault, Service};
use store::keys;
use store::table::{Store, from_item};
use uuid::Uuid;

use super::scene::{
    Scene, create_group, group_called, older_team, submit_confirmation, team_called, team_state_of,
    union_path_of,
};
use crate::support::MINUTE;

#[tokio::test]
async fn changed_union_is_shown_again() {
    let mut scene = Scene::new().await;
    let union = scene.union_path();
    let page = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    scene.customers.world().add_member(scene.group, scene.person(5).object);
    let new = submit_confirmation(&mut scene.browser, &union, &page).await;
    new.is(409, "so no group was adopted");
    new.is(409, "Person 05 is added to the team<");
    assert!(scene.link_row(scene.team).await.is_none());
    scene.customers.world().rename_group(scene.group, scene.person(2).object, "Weeders");
    submit_confirmation(&mut scene.browser, &union, &new).await.is(409, "is renamed to “Weeders”");
    let new = scene.browser.open(&union).await;
    submit_confirmation(&mut scene.browser, &union, &new).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(scene.team_state(), ([0, 1, 2, 3, 5].into(), [0, 2].into(), "Weeders".into()));
}

#[tokio::test]
async fn double_click_adopts_once() {
    let mut scene = Scene::new().await;
    let union = scene.union_path();
    let page = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    let mut again = scene.browser.clone();
    let (one, other) =
        tokio::join!(submit_confirmation(&mut scene.browser, &union, &page), async {
            submit_confirmation(&mut again, &union, &page).await
        });
    one.is(200, "The group is adopted.");
    other.is(200, "The group is adopted.");
    submit_confirmation(&mut scene.browser, &union, &page).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    assert_eq!(page.html.matches("Adopted the group “Gardeners”").count(), 1);
    scene.browser.open(&union).await.is(409, "The team already has a group.");
    scene.browser.open(&scene.search_path("gard")).await.is(200, "The team already has a group.");
}

#[tokio::test]
async fn one_group_is_adopted_by_one_of_two_teams() {
    let mut scene = Scene::with(|customers| _ = older_team(customers, "Meadow", 4)).await;
    let meadow = team_called(&scene, "Meadow");
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let (one, two) = (scene.union_path(), union_path_of(meadow, scene.group));
    let here = scene.browser.sign_in_fresh(&one, scene.person(2).object).await;
    let there = other.sign_in_fresh(&two, scene.person(2).object).await;
    let (here, there) = tokio::join!(submit_confirmation(&mut scene.browser, &one, &here), async {
        submit_confirmation(&mut other, &two, &there).await
    });
    let linked = [
        scene.is_linked(scene.team, scene.group).await,
        scene.is_linked(meadow, scene.group).await,
    ];
    assert_eq!(linked.iter().filter(|linked| **linked).count(), 1, "{linked:?}");
    for (page, linked) in [(here, linked[0]), (there, linked[1])] {
        if linked {
            page.is(200, "The group is adopted.");
        } else {
            page.is(409, "It is linked to another team.");
        }
    }
    let loser = if linked[0] { meadow } else { scene.team };
    assert!(scene.link_row(loser).await.is_none(), "nothing is left of the other request");
}

#[tokio::test]
async fn one_team_adopts_one_of_two_groups() {
    let mut scene = Scene::with(|customers| _ = create_group(customers, "Weeders", 4, &[])).await;
    let weeders = group_called(&scene, "Weeders");
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let (one, two) = (scene.union_path(), union_path_of(scene.team, weeders));
    let here = scene.browser.sign_in_fresh(&one, scene.person(2).object).await;
    let there = other.sign_in_fresh(&two, scene.person(4).object).await;
    let (here, there) = tokio::join!(submit_confirmation(&mut scene.browser, &one, &here), async {
        submit_confirmation(&mut other, &two, &there).await
    });
    let (winner, loser, refused) = match here.status {
        200 => (scene.group, weeders, there),
        _ => (weeders, scene.group, here),
    };
    assert!(scene.is_linked(scene.team, winner).await);
    refused.is(409, "The team already has a group.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    let directory = scene.customers.acme.directory;
    let claims =
        link::claims(scene.customers.stack.backend().store.as_ref(), directory, [winner, loser])
            .await
            .unwrap();
    assert_eq!(claims.keys().collect::<Vec<_>>(), [&winner], "the other group is free");
}

#[tokio::test]
async fn team_with_a_group_meanwhile_keeps_it() {
    let mut scene = Scene::new().await;
    let union = scene.union_path();
    let shown = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    let team = scene.team.to_string();
    let chosen = scene
        .browser
        .submit_on("/existing", "/existing", &[("action", "choose"), ("team", &team)])
        .await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene
        .browser
        .submit_on("/selection", "/selection", &create)
        .await
        .is(200, "Groups are being created");
    let refusal =
        Fault::status(503).on(Service::Graph).method("PATCH").path("uniqueName").times(u32::MAX);
    scene.customers.world().inject(refusal.clone());
    scene.customers.stack.let_pass(3 * MINUTE).await;
    assert!(matches!(scene.link_row(scene.team).await.unwrap().link.phase, Phase::Creating { .. }));
    submit_confirmation(&mut scene.browser, &union, &shown)
        .await
        .is(409, "A group is being created for the team.");
    scene
        .browser
        .open(&scene.search_path("gard"))
        .await
        .is(200, "A group is being created for the team.");
    scene.customers.world().remove_fault(&refusal);
    scene.customers.stack.let_pass(90 * MINUTE).await;
    scene.sign_in_again().await;
    let shown = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    shown.is(409, "The team already has a group.");
    assert!(!scene.is_linked(scene.team, scene.group).await);
    assert_eq!(scene.group_state(), ([1, 2, 3].into(), [2].into(), "Gardeners".into()));
}

#[tokio::test]
async fn created_group_adopted_elsewhere_is_not_reused() {
    let mut scene = Scene::new().await;
    let team = scene.team.to_string();
    let chosen = scene
        .browser
        .submit_on("/existing", "/existing", &[("action", "choose"), ("team", &team)])
        .await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene
        .browser
        .submit_on("/selection", "/selection", &create)
        .await
        .is(200, "Groups are being created");
    // The group is created, and the answer is lost.
    let lost = Fault::cut_after().on(Service::Graph).method("PATCH").path("uniqueName");
    let blind =
        Fault::status(503).on(Service::Graph).method("GET").path("uniqueName").times(u32::MAX);
    scene.customers.world().inject(lost);
    scene.customers.world().inject(blind.clone());
    scene.customers.stack.let_pass(3 * MINUTE).await;
    let made = group_called(&scene, "Garden");
    let meadow = older_team(&scene.customers, "Meadow", 4);
    scene.find_teams().await;
    let path = union_path_of(meadow, made);
    let page = scene.browser.sign_in_fresh(&path, scene.person(0).object).await;
    submit_confirmation(&mut scene.browser, &path, &page).await.is(200, "The group is adopted.");
    scene.customers.world().remove_fault(&blind);
    scene.customers.stack.let_pass(3 * 60 * MINUTE).await;
    assert!(scene.is_linked(meadow, made).await);
    let link = scene.link_row(scene.team).await.unwrap().link;
    assert!(matches!(link.phase, Phase::Creating { .. }), "{:?}", link.phase);
    assert_eq!(link.failure.unwrap().kind(), FailureKind::GroupNotOurs);
    assert_eq!(team_state_of(&scene.customers, scene.team).0, [0, 1].into(), "no one was added");
    // The page offers to adopt the other group.
    scene.sign_in_again().await;
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn group_with_the_teams_key_is_offered() {
    let mut scene = Scene::new().await;
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    // A second team with a created group, unlinked and chosen again.
    scene.browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Pond", 4);
    scene.customers.stack.let_pass(20 * MINUTE).await;
    let pond = scene.link_row(team).await.unwrap().link.group().unwrap();
    let page = format!("/teams/{team}");
    scene.sign_in_again().await;
    scene
        .browser
        .submit_on(&page, &page, &[("action", "unlink"), ("sure", "yes")])
        .await
        .is(200, "The team is unlinked");
    scene.browser.open(&page).await.is(200, &format!("href=\"{page}/adopt\""));
    scene.find_teams().await;
    let id = team.to_string();
    let chosen = scene
        .browser
        .submit_on("/existing", "/existing", &[("action", "choose"), ("team", &id)])
        .await;
    let create = [("action", "create"), ("hash", &chosen.field("hash"))];
    scene
        .browser
        .submit_on("/selection", "/selection", &create)
        .await
        .is(200, "Groups are being created");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    let failure = scene.link_row(team).await.unwrap().link.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::GroupNotOurs);
    let offered = scene.browser.open(&format!("{page}/adopt")).await;
    offered.is(200, "The group with the team's own key");
    offered.is(200, &union_path_of(team, pond));
    let path = union_path_of(team, pond);
    let shown = scene.browser.sign_in_fresh(&path, scene.person(4).object).await;
    submit_confirmation(&mut scene.browser, &path, &shown).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    let link = scene.link_row(team).await.unwrap().link;
    assert_eq!((link.group(), link.failure), (Some(pond), None));
    assert!(link.alerts.is_empty(), "{:?}", link.alerts);
}

/// Returns the activity note of an adoption.
fn adoption() -> Decision {
    Decision::GroupAdopted {
        group: "Gardeners".into(),
        user: ObjectId(Uuid::nil()),
        right: AdoptionRight::GroupOwner,
    }
}

/// Returns what the console's last step uses: the union that was shown, and the stored tenant.
async fn load_union(
    scene: &Scene,
    team: TeamId,
    group: GroupId,
) -> (adopt::AdoptionPreview, Tenant) {
    let backend = scene.customers.stack.backend();
    let store = backend.store.as_ref();
    let candidate = AdoptableTeam::load(store, scene.tenant, team).await.unwrap().unwrap();
    let now = domain::clock::Clock::now(backend.clock.as_ref());
    let sync = scene.customers.stack.sync();
    let union = sync
        .preview_adoption(scene.tenant, &candidate, group, Deadline(now + MINUTE))
        .await
        .unwrap()
        .unwrap();
    let tenant = store.get(&keys::tenant(scene.tenant)).await.unwrap().unwrap();
    (union, from_item(tenant).unwrap())
}

#[tokio::test]
async fn running_sync_goes_first() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Asked", 0);
    scene.customers.stack.let_pass(3 * MINUTE).await;
    let (union, tenant) = load_union(&scene, team, scene.group).await;
    let backend = scene.customers.stack.backend().clone();
    let now = domain::clock::Clock::now(backend.clock.as_ref());
    let lease = link::take_lease(backend.store.as_ref(), scene.tenant, team, now, now + MINUTE)
        .await
        .unwrap();
    assert!(lease.is_some());
    let adopt = async || {
        adopt::adopt(backend.store.as_ref(), &tenant, &union, adoption(), Decider::operator(now))
            .await
            .unwrap()
    };
    assert_eq!(adopt().await, AdoptionOutcome::Busy);
    assert!(matches!(scene.link_row(team).await.unwrap().link.phase, Phase::Asked { .. }));
    scene.customers.advance(61);
    let now = domain::clock::Clock::now(backend.clock.as_ref());
    let adopt = async || {
        adopt::adopt(backend.store.as_ref(), &tenant, &union, adoption(), Decider::operator(now))
            .await
            .unwrap()
    };
    assert_eq!(adopt().await, AdoptionOutcome::Linked);
    assert_eq!(adopt().await, AdoptionOutcome::Linked, "twice is once");
    // The group is linked by now, so the waiting link keeps its earlier state.
    let other = older_team(&scene.customers, "Asked too", 1);
    scene.customers.stack.let_pass(3 * MINUTE).await;
    let (mut theirs, _) = (union.clone(), ());
    theirs.team.id = other;
    let now = domain::clock::Clock::now(backend.clock.as_ref());
    let refused =
        adopt::adopt(backend.store.as_ref(), &tenant, &theirs, adoption(), Decider::operator(now))
            .await
            .unwrap();
    assert_eq!(refused, AdoptionOutcome::Blocked(AdoptionBlocker::GroupHasTeam));
    let row = scene.link_row(other).await.unwrap();
    assert!(
        matches!(row.link.phase, Phase::Asked { card: Some(_) }) && !row.is_leased(now),
        "{row:?}"
    );
}
