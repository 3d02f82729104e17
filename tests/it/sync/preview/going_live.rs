//! The step from preview to live: what was shown is done.

use domain::ids::PersonId;
use domain::membership::{ExclusionReason, Role, Side};
use domain::merge::{ApprovalReason, Direction};
use engine::link::{Link, Phase, ServiceAccountPresence, Who};
use engine::preview::{
    Consent, GroupOutlook, Move, Preview, Rename, ServiceAccountOutlook, Totals,
};
use engine::safety::pending_approval;
use engine::tenant::{NewTeams, Settings};
use sim::MembershipRole;

use super::{
    assert_no_writes, linked_team, load_link, load_preview, preview_settings, sync_now,
    without_preview_times,
};
use crate::support::{DAY, MINUTE, PROVED, TwoTenants, every_team};

/// Asserts a preview of a group for four people, without the guest.
fn assert_creation_is_shown(env: &TwoTenants, preview: &Preview, guest: PersonId) {
    let GroupOutlook::Created { name, mail_nickname, fallback_owner, consent } = &preview.group
    else {
        panic!()
    };
    assert_eq!((name.as_str(), *fallback_owner, *consent), ("Größe", None, Consent::NotNeeded));
    assert!(mail_nickname.starts_with("grosse-"));
    assert_eq!(preview.service_account, ServiceAccountOutlook::Joins);
    assert_eq!(preview.excluded, [(Who::Webex(guest), ExclusionReason::NotSynchronized)]);
    assert_eq!(preview.totals(), Totals { created: 1, added: 4, excluded: 1, ..Totals::default() });
    let owners: Vec<_> = preview.moves.iter().filter(|one| one.to == Role::Owner).collect();
    let [Move { person, side: Side::Group, from: Role::None, held: None, .. }] = owners[..] else {
        panic!()
    };
    assert_eq!(person.object, env.people[0].object);
}

#[tokio::test]
async fn new_team_is_only_previewed() {
    let mut env = TwoTenants::with_settings(5, preview_settings()).await;
    let guest = env.world().add_webex_only(&env.handle, "Unlinked");
    env.world().take_calls();
    let team = env.create_team("Größe", &env.people[..4]);
    env.world().add_to_team(team, guest, MembershipRole::Member).unwrap();
    env.let_pass(2 * DAY).await;

    assert_no_writes(&env);
    assert_eq!(env.world().groups(env.handle.directory).len(), 0);
    let stored = load_link(&env, team).await;
    assert_eq!(
        (stored.phase, stored.names, stored.full_sync_at),
        (Phase::Creating { request: None }, None, None)
    );
    assert!(
        env.people_on_link(team).await.keys().all(|who| !matches!(who, Who::Person(_))),
        "nothing is known of people"
    );
    let preview = load_preview(&env, team).await;
    assert_creation_is_shown(&env, &preview, guest);

    env.save_settings(every_team()).await;
    sync_now(&mut env, team).await;
    assert_eq!(env.group().1.display_name, "Größe");
    env.assert_in_sync(team);
    let done: Vec<_> = env
        .people_on_link(team)
        .await
        .into_keys()
        .filter(|who| matches!(who, Who::Person(_)))
        .collect();
    assert_eq!(done.len(), preview.moves.len(), "what was shown is what was done");
}

#[tokio::test]
async fn no_card_is_sent_before_going_live() {
    let mut env =
        TwoTenants::with_settings(3, Settings { new_teams: NewTeams::Ask, ..preview_settings() })
            .await;
    env.world().take_calls();
    let team = env.create_team("Asked", &env.people);
    env.let_pass(2 * DAY).await;
    assert_no_writes(&env);
    assert_eq!(env.world().cards_to(env.people[0].person).len(), 0);
    assert_eq!(load_link(&env, team).await.phase, Phase::Asked { card: None });
    let GroupOutlook::Created { consent, .. } = load_preview(&env, team).await.group else {
        panic!()
    };
    assert_eq!(consent, Consent::Creator);
    assert_eq!(load_preview(&env, team).await.totals().added, 3, "this would follow a yes");

    env.save_settings(Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    sync_now(&mut env, team).await;
    assert_eq!(env.world().cards_to(env.people[0].person).len(), 1);
}

/// Asserts a preview of six changes of people, and of a rename.
fn assert_changes_are_shown(env: &TwoTenants, preview: &Preview) {
    assert_eq!(
        (&preview.group, preview.service_account),
        (&GroupOutlook::Exists, ServiceAccountOutlook::Stays)
    );
    assert_eq!(
        preview.rename,
        Some(Rename { side: Side::Team, from: "Linked".into(), to: "Renamed".into() })
    );
    let number = |one: &Move| {
        env.people.iter().position(|person| person.object == one.person.object).unwrap()
    };
    let mut moves: Vec<String> = preview
        .moves
        .iter()
        .map(|one| format!("{} {} {} {}", number(one), one.side, one.from, one.to))
        .collect();
    moves.sort();
    assert_eq!(
        moves,
        [
            "1 group member owner",
            "2 group member absent",
            "3 team member owner",
            "4 team member absent",
            "6 group absent member",
            "7 team absent member",
        ]
    );
    let totals = Totals { added: 2, promoted: 2, removed: 2, renamed: 1, ..Totals::default() };
    assert_eq!(preview.totals(), totals);
}

#[tokio::test]
async fn changes_on_both_sides_apply_only_when_live() {
    let (mut env, team, group) = linked_team(preview_settings()).await;
    let (known, people) =
        (without_preview_times(load_link(&env, team).await), env.people_on_link(team).await);
    env.world().add_to_team(team, env.people[6].person, MembershipRole::Member).unwrap();
    env.world().promote(team, env.people[1].person).unwrap();
    env.world().remove_from_team(team, env.people[2].person).unwrap();
    env.world().add_member(group, env.people[7].object);
    env.world().add_owner(group, env.people[3].object);
    env.world().remove_member(group, env.people[4].object);
    env.world().rename_group(group, env.people[0].object, "Renamed");
    env.notify_change(group).await;
    env.let_pass(2 * DAY).await;

    assert_no_writes(&env);
    assert_eq!(without_preview_times(load_link(&env, team).await), known, "nothing is remembered");
    assert_eq!(env.people_on_link(team).await, people, "nothing is agreed");
    assert_changes_are_shown(&env, &load_preview(&env, team).await);

    env.save_settings(every_team()).await;
    sync_now(&mut env, team).await;
    env.let_pass(PROVED).await;
    env.assert_in_sync(team);
    assert_eq!(env.world().team(team).unwrap().title, "Renamed");
}

#[tokio::test]
async fn removal_that_was_not_shown_waits() {
    let is_there = |env: &TwoTenants, team, n: usize| {
        let team = env.world().team(team).unwrap();
        team.people.contains_key(&env.people[n].person)
    };
    for comes_after in [false, true] {
        let (mut env, team, group) = linked_team(preview_settings()).await;
        env.world().remove_member(group, env.people[4].object);
        env.let_pass(20 * MINUTE).await;
        sync_now(&mut env, team).await;
        assert_eq!(
            load_preview(&env, team).await.totals(),
            Totals { removed: 1, ..Totals::default() }
        );
        if comes_after {
            env.world().remove_member(group, env.people[5].object);
            env.world().add_member(group, env.people[6].object);
        }
        env.save_settings(every_team()).await;
        sync_now(&mut env, team).await;
        env.let_pass(PROVED).await;
        assert!(!comes_after || is_there(&env, team, 6), "the new member is added");
        let there = [4, 5].map(|n| is_there(&env, team, n));
        let held = pending_approval::load(env.store(), env.tenant(), team).await.unwrap();
        match comes_after {
            false => assert_eq!((there, held), ([false, true], None)),
            true => {
                assert_eq!(there, [true, true], "held whole");
                assert_eq!(
                    held.map(|plan| (plan.why, plan.removals.len())),
                    Some((ApprovalReason::NotPreviewed, 2))
                );
            }
        }
    }
}

#[tokio::test]
async fn preview_holds_nothing_after_the_first_live_sync() {
    let (mut env, team, group) = linked_team(preview_settings()).await;
    sync_now(&mut env, team).await;
    env.save_settings(every_team()).await;
    sync_now(&mut env, team).await;
    assert_eq!(load_link(&env, team).await.preview_stored_at, None);
    env.world().remove_member(group, env.people[4].object);
    env.notify_change(group).await;
    env.let_pass(20 * MINUTE).await;
    env.assert_in_sync(team);
    assert!(!env.world().team(team).unwrap().people.contains_key(&env.people[4].person));
}

#[tokio::test]
async fn first_live_sync_sees_changes_made_during_preview() {
    let (mut env, team, _) =
        linked_team(Settings { direction: Direction::Microsoft, ..preview_settings() }).await;
    let known = without_preview_times(load_link(&env, team).await);
    env.world().rename_team(team, "Renamed");
    env.world().remove_from_team(team, env.handle.service_account).unwrap();
    env.let_pass(DAY).await;
    assert_no_writes(&env);
    assert_eq!(load_preview(&env, team).await.totals(), Totals::default());
    let stored = without_preview_times(load_link(&env, team).await);
    assert_eq!(stored, Link { title: "Renamed".into(), ..known });

    env.save_settings(every_team()).await;
    sync_now(&mut env, team).await;
    assert_eq!(
        env.group().1.display_name,
        "Renamed",
        "an earlier rename is applied like any other"
    );
    assert!(matches!(
        load_link(&env, team).await.service_account,
        ServiceAccountPresence::RemovedByPerson { .. }
    ));
}
