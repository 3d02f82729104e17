//! Eligible and excluded people: no one excluded is touched.

use std::collections::BTreeMap;

use domain::membership::ExclusionReason;
use engine::link::Who;
use sim::{AdminRole, Kind, MembershipRole, Person, Service};
use store::message::Trigger;

use crate::support::{DAY, MINUTE, PROVED, TwoTenants};

#[tokio::test]
async fn excluded_people_are_untouched_and_stored_with_reason() {
    let mut env = TwoTenants::with_people(3).await;
    let (world, handle) = (env.world().clone(), env.handle.clone());
    let webex_only = world.add_webex_only(&handle, "Webex Only");
    let (bot, device) = (world.add_bot(&handle, "Bot"), world.add_device(&handle, "Board"));
    let pending = world.add_pending(&handle, "Never Signed In");
    let abroad = world.add_foreign_organization("Elsewhere");
    let foreigner = world.add_account_of(abroad, "Foreigner");
    let (guest, entra_only) =
        (world.add_guest(&handle, "Guest"), world.add_entra_only(&handle, "Entra Only"));
    env.stack.scan_people(env.tenant()).await.unwrap();

    let team = env.create_team("Mixed", &env.people);
    for person in [webex_only, bot, device, pending.person, foreigner] {
        world.add_to_team(team, person, MembershipRole::Member).unwrap();
    }
    env.let_pass(20 * MINUTE).await;
    let (group, _) = env.group();
    for user in [guest, entra_only] {
        world.add_member(group, user);
    }
    env.notify_change_and_wait(group).await;
    env.let_pass(2 * DAY).await;

    let (team_people, members) = (world.team(team).unwrap().people, env.group().1.members);
    assert_eq!(team_people.len(), 3 + 5 + 1, "three people, five excluded, the service account");
    assert_eq!(members.len(), 3 + 2);
    let expected = BTreeMap::from([
        (Who::Webex(webex_only), ExclusionReason::NotSynchronized),
        (Who::Webex(bot), ExclusionReason::NotAPerson),
        (Who::Webex(device), ExclusionReason::NotAPerson),
        (Who::Webex(pending.person), ExclusionReason::NotSignedIn),
        (Who::Webex(foreigner), ExclusionReason::OtherOrganization),
        (Who::Entra(guest), ExclusionReason::Guest),
        (Who::Entra(entra_only), ExclusionReason::NoWebexAccount),
    ]);
    assert_eq!(env.excluded(team).await, expected);
    env.assert_clean();
}

#[tokio::test]
async fn excluded_person_who_leaves_is_deleted_from_the_table() {
    let mut env = TwoTenants::with_people(3).await;
    let bot = env.world().add_bot(&env.handle, "Bot");
    let team = env.create_team("Mixed", &env.people);
    env.world().add_to_team(team, bot, MembershipRole::Member).unwrap();
    env.let_pass(20 * MINUTE).await;
    assert_eq!(env.excluded(team).await.len(), 1);
    env.world().remove_from_team(team, bot).unwrap();
    env.let_pass(5 * MINUTE).await;
    assert_eq!(env.excluded(team).await.len(), 0);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn pending_person_is_added_after_sign_in() {
    let mut env = TwoTenants::with_people(3).await;
    let pending = env.world().add_pending(&env.handle, "Pending");
    let team = env.create_team("Starters", &env.people);
    env.world().add_to_team(team, pending.person, MembershipRole::Member).unwrap();
    env.let_pass(20 * MINUTE).await;
    assert!(!env.group().1.members.contains(&pending.object));
    env.world().activate(pending.person);
    env.scan_people_and_sync(team).await;
    env.let_pass(MINUTE).await;
    assert!(env.group().1.members.contains(&pending.object));
    assert_eq!(env.excluded(team).await.len(), 0);
    env.people.push(pending);
    env.assert_in_sync(team);
}

#[tokio::test]
async fn loss_of_all_external_ids_removes_no_one() {
    let mut env = TwoTenants::with_people(3_300).await;
    env.world().webex_settings(|settings| settings.requests_per_minute = 100_000);
    let team = env.create_team("Everyone", &env.people[..300]);
    env.let_pass(60 * MINUTE).await;
    env.assert_in_sync(team);
    let (group, _) = env.group();

    let cleared = env.world().clear_external_ids(env.handle.org);
    env.scan_people_and_sync(team).await;
    env.let_pass(30 * MINUTE).await;
    let (leaver, comer) = (env.people[7], env.people[400]);
    env.world().remove_from_team(team, leaver.person).unwrap();
    env.world().add_to_team(team, comer.person, MembershipRole::Member).unwrap();
    env.request_sync(team, Trigger::Due).await;
    env.let_pass(2 * DAY).await;
    assert_eq!(env.group().1.members.len(), 300, "no one is removed from the group");
    assert_eq!(
        env.world().team(team).unwrap().people.len(),
        300 + 1,
        "no one is removed from the team"
    );

    for (person, external) in cleared {
        env.world().set_external_id(person, external.parse().ok());
    }
    env.scan_people_and_sync(team).await;
    env.let_pass(10 * MINUTE).await;
    assert!(
        env.group().1.members.contains(&leaver.object),
        "nothing is applied in the first 15 minutes"
    );
    env.let_pass(30 * MINUTE).await;
    env.assert_in_sync(team);
    let members = env.world().group(group).unwrap().members;
    assert_eq!(members.len(), 300);
    assert!(!members.contains(&leaver.object), "who was removed meanwhile does not come back");
    assert!(members.contains(&comer.object));
}

#[tokio::test]
async fn swapped_external_ids_move_no_one() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Swap", &env.people[..4]);
    env.let_pass(20 * MINUTE).await;
    let before = (env.group().1, env.world().team(team).unwrap());
    // One of the two is in the team; the other is the chief executive.
    let (inside, chief) = (env.people[3], env.people[4]);
    env.world().set_external_id(inside.person, Some(chief.object));
    env.world().set_external_id(chief.person, Some(inside.object));
    env.scan_people_and_sync(team).await;
    env.let_pass(3 * DAY).await;
    assert_eq!((env.group().1, env.world().team(team).unwrap()), before);
    env.assert_clean();
}

#[tokio::test]
async fn duplicate_external_id_moves_no_one() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Double", &env.people[..3]);
    env.let_pass(20 * MINUTE).await;
    let intruder = env.world().add_webex_only(&env.handle, "Intruder");
    env.world().set_external_id(intruder, Some(env.people[1].object));
    env.scan_people_and_sync(team).await;
    env.world().add_to_team(team, intruder, MembershipRole::Moderator).unwrap();
    env.let_pass(3 * DAY).await;
    let members: Vec<_> = env.people[..3].iter().map(|person| person.object).collect();
    let (_, group) = env.group();
    assert_eq!(group.members, members.into_iter().collect());
    assert_eq!(group.owners, [env.people[0].object].into(), "no one became an owner");
    assert_eq!(
        env.excluded(team).await.get(&Who::Webex(intruder)),
        Some(&ExclusionReason::SharedObjectId)
    );

    // An account with the id of a group member does not join the group's team either.
    let (group, _) = env.group();
    env.world().set_external_id(intruder, Some(env.people[3].object));
    env.scan_people_and_sync(team).await;
    env.let_pass(MINUTE).await;
    env.world().add_member(group, env.people[3].object);
    env.notify_change(group).await;
    env.let_pass(3 * DAY).await;
    assert!(!env.world().team(team).unwrap().people.contains_key(&env.people[3].person));
    env.assert_clean();
}

#[tokio::test]
async fn without_scim_role_people_are_added_but_not_removed() {
    let mut env = TwoTenants::with_people(6).await;
    let team = env.create_team("Roles", &env.people[..5]);
    env.let_pass(20 * MINUTE).await;
    env.world().take_role(env.handle.service_account, AdminRole::ReadOnlyAdmin);
    env.world().remove_from_team(team, env.people[4].person).unwrap();
    env.world().add_to_team(team, env.people[5].person, MembershipRole::Member).unwrap();
    env.let_pass(5 * MINUTE).await;
    let members = env.group().1.members;
    assert!(members.contains(&env.people[4].object), "not removed");
    assert!(members.contains(&env.people[5].object), "added");
    env.world().give_role(env.handle.service_account, AdminRole::ReadOnlyAdmin);
    env.let_pass(2 * DAY).await;
    env.assert_in_sync(team);
}

#[tokio::test]
async fn departed_users_are_left_to_the_directory() {
    let mut env = TwoTenants::with_people(5).await;
    let team = env.create_team("Leavers", &env.people);
    env.let_pass(20 * MINUTE).await;
    let (gone_in_webex, gone_in_entra) = (env.people[3], env.people[4]);
    env.world().delete_account(gone_in_webex.person);
    env.world().delete_user(gone_in_entra.object);
    env.world().take_calls();
    env.let_pass(2 * DAY).await;
    assert!(
        env.group().1.members.contains(&gone_in_webex.object),
        "the user of a deleted account stays"
    );
    let in_team = env.world().team(team).unwrap().people;
    assert!(in_team.contains_key(&gone_in_entra.person), "the account of a deleted user stays");
    assert_eq!(env.world().count_of(Service::Graph, Kind::Write), 0);
    env.world().restore_user(gone_in_entra.object);
    env.scan_people_and_sync(team).await;
    env.let_pass(2 * DAY).await;
    assert!(env.group().1.members.contains(&gone_in_entra.object));
    env.assert_clean();
}

#[tokio::test]
async fn rehired_person_keeps_membership() {
    let mut env = TwoTenants::with_people(4).await;
    let team = env.create_team("Again", &env.people);
    env.let_pass(20 * MINUTE).await;
    let old = env.people[3];
    let new: Person = env.world().rehire(old).unwrap();
    env.scan_people_and_sync(team).await;
    env.let_pass(20 * MINUTE).await;
    env.world().add_to_team(team, new.person, MembershipRole::Member).unwrap();
    env.world().remove_from_team(team, old.person).unwrap();
    env.let_pass(2 * DAY).await;
    assert!(env.group().1.members.contains(&new.object), "no one is removed");
    env.people[3] = new;
    env.assert_in_sync(team);
    env.world().remove_from_team(team, new.person).unwrap();
    env.let_pass(PROVED).await;
    assert!(!env.group().1.members.contains(&new.object), "the new account is the person now");
    env.assert_in_sync(team);
}
