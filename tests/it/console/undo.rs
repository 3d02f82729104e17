//! Every kind of entry: its undo leaves both sides as they were before it, or there is none.

use std::collections::BTreeMap;

use domain::ids::{GroupId, TeamId};
use sim::{MembershipRole, Person, World};

use super::adopt::Scene;
use super::restore::{BOTH_SIDES, CHANGED_SIDE, newest_sync, team_path, undo, undo_form};
use crate::support::{Browser, Customers, MINUTE, active_groups, with_linked_teams};

/// The roles of the six people on both sides, as letters.
fn both_sides(customers: &Customers, team: TeamId, group: GroupId) -> BTreeMap<usize, String> {
    let in_team = customers.world().team(team).unwrap().people;
    let in_group = customers.world().group(group).unwrap();
    let role = |present: bool, owner: bool| match (present, owner) {
        (false, _) => "-",
        (true, false) => "member",
        (true, true) => "owner",
    };
    let of = |Person { person, object }: &Person| {
        let there = in_team.get(person);
        let team = role(there.is_some(), there == Some(&MembershipRole::Moderator));
        let group = role(in_group.members.contains(object), in_group.owners.contains(object));
        format!("{team}/{group}")
    };
    customers.people.iter().map(of).enumerate().collect()
}

/// Returns a team of four, of whom the first two are owners on both sides.
async fn team_of_four() -> (Customers, TeamId, GroupId) {
    let (mut customers, _, _, teams) = with_linked_teams(1).await;
    let (team, group) = (teams[0], active_groups(&customers)[0]);
    for person in &customers.people[1..4] {
        customers.world().add_member(group, person.object);
    }
    customers.stack.let_pass(30 * MINUTE).await;
    customers.world().promote(team, customers.people[1].person).unwrap();
    customers.stack.let_pass(30 * MINUTE).await;
    (customers, team, group)
}

/// A person's act that a sync applies to the other side.
struct Kind {
    name: &'static str,
    act: fn(&World, TeamId, GroupId, &[Person]),
}

const KINDS: [Kind; 8] = [
    Kind {
        name: "added in Webex",
        act: |world, team, _, people| {
            world.add_to_team(team, people[4].person, MembershipRole::Member).unwrap();
        },
    },
    Kind {
        name: "added in Microsoft 365",
        act: |world, _, group, people| world.add_member(group, people[4].object),
    },
    Kind {
        name: "removed in Webex",
        act: |world, team, _, people| world.remove_from_team(team, people[2].person).unwrap(),
    },
    Kind {
        name: "removed in Microsoft 365",
        act: |world, _, group, people| world.remove_member(group, people[2].object),
    },
    Kind {
        name: "promoted in Webex",
        act: |world, team, _, people| world.promote(team, people[2].person).unwrap(),
    },
    Kind {
        name: "promoted in Microsoft 365",
        act: |world, _, group, people| world.add_owner(group, people[2].object),
    },
    Kind {
        name: "demoted in Webex",
        act: |world, team, _, people| world.demote(team, people[1].person).unwrap(),
    },
    Kind {
        name: "demoted in Microsoft 365",
        act: |world, _, group, people| world.remove_owner(group, people[1].object).unwrap(),
    },
];

async fn newest(customers: &Customers, team: TeamId) -> (Browser, String) {
    let mut browser = customers.signed_in(&customers.acme).await;
    let entry = newest_sync(&browser.open(&team_path(team)).await);
    (browser, entry)
}

#[tokio::test]
async fn undo_of_what_was_applied_leaves_both_sides_as_they_were() {
    for Kind { name, act } in KINDS {
        let (mut customers, team, group) = team_of_four().await;
        act(customers.world(), team, group, &customers.people);
        let before = both_sides(&customers, team, group);
        customers.stack.let_pass(30 * MINUTE).await;
        let applied = both_sides(&customers, team, group);
        assert_ne!(applied, before, "{name}");
        let (mut browser, entry) = newest(&customers, team).await;
        undo(&mut browser, &entry, CHANGED_SIDE).await.is(200, "is being synced");
        customers.stack.let_pass(60 * MINUTE).await;
        assert_eq!(both_sides(&customers, team, group), before, "{name}");
        customers.stack.let_pass(26 * 60 * MINUTE).await;
        assert_eq!(both_sides(&customers, team, group), before, "{name}, a day later");

        // The undo is an act like any other.
        let (mut browser, entry) = newest(&customers, team).await;
        let page = browser.open(&entry).await;
        assert!(undo_form(&page, CHANGED_SIDE).is_some(), "{name}: {}", page.html);
        undo(&mut browser, &entry, CHANGED_SIDE).await.is(200, "is being synced");
        customers.stack.let_pass(60 * MINUTE).await;
        assert_eq!(both_sides(&customers, team, group), applied, "{name}, undone twice");
    }
}

#[tokio::test]
async fn creation_offers_to_end_the_link_instead() {
    let mut customers = Customers::new().await;
    let mut browser = customers.connected(&customers.acme).await;
    let tenant = customers.tenant().await;
    customers.stack.start_tenant(tenant).await.unwrap();
    browser.save(&[("enabled", "yes"), ("new_teams", "every")]).await.is(200, "saved");
    let team = customers.world().create_team(customers.people[0].person, "Harbor");
    for person in &customers.people[1..5] {
        customers.world().add_to_team(team, person.person, MembershipRole::Member).unwrap();
    }
    customers.stack.let_pass(30 * MINUTE).await;
    let group = active_groups(&customers)[0];
    let before = both_sides(&customers, team, group);
    let (mut browser, entry) = newest(&customers, team).await;
    let page = browser.open(&entry).await;
    page.is(200, "Person 04 was added to the group");
    page.is(200, "End the link");
    for scope in [CHANGED_SIDE, BOTH_SIDES] {
        assert_eq!(undo_form(&page, scope), None);
        let form = [("hash", ""), ("undo", scope)];
        browser.submit_on("/activity", &entry, &form).await.is(409, "so nothing was changed");
    }
    customers.stack.let_pass(60 * MINUTE).await;
    assert_eq!(both_sides(&customers, team, group), before);
}

#[tokio::test]
async fn union_offers_to_end_the_link_instead() {
    let mut scene = Scene::new().await;
    scene.adopt().await.is(200, "The group is adopted");
    scene.customers.stack.let_pass(30 * MINUTE).await;
    let (mut browser, _) = newest(&scene.customers, scene.team).await;
    let team = browser.open(&team_path(scene.team)).await;
    let (_, done) = team.html.split_once("<ol class=\"done\">").unwrap();
    let entries = done.split("href=\"").skip(1).filter_map(|link| link.split('"').next());
    let entries: Vec<_> = entries.filter(|link| link.contains("/done/")).collect();
    assert_eq!(entries.len(), 2, "the adoption, and the first sync");
    for entry in entries {
        let page = browser.open(entry).await;
        page.is(200, "End the link");
        assert_eq!(undo_form(&page, CHANGED_SIDE), None, "{}", page.html);
        assert_eq!(undo_form(&page, BOTH_SIDES), None, "{}", page.html);
    }
}
