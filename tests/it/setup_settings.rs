//! The settings: saved as they were filled in, by one administrator at a time.

use clients::http::Deadline;
use clients::webex::{Region, WebexId};
use domain::ids::{PersonId, TeamId};
use domain::membership::Side;
use domain::merge::Direction;
use engine::link::{self, Kept, Phase};
use engine::tenant::settings::{
    BrakeLimits, Folders, GroupDeleted, NameCarriage, NewTeams, OfficerStanding, Running, Settings, TeamDeleted, Told,
};
use serde_json::json;
use store::table::{Change, Condition, from_item, to_value};
use uuid::Uuid;

use crate::setup_browser::Customers;
use crate::town::{MINUTE, start};

#[tokio::test]
async fn every_setting_is_on_the_page_and_is_stored_as_it_was_filled_in() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let world = customers.world();
    let (first, second) = (&customers.people[0], &customers.people[1]);
    let pilots = world.create_group(first.object, "Pilots").unwrap();
    let saved = browser
        .save(&[
            ("enabled", "yes"),
            ("running", "preview"),
            ("new_teams", "selected"),
            ("pilot_group", &pilots.to_string()),
            ("direction", "microsoft"),
            ("last_word", "team"),
            ("names", "no"),
            ("standing", "outside"),
            ("fallback_owner", "person.00@acme.example"),
            ("link_people", "7"),
            ("link_percent", "0"),
            ("tenant_people", "70"),
            ("tenant_percent", "100"),
            ("on_team_deleted", "delete-group"),
            ("on_group_deleted", "end-link"),
            ("told", "person"),
            ("told_person", "person.01@acme.example"),
        ])
        .await;
    saved.is(200, "The settings are saved.");
    let settings = customers.settings().await;
    let Some(Told::Person(told)) = settings.told.clone() else { panic!("{:?}", settings.told) };
    assert_eq!(told.id, second.person);
    let expected = Settings {
        switched_on_at: Some(start()),
        running: Running::Preview,
        new_teams: NewTeams::Selected,
        pilot_group: Some(pilots),
        direction: Direction::Microsoft,
        last_word: Side::Team,
        names: NameCarriage::No,
        standing: OfficerStanding::Outside,
        fallback_owner: Some(first.object),
        brake: BrakeLimits { link_people: 7, link_percent: 0, tenant_people: 70, tenant_percent: 100 },
        on_team_deleted: TeamDeleted::DeleteGroup,
        on_group_deleted: GroupDeleted::EndLink,
        folders: Folders::No,
        told: settings.told.clone(),
    };
    assert_eq!(settings, expected);
    customers.advance(60);
    browser.save(&[]).await.is(200, "The settings are saved.");
    assert_eq!(customers.settings().await, expected, "saving untouched changes nothing, not even since when it is on");
}

#[tokio::test]
async fn two_administrators_at_once_do_not_overwrite_each_other() {
    let customers = Customers::new().await;
    let mut first = customers.connected(&customers.acme).await;
    let mut second = customers.signed_in(&customers.acme).await;
    let (page, other) = (first.open("/settings").await, second.open("/settings").await);
    first.save_from(&page, &[("link_people", "9"), ("new_teams", "every")]).await.is(200, "saved");
    let back = second.save_from(&other, &[("tenant_people", "90")]).await;
    back.is(409, "Somebody else saved meanwhile");
    back.is(409, "<th scope=\"row\">New teams</th><td>every new team</td><td>ask the creator</td>");
    back.is(409, "<th scope=\"row\">Brake of all teams: people</th><td>50</td><td>90</td>");
    assert_eq!(back.field("version"), "1");
    let kept = customers.settings().await;
    assert_eq!((kept.brake.link_people, kept.brake.tenant_people, kept.new_teams), (9, 50, NewTeams::Every));
    second.save_from(&back, &[("link_people", "9"), ("new_teams", "every")]).await.is(200, "saved");
    let kept = customers.settings().await;
    assert_eq!((kept.brake.link_people, kept.brake.tenant_people, kept.new_teams), (9, 90, NewTeams::Every));
}

#[tokio::test]
async fn what_is_wrong_is_said_of_its_field_and_nothing_is_saved() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let guest = customers.world().add_guest(&customers.acme, "Guest");
    let before = customers.settings().await;
    for (field, value, says) in [
        ("link_people", "many", "Enter a whole number"),
        ("tenant_percent", "101", "from 0 to 100"),
        ("new_teams", "all", "Choose one of these"),
        ("pilot_group", "the pilots", "object id of a group"),
        ("pilot_group", "0b6a1f2e-0000-4000-8000-000000000000", "no group with this object id"),
        ("fallback_owner", "nobody@acme.example", "has nobody with this name"),
        ("fallback_owner", &guest.to_string(), "A guest of the directory"),
        ("told", "space", "Paste the space"),
        ("told", "person", "nobody with this address"),
    ] {
        let refused = browser.save(&[(field, value), ("enabled", "yes")]).await;
        refused.is(422, "The settings were not saved");
        refused.is(422, says);
        if !field.starts_with("told") && field != "new_teams" {
            refused.is(422, &format!("id=\"{field}-error\""));
            refused.is(422, &format!("name=\"{field}\" value=\"{value}\""));
        }
    }
    assert_eq!(customers.settings().await, before);
}

#[tokio::test]
async fn what_people_typed_is_shown_as_text() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let page = browser.save(&[("fallback_owner", "\"><script>alert(1)</script>")]).await;
    assert_eq!(page.status, 422);
    assert!(!page.html.contains("<script"), "{}", page.html);
    let mallory = customers.world().add_webex_only(&customers.acme, "<b>Mallory</b>");
    customers.world().give_role(mallory, sandbox::AdminRole::FullAdmin);
    let page = customers.browser().sign_in(mallory).await;
    assert!(!page.html.contains("<b>"), "{}", page.html);
}

#[tokio::test]
async fn a_space_is_told_at_once_that_it_is_told() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let world = customers.world();
    let room = world.create_room(customers.people[0].person, "Operations", None);
    let link = format!("webexteams://im?space={room}");
    browser.save(&[("told", "space"), ("told_space", &link)]).await.is(422, "Add it to the space first");
    assert_eq!(customers.settings().await.told, None);
    world.add_to_room(room, customers.acme.officer, sandbox::Role::Member).unwrap();
    browser.save(&[("told", "space"), ("told_space", &link)]).await.is(200, "saved");
    let Some(Told::Space(space)) = customers.settings().await.told else { panic!("nobody is told") };
    assert_eq!(space.id, room);
    world.take_calls();
    browser.save(&[]).await.is(200, "saved");
    assert!(!world.calls().iter().any(|call| call.path.contains("/messages")), "not told again");
}

#[tokio::test]
async fn switching_off_stops_all_writes_at_once_and_keeps_every_link() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.house.let_pass(20 * MINUTE).await;
    let (group, _) = customers.world().groups(customers.acme.directory).into_iter().next().unwrap();
    // Somebody else has the settings open, and the switch does not wait for him.
    let stale = browser.open("/settings").await;
    browser.submit_on("/", "/settings", &[("switch", "off")]).await.is(200, "The integration is off");
    assert_eq!(customers.settings().await.switched_on_at, None);
    browser.save_from(&stale, &[]).await.is(409, "Somebody else saved meanwhile");
    customers.world().add_to_team(team, customers.people[1].person, sandbox::Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    assert!(!customers.world().group(group).unwrap().members.contains(&customers.people[1].object));
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers.world().add_to_team(team, customers.people[2].person, sandbox::Role::Member).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    let members = customers.world().group(group).unwrap().members;
    assert!(members.contains(&customers.people[1].object) && members.contains(&customers.people[2].object));
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 1);
}

#[tokio::test]
async fn only_the_creator_or_a_moderator_answers_for_a_team() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.house.take_in(tenant).await.unwrap();
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    let (creator, member, moderator) = (customers.people[0], customers.people[1], customers.people[2]);
    let team = customers.world().create_team(creator.person, "Lighthouse");
    customers.world().add_to_team(team, member.person, sandbox::Role::Member).unwrap();
    customers.house.let_pass(2 * MINUTE).await;
    let card = customers.world().cards_to(creator.person).remove(0);
    let words = card.content.to_string();
    assert!(words.contains("Create a Microsoft 365 group for this team?"), "{words}");
    assert!(words.contains("\"title\":\"Create\"") && words.contains("\"title\":\"Not now\""), "{words}");
    let answer = json!({"team": team, "group": "yes"});
    // Should the card ever reach a member, for instance since he was a moderator when he was asked.
    let reached = card_to(&customers, team, member.person).await;
    customers.world().answer_card(reached, member.person, answer.clone()).unwrap();
    customers.house.let_pass(5 * MINUTE).await;
    assert!(customers.world().groups(customers.acme.directory).is_empty(), "a member's answer counts for nothing");
    customers.world().add_to_team(team, moderator.person, sandbox::Role::Moderator).unwrap();
    let reached = card_to(&customers, team, moderator.person).await;
    customers.world().answer_card(reached, moderator.person, answer).unwrap();
    customers.house.let_pass(20 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 1);
}

/// Sends a card to somebody, and has it count as the one that was sent for the team.
async fn card_to(customers: &Customers, team: TeamId, to: PersonId) -> Uuid {
    let (sync, tenant) = (customers.house.sync(), customers.tenant().await);
    let deadline = Deadline(sync.clock.now() + MINUTE);
    let access = sync.tokens.webex(tenant, customers.acme.officer, deadline).await.unwrap();
    let to_id = WebexId::new(Region::default(), to);
    let message = sync.webex.send_card(&access, &to_id, "?", json!({"type": "AdaptiveCard"})).await.unwrap();
    let key = link::key(tenant, team);
    let mut kept: Kept = from_item(sync.store.get(&key).await.unwrap().unwrap()).unwrap();
    kept.link.phase = Phase::Asked { card: Some(link::Card { message, sent_at: sync.clock.now() }) };
    let change = vec![Change::Set("link", to_value(&kept.link).unwrap())];
    sync.store.update(&key, change, Condition::Any).await.unwrap();
    customers.world().cards_to(to).pop().unwrap().message
}
