//! The settings page: validation, conflicts, and what a saved setting does.

use clients::http::Deadline;
use clients::webex::{Region, WebexId};
use domain::ids::{PersonId, TeamId};
use domain::membership::Side;
use domain::merge::Direction;
use engine::link::{self, LinkRow, Phase};
use engine::tenant::settings::{
    AlertRecipient, Folders, GroupDeleted, NameSync, NewTeams, RemovalLimits, Running,
    ServiceAccountMode, Settings, TeamDeleted,
};
use serde_json::json;
use store::table::{Change, Condition, from_item, to_value};
use uuid::Uuid;

use crate::support::{Customers, MINUTE, start};

fn difference(label: &str, stored: &str, requested: &str) -> String {
    format!(
        "<th scope=\"row\">{label}</th><td data-label=\"Stored now\">{stored}</td>\
         <td data-label=\"In your form\">{requested}</td>"
    )
}

#[tokio::test]
async fn every_setting_is_shown_and_stored() {
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
            ("account_mode", "outside"),
            ("fallback_owner", "person.00@acme.example"),
            ("link_people", "7"),
            ("link_percent", "0"),
            ("tenant_people", "70"),
            ("tenant_percent", "100"),
            ("on_team_deleted", "delete-group"),
            ("on_group_deleted", "end-link"),
            ("recipient", "person"),
            ("recipient_person", "person.01@acme.example"),
        ])
        .await;
    saved.is(200, "The settings are saved.");
    let settings = customers.settings().await;
    let Some(AlertRecipient::Person(alert_recipient)) = settings.alert_recipient.clone() else {
        panic!("{:?}", settings.alert_recipient)
    };
    assert_eq!(alert_recipient.id, second.person);
    let expected = Settings {
        switched_on_at: Some(start()),
        running: Running::Preview,
        new_teams: NewTeams::Selected,
        pilot_group: Some(pilots),
        direction: Direction::Microsoft,
        last_word: Side::Team,
        names: NameSync::No,
        service_account_mode: ServiceAccountMode::Observer,
        fallback_owner: Some(first.object),
        removal_limits: RemovalLimits {
            link_people: 7,
            link_percent: 0,
            tenant_people: 70,
            tenant_percent: 100,
        },
        on_team_deleted: TeamDeleted::DeleteGroup,
        on_group_deleted: GroupDeleted::EndLink,
        folders: Folders::No,
        alert_recipient: settings.alert_recipient.clone(),
    };
    assert_eq!(settings, expected);
    customers.advance(60);
    browser.save(&[]).await.is(200, "The settings are saved.");
    assert_eq!(
        customers.settings().await,
        expected,
        "saving untouched changes nothing, not even since when it is on"
    );
}

#[tokio::test]
async fn concurrent_saves_do_not_overwrite() {
    let customers = Customers::new().await;
    let mut first = customers.connected(&customers.acme).await;
    let mut second = customers.signed_in(&customers.acme).await;
    let (page, other) = (first.open("/settings").await, second.open("/settings").await);
    first.save_on(&page, &[("link_people", "9"), ("new_teams", "every")]).await.is(200, "saved");
    let back = second.save_on(&other, &[("tenant_people", "90")]).await;
    back.is(409, "Another administrator saved meanwhile");
    back.is(409, &difference("New teams", "every new team", "ask the creator"));
    back.is(409, &difference("Removal limit of all teams: people", "50", "90"));
    assert_eq!(back.field("version"), "1");
    let saved = customers.settings().await;
    assert_eq!(
        (saved.removal_limits.link_people, saved.removal_limits.tenant_people, saved.new_teams),
        (9, 50, NewTeams::Every)
    );
    second.save_on(&back, &[("link_people", "9"), ("new_teams", "every")]).await.is(200, "saved");
    let saved = customers.settings().await;
    assert_eq!(
        (saved.removal_limits.link_people, saved.removal_limits.tenant_people, saved.new_teams),
        (9, 90, NewTeams::Every)
    );
}

#[tokio::test]
async fn invalid_fields_are_named_and_nothing_is_saved() {
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
        ("fallback_owner", "no-one@acme.example", "has no user with this user principal name"),
        ("fallback_owner", &guest.to_string(), "A guest of the directory"),
        ("recipient", "space", "Paste the space"),
        ("recipient", "person", "no person with this address"),
    ] {
        let refused = browser.save(&[(field, value), ("enabled", "yes")]).await;
        refused.is(422, "The settings were not saved");
        refused.is(422, says);
        if !field.starts_with("recipient") && field != "new_teams" {
            refused.is(422, &format!("id=\"{field}-error\""));
            refused.is(422, &format!("name=\"{field}\" value=\"{value}\""));
        }
    }
    assert_eq!(customers.settings().await, before);
}

#[tokio::test]
async fn typed_text_is_escaped() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let page = browser.save(&[("fallback_owner", "\"><script>alert(1)</script>")]).await;
    assert_eq!(page.status, 422);
    assert!(!page.html.contains("<script"), "{}", page.html);
    let mallory = customers.world().add_webex_only(&customers.acme, "<b>Mallory</b>");
    customers.world().give_role(mallory, sim::AdminRole::FullAdmin);
    let page = customers.browser().sign_in(mallory).await;
    assert!(!page.html.contains("<b>"), "{}", page.html);
}

#[tokio::test]
async fn alert_space_gets_a_test_message() {
    let customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let world = customers.world();
    let room = world.create_room(customers.people[0].person, "Operations", None);
    let link = format!("webexteams://im?space={room}");
    browser
        .save(&[("recipient", "space"), ("recipient_space", &link)])
        .await
        .is(422, "Add it to the space first");
    assert_eq!(customers.settings().await.alert_recipient, None);
    world.add_to_room(room, customers.acme.service_account, sim::MembershipRole::Member).unwrap();
    browser.save(&[("recipient", "space"), ("recipient_space", &link)]).await.is(200, "saved");
    let Some(AlertRecipient::Space(space)) = customers.settings().await.alert_recipient else {
        panic!("no alert recipient")
    };
    assert_eq!(space.id, room);
    world.take_calls();
    browser.save(&[]).await.is(200, "saved");
    assert!(!world.calls().iter().any(|call| call.path.contains("/messages")), "not sent again");
}

#[tokio::test]
async fn switching_off_stops_writes_and_keeps_links() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let team = customers.world().create_team(customers.people[0].person, "Lighthouse");
    customers.stack.let_pass(20 * MINUTE).await;
    let (group, _) = customers.world().groups(customers.acme.directory).into_iter().next().unwrap();
    // Another admin has the settings open; the switch does not depend on that.
    let stale = browser.open("/settings").await;
    browser
        .submit_on("/", "/settings", &[("switch", "off")])
        .await
        .is(200, "The integration is off");
    assert_eq!(customers.settings().await.switched_on_at, None);
    browser.save_on(&stale, &[]).await.is(409, "Another administrator saved meanwhile");
    customers
        .world()
        .add_to_team(team, customers.people[1].person, sim::MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    assert!(!customers.world().group(group).unwrap().members.contains(&customers.people[1].object));
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    customers
        .world()
        .add_to_team(team, customers.people[2].person, sim::MembershipRole::Member)
        .unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    let members = customers.world().group(group).unwrap().members;
    assert!(
        members.contains(&customers.people[1].object)
            && members.contains(&customers.people[2].object)
    );
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 1);
}

#[tokio::test]
async fn only_creator_or_moderator_answers_a_card() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes")]).await.is(200, "saved");
    let (creator, member, moderator) =
        (customers.people[0], customers.people[1], customers.people[2]);
    let team = customers.world().create_team(creator.person, "Lighthouse");
    customers.world().add_to_team(team, member.person, sim::MembershipRole::Member).unwrap();
    customers.stack.let_pass(2 * MINUTE).await;
    let card = customers.world().cards_to(creator.person).remove(0);
    let words = card.content.to_string();
    assert!(words.contains("Create a Microsoft 365 group for this team?"), "{words}");
    assert!(
        words.contains("\"title\":\"Create\"") && words.contains("\"title\":\"Not now\""),
        "{words}"
    );
    let answer = json!({"team": team, "group": "yes"});
    // A former moderator, now a member, can still hold the card.
    let reached = card_to(&customers, team, member.person).await;
    customers.world().submit_card(reached, member.person, answer.clone()).unwrap();
    customers.stack.let_pass(5 * MINUTE).await;
    assert!(
        customers.world().groups(customers.acme.directory).is_empty(),
        "a member's answer counts for nothing"
    );
    customers.world().add_to_team(team, moderator.person, sim::MembershipRole::Moderator).unwrap();
    let reached = card_to(&customers, team, moderator.person).await;
    customers.world().submit_card(reached, moderator.person, answer).unwrap();
    customers.stack.let_pass(20 * MINUTE).await;
    assert_eq!(customers.world().groups(customers.acme.directory).len(), 1);
}

/// Sends a card to a person, and records it as the team's card.
async fn card_to(customers: &Customers, team: TeamId, to: PersonId) -> Uuid {
    let (sync, tenant) = (customers.stack.sync(), customers.tenant().await);
    let deadline = Deadline(sync.clock.now() + MINUTE);
    let access = sync.tokens.webex(tenant, customers.acme.service_account, deadline).await.unwrap();
    let to_id = WebexId::new(Region::default(), to);
    let message =
        sync.webex.send_card(&access, &to_id, "?", json!({"type": "AdaptiveCard"})).await.unwrap();
    let key = link::key(tenant, team);
    let mut row: LinkRow = from_item(sync.store.get(&key).await.unwrap().unwrap()).unwrap();
    row.link.phase =
        Phase::Asked { card: Some(link::Card { message, sent_at: sync.clock.now(), unseen: 0 }) };
    let change = vec![Change::Set("link", to_value(&row.link).unwrap())];
    sync.store.update(&key, change, Condition::Any).await.unwrap();
    customers.world().cards_to(to).pop().unwrap().message
}
