//! Connecting a group that was there before: what is found, what is shown, who may, and both sides united.

mod races;
mod scene;

use domain::ids::GroupId;
use engine::link::{Ended, GroupOrigin, Phase};
use sandbox::{Failure, Fault, GroupRule, Role, Service, UserKind};
use serde_json::json;

pub(crate) use self::scene::Scene;
use self::scene::{confirm, group, guess, older_team, seen_in_team, team_called, union_of};
use crate::setup_leaving::{living_groups, officer_is_in};
use crate::town::{DAY, MINUTE};

#[tokio::test]
async fn an_owner_of_the_group_connects_it_both_sides_are_united_and_stay_one() {
    let mut scene = Scene::new().await;
    let path = format!("/teams/{}/connect", scene.team);
    scene.browser.open("/existing").await.is(200, &format!("href=\"{path}\""));
    scene.browser.open(&path).await.is(200, "Name or address begins with");
    let found = scene.browser.open(&scene.search("gard")).await;
    found.is(200, "1 found.");
    found.is(200, &format!("href=\"{}\"", scene.union()));
    scene.customers.world().take_calls();
    let page = scene.browser.open(&scene.union()).await;
    let calls = scene.customers.world().take_calls();
    assert!(calls.iter().all(|call| call.kind == sandbox::Kind::Read), "it only looks: {calls:?}");
    for shown in [
        "Added to the Webex team <span class=\"quiet\">2</span>",
        "Person 02 is added to the team as moderator",
        "Person 03 is added to the team<",
        "Added to the Microsoft 365 group <span class=\"quiet\">1</span>",
        "Person 00 is added to the group as owner",
        "The team “Garden” is renamed to “Gardeners”: in your settings Microsoft 365 has the last word.",
        "The account joins the team as a moderator.",
        "Nobody is removed.",
        "Sign in with Microsoft",
    ] {
        page.is(200, shown);
    }
    assert!(!page.html.contains("value=\"connect\""), "nobody has proved anything");
    let page = scene.browser.prove(&scene.union(), scene.person(2).object).await;
    page.is(200, "who owns the group");
    scene.assert_untouched();
    let union = scene.union();
    let page = confirm(&mut scene.browser, &union, &page).await;
    page.is(200, "The group is connected.");
    page.is(200, "never deleted with the team");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    let administrator = scene.customers.acme.administrator.person;
    let owner = scene.person(2).object;
    page.is(200, "connected the group “Gardeners”, which was there before.");
    page.is(200, &format!("Signed in with Microsoft: {owner}, an owner of the group."));
    assert!(!scene.customers.world().team(scene.team).unwrap().people.contains_key(&administrator));

    // From now on they are one as if they had always been.
    scene.customers.house.let_pass(30 * MINUTE).await;
    scene.customers.world().add_to_team(scene.team, scene.person(4).person, Role::Member).unwrap();
    scene.customers.world().remove_member(scene.group, scene.person(3).object);
    scene.customers.house.let_pass(60 * MINUTE).await;
    assert_eq!(scene.seen().0, [0, 1, 2, 4].into());
    assert_eq!(scene.seen_in_group().0, [0, 1, 2, 4].into());
    scene.customers.world().rename_team(scene.team, "Orchard");
    scene.customers.house.let_pass(60 * MINUTE).await;
    assert_eq!((scene.seen().2, scene.seen_in_group().2), ("Orchard".into(), "Orchard".into()));
    let link = scene.kept(scene.team).await.unwrap().link;
    assert_eq!((link.origin, link.trouble), (GroupOrigin::Connected, None));
}

#[tokio::test]
async fn an_administrator_of_the_directory_connects_a_group_that_he_does_not_own() {
    let mut scene = Scene::new().await;
    let page = scene.browser.prove(&scene.union(), scene.customers.acme.administrator.object).await;
    page.is(200, "who administers the directory");
    let union = scene.union();
    confirm(&mut scene.browser, &union, &page).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    page.is(200, "an administrator of the directory.");
}

#[tokio::test]
async fn groups_are_found_by_the_beginning_of_name_and_address_and_the_page_says_that_it_lags() {
    let mut scene = Scene::new().await;
    let search = scene.search("");
    let page = scene.browser.open(&search).await;
    page.is(200, "some minutes behind");
    assert!(!page.html.contains("begins so"), "nothing was looked for");
    for (beginning, is_found) in [("GARDEN", true), ("gardeners-", true), ("ardeners", false), ("G%27", false)] {
        let page = scene.browser.open(&scene.search(beginning)).await;
        assert_eq!(page.html.contains(&scene.union()), is_found, "{beginning}: {}", page.html);
    }
    let young = group(&scene.customers, "O'Hara & Sons", 4, &[]);
    scene.browser.open(&scene.search("O%27Hara")).await.is(200, "No group's name or address begins so.");
    scene.customers.advance(61);
    let page = scene.browser.open(&scene.search("o%27hara+%26")).await;
    page.is(200, &union_of(scene.team, young));
    page.is(200, "O&#39;Hara &#38; Sons");
    (0..60).for_each(|n| _ = group(&scene.customers, &format!("Many {n:02}"), 4, &[]));
    scene.customers.advance(61);
    let page = scene.browser.open(&scene.search("many")).await;
    page.is(200, "The first 50 of 60");
    assert!(page.html.contains("Many 49") && !page.html.contains("Many 50"));
}

#[tokio::test]
async fn a_group_that_cannot_be_connected_says_why_where_it_is_found_and_where_it_is_opened() {
    let mut scene = Scene::new().await;
    let world = scene.customers.world();
    let hindered = |name: &str| group(&scene.customers, name, 4, &[]);
    let ruled = [
        (GroupRule::Dynamic, "Its members follow a rule"),
        (GroupRule::OnPremises, "synchronized from a directory on premises"),
        (GroupRule::RoleAssignable, "Roles of the directory can be assigned to it"),
    ];
    let mut hindered: Vec<_> = ruled
        .into_iter()
        .map(|(rule, why)| {
            let id = hindered(&format!("Odd {rule:?}"));
            world.set_group_rule(id, rule);
            (id, why)
        })
        .chain([
            (hindered("Odd security"), "It is not a Microsoft 365 group."),
            (hindered("Odd hidden"), "Its membership is hidden"),
        ])
        .collect();
    world.make_security_group(hindered[3].0);
    world.hide_members(hindered[4].0);
    let taken = hindered_by_a_team(&mut scene).await;
    hindered.push((taken, "It is linked to another team."));
    scene.customers.advance(120);
    let page = scene.browser.open(&scene.search("odd")).await;
    page.is(200, "6 found.");
    for (id, why) in &hindered {
        page.is(200, why);
        assert!(!page.html.contains(&union_of(scene.team, *id)), "{why}");
        let page = scene.browser.open(&union_of(scene.team, *id)).await;
        page.is(409, why);
        page.is(409, "Nothing was changed.");
        guess(&mut scene.browser, &union_of(scene.team, *id)).await.is(409, why);
    }
    scene.customers.world().delete_group(scene.group);
    scene.browser.open(&scene.union()).await.is(409, "It was deleted. Restore it first.");
    let nobodys = GroupId(scene.team.0);
    scene.browser.open(&union_of(scene.team, nobodys)).await.is(404, "There is no such group in your directory.");
    scene.browser.open(&format!("/teams/{}/connect?group=x", scene.team)).await.fails(404, "no such page");
    assert!(scene.kept(scene.team).await.is_none());
}

/// A group that another team has.
async fn hindered_by_a_team(scene: &mut Scene) -> GroupId {
    let other = older_team(&scene.customers, "Other", 3);
    let taken = group(&scene.customers, "Odd taken", 3, &[]);
    scene.find_teams().await;
    let path = union_of(other, taken);
    let page = scene.browser.prove(&path, scene.person(3).object).await;
    confirm(&mut scene.browser, &path, &page).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(2 * MINUTE).await;
    taken
}

#[tokio::test]
async fn nobody_connects_a_group_who_neither_owns_it_nor_administers_the_directory() {
    let mut scene = Scene::new().await;
    let union = scene.union();
    guess(&mut scene.browser, &union).await.is(403, "first somebody who may has to sign in");
    // A member of it, and the Webex administrator himself.
    for account in [scene.person(1).object, scene.person(0).object] {
        let page = scene.browser.prove(&union, account).await;
        page.is(200, "who neither owns this group nor administers the directory");
        assert!(!page.html.contains("value=\"connect\""));
        confirm(&mut scene.browser, &union, &page).await.is(403, "neither owns the group");
    }
    // Whoever was an owner when he signed in, and is none any more.
    let page = scene.browser.prove(&union, scene.person(2).object).await;
    scene.customers.world().add_owner(scene.group, scene.person(1).object);
    scene.customers.world().remove_owner(scene.group, scene.person(2).object).unwrap();
    confirm(&mut scene.browser, &union, &page).await.is(403, "neither owns the group");
    // An owner of another group.
    let other = group(&scene.customers, "Other", 4, &[]);
    scene.browser.prove(&union_of(scene.team, other), scene.person(4).object).await.is(200, "who owns the group");
    let page = scene.browser.open(&union).await;
    confirm(&mut scene.browser, &union, &page).await.is(403, "neither owns the group");
    assert!(scene.kept(scene.team).await.is_none());
}

#[tokio::test]
async fn a_stale_sign_in_another_sessions_and_a_forged_one_connect_nothing() {
    let mut scene = Scene::new().await;
    let (union, owner) = (scene.union(), scene.person(2).object);
    let page = scene.browser.prove(&union, owner).await;
    scene.customers.advance(601);
    confirm(&mut scene.browser, &union, &page).await.is(403, "first somebody who may has to sign in");

    let page = scene.browser.prove(&union, owner).await;
    let mut other = scene.customers.signed_in(&scene.customers.acme).await;
    let theirs = other.open(&union).await;
    let form = [("action", "connect"), ("csrf", &theirs.csrf()), ("hash", &page.field("hash"))];
    other.submit(&union, &form).await.is(403, "first somebody who may has to sign in");
    let form = [("action", "connect"), ("csrf", "guessed"), ("hash", &page.field("hash"))];
    scene.browser.submit(&union, &form).await.fails(403, "form has expired");

    let globex = scene.customers.globex.directory.to_string();
    let issuer = format!("https://login.microsoftonline.com/{globex}/v2.0");
    for (status, claims) in [(403, vec![("tid", globex.clone()), ("iss", issuer)]), (400, vec![("tid", globex)])] {
        let forged = claims.clone();
        scene.customers.world().forge_id_tokens(move |token| {
            forged.iter().for_each(|(claim, value)| token[*claim] = value.as_str().into());
        });
        let mut browser = scene.customers.signed_in(&scene.customers.acme).await;
        let refused = browser.prove(&union, owner).await;
        assert_eq!(refused.status, status, "{}", refused.html);
        guess(&mut browser, &union).await.is(403, "first somebody who may has to sign in");
    }
    scene.customers.world().forge_id_tokens(|_| {});
    // Somebody of the other directory, who owns what he likes there.
    let mut browser = scene.customers.signed_in(&scene.customers.acme).await;
    let at_microsoft = browser.go_and_prove(&union).await;
    assert!(at_microsoft.contains(&scene.customers.acme.directory.to_string()), "{at_microsoft}");
    assert!(scene.kept(scene.team).await.is_none());
    scene.assert_untouched();
}

#[tokio::test]
async fn another_tenants_team_and_a_group_of_another_directory_are_not_there() {
    let mut scene = Scene::new().await;
    let neighbour = scene.customers.world().add_person(&scene.customers.globex, "Neighbour");
    let (theirs, abroad) = (
        scene.customers.world().create_team(neighbour.person, "Theirs"),
        scene.customers.world().create_group(neighbour.object, "Theirs").unwrap(),
    );
    for path in [union_of(theirs, scene.group), format!("/teams/{theirs}/connect?name=g")] {
        scene.browser.open(&path).await.fails(404, "no such team");
        guess(&mut scene.browser, &path).await.is(if path.contains("group=") { 404 } else { 400 }, "");
    }
    let path = union_of(scene.team, abroad);
    scene.browser.open(&path).await.is(404, "There is no such group in your directory.");
    guess(&mut scene.browser, &path).await.is(409, "There is no such group in your directory.");
    // That the directory was asked for what it does not have is known to it, and nothing else was done.
    assert!(!scene.customers.world().take_violations().is_empty());
    let mut other = scene.customers.signed_in(&scene.customers.globex).await;
    other.open(&scene.union()).await.fails(409, "Nothing is connected yet");
    let mut other = scene.customers.connected(&scene.customers.globex).await;
    other.open(&scene.union()).await.fails(404, "no such team");
    guess(&mut other, &scene.union()).await.fails(404, "no such team");
    scene.assert_untouched();
    assert!(scene.kept(scene.team).await.is_none());
}

#[tokio::test]
async fn a_team_whose_creator_was_asked_can_be_connected_and_a_late_answer_changes_nothing() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "ask")]).await.is(200, "saved");
    let team = older_team(&scene.customers, "Asked", 0);
    scene.customers.house.let_pass(3 * MINUTE).await;
    assert!(matches!(scene.kept(team).await.unwrap().link.phase, Phase::Asked { .. }));
    let path = union_of(team, scene.group);
    let page = scene.browser.prove(&path, scene.person(2).object).await;
    confirm(&mut scene.browser, &path, &page).await.is(200, "The group is connected.");
    let creator = scene.person(0).person;
    let card = scene.customers.world().cards_to(creator).remove(0);
    scene.customers.world().answer_card(card.message, creator, json!({"team": team, "group": "no"})).unwrap();
    scene.customers.house.let_pass(10 * MINUTE).await;
    assert!(scene.is_linked(team, scene.group).await);
    assert_eq!(seen_in_team(&scene.customers, team).0, (0..4).collect());
    assert_eq!(living_groups(&scene.customers), [scene.group], "no other was made");
}

#[tokio::test]
async fn roles_are_united_too_and_nobody_loses_one() {
    let mut scene = Scene::with(|customers| {
        let team = customers.world().teams(customers.acme.org)[0];
        // A moderator who is a member of the group, and an owner who is a member of the team.
        customers.world().promote(team, customers.people[1].person).unwrap();
        customers.world().add_to_team(team, customers.people[2].person, Role::Member).unwrap();
    })
    .await;
    let page = scene.browser.open(&scene.union()).await;
    page.is(200, "Roles that change <span class=\"quiet\">2</span>");
    page.is(200, "Person 01 becomes owner of the group");
    page.is(200, "Person 02 becomes moderator of the team");
    assert!(!page.html.contains("any more"), "{}", page.html);
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(scene.seen(), ((0..4).collect(), [0, 1, 2].into(), "Gardeners".into()));
    assert_eq!(scene.seen_in_group(), ((0..4).collect(), [0, 1, 2].into(), "Gardeners".into()));
    scene.customers.house.let_pass(DAY).await;
    assert_eq!(scene.seen().1, scene.seen_in_group().1, "and it stays so");
}

#[tokio::test]
async fn who_is_left_out_is_named_with_the_reason_and_untouched() {
    let mut scene = Scene::with(|customers| {
        let (world, group) = (customers.world(), living_groups(customers)[0]);
        let uwe = world.add_webex_only(&customers.acme, "Unsynchronized Uwe");
        world.add_to_team(world.teams(customers.acme.org)[0], uwe, Role::Member).unwrap();
        let guest = world.add_guest(&customers.acme, "Guest Gina");
        world.add_member(group, guest);
        world.add_member(group, world.add_entra_only(&customers.acme, "Entra Emil"));
    })
    .await;
    let before = scene.customers.world().group(scene.group).unwrap().members.len();
    let page = scene.browser.open(&scene.union()).await;
    for shown in [
        "Left out <span class=\"quiet\">3</span>",
        "Unsynchronized Uwe</th><td>The team</td><td>The Webex account has no externalId",
        "The group</td><td>The Microsoft account is a guest of the directory.",
        "The group</td><td>The Microsoft user has no Webex account in the organization.",
    ] {
        page.is(200, shown);
    }
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
    assert_eq!(scene.customers.world().group(scene.group).unwrap().members.len(), before + 1);
}

#[tokio::test]
async fn until_everybody_is_looked_up_nothing_is_connected_and_each_look_at_the_page_knows_more() {
    let mut scene = Scene::with(|customers| {
        let group = living_groups(customers)[0];
        for n in 0..85 {
            let unknown = customers.world().add_entra_only(&customers.acme, &format!("Unknown {n:02}"));
            customers.world().add_member(group, unknown);
        }
    })
    .await;
    let (union, owner) = (scene.union(), scene.person(2).object);
    scene.browser.open(&union).await.is(200, "65 people are not looked up yet");
    let page = scene.browser.prove(&union, owner).await;
    page.is(200, "25 people are not looked up yet");
    assert!(!page.html.contains("value=\"connect\""));
    guess(&mut scene.browser, &union).await.is(409, "5 people are not looked up yet");
    let page = scene.browser.open(&union).await;
    page.is(200, "Left out <span class=\"quiet\">85</span>");
    confirm(&mut scene.browser, &union, &page).await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn the_name_comes_from_the_side_that_has_the_last_word() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("last_word", "team")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union()).await;
    page.is(200, "The group “Gardeners” is renamed to “Garden”: in your settings Webex has the last word.");
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    assert_eq!((scene.seen().2, scene.seen_in_group().2), ("Garden".into(), "Garden".into()));
    scene.customers.house.let_pass(DAY).await;
    assert_eq!((scene.seen().2, scene.seen_in_group().2), ("Garden".into(), "Garden".into()));
}

#[tokio::test]
async fn where_names_are_not_carried_both_keep_theirs() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("names", "no")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union()).await;
    page.is(200, "The team stays “Garden” and the group “Gardeners”: your settings do not carry names.");
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(DAY).await;
    assert_eq!((scene.seen().2, scene.seen_in_group().2), ("Garden".into(), "Gardeners".into()));
    assert_eq!(scene.seen().0, (0..4).collect());
}

#[tokio::test]
async fn while_the_integration_is_off_nothing_can_be_connected() {
    let mut scene = Scene::new().await;
    let union = scene.union();
    let page = scene.browser.prove(&union, scene.person(2).object).await;
    scene.browser.submit_on("/settings", "/settings", &[("switch", "off")]).await;
    let off = confirm(&mut scene.browser, &union, &page).await;
    off.is(409, "The integration is off");
    assert!(!off.html.contains("value=\"connect\""));
    assert!(scene.kept(scene.team).await.is_none());
}

#[tokio::test]
async fn in_preview_mode_the_link_is_made_and_what_would_be_done_is_shown_until_it_is_off() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("running", "preview")]).await.is(200, "saved");
    let page = scene.browser.open(&scene.union()).await;
    page.is(200, "nobody is added on either side until preview mode is off");
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(10 * MINUTE).await;
    scene.assert_untouched();
    let page = scene.browser.open(&format!("/teams/{}", scene.team)).await;
    page.is(200, "Person 02 is added to the team as moderator");
    page.is(200, "The team “Garden” becomes “Gardeners”");
    scene.browser.save(&[("running", "live")]).await.is(200, "saved");
    scene.customers.house.let_pass(20 * MINUTE).await;
    scene.assert_united();
}

#[tokio::test]
async fn a_group_that_was_there_before_is_never_deleted_with_its_team() {
    let mut scene = Scene::with(|customers| _ = older_team(customers, "Meadow", 4)).await;
    scene.browser.save(&[("on_team_deleted", "delete-group"), ("new_teams", "every")]).await.is(200, "saved");
    scene.connect().await.is(200, "The group is connected.");
    let witness = older_team(&scene.customers, "Witness", 0);
    let ours = older_team(&scene.customers, "Ours", 1);
    scene.customers.house.let_pass(20 * MINUTE).await;
    scene.assert_united();
    let made = scene.kept(ours).await.unwrap().link.group().unwrap();
    assert!(scene.kept(witness).await.unwrap().link.group().is_some());
    scene.customers.world().delete_team(scene.team);
    scene.customers.world().delete_team(ours);
    scene.customers.house.let_pass(DAY + 2 * 60 * MINUTE).await;
    let over = Phase::Ended { why: Ended::TeamDeleted };
    assert_eq!(scene.kept(scene.team).await.unwrap().link.phase, over);
    assert_eq!(scene.kept(ours).await.unwrap().link.phase, over);
    let is_there = |id| scene.customers.world().group(id).is_some_and(|group| group.deleted.is_none());
    assert!(is_there(scene.group), "it was there before");
    assert!(!is_there(made), "it was made for the team");
    // Whoever wants it can connect it again.
    scene.sign_in_again().await;
    let path = union_of(team_called(&scene, "Meadow"), scene.group);
    let page = scene.browser.prove(&path, scene.person(2).object).await;
    confirm(&mut scene.browser, &path, &page).await.is(200, "The group is connected.");
}

#[tokio::test]
async fn leaving_with_the_groups_deletes_those_that_were_made_and_no_other() {
    let mut scene = Scene::new().await;
    scene.browser.save(&[("new_teams", "every")]).await.is(200, "saved");
    scene.connect().await.is(200, "The group is connected.");
    let ours = older_team(&scene.customers, "Ours", 0);
    scene.customers.house.let_pass(20 * MINUTE).await;
    let made = scene.kept(ours).await.unwrap().link.group().unwrap();
    scene.sign_in_again().await;
    let leave = [("sure", "yes"), ("groups", "delete")];
    scene.browser.submit_on("/disconnect", "/disconnect", &leave).await.is(200, "Disconnected");
    scene.customers.house.let_pass(3 * MINUTE).await;
    assert_eq!(living_groups(&scene.customers), [scene.group]);
    assert!(scene.customers.world().group(made).is_none_or(|group| group.deleted.is_some()));
    scene.browser.open("/receipt").await.is(200, "1 deleted; within 30 days");
    assert!(!officer_is_in(&scene.customers, scene.team));
}

#[tokio::test]
async fn an_officer_whom_somebody_put_into_the_team_before_stays_there_when_the_tenant_leaves() {
    let mut scene = Scene::with(|customers| {
        let (world, team) = (customers.world(), customers.world().teams(customers.acme.org)[0]);
        world.add_to_team(team, customers.acme.officer, Role::Moderator).unwrap();
    })
    .await;
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(20 * MINUTE).await;
    scene.assert_united();
    scene.sign_in_again().await;
    let leave = [("sure", "yes"), ("groups", "keep"), ("links", "keep")];
    scene.browser.submit_on("/disconnect", "/disconnect", &leave).await.is(200, "Disconnected");
    scene.customers.house.let_pass(3 * MINUTE).await;
    assert!(officer_is_in(&scene.customers, scene.team));
}

#[tokio::test]
async fn a_team_that_is_archived_or_gone_says_so() {
    let mut scene = Scene::new().await;
    scene.customers.world().archive_team(scene.team);
    scene.browser.open(&scene.union()).await.is(409, "The team is archived.");
    let union = scene.union();
    guess(&mut scene.browser, &union).await.is(409, "The team is archived.");
    scene.customers.world().delete_team(scene.team);
    scene.browser.open(&scene.union()).await.is(409, "Webex does not show the team.");
    assert!(scene.kept(scene.team).await.is_none());
}

#[tokio::test]
async fn a_service_that_wants_a_pause_is_left_alone_by_the_page() {
    let mut scene = Scene::new().await;
    scene.customers.world().fault(Fault::throttled("600").on(Service::Graph).path("/groups/"));
    scene.browser.open(&scene.union()).await.is(503, "asked for a pause");
    scene.customers.world().take_calls();
    scene.browser.open(&scene.union()).await.is(503, "asked for a pause");
    assert_eq!(scene.customers.world().calls(), [], "nobody is called while the gate is shut");
    let broken = Fault::new(Failure::Status(500, vec![], json!({}))).on(Service::Webex).path("/v1/teams").times(9);
    scene.customers.advance(700);
    scene.customers.world().fault(broken);
    scene.browser.open(&scene.union()).await.fails(503, "could not be done right now");
    scene.customers.world().clear_faults();
    scene.browser.open(&scene.union()).await.is(200, "Nobody is removed.");
}

#[tokio::test]
async fn somebody_who_became_a_guest_is_not_added() {
    let mut scene = Scene::new().await;
    scene.customers.world().set_user_kind(scene.person(3).object, UserKind::Guest);
    scene.customers.house.see_everybody(scene.tenant).await.unwrap();
    let page = scene.browser.open(&scene.union()).await;
    page.is(200, "Added to the Webex team <span class=\"quiet\">1</span>");
    page.is(200, "The Microsoft account is a guest of the directory.");
    scene.connect().await.is(200, "The group is connected.");
    scene.customers.house.let_pass(5 * MINUTE).await;
    assert_eq!(scene.seen().0, [0, 1, 2].into());
}
