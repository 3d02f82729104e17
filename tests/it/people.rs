//! Who takes part, and that nobody else is touched.

use std::collections::BTreeMap;

use domain::membership::LeftOut;
use engine::link::Who;
use sandbox::{AdminRole, Kind, Person, Role, Service};
use store::message::Cause;

use crate::town::{DAY, MINUTE, Town};

#[tokio::test]
async fn whoever_is_left_out_is_untouched_on_both_sides_and_stored_with_the_reason() {
    let mut town = Town::of(3).await;
    let (world, handle) = (town.world().clone(), town.handle.clone());
    let webex_only = world.add_webex_only(&handle, "Webex Only");
    let (bot, device) = (world.add_bot(&handle, "Bot"), world.add_device(&handle, "Board"));
    let pending = world.add_pending(&handle, "Never Signed In");
    let abroad = world.add_foreign_organization("Elsewhere");
    let foreigner = world.add_account_of(abroad, "Foreigner");
    let (guest, entra_only) = (world.add_guest(&handle, "Guest"), world.add_entra_only(&handle, "Entra Only"));
    town.house.see_everybody(town.tenant()).await.unwrap();

    let team = town.create_team("Mixed", &town.people);
    for person in [webex_only, bot, device, pending.person, foreigner] {
        world.add_to_team(team, person, Role::Member).unwrap();
    }
    town.let_pass(20 * MINUTE).await;
    let (group, _) = town.group();
    for user in [guest, entra_only] {
        world.add_member(group, user);
    }
    town.notify_and_wait(group).await;
    town.let_pass(2 * DAY).await;

    let (team_people, members) = (world.team(team).unwrap().people, town.group().1.members);
    assert_eq!(team_people.len(), 3 + 5 + 1, "three people, five left out, the officer");
    assert_eq!(members.len(), 3 + 2);
    let expected = BTreeMap::from([
        (Who::Webex(webex_only), LeftOut::NotSynchronized),
        (Who::Webex(bot), LeftOut::NotAPerson),
        (Who::Webex(device), LeftOut::NotAPerson),
        (Who::Webex(pending.person), LeftOut::NotSignedIn),
        (Who::Webex(foreigner), LeftOut::OtherOrganization),
        (Who::Entra(guest), LeftOut::Guest),
        (Who::Entra(entra_only), LeftOut::NoWebexAccount),
    ]);
    assert_eq!(town.left_out(team).await, expected);
    town.assert_clean();
}

#[tokio::test]
async fn who_is_left_out_can_leave_and_is_forgotten() {
    let mut town = Town::of(3).await;
    let bot = town.world().add_bot(&town.handle, "Bot");
    let team = town.create_team("Mixed", &town.people);
    town.world().add_to_team(team, bot, Role::Member).unwrap();
    town.let_pass(20 * MINUTE).await;
    assert_eq!(town.left_out(team).await.len(), 1);
    town.world().remove_from_team(team, bot).unwrap();
    town.let_pass(5 * MINUTE).await;
    assert_eq!(town.left_out(team).await.len(), 0);
    town.assert_in_step(team);
}

#[tokio::test]
async fn somebody_pending_is_added_after_signing_in() {
    let mut town = Town::of(3).await;
    let pending = town.world().add_pending(&town.handle, "Pending");
    let team = town.create_team("Starters", &town.people);
    town.world().add_to_team(team, pending.person, Role::Member).unwrap();
    town.let_pass(20 * MINUTE).await;
    assert!(!town.group().1.members.contains(&pending.object));
    town.world().activate(pending.person);
    town.people_were_seen(team).await;
    town.let_pass(MINUTE).await;
    assert!(town.group().1.members.contains(&pending.object));
    assert_eq!(town.left_out(team).await.len(), 0);
    town.people.push(pending);
    town.assert_in_step(team);
}

#[tokio::test]
async fn the_loss_of_all_external_ids_removes_nobody_and_their_return_loses_nobody() {
    let mut town = Town::of(3_300).await;
    town.world().webex_settings(|settings| settings.requests_per_minute = 100_000);
    let team = town.create_team("Everybody", &town.people[..300]);
    town.let_pass(60 * MINUTE).await;
    town.assert_in_step(team);
    let (group, _) = town.group();

    let cleared = town.world().clear_external_ids(town.handle.org);
    town.people_were_seen(team).await;
    town.let_pass(30 * MINUTE).await;
    let (leaver, comer) = (town.people[7], town.people[400]);
    town.world().remove_from_team(team, leaver.person).unwrap();
    town.world().add_to_team(team, comer.person, Role::Member).unwrap();
    town.ask(team, Cause::Due).await;
    town.let_pass(2 * DAY).await;
    assert_eq!(town.group().1.members.len(), 300, "nobody is removed from the group");
    assert_eq!(town.world().team(team).unwrap().people.len(), 300 + 1, "nobody is removed from the team");

    for (person, external) in cleared {
        town.world().set_external_id(person, external.parse().ok());
    }
    town.people_were_seen(team).await;
    town.let_pass(10 * MINUTE).await;
    assert!(town.group().1.members.contains(&leaver.object), "nothing is carried over in the first 15 minutes");
    town.let_pass(30 * MINUTE).await;
    town.assert_in_step(team);
    let members = town.world().group(group).unwrap().members;
    assert_eq!(members.len(), 300);
    assert!(!members.contains(&leaver.object), "who was removed meanwhile does not come back");
    assert!(members.contains(&comer.object));
}

#[tokio::test]
async fn swapped_external_ids_take_nobody_along() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Swap", &town.people[..4]);
    town.let_pass(20 * MINUTE).await;
    let before = (town.group().1, town.world().team(team).unwrap());
    // One of the two is in the team, the other one is the chief executive.
    let (inside, chief) = (town.people[3], town.people[4]);
    town.world().set_external_id(inside.person, Some(chief.object));
    town.world().set_external_id(chief.person, Some(inside.object));
    town.people_were_seen(team).await;
    town.let_pass(3 * DAY).await;
    assert_eq!((town.group().1, town.world().team(team).unwrap()), before);
    town.assert_clean();
}

#[tokio::test]
async fn a_doubled_external_id_takes_nobody_along() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Double", &town.people[..3]);
    town.let_pass(20 * MINUTE).await;
    let intruder = town.world().add_webex_only(&town.handle, "Intruder");
    town.world().set_external_id(intruder, Some(town.people[1].object));
    town.people_were_seen(team).await;
    town.world().add_to_team(team, intruder, Role::Moderator).unwrap();
    town.let_pass(3 * DAY).await;
    let members: Vec<_> = town.people[..3].iter().map(|person| person.object).collect();
    let (_, group) = town.group();
    assert_eq!(group.members, members.into_iter().collect());
    assert_eq!(group.owners, [town.people[0].object].into(), "nobody became an owner by it");
    assert_eq!(town.left_out(team).await.get(&Who::Webex(intruder)), Some(&LeftOut::SharedObjectId));

    // Whoever bears the id of somebody who is in a group does not get into that group's team, either.
    let (group, _) = town.group();
    town.world().set_external_id(intruder, Some(town.people[3].object));
    town.people_were_seen(team).await;
    town.let_pass(MINUTE).await;
    town.world().add_member(group, town.people[3].object);
    town.notify(group).await;
    town.let_pass(3 * DAY).await;
    assert!(!town.world().team(team).unwrap().people.contains_key(&town.people[3].person));
    town.assert_clean();
}

#[tokio::test]
async fn without_its_scim_role_the_officer_removes_nobody_and_adds_people_all_the_same() {
    let mut town = Town::of(6).await;
    let team = town.create_team("Roles", &town.people[..5]);
    town.let_pass(20 * MINUTE).await;
    town.world().take_role(town.handle.officer, AdminRole::ReadOnlyAdmin);
    town.world().remove_from_team(team, town.people[4].person).unwrap();
    town.world().add_to_team(team, town.people[5].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    let members = town.group().1.members;
    assert!(members.contains(&town.people[4].object), "not removed");
    assert!(members.contains(&town.people[5].object), "added");
    town.world().give_role(town.handle.officer, AdminRole::ReadOnlyAdmin);
    town.let_pass(2 * DAY).await;
    town.assert_in_step(team);
}

#[tokio::test]
async fn leavers_are_the_directorys_business() {
    let mut town = Town::of(5).await;
    let team = town.create_team("Leavers", &town.people);
    town.let_pass(20 * MINUTE).await;
    let (gone_in_webex, gone_in_entra) = (town.people[3], town.people[4]);
    town.world().delete_account(gone_in_webex.person);
    town.world().delete_user(gone_in_entra.object);
    town.world().take_calls();
    town.let_pass(2 * DAY).await;
    assert!(town.group().1.members.contains(&gone_in_webex.object), "the user of a deleted account stays");
    let in_team = town.world().team(team).unwrap().people;
    assert!(in_team.contains_key(&gone_in_entra.person), "the account of a deleted user stays");
    assert_eq!(town.world().count_of(Service::Graph, Kind::Write), 0);
    town.world().restore_user(gone_in_entra.object);
    town.people_were_seen(team).await;
    town.let_pass(2 * DAY).await;
    assert!(town.group().1.members.contains(&gone_in_entra.object));
    town.assert_clean();
}

#[tokio::test]
async fn somebody_rehired_keeps_the_membership_when_the_old_account_goes() {
    let mut town = Town::of(4).await;
    let team = town.create_team("Again", &town.people);
    town.let_pass(20 * MINUTE).await;
    let old = town.people[3];
    let new: Person = town.world().rehire(old).unwrap();
    town.people_were_seen(team).await;
    town.let_pass(20 * MINUTE).await;
    town.world().add_to_team(team, new.person, Role::Member).unwrap();
    town.world().remove_from_team(team, old.person).unwrap();
    town.let_pass(2 * DAY).await;
    assert!(town.group().1.members.contains(&new.object), "nobody is removed");
    town.people[3] = new;
    town.assert_in_step(team);
    town.world().remove_from_team(team, new.person).unwrap();
    town.let_pass(5 * MINUTE).await;
    assert!(!town.group().1.members.contains(&new.object), "the new account is the person now");
    town.assert_in_step(team);
}
