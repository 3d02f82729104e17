//! What would happen: read, merged, shown, and nothing of it done.

use domain::ids::{GroupId, TeamId};
use domain::membership::{LeftOut, Side, Standing};
use domain::merge::{Direction, HeldFor};
use engine::link::{Link, OfficerPlace, Phase, TroubleKind, Who};
use engine::preview::{self, Consent, GroupOutlook, Move, Of, OfficerOutlook, Preview, Rename, Totals};
use engine::safety::pending_approval;
use engine::tenant::{BrakeLimits, GroupDeleted, NewTeams, Running, Settings, TeamDeleted};
use jiff::SignedDuration;
use sandbox::{Call, Kind, Role};
use store::message::Cause;

use crate::town::{DAY, MINUTE, Town, every_team};

fn previewing() -> Settings {
    Settings { running: Running::Preview, ..every_team() }
}

async fn shown(town: &Town, team: TeamId) -> Preview {
    preview::load(town.store(), town.tenant(), team, Of::Look).await.unwrap().unwrap()
}

async fn link(town: &Town, team: TeamId) -> Link {
    town.kept(team).await.unwrap().link
}

/// All that a preview may change of a link.
fn but_for_the_preview(mut link: Link) -> Link {
    (link.previewed_at, link.shown_at) = (None, None);
    link
}

fn assert_nothing_was_written(town: &Town) {
    let writes: Vec<Call> = town.world().calls().into_iter().filter(|call| call.kind == Kind::Write).collect();
    let writes: Vec<String> = writes.iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(writes, [""; 0]);
    town.assert_clean();
}

/// A look that an administrator asks for, and what follows at once.
async fn look(town: &mut Town, team: TeamId) {
    town.let_pass(SignedDuration::from_secs(1)).await;
    town.ask(team, Cause::Administrator).await;
    town.let_pass(MINUTE).await;
}

/// A linked team of six, previewed from now on.
async fn linked(settings: Settings) -> (Town, TeamId, GroupId) {
    let mut town = Town::with(9, Settings { running: Running::Live, ..settings.clone() }).await;
    let team = town.create_team("Linked", &town.people[..6]);
    town.let_pass(30 * MINUTE).await;
    let (group, _) = town.group();
    town.set(settings).await;
    town.world().take_calls();
    (town, team, group)
}

#[tokio::test]
async fn a_new_team_gets_a_link_and_a_preview_and_nothing_else_until_it_is_live() {
    let mut town = Town::with(5, previewing()).await;
    let guest = town.world().add_webex_only(&town.handle, "Unlinked");
    town.world().take_calls();
    let team = town.create_team("Größe", &town.people[..4]);
    town.world().add_to_team(team, guest, Role::Member).unwrap();
    town.let_pass(2 * DAY).await;

    assert_nothing_was_written(&town);
    assert_eq!(town.world().groups(town.handle.directory).len(), 0);
    let stored = link(&town, team).await;
    assert_eq!((stored.phase, stored.names, stored.daily_at), (Phase::Creating { request: None }, None, None));
    assert!(town.on_link(team).await.keys().all(|who| !matches!(who, Who::Person(_))), "nothing is known of people");
    let preview = shown(&town, team).await;
    let GroupOutlook::Created { name, mail_nickname, fallback_owner, consent } = &preview.group else { panic!() };
    assert_eq!((name.as_str(), *fallback_owner, *consent), ("Größe", None, Consent::NotNeeded));
    assert!(mail_nickname.starts_with("grosse-"));
    assert_eq!(preview.officer, OfficerOutlook::Joins);
    assert_eq!(preview.left_out, [(Who::Webex(guest), LeftOut::NotSynchronized)]);
    assert_eq!(preview.totals(), Totals { created: 1, added: 4, left_out: 1, ..Totals::default() });
    let owners: Vec<_> = preview.moves.iter().filter(|one| one.to == Standing::Owner).collect();
    let [Move { person, side: Side::Group, from: Standing::Absent, held: None, .. }] = owners[..] else { panic!() };
    assert_eq!(person.object, town.people[0].object);

    town.set(every_team()).await;
    look(&mut town, team).await;
    assert_eq!(town.group().1.display_name, "Größe");
    town.assert_in_step(team);
    let done: Vec<_> = town.on_link(team).await.into_keys().filter(|who| matches!(who, Who::Person(_))).collect();
    assert_eq!(done.len(), preview.moves.len(), "what was shown is what was done");
}

#[tokio::test]
async fn nobody_is_asked_by_card_until_it_is_live() {
    let mut town = Town::with(3, Settings { new_teams: NewTeams::Ask, ..previewing() }).await;
    town.world().take_calls();
    let team = town.create_team("Asked", &town.people);
    town.let_pass(2 * DAY).await;
    assert_nothing_was_written(&town);
    assert_eq!(town.world().cards_to(town.people[0].person).len(), 0);
    assert_eq!(link(&town, team).await.phase, Phase::Asked { card: None });
    let GroupOutlook::Created { consent, .. } = shown(&town, team).await.group else { panic!() };
    assert_eq!(consent, Consent::Creator);
    assert_eq!(shown(&town, team).await.totals().added, 3, "this would follow a yes");

    town.set(Settings { new_teams: NewTeams::Ask, ..every_team() }).await;
    look(&mut town, team).await;
    assert_eq!(town.world().cards_to(town.people[0].person).len(), 1);
}

#[tokio::test]
async fn changes_on_both_sides_are_shown_and_carried_over_only_when_it_is_live() {
    let (mut town, team, group) = linked(previewing()).await;
    let (known, people) = (but_for_the_preview(link(&town, team).await), town.on_link(team).await);
    town.world().add_to_team(team, town.people[6].person, Role::Member).unwrap();
    town.world().promote(team, town.people[1].person).unwrap();
    town.world().remove_from_team(team, town.people[2].person).unwrap();
    town.world().add_member(group, town.people[7].object);
    town.world().add_owner(group, town.people[3].object);
    town.world().remove_member(group, town.people[4].object);
    town.world().rename_group(group, town.people[0].object, "Renamed");
    town.notify(group).await;
    town.let_pass(2 * DAY).await;

    assert_nothing_was_written(&town);
    assert_eq!(but_for_the_preview(link(&town, team).await), known, "nothing is remembered");
    assert_eq!(town.on_link(team).await, people, "nothing is agreed");
    let preview = shown(&town, team).await;
    assert_eq!((&preview.group, preview.officer), (&GroupOutlook::Exists, OfficerOutlook::Stays));
    assert_eq!(preview.rename, Some(Rename { side: Side::Team, from: "Linked".into(), to: "Renamed".into() }));
    let number = |one: &Move| town.people.iter().position(|person| person.object == one.person.object).unwrap();
    let mut moves: Vec<String> =
        preview.moves.iter().map(|one| format!("{} {} {} {}", number(one), one.side, one.from, one.to)).collect();
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

    town.set(every_team()).await;
    look(&mut town, team).await;
    town.assert_in_step(team);
    assert_eq!(town.world().team(team).unwrap().title, "Renamed");
}

#[tokio::test]
async fn what_was_shown_is_done_and_a_removal_that_was_not_shown_waits() {
    let is_there = |town: &Town, team, n: usize| {
        let team = town.world().team(team).unwrap();
        team.people.contains_key(&town.people[n].person)
    };
    for comes_after in [false, true] {
        let (mut town, team, group) = linked(previewing()).await;
        town.world().remove_member(group, town.people[4].object);
        town.let_pass(20 * MINUTE).await;
        look(&mut town, team).await;
        assert_eq!(shown(&town, team).await.totals(), Totals { removed: 1, ..Totals::default() });
        if comes_after {
            town.world().remove_member(group, town.people[5].object);
            town.world().add_member(group, town.people[6].object);
        }
        town.set(every_team()).await;
        look(&mut town, team).await;
        assert!(!comes_after || is_there(&town, team, 6), "whoever came is carried over");
        let there = [4, 5].map(|n| is_there(&town, team, n));
        let held = pending_approval::load(town.store(), town.tenant(), team).await.unwrap();
        match comes_after {
            false => assert_eq!((there, held), ([false, true], None)),
            true => {
                assert_eq!(there, [true, true], "held whole");
                assert_eq!(held.map(|plan| (plan.why, plan.removals.len())), Some((HeldFor::NotShown, 2)));
            }
        }
    }
}

#[tokio::test]
async fn a_preview_holds_nothing_that_happens_after_the_first_live_look() {
    let (mut town, team, group) = linked(previewing()).await;
    look(&mut town, team).await;
    town.set(every_team()).await;
    look(&mut town, team).await;
    assert_eq!(link(&town, team).await.shown_at, None);
    town.world().remove_member(group, town.people[4].object);
    town.notify(group).await;
    town.let_pass(20 * MINUTE).await;
    town.assert_in_step(team);
    assert!(!town.world().team(team).unwrap().people.contains_key(&town.people[4].person));
}

#[tokio::test]
async fn what_a_preview_would_only_take_note_of_is_news_to_the_first_live_look() {
    let (mut town, team, _) = linked(Settings { direction: Direction::Microsoft, ..previewing() }).await;
    let known = but_for_the_preview(link(&town, team).await);
    town.world().rename_team(team, "Renamed");
    town.world().remove_from_team(team, town.handle.officer).unwrap();
    town.let_pass(DAY).await;
    assert_nothing_was_written(&town);
    assert_eq!(shown(&town, team).await.totals(), Totals::default());
    let stored = but_for_the_preview(link(&town, team).await);
    assert_eq!(stored, Link { title: "Renamed".into(), ..known });

    town.set(every_team()).await;
    look(&mut town, team).await;
    assert_eq!(town.group().1.display_name, "Renamed", "a rename of that time is carried like any other");
    assert!(matches!(link(&town, team).await.officer, OfficerPlace::PutOut { .. }));
}

#[tokio::test]
async fn the_hash_stays_until_something_else_would_be_done() {
    let (mut town, team, _) = linked(previewing()).await;
    town.world().add_to_team(team, town.people[6].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    let first = shown(&town, team).await;
    town.let_pass(2 * DAY).await;
    let second = shown(&town, team).await;
    assert!(second.at > first.at + DAY, "looked at daily");
    assert_eq!(second.hash(), first.hash());
    town.world().add_to_team(team, town.people[7].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    assert_ne!(shown(&town, team).await.hash(), first.hash(), "and at each hint");
    assert_nothing_was_written(&town);
}

#[tokio::test]
async fn a_link_in_preview_is_not_looked_at_more_often_than_another() {
    let (mut town, team, _) = linked(previewing()).await;
    let asked = |town: &Town| {
        let path = format!("/teams/{}", town.world().team_id(team));
        town.world().take_calls().iter().filter(|call| call.path.contains(&path)).count()
    };
    town.let_pass(4 * DAY).await;
    let in_preview = asked(&town);
    assert!((3..=6).contains(&in_preview), "{in_preview} looks in four days");
}

#[tokio::test]
async fn removals_are_shown_as_held_and_count_for_no_brake() {
    let brake = BrakeLimits { tenant_people: 2, tenant_percent: 0, ..BrakeLimits::default() };
    let (mut town, team, group) = linked(Settings { brake, ..previewing() }).await;
    for n in 1..3 {
        town.world().remove_member(group, town.people[n].object);
    }
    for _ in 0..5 {
        look(&mut town, team).await;
        assert_eq!(shown(&town, team).await.totals(), Totals { removed: 2, ..Totals::default() });
    }
    town.world().remove_member(group, town.people[3].object);
    look(&mut town, team).await;
    let preview = shown(&town, team).await;
    assert_eq!(preview.totals(), Totals { held: 3, ..Totals::default() });
    assert!(preview.moves.iter().all(|one| one.held == Some(HeldFor::TenantLimit)));
    assert_eq!(pending_approval::load(town.store(), town.tenant(), team).await.unwrap(), None, "no plan waits");
    assert_eq!(link(&town, team).await.held, None);
    assert_nothing_was_written(&town);

    town.world().add_member(group, town.people[3].object);
    town.set(Settings { brake, ..every_team() }).await;
    look(&mut town, team).await;
    let there = town.world().team(team).unwrap().people;
    assert!(town.people[1..3].iter().all(|person| !there.contains_key(&person.person)), "two go, as was shown");
    town.assert_in_step(team);
}

#[tokio::test]
async fn a_deleted_group_is_neither_restored_nor_given_up_until_it_is_live() {
    for on_group_deleted in [GroupDeleted::Restore, GroupDeleted::EndLink] {
        let (mut town, team, group) = linked(Settings { on_group_deleted, ..previewing() }).await;
        let known = but_for_the_preview(link(&town, team).await);
        town.world().delete_group(group);
        town.notify(group).await;
        town.let_pass(2 * DAY).await;
        assert_nothing_was_written(&town);
        assert_eq!(but_for_the_preview(link(&town, team).await), known);
        let preview = shown(&town, team).await;
        assert!(matches!(preview.group, GroupOutlook::Blocked { kind: TroubleKind::GroupMissing, .. }));
        assert_eq!(preview.totals(), Totals::default());
    }
}

#[tokio::test]
async fn a_deleted_team_is_not_concluded_from_until_it_is_live() {
    for on_team_deleted in [TeamDeleted::KeepGroup, TeamDeleted::DeleteGroup] {
        let mut town = Town::of(4).await;
        let team = town.create_team("Gone", &town.people);
        town.create_team("Here", &town.people);
        town.let_pass(30 * MINUTE).await;
        town.set(Settings { on_team_deleted, ..previewing() }).await;
        let known = but_for_the_preview(link(&town, team).await);
        town.world().take_calls();
        town.world().delete_team(team);
        town.let_pass(3 * DAY).await;
        assert_nothing_was_written(&town);
        assert_eq!(but_for_the_preview(link(&town, team).await), known);
        let preview = shown(&town, team).await;
        assert!(matches!(preview.group, GroupOutlook::Blocked { kind: TroubleKind::TeamMissing, .. }));
        assert_eq!(town.world().groups(town.handle.directory).len(), 2);
    }
}

#[tokio::test]
async fn the_officer_stays_outside_and_a_group_near_its_end_is_not_renewed() {
    let mut town = Town::with(3, previewing()).await;
    town.world().take_calls();
    let team = town.create_team("Preview", &town.people);
    town.let_pass(DAY).await;
    assert_nothing_was_written(&town);
    assert!(!town.world().team(team).unwrap().people.contains_key(&town.handle.officer));

    let (mut town, team, group) = linked(previewing()).await;
    town.world().set_group_lifetime(town.handle.directory, Some(30));
    let renewed = town.world().group(group).unwrap().renewed;
    town.let_pass(5 * DAY).await;
    assert_nothing_was_written(&town);
    assert_eq!(town.world().group(group).unwrap().renewed, renewed);
    town.set(every_team()).await;
    look(&mut town, team).await;
    assert!(town.world().group(group).unwrap().renewed > renewed, "the first live look is a thorough one");
}

#[tokio::test]
async fn what_keeps_a_team_from_a_group_is_shown_instead() {
    let mut town = Town::with(4, previewing()).await;
    let creator = town.world().add_webex_only(&town.handle, "Creator");
    let team = town.world().create_team(creator, "Ownerless");
    town.world().add_to_team(team, town.people[0].person, Role::Member).unwrap();
    town.let_pass(5 * MINUTE).await;
    let kind = async |town: &Town| match shown(town, team).await.group {
        GroupOutlook::Blocked { kind, .. } => Some(kind),
        _ => None,
    };
    assert_eq!(kind(&town).await, Some(TroubleKind::NoOwner));
    assert_eq!(shown(&town, team).await.totals(), Totals { left_out: 1, ..Totals::default() });

    town.set(Settings { fallback_owner: Some(town.people[3].object), ..previewing() }).await;
    look(&mut town, team).await;
    let GroupOutlook::Created { fallback_owner, .. } = shown(&town, team).await.group else { panic!() };
    assert_eq!(fallback_owner, Some(town.people[3].object));

    town.world().set_group_setting(town.handle.directory, "EnableGroupCreation", "false");
    town.let_pass(2 * DAY).await;
    assert_eq!(kind(&town).await, Some(TroubleKind::CreationRestricted));
}

#[tokio::test]
async fn many_people_who_have_to_be_looked_up_are_looked_up_once_and_then_shown() {
    let mut town = Town::with(2, previewing()).await;
    town.world().take_calls();
    let bots: Vec<_> = (0..120).map(|n| town.world().add_bot(&town.handle, &format!("Bot {n}"))).collect();
    let team = town.create_team("Robots", &town.people);
    for bot in &bots {
        town.world().add_to_team(team, *bot, Role::Member).unwrap();
    }
    town.let_pass(10 * MINUTE).await;
    assert_nothing_was_written(&town);
    let preview = shown(&town, team).await;
    assert_eq!((preview.unresolved, preview.totals().left_out), (0, 120));
    // The next daily look, which asks about everybody again, is over before.
    town.skip(town.kept(team).await.unwrap().next_look.duration_since(town.now()));
    town.let_pass(10 * MINUTE).await;
    town.world().take_calls();
    town.world().add_to_team(team, town.world().add_bot(&town.handle, "One more"), Role::Member).unwrap();
    town.let_pass(10 * MINUTE).await;
    assert_eq!(shown(&town, team).await.totals().left_out, 121);
    let looked_up = town.world().calls().iter().filter(|call| call.path.contains("/Users/")).count();
    assert_eq!(looked_up, 1, "only who is new");
    assert_nothing_was_written(&town);
}
