//! The search for groups, and who may adopt one.

use domain::ids::GroupId;
use serde_json::json;
use sim::{Failure, Fault, GroupRule, Service};

use super::scene::{
    Scene, create_group, older_team, submit_confirmation, submit_guess, union_path_of,
};
use crate::support::MINUTE;

const SIGN_IN_AGAIN: &str = "Sign in again with Microsoft";

#[tokio::test]
async fn directory_admin_adopts_any_group() {
    let mut scene = Scene::new().await;
    let page = scene
        .browser
        .sign_in_fresh(&scene.union_path(), scene.customers.acme.administrator.object)
        .await;
    page.is(200, "who administers the directory");
    let union = scene.union_path();
    submit_confirmation(&mut scene.browser, &union, &page).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    page.is(200, "an administrator of the directory.");
}

#[tokio::test]
async fn search_matches_prefixes_and_mentions_the_lag() {
    let mut scene = Scene::new().await;
    let search = scene.search_path("");
    let page = scene.browser.open(&search).await;
    page.is(200, "some minutes behind");
    assert!(!page.html.contains("begins so"), "nothing was looked for");
    for (beginning, is_found) in
        [("GARDEN", true), ("gardeners-", true), ("ardeners", false), ("G%27", false)]
    {
        let page = scene.browser.open(&scene.search_path(beginning)).await;
        assert_eq!(page.html.contains(&scene.union_path()), is_found, "{beginning}: {}", page.html);
    }
    let new = create_group(&scene.customers, "O'Hara & Sons", 4, &[]);
    scene
        .browser
        .open(&scene.search_path("O%27Hara"))
        .await
        .is(200, "No group's name or address begins so.");
    scene.customers.advance(61);
    let page = scene.browser.open(&scene.search_path("o%27hara+%26")).await;
    page.is(200, &union_path_of(scene.team, new));
    page.is(200, "O&#39;Hara &#38; Sons");
    (0..60).for_each(|n| _ = create_group(&scene.customers, &format!("Many {n:02}"), 4, &[]));
    scene.customers.advance(61);
    let page = scene.browser.open(&scene.search_path("many")).await;
    page.is(200, "The first 50 of 60");
    assert!(page.html.contains("Many 49") && !page.html.contains("Many 50"));
}

#[tokio::test]
async fn blocked_group_shows_its_reason() {
    let mut scene = Scene::new().await;
    let world = scene.customers.world();
    let blocked = |name: &str| create_group(&scene.customers, name, 4, &[]);
    let ruled = [
        (GroupRule::Dynamic, "Its members follow a rule"),
        (GroupRule::OnPremises, "synchronized from an on-premises directory"),
        (GroupRule::RoleAssignable, "Directory roles can be assigned to it"),
    ];
    let mut blocked: Vec<_> = ruled
        .into_iter()
        .map(|(rule, why)| {
            let id = blocked(&format!("Odd {rule:?}"));
            world.set_group_rule(id, rule);
            (id, why)
        })
        .chain([
            (blocked("Odd security"), "It is not a Microsoft 365 group."),
            (blocked("Odd hidden"), "Its membership is hidden"),
        ])
        .collect();
    world.make_security_group(blocked[3].0);
    world.hide_members(blocked[4].0);
    let taken = group_of_another_team(&mut scene).await;
    blocked.push((taken, "It is linked to another team."));
    scene.customers.advance(120);
    let page = scene.browser.open(&scene.search_path("odd")).await;
    page.is(200, "6 found.");
    for (id, why) in &blocked {
        page.is(200, why);
        assert!(!page.html.contains(&union_path_of(scene.team, *id)), "{why}");
        let page = scene.browser.open(&union_path_of(scene.team, *id)).await;
        page.is(409, why);
        page.is(409, "Nothing was changed.");
        submit_guess(&mut scene.browser, &union_path_of(scene.team, *id)).await.is(409, why);
    }
    scene.customers.world().delete_group(scene.group);
    scene.browser.open(&scene.union_path()).await.is(409, "It was deleted. Restore it first.");
    let nobodys = GroupId(scene.team.0);
    scene
        .browser
        .open(&union_path_of(scene.team, nobodys))
        .await
        .is(404, "There is no such group in your directory.");
    scene
        .browser
        .open(&format!("/teams/{}/adopt?group=x", scene.team))
        .await
        .is_error(404, "Page not found");
    assert!(scene.link_row(scene.team).await.is_none());
}

/// Returns a group that another team is linked to.
async fn group_of_another_team(scene: &mut Scene) -> GroupId {
    let other = older_team(&scene.customers, "Other", 3);
    let taken = create_group(&scene.customers, "Odd taken", 3, &[]);
    scene.find_teams().await;
    let path = union_path_of(other, taken);
    let page = scene.browser.sign_in_fresh(&path, scene.person(3).object).await;
    submit_confirmation(&mut scene.browser, &path, &page).await.is(200, "The group is adopted.");
    scene.customers.stack.let_pass(2 * MINUTE).await;
    taken
}

#[tokio::test]
async fn others_cannot_adopt_a_group() {
    let mut scene = Scene::new().await;
    let union = scene.union_path();
    submit_guess(&mut scene.browser, &union).await.is(200, SIGN_IN_AGAIN);
    // A member of the group, and the Webex admin.
    for account in [scene.person(1).object, scene.person(0).object] {
        let page = scene.browser.sign_in_fresh(&union, account).await;
        page.is(200, "who neither owns this group nor administers the directory");
        assert!(!page.html.contains("value=\"adopt\""));
        submit_confirmation(&mut scene.browser, &union, &page)
            .await
            .is(403, "neither owns the group");
    }
    // A former owner of the group, who was one at the sign-in.
    let page = scene.browser.sign_in_fresh(&union, scene.person(2).object).await;
    scene.customers.world().add_owner(scene.group, scene.person(1).object);
    scene.customers.world().remove_owner(scene.group, scene.person(2).object).unwrap();
    submit_confirmation(&mut scene.browser, &union, &page).await.is(403, "neither owns the group");
    // An owner of another group.
    let other = create_group(&scene.customers, "Other", 4, &[]);
    scene
        .browser
        .sign_in_fresh(&union_path_of(scene.team, other), scene.person(4).object)
        .await
        .is(200, "who owns the group");
    let page = scene.browser.open(&union).await;
    submit_confirmation(&mut scene.browser, &union, &page).await.is(403, "neither owns the group");
    assert!(scene.link_row(scene.team).await.is_none());
}

#[tokio::test]
async fn stale_foreign_and_forged_sign_ins_adopt_nothing() {
    let mut scene = Scene::new().await;
    let (union, owner) = (scene.union_path(), scene.person(2).object);
    let page = scene.browser.sign_in_fresh(&union, owner).await;
    scene.customers.advance(601);
    submit_confirmation(&mut scene.browser, &union, &page).await.is(200, SIGN_IN_AGAIN);

    let page = scene.browser.sign_in_fresh(&union, owner).await;
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let theirs = other.open(&union).await;
    let form = [("action", "adopt"), ("csrf", &theirs.csrf()), ("hash", &page.field("hash"))];
    other.submit_without_proof(&union, &form).await.is(200, SIGN_IN_AGAIN);
    let form = [("action", "adopt"), ("csrf", "guessed"), ("hash", &page.field("hash"))];
    scene.browser.submit(&union, &form).await.is_error(403, "form has expired");

    let globex = scene.customers.globex.directory.to_string();
    let issuer = format!("https://login.microsoftonline.com/{globex}/v2.0");
    for (status, claims) in
        [(403, vec![("tid", globex.clone()), ("iss", issuer)]), (400, vec![("tid", globex)])]
    {
        let forged = claims.clone();
        scene.customers.world().forge_id_tokens(move |token| {
            forged.iter().for_each(|(claim, value)| token[*claim] = value.as_str().into());
        });
        let mut browser = scene.customers.signed_in(&scene.customers.acme).await;
        let refused = browser.sign_in_fresh(&union, owner).await;
        assert_eq!(refused.status, status, "{}", refused.html);
        submit_guess(&mut browser, &union).await.is(200, SIGN_IN_AGAIN);
    }
    scene.customers.world().forge_id_tokens(|_| {});
    // A user of the other directory, who owns groups there.
    let mut browser = scene.customers.signed_in(&scene.customers.acme).await;
    let at_microsoft = browser.go_to_fresh_sign_in(&union).await;
    assert!(at_microsoft.contains(&scene.customers.acme.directory.to_string()), "{at_microsoft}");
    assert!(scene.link_row(scene.team).await.is_none());
    scene.assert_untouched();
}

#[tokio::test]
async fn foreign_teams_and_groups_are_not_found() {
    let mut scene = Scene::new().await;
    let neighbour = scene.customers.world().add_person(&scene.customers.globex, "Neighbour");
    let (theirs, abroad) = (
        scene.customers.world().create_team(neighbour.person, "Theirs"),
        scene.customers.world().create_group(neighbour.object, "Theirs").unwrap(),
    );
    for path in [union_path_of(theirs, scene.group), format!("/teams/{theirs}/adopt?name=g")] {
        scene.browser.open(&path).await.is_error(404, "no such team");
        submit_guess(&mut scene.browser, &path).await.is(200, SIGN_IN_AGAIN);
    }
    let path = union_path_of(scene.team, abroad);
    scene.browser.open(&path).await.is(404, "There is no such group in your directory.");
    submit_guess(&mut scene.browser, &path).await.is(200, SIGN_IN_AGAIN);
    // The simulator notes the request for a foreign group; nothing else happened.
    assert!(!scene.customers.world().take_violations().is_empty());
    let mut other = scene.customers.signed_in(&scene.customers.globex).await;
    other.open(&scene.union_path()).await.is(409, "is not connected yet");
    let mut other = scene.customers.connected(&scene.customers.globex).await;
    other.open(&scene.union_path()).await.is_error(404, "no such team");
    submit_guess(&mut other, &scene.union_path()).await.is(200, SIGN_IN_AGAIN);
    scene.assert_untouched();
    assert!(scene.link_row(scene.team).await.is_none());
}

#[tokio::test]
async fn archived_or_deleted_team_is_reported() {
    let mut scene = Scene::new().await;
    scene.customers.world().archive_team(scene.team);
    scene.browser.open(&scene.union_path()).await.is(409, "The team is archived.");
    let union = scene.union_path();
    submit_guess(&mut scene.browser, &union).await.is(200, SIGN_IN_AGAIN);
    scene.customers.world().delete_team(scene.team);
    scene.browser.open(&scene.union_path()).await.is(409, "Webex does not show the team.");
    assert!(scene.link_row(scene.team).await.is_none());
}

#[tokio::test]
async fn page_respects_backoff() {
    let mut scene = Scene::new().await;
    scene.customers.world().inject(Fault::throttled("600").on(Service::Graph).path("/groups/"));
    scene.browser.open(&scene.union_path()).await.is(503, "asked for a pause");
    scene.customers.world().take_calls();
    scene.browser.open(&scene.union_path()).await.is(503, "asked for a pause");
    assert_eq!(scene.customers.world().calls(), [], "no call during the backoff");
    let broken = Fault::new(Failure::Status(500, vec![], json!({})))
        .on(Service::Webex)
        .path("/v1/teams")
        .times(9);
    scene.customers.advance(700);
    scene.customers.world().inject(broken);
    scene.browser.open(&scene.union_path()).await.is_error(503, "could not be done right now");
    scene.customers.world().clear_faults();
    scene.browser.open(&scene.union_path()).await.is(200, "No one is removed.");
}
