//! Adopted groups survive the end of the team and of the tenant.

use domain::clock::Clock;
use engine::decision::Decider;
use engine::link::{self, Ended, Phase, Unlinked};
use sim::MembershipRole;

use super::scene::{Scene, older_team, submit_confirmation, team_called, union_path_of};
use crate::support::{DAY, MINUTE, account_is_in, active_groups};

#[tokio::test]
async fn adopted_group_outlives_its_team() {
    let mut scene = Scene::with(|customers| _ = older_team(customers, "Meadow", 4)).await;
    scene
        .browser
        .save(&[("on_team_deleted", "delete-group"), ("new_teams", "every")])
        .await
        .is(200, "saved");
    scene.adopt().await.is(200, "The group is adopted.");
    let witness = older_team(&scene.customers, "Witness", 0);
    let ours = older_team(&scene.customers, "Ours", 1);
    scene.customers.stack.let_pass(20 * MINUTE).await;
    scene.assert_united();
    let made = scene.link_row(ours).await.unwrap().link.group().unwrap();
    assert!(scene.link_row(witness).await.unwrap().link.group().is_some());
    scene.customers.world().delete_team(scene.team);
    scene.customers.world().delete_team(ours);
    scene.customers.stack.let_pass(DAY + 2 * 60 * MINUTE).await;
    for team in [scene.team, ours] {
        let phase = scene.link_row(team).await.unwrap().link.phase;
        assert!(matches!(phase, Phase::Ended { why: Ended::TeamDeleted, .. }), "{phase:?}");
    }
    let is_there =
        |id| scene.customers.world().group(id).is_some_and(|group| group.deleted.is_none());
    assert!(is_there(scene.group), "it was there before");
    assert!(!is_there(made), "it was made for the team");
    // The group can be adopted again, as soon as an admin ends the wait for its team.
    let (store, directory) =
        (scene.customers.stack.backend().store.clone(), scene.customers.acme.directory);
    let now = scene.customers.stack.backend().clock.now();
    let by = Decider::operator(now);
    let ended = link::unlink(&*store, scene.tenant, directory, scene.team, by).await;
    assert_eq!(ended, Ok(Unlinked::Done));
    scene.sign_in_again().await;
    let path = union_path_of(team_called(&scene, "Meadow"), scene.group);
    let page = scene.browser.sign_in_fresh(&path, scene.person(2).object).await;
    submit_confirmation(&mut scene.browser, &path, &page).await.is(200, "The group is adopted.");
}

#[tokio::test]
async fn offboarding_deletes_created_groups_only() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    scene.adopt().await.is(200, "The group is adopted.");
    let ours = older_team(&scene.customers, "Ours", 0);
    scene.customers.stack.let_pass(20 * MINUTE).await;
    let made = scene.link_row(ours).await.unwrap().link.group().unwrap();
    scene.sign_in_again().await;
    let leave = [("sure", "yes"), ("groups", "delete")];
    scene.browser.submit_on("/disconnect", "/disconnect", &leave).await.is(200, "Disconnected");
    scene.customers.stack.let_pass(3 * MINUTE).await;
    assert_eq!(active_groups(&scene.customers), [scene.group]);
    assert!(scene.customers.world().group(made).is_none_or(|group| group.deleted.is_some()));
    scene.browser.open("/receipt").await.is(200, "1 deleted; within 30 days");
    assert!(!account_is_in(&scene.customers, scene.team));
}

#[tokio::test]
async fn account_added_by_a_person_stays_after_offboarding() {
    let mut scene = Scene::with(|customers| {
        let (world, team) = (customers.world(), customers.world().teams(customers.acme.org)[0]);
        world.add_to_team(team, customers.acme.service_account, MembershipRole::Moderator).unwrap();
    })
    .await;
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(20 * MINUTE).await;
    scene.assert_united();
    scene.sign_in_again().await;
    let leave = [("sure", "yes"), ("groups", "keep"), ("links", "keep")];
    scene.browser.submit_on("/disconnect", "/disconnect", &leave).await.is(200, "Disconnected");
    scene.customers.stack.let_pass(3 * MINUTE).await;
    assert!(account_is_in(&scene.customers, scene.team));
}
