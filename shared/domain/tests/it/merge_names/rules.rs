//! The rules of names, one by one.

use domain::membership::Side;
use domain::merge::{Decoration, Direction, GroupName, NameReading, NameTerms, NameWrite, Names, Retry, TeamName};
use jiff::Timestamp;

fn minute(n: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + 60 * n).unwrap()
}

fn terms(policy: &str, at: i64) -> NameTerms {
    NameTerms {
        direction: Direction::Both,
        last_word: Side::Group,
        team: TeamName::CanBeChanged,
        policy: Decoration::required_by(policy),
        now: minute(at),
        retry: Retry::OwnRules,
    }
}

/// Those of the daily look.
fn daily(at: i64) -> NameTerms {
    NameTerms { retry: Retry::Everything, ..terms("", at) }
}

fn read(team: &str, group: &str) -> NameReading {
    NameReading { team: team.into(), group: group.into() }
}

/// The title that a write gives the team.
fn title(write: Option<NameWrite>) -> Option<String> {
    match write {
        Some(NameWrite::Team { title, .. }) => Some(title),
        other => {
            assert_eq!(other, None);
            None
        }
    }
}

fn to_group(name: &str) -> Option<NameWrite> {
    Some(NameWrite::Group(name.into()))
}

fn plain() -> Names {
    Names::at_creation("Alpha".into(), "Alpha", "Alpha".into())
}

fn decorated() -> Names {
    Names::at_creation("Alpha".into(), "Alpha", "GRP_Alpha".into())
}

#[test]
fn one_side_is_renamed_and_the_other_gets_it() {
    assert_eq!(plain().compare(&read("Beta", "Alpha"), &terms("", 0)).1, to_group("Beta"));
    assert_eq!(title(plain().compare(&read("Alpha", "Beta"), &terms("", 0)).1), Some("Beta".into()));
    assert_eq!(plain().compare(&read("Alpha", "Alpha"), &terms("", 0)), (plain(), None));
}

#[test]
fn what_both_renamed_follows_the_last_word() {
    let both = read("Beta", "Gamma");
    assert_eq!(title(plain().compare(&both, &terms("", 0)).1), Some("Gamma".into()));
    let team = NameTerms { last_word: Side::Team, ..terms("", 0) };
    assert_eq!(plain().compare(&both, &team).1, to_group("Beta"));
    assert_eq!(plain().compare(&read("Beta", "Beta"), &terms("", 0)).1, None);
}

#[test]
fn the_direction_microsoft_carries_the_groups_name_only() {
    let microsoft = NameTerms { direction: Direction::Microsoft, ..terms("", 0) };
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &microsoft);
    assert_eq!((names.team.as_str(), write), ("Beta", None));
    // Agreed as read: not carried when the direction turns, either.
    assert_eq!(names.compare(&read("Beta", "Alpha"), &terms("", 1)).1, None);
    assert_eq!(title(names.compare(&read("Beta", "Gamma"), &microsoft).1), Some("Gamma".into()));
}

#[test]
fn a_rename_of_the_time_when_names_are_not_carried_is_never_carried_and_the_next_one_is() {
    for (team, group) in [("Beta", "Alpha"), ("Alpha", "Beta"), ("Beta", "Gamma"), ("Alpha", "Alpha")] {
        let followed = plain().follow(&read(team, group), &Decoration::default(), minute(0));
        assert_eq!(followed.compare(&read(team, group), &terms("", 1)).1, None, "{team}, {group}");
        assert_eq!(followed.compare(&read("Delta", group), &terms("", 1)).1, to_group("Delta"));
        assert_eq!(title(followed.compare(&read(team, "Delta"), &terms("", 1)).1), Some("Delta".into()));
        let stale = followed.follow(&read(team, "Alpha"), &Decoration::default(), minute(5));
        assert_eq!(stale.group, GroupName::Agreed(group.into()), "a replica that shows the former name");
    }
}

#[test]
fn a_rename_of_ours_that_shows_only_after_names_are_no_longer_carried_is_followed() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("X-", 0));
    let policy = Decoration::required_by("X-");
    let written = names.clone().after(write.as_ref().unwrap(), minute(0));
    for open in [written, names.intend(&write.unwrap(), minute(0))] {
        let early = open.follow(&read("Beta", "Alpha"), &policy, minute(1));
        let shown = early.follow(&read("Beta", "X-Beta"), &policy, minute(2));
        assert_eq!((shown.team.as_str(), &shown.group), ("Beta", &GroupName::Agreed("X-Beta".into())));
        assert_eq!(shown.compare(&read("Beta", "X-Beta"), &terms("X-", 3)).1, None);
    }
}

#[test]
fn a_team_that_cannot_be_renamed_keeps_its_title_and_that_is_agreed() {
    let outside = NameTerms { team: TeamName::CannotBeChanged, ..terms("", 0) };
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &outside);
    assert_eq!(write, None);
    assert_eq!(names.compare(&read("Alpha", "Beta"), &outside).1, None);
    assert_eq!(names.compare(&read("Gamma", "Beta"), &outside).1, to_group("Gamma"));
}

#[test]
fn a_policy_that_changes_is_nobodys_rename() {
    for policy in ["", "GRP_", "[Department]X-[GroupName]-Y"] {
        assert_eq!(decorated().compare(&read("Alpha", "GRP_Alpha"), &terms(policy, 0)).1, None, "{policy}");
    }
}

#[test]
fn what_the_service_makes_of_our_rename_is_agreed_as_it_stands() {
    let (names, write) = plain().compare(&read("Gam#ma", "Alpha"), &terms("X-", 0));
    let names = names.after(&write.unwrap(), minute(0));
    let stale = names.compare(&read("Gam#ma", "Alpha"), &terms("X-", 5));
    assert_eq!(stale.1, None, "a replica that shows the former name");
    let (shown, write) = stale.0.compare(&read("Gam#ma", "X-Gamma"), &terms("X-", 6));
    assert_eq!((&shown.group, write), (&GroupName::Agreed("X-Gamma".into()), None));
    assert_eq!(shown.compare(&read("Gam#ma", "Alpha"), &terms("X-", 14)).1, None, "and again");
    assert_eq!(
        title(shown.compare(&read("Gam#ma", "Alpha"), &terms("X-", 15)).1),
        Some("Alpha".into()),
        "then it counts"
    );
}

#[test]
fn a_rename_that_is_on_no_record_is_recognized() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("GRP_", 0));
    let stored = names.intend(&write.unwrap(), minute(0));
    let (shown, write) = stored.compare(&read("Beta", "GRP_Beta"), &terms("GRP_", 1));
    assert_eq!((&shown.group, shown.team.as_str(), write), (&GroupName::Agreed("GRP_Beta".into()), "Beta", None));
    // No reading shows it: the same write once more.
    assert_eq!(stored.compare(&read("Beta", "Alpha"), &terms("GRP_", 1)).1, to_group("Beta"));
}

#[test]
fn what_goes_to_the_team_is_bare() {
    let bare = |raw: &str, policy| title(decorated().compare(&read("Alpha", raw), &terms(policy, 0)).1);
    assert_eq!(bare("GRP_Beta", "GRP_[GroupName]"), Some("Beta".into()), "the policy in force");
    assert_eq!(bare("GRP_Beta", ""), Some("Beta".into()), "the decoration that this group last had");
    assert_eq!(bare("X-GRP_Beta-Y", "X-[GroupName]-Y"), Some("Beta".into()), "one around the other");
    assert_eq!(bare("Beta", "GRP_"), Some("Beta".into()), "none");
    assert_eq!(bare("GRP_", "GRP_"), Some("GRP_".into()), "a name must remain");
}

#[test]
fn a_group_keeps_two_decorations_one_around_the_other() {
    let (names, write) = decorated().compare(&read("Alpha", "X-GRP_Beta"), &terms("X-", 0));
    let names = names.after(&write.unwrap(), minute(0));
    let (_, write) = names.compare(&read("Beta", "X-GRP_Beta 2"), &terms("X-", 60));
    assert_eq!(title(write), Some("Beta 2".into()));
}

#[test]
fn a_name_that_was_only_decorated_anew_is_no_rename() {
    // The service had filtered the name, so the group's differs from the team's for good.
    let names = Names::at_creation("Gam#ma".into(), "Gamma", "GRP_Gamma".into());
    let (names, write) = names.compare(&read("Gam#ma", "X-Gamma"), &terms("X-", 0));
    assert_eq!((&names.group, write), (&GroupName::Agreed("X-Gamma".into()), None));
    // And it does not stand in the way of a rename.
    let names = Names::at_creation("Gam#ma".into(), "Gamma", "GRP_Gamma".into());
    assert_eq!(names.compare(&read("Delta", "X-Gamma"), &terms("X-", 0)).1, to_group("Delta"));
}

#[test]
fn a_refused_rename_leaves_both_names_and_the_next_one_is_carried() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("", 0));
    let refused =
        names.intend(&write.unwrap(), minute(0)).refused(to_group("Beta").unwrap(), &read("Beta", "Alpha"), minute(0));
    assert_eq!(refused.compare(&read("Beta", "Alpha"), &terms("", 1)).1, None);
    assert_eq!(refused.compare(&read("Gamma", "Alpha"), &terms("", 1)).1, to_group("Gamma"));
    assert_eq!(refused.due(), None);
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &terms("", 0));
    let write = write.unwrap();
    let refused = names.intend(&write, minute(0)).refused(write, &read("Alpha", "Beta"), minute(0));
    assert_eq!(refused.compare(&read("Alpha", "Beta"), &terms("", 1)).1, None);
    assert_eq!(title(refused.compare(&read("Alpha", "Gamma"), &terms("", 1)).1), Some("Gamma".into()));
}

#[test]
fn a_refused_rename_is_owed_and_made_again_by_the_daily_look_until_either_side_is_renamed() {
    for (renamed, further) in [(read("Beta", "Alpha"), "Beta"), (read("Alpha", "Beta"), "Alpha")] {
        let (names, write) = plain().compare(&renamed, &terms("", 0));
        let write = write.unwrap();
        let mut owing = names.refused(write.clone(), &renamed, minute(0));
        for day in 1..3 {
            let at = day * 24 * 60;
            assert_eq!(owing.compare(&renamed, &terms("", at)).1, None, "an ordinary look leaves it");
            let (names, again) = owing.compare(&renamed, &daily(at));
            assert_eq!(again, Some(write.clone()), "day {day}");
            owing = names.refused(write.clone(), &renamed, minute(at));
        }
        let done = owing.clone().after(&write, minute(9000));
        assert_eq!(done.owed, None);
        let anew = read(further, "Gamma");
        let (names, newer) = owing.compare(&anew, &daily(9000));
        assert_eq!(title(newer.clone()), Some("Gamma".into()), "what was renamed later counts");
        assert_eq!(names.after(&newer.unwrap(), minute(9000)).compare(&read("Gamma", "Gamma"), &daily(9001)).1, None);
    }
}

#[test]
fn a_rename_that_cannot_be_made_from_outside_is_made_from_inside() {
    let outside = NameTerms { team: TeamName::CannotBeChanged, ..daily(0) };
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &outside);
    assert_eq!(write, None);
    let (names, write) = names.compare(&read("Alpha", "Beta"), &daily(24 * 60));
    assert_eq!(title(write.clone()), Some("Beta".into()));
    let names = names.after(&write.unwrap(), minute(24 * 60));
    assert_eq!(names.compare(&read("Beta", "Beta"), &daily(48 * 60)).1, None);
}

#[test]
fn a_rename_of_the_team_that_was_not_made_is_made_by_the_next_look_and_one_that_was_is_recognized() {
    let (names, write) = plain().compare(&read("Alpha", "GRP_Beta"), &terms("GRP_", 0));
    let stored = names.intend(&write.unwrap(), minute(0));
    let again = stored.compare(&read("Alpha", "GRP_Beta"), &terms("GRP_", 1)).1;
    assert_eq!(title(again), Some("Beta".into()));
    for shown in ["GRP_Beta", "Alpha"] {
        let (names, write) = stored.compare(&read("Beta", shown), &terms("GRP_", 1));
        assert_eq!((&names.group, write), (&GroupName::Agreed("GRP_Beta".into()), None), "a replica shows {shown}");
    }
}

#[test]
fn a_short_name_within_its_own_decoration_is_found() {
    let names = Names::at_creation("G".into(), "G", "GRP_G".into());
    assert_eq!(names.bare("GRP_Beta", &Decoration::default()), "Beta");
    let names = Names::at_creation("G".into(), "G", "G (GRP)".into());
    assert_eq!(names.bare("Beta (GRP)", &Decoration::default()), "Beta");
}

#[test]
fn names_are_read_back_as_they_were_stored() {
    let (names, write) = decorated().compare(&read("Beta", "GRP_Alpha"), &terms("GRP_", 0));
    let write = write.unwrap();
    for names in [names.clone().intend(&write, minute(0)), names.after(&write, minute(0))] {
        let text = serde_json::to_string(&names).unwrap();
        assert_eq!(serde_json::from_str::<Names>(&text).unwrap(), names);
    }
}

#[test]
fn of_a_group_that_was_there_before_the_side_with_the_last_word_gives_the_name() {
    let names = Names::nothing_agreed();
    let both = read("Sales", "GRP_Selling");
    let (next, write) = names.compare(&both, &terms("GRP_", 0));
    assert_eq!(title(write.clone()), Some("Selling".into()), "Microsoft 365 has it, and the team's is the bare form");
    let after = next.intend(&write.clone().unwrap(), minute(0)).after(&write.unwrap(), minute(0));
    assert_eq!(after.compare(&read("Selling", "GRP_Selling"), &terms("GRP_", 1)).1, None);
    let team = NameTerms { last_word: Side::Team, ..terms("GRP_", 0) };
    assert_eq!(names.compare(&both, &team).1, to_group("Sales"));
    let microsoft = NameTerms { direction: Direction::Microsoft, ..team };
    assert_eq!(title(names.compare(&both, &microsoft).1), Some("Selling".into()), "only its names are carried");
    assert_eq!(names.compare(&read("Sales", "GRP_Sales"), &terms("GRP_", 0)).1, None, "they are equal");

    let outside = NameTerms { team: TeamName::CannotBeChanged, ..terms("", 0) };
    for (kept, how) in [
        (names.compare(&both, &outside), "the team cannot be renamed"),
        ((names.follow(&both, &Decoration::default(), minute(0)), None), "names are not carried"),
    ] {
        assert_eq!(kept.1, None, "{how}");
        assert_eq!(kept.0.compare(&both, &terms("", 1)).1, None, "{how}: both stay as they are");
        assert_eq!(kept.0.compare(&read("Buyers", "GRP_Selling"), &terms("", 1)).1, to_group("Buyers"), "{how}");
    }
}
