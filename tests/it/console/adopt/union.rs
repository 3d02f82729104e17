//! The union of both sides: people, roles and names.

use engine::link::{GroupOrigin, Phase};
use serde_json::json;
use sim::{MembershipRole, UserKind};

use super::scene::{
    Scene, older_team, submit_confirmation, submit_guess, team_state_of, union_path_of,
};
use crate::support::{DAY, MINUTE, active_groups};

/// Finds the group and checks the page that shows the union.
async fn assert_union_is_shown(scene: &mut Scene) {
    let path = format!("/teams/{}/adopt", scene.team);
    scene.browser.open("/existing").await.is(200, &format!("href=\"{path}\""));
    scene.browser.open(&path).await.is(200, "Name or address begins with");
    let found = scene.browser.open(&scene.search_path("gard")).await;
    found.is(200, "1 found.");
    found.is(200, &format!("href=\"{}\"", scene.union_path()));
    scene.customers.world().take_calls();
    let page = scene.browser.open(&scene.union_path()).await;
    let calls = scene.customers.world().take_calls();
    assert!(calls.iter().all(|call| call.kind == sim::Kind::Read), "it only reads: {calls:?}");
    for shown in [
        "Added to the Webex team <span class=\"quiet\">2</span>",
        "Added to the Microsoft 365 group <span class=\"quiet\">1</span>",
        "Who they are is shown once an owner of the group",
        "The team “Garden” is renamed to “Gardeners”: \
         in your settings Microsoft 365 has the last word.",
        "The account joins the team as a moderator.",
        "No one is removed.",
        "Sign in with Microsoft",
    ] {
        page.is(200, shown);
    }
    assert!(!page.html.contains("value=\"adopt\""), "no sign-in yet");
    assert!(!page.html.contains("Person 0"), "only counts without a proof: {}", page.html);
}

#[tokio::test]
async fn group_owner_adopts_and_both_sides_merge() {
    let mut scene = Scene::new().await;
    assert_union_is_shown(&mut scene).await;
    let page = scene.browser.sign_in_fresh(&scene.union_path(), scene.person(2).object).await;
    for shown in [
        "who owns the group",
        "Person 02 is added to the team as moderator",
        "Person 03 is added to the team<",
        "Person 00 is added to the group as owner",
    ] {
        page.is(200, shown);
    }
    scene.assert_untouched();
    let union = scene.union_path();
    let page = submit_confirmation(&mut scene.browser, &union, &page).await;
    page.is(200, "The group is adopted.");
    page.is(200, "never deleted with the team");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    let administrator = scene.customers.acme.administrator.person;
    let owner = scene.person(2).object;
    page.is(200, "Adopted the group “Gardeners”.");
    page.is(200, &format!("Signed in with Microsoft: {owner}, an owner of the group."));
    assert!(!scene.customers.world().team(scene.team).unwrap().people.contains_key(&administrator));

    // From here on, the link behaves like any other.
    scene.customers.stack.let_pass(30 * MINUTE).await;
    scene
        .customers
        .world()
        .add_to_team(scene.team, scene.person(4).person, MembershipRole::Member)
        .unwrap();
    scene.customers.world().remove_member(scene.group, scene.person(3).object);
    scene.customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(scene.team_state().0, [0, 1, 2, 4].into());
    assert_eq!(scene.group_state().0, [0, 1, 2, 4].into());
    scene.customers.world().rename_team(scene.team, "Orchard");
    scene.customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!((scene.team_state().2, scene.group_state().2), ("Orchard".into(), "Orchard".into()));
    let link = scene.link_row(scene.team).await.unwrap().link;
    assert_eq!((link.origin, link.failure), (GroupOrigin::Adopted, None));
}

#[tokio::test]
async fn roles_are_merged_and_none_is_lost() {
    let mut scene = Scene::with(|customers| {
        let team = customers.world().teams(customers.acme.org)[0];
        // A moderator who is a member of the group, and an owner who is a member of the team.
        customers.world().promote(team, customers.people[1].person).unwrap();
        customers
            .world()
            .add_to_team(team, customers.people[2].person, MembershipRole::Member)
            .unwrap();
    })
    .await;
    let page = scene.open_as_owner().await;
    page.is(200, "Roles that change <span class=\"quiet\">2</span>");
    page.is(200, "Person 01 becomes an owner of the group");
    page.is(200, "Person 02 becomes a moderator of the team");
    assert!(!page.html.contains("no longer"), "{}", page.html);
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(scene.team_state(), ((0..4).collect(), [0, 1, 2].into(), "Gardeners".into()));
    assert_eq!(scene.group_state(), ((0..4).collect(), [0, 1, 2].into(), "Gardeners".into()));
    scene.customers.stack.let_pass(DAY).await;
    assert_eq!(scene.team_state().1, scene.group_state().1, "and it stays so");
}

#[tokio::test]
async fn excluded_people_are_named_and_untouched() {
    let mut scene = Scene::with(|customers| {
        let (world, group) = (customers.world(), active_groups(customers)[0]);
        let uwe = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
        world.add_to_team(world.teams(customers.acme.org)[0], uwe, MembershipRole::Member).unwrap();
        let guest = world.add_guest(&customers.acme, "Guest Gina");
        world.add_member(group, guest);
        world.add_member(group, world.add_entra_only(&customers.acme, "Entra Emil"));
    })
    .await;
    let before = scene.customers.world().group(scene.group).unwrap().members.len();
    let page = scene.open_as_owner().await;
    for shown in [
        "Excluded <span class=\"quiet\">3</span>",
        "Unsynchronized Uwe</th><td data-label=\"Is in\">The team</td>\
         <td data-label=\"Why\">The Webex account has no externalId",
        "The group</td><td data-label=\"Why\">The Microsoft account is a guest of the directory.",
        "The group</td><td data-label=\"Why\">\
         The Microsoft user has no Webex account in the organization.",
    ] {
        page.is(200, shown);
    }
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
    assert_eq!(scene.customers.world().group(scene.group).unwrap().members.len(), before + 1);
}

#[tokio::test]
async fn adoption_waits_until_everyone_is_resolved() {
    let mut scene = Scene::with(|customers| {
        let group = active_groups(customers)[0];
        for n in 0..85 {
            let unknown =
                customers.world().add_entra_only(&customers.acme, &format!("Unknown {n:02}"));
            customers.world().add_member(group, unknown);
        }
    })
    .await;
    let (union, owner) = (scene.union_path(), scene.person(2).object);
    scene.browser.open(&union).await.is(200, "65 people are not looked up yet");
    let page = scene.browser.sign_in_fresh(&union, owner).await;
    page.is(200, "25 people are not looked up yet");
    assert!(!page.html.contains("value=\"adopt\""));
    submit_guess(&mut scene.browser, &union).await.is(409, "5 people are not looked up yet");
    let page = scene.browser.open(&union).await;
    page.is(200, "Excluded <span class=\"quiet\">85</span>");
    submit_confirmation(&mut scene.browser, &union, &page).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn name_comes_from_the_preferred_side() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("last_word", "team")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union_path()).await;
    page.is(
        200,
        "The group “Gardeners” is renamed to “Garden”: in your settings Webex has the last word.",
    );
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!((scene.team_state().2, scene.group_state().2), ("Garden".into(), "Garden".into()));
    scene.customers.stack.let_pass(DAY).await;
    assert_eq!((scene.team_state().2, scene.group_state().2), ("Garden".into(), "Garden".into()));
}

#[tokio::test]
async fn both_names_stay_when_names_are_not_synced() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("names", "no")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union_path()).await;
    page.is(
        200,
        "The team stays “Garden” and the group “Gardeners”: your settings do not sync names.",
    );
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(DAY).await;
    assert_eq!(
        (scene.team_state().2, scene.group_state().2),
        ("Garden".into(), "Gardeners".into())
    );
    assert_eq!(scene.team_state().0, (0..4).collect());
}

#[tokio::test]
async fn nothing_is_adopted_while_sync_is_off() {
    let mut scene = Scene::new().await;
    let union = scene.union_path();
    let page = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    scene.browser.submit_on("/settings", "/settings", &[("switch", "off")]).await;
    let off = submit_confirmation(&mut scene.browser, &union, &page).await;
    off.is(409, "The integration is off");
    assert!(!off.html.contains("value=\"adopt\""));
    assert!(scene.link_row(scene.team).await.is_none());
}

#[tokio::test]
async fn preview_mode_links_and_shows_changes_only() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("running", "preview")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union_path()).await;
    page.is(200, "no one is added on either side until preview mode is off");
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(10 * MINUTE).await;
    scene.assert_untouched();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    page.is(200, "Person 02 is added to the team as moderator");
    page.is(200, "The team “Garden” becomes “Gardeners”");
    scene.browser.save(&[("running", "live")]).await.is(200, "saved");
    scene.customers.stack.let_pass(20 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn late_card_answer_does_not_change_adoption() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Asked", 0);
    scene.customers.stack.let_pass(3 * MINUTE).await;
    assert!(matches!(scene.link_row(team).await.unwrap().link.phase, Phase::Asked { .. }));
    let path = union_path_of(team, scene.group);
    let page = scene.browser.sign_in_fresh(&path, scene.person(2).object).await;
    submit_confirmation(&mut scene.browser, &path, &page).await.is(200, "The group is adopted");
    let creator = scene.person(0).person;
    let card = scene.customers.world().cards_to(creator).remove(0);
    scene
        .customers
        .world()
        .submit_card(card.message, creator, json!({"team": team, "group": "no"}))
        .unwrap();
    scene.customers.stack.let_pass(10 * MINUTE).await;
    assert!(scene.is_linked(team, scene.group).await);
    assert_eq!(team_state_of(&scene.customers, team).0, (0..4).collect());
    assert_eq!(active_groups(&scene.customers), [scene.group], "no other was made");
}

#[tokio::test]
async fn person_who_became_a_guest_is_not_added() {
    let mut scene = Scene::new().await;
    scene.customers.world().set_user_kind(scene.person(3).object, UserKind::Guest);
    scene.customers.stack.scan_people(scene.tenant).await.unwrap();
    let page = scene.open_as_owner().await;
    page.is(200, "Added to the Webex team <span class=\"quiet\">1</span>");
    page.is(200, "The Microsoft account is a guest of the directory.");
    scene.adopt().await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    assert_eq!(scene.team_state().0, [0, 1, 2].into());
}
