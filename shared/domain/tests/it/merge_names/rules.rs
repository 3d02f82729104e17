//! Rules of names, one by one.

use domain::membership::Side;
use domain::merge::{
    Decoration, Direction, GroupName, NameReading, NameState, NameTerms, NameWrite, Retry, TeamName,
};
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

/// Returns the terms of the daily sync.
fn daily(at: i64) -> NameTerms {
    NameTerms { retry: Retry::Everything, ..terms("", at) }
}

fn read(team: &str, group: &str) -> NameReading {
    NameReading { team: team.into(), group: group.into() }
}

/// Returns the title that a write gives the team.
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

fn plain() -> NameState {
    NameState::at_creation("Alpha".into(), "Alpha", "Alpha".into())
}

fn decorated() -> NameState {
    NameState::at_creation("Alpha".into(), "Alpha", "GRP_Alpha".into())
}

#[test]
fn rename_on_one_side_goes_to_the_other() {
    assert_eq!(plain().compare(&read("Beta", "Alpha"), &terms("", 0)).1, to_group("Beta"));
    assert_eq!(
        title(plain().compare(&read("Alpha", "Beta"), &terms("", 0)).1),
        Some("Beta".into())
    );
    assert_eq!(plain().compare(&read("Alpha", "Alpha"), &terms("", 0)), (plain(), None));
}

#[test]
fn conflicting_renames_follow_the_last_word() {
    let both = read("Beta", "Gamma");
    assert_eq!(title(plain().compare(&both, &terms("", 0)).1), Some("Gamma".into()));
    let team = NameTerms { last_word: Side::Team, ..terms("", 0) };
    assert_eq!(plain().compare(&both, &team).1, to_group("Beta"));
    assert_eq!(plain().compare(&read("Beta", "Beta"), &terms("", 0)).1, None);
}

#[test]
fn direction_microsoft_syncs_group_names_only() {
    let microsoft = NameTerms { direction: Direction::Microsoft, ..terms("", 0) };
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &microsoft);
    assert_eq!((names.team.as_str(), write), ("Beta", None));
    // The reading became the baseline, so a change of direction does not sync it either.
    assert_eq!(names.compare(&read("Beta", "Alpha"), &terms("", 1)).1, None);
    assert_eq!(title(names.compare(&read("Beta", "Gamma"), &microsoft).1), Some("Gamma".into()));
}

#[test]
fn rename_while_disabled_is_never_applied() {
    for (team, group) in
        [("Beta", "Alpha"), ("Alpha", "Beta"), ("Beta", "Gamma"), ("Alpha", "Alpha")]
    {
        let followed = plain().follow(&read(team, group), &Decoration::default(), minute(0));
        assert_eq!(followed.compare(&read(team, group), &terms("", 1)).1, None, "{team}, {group}");
        assert_eq!(followed.compare(&read("Delta", group), &terms("", 1)).1, to_group("Delta"));
        assert_eq!(
            title(followed.compare(&read(team, "Delta"), &terms("", 1)).1),
            Some("Delta".into())
        );
        let stale = followed.follow(&read(team, "Alpha"), &Decoration::default(), minute(5));
        assert_eq!(
            stale.group,
            GroupName::Baseline(group.into()),
            "a replica with the former name"
        );
    }
}

#[test]
fn our_rename_shown_after_disabling_is_followed() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("X-", 0));
    let policy = Decoration::required_by("X-");
    let written = names.clone().after(write.as_ref().unwrap(), minute(0));
    for open in [written, names.intend(&write.unwrap(), minute(0))] {
        let early = open.follow(&read("Beta", "Alpha"), &policy, minute(1));
        let shown = early.follow(&read("Beta", "X-Beta"), &policy, minute(2));
        assert_eq!(
            (shown.team.as_str(), &shown.group),
            ("Beta", &GroupName::Baseline("X-Beta".into()))
        );
        assert_eq!(shown.compare(&read("Beta", "X-Beta"), &terms("X-", 3)).1, None);
    }
}

#[test]
fn observer_leaves_the_team_title() {
    let observer = NameTerms { team: TeamName::CannotBeChanged, ..terms("", 0) };
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &observer);
    assert_eq!(write, None);
    assert_eq!(names.compare(&read("Alpha", "Beta"), &observer).1, None);
    assert_eq!(names.compare(&read("Gamma", "Beta"), &observer).1, to_group("Gamma"));
}

#[test]
fn policy_change_is_no_rename() {
    for policy in ["", "GRP_", "[Department]X-[GroupName]-Y"] {
        assert_eq!(
            decorated().compare(&read("Alpha", "GRP_Alpha"), &terms(policy, 0)).1,
            None,
            "{policy}"
        );
    }
}

#[test]
fn decorated_rename_becomes_the_baseline() {
    let (names, write) = plain().compare(&read("Gam#ma", "Alpha"), &terms("X-", 0));
    let names = names.after(&write.unwrap(), minute(0));
    let stale = names.compare(&read("Gam#ma", "Alpha"), &terms("X-", 5));
    assert_eq!(stale.1, None, "a replica with the former name");
    let (shown, write) = stale.0.compare(&read("Gam#ma", "X-Gamma"), &terms("X-", 6));
    assert_eq!((&shown.group, write), (&GroupName::Baseline("X-Gamma".into()), None));
    assert_eq!(shown.compare(&read("Gam#ma", "Alpha"), &terms("X-", 14)).1, None, "and again");
    assert_eq!(
        title(shown.compare(&read("Gam#ma", "Alpha"), &terms("X-", 15)).1),
        Some("Alpha".into()),
        "then it counts"
    );
}

#[test]
fn unrecorded_rename_is_recognized() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("GRP_", 0));
    let stored = names.intend(&write.unwrap(), minute(0));
    let (shown, write) = stored.compare(&read("Beta", "GRP_Beta"), &terms("GRP_", 1));
    assert_eq!(
        (&shown.group, shown.team.as_str(), write),
        (&GroupName::Baseline("GRP_Beta".into()), "Beta", None)
    );
    // No reading shows it, so the same write follows.
    assert_eq!(stored.compare(&read("Beta", "Alpha"), &terms("GRP_", 1)).1, to_group("Beta"));
}

#[test]
fn team_gets_the_bare_name() {
    let bare =
        |raw: &str, policy| title(decorated().compare(&read("Alpha", raw), &terms(policy, 0)).1);
    assert_eq!(bare("GRP_Beta", "GRP_[GroupName]"), Some("Beta".into()), "the policy in force");
    assert_eq!(bare("GRP_Beta", ""), Some("Beta".into()), "the last decoration of this group");
    assert_eq!(bare("X-GRP_Beta-Y", "X-[GroupName]-Y"), Some("Beta".into()), "both, nested");
    assert_eq!(bare("Beta", "GRP_"), Some("Beta".into()), "none");
    assert_eq!(bare("GRP_", "GRP_"), Some("GRP_".into()), "a name must remain");
}

#[test]
fn two_decorations_are_removed() {
    let (names, write) = decorated().compare(&read("Alpha", "X-GRP_Beta"), &terms("X-", 0));
    let names = names.after(&write.unwrap(), minute(0));
    let (_, write) = names.compare(&read("Beta", "X-GRP_Beta 2"), &terms("X-", 60));
    assert_eq!(title(write), Some("Beta 2".into()));
}

#[test]
fn new_decoration_is_no_rename() {
    // The service filtered the name, so the group's differs from the team's for good.
    let names = NameState::at_creation("Gam#ma".into(), "Gamma", "GRP_Gamma".into());
    let (names, write) = names.compare(&read("Gam#ma", "X-Gamma"), &terms("X-", 0));
    assert_eq!((&names.group, write), (&GroupName::Baseline("X-Gamma".into()), None));
    // It does not block a rename either.
    let names = NameState::at_creation("Gam#ma".into(), "Gamma", "GRP_Gamma".into());
    assert_eq!(names.compare(&read("Delta", "X-Gamma"), &terms("X-", 0)).1, to_group("Delta"));
}

#[test]
fn refused_rename_leaves_both_names() {
    let (names, write) = plain().compare(&read("Beta", "Alpha"), &terms("", 0));
    let refused = names.intend(&write.unwrap(), minute(0)).refused(
        to_group("Beta").unwrap(),
        &read("Beta", "Alpha"),
        minute(0),
    );
    assert_eq!(refused.compare(&read("Beta", "Alpha"), &terms("", 1)).1, None);
    assert_eq!(refused.compare(&read("Gamma", "Alpha"), &terms("", 1)).1, to_group("Gamma"));
    assert_eq!(refused.due(), None);
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &terms("", 0));
    let write = write.unwrap();
    let refused = names.intend(&write, minute(0)).refused(write, &read("Alpha", "Beta"), minute(0));
    assert_eq!(refused.compare(&read("Alpha", "Beta"), &terms("", 1)).1, None);
    assert_eq!(
        title(refused.compare(&read("Alpha", "Gamma"), &terms("", 1)).1),
        Some("Gamma".into())
    );
}

#[test]
fn refused_rename_is_retried_daily() {
    for (renamed, further) in [(read("Beta", "Alpha"), "Beta"), (read("Alpha", "Beta"), "Alpha")] {
        let (names, write) = plain().compare(&renamed, &terms("", 0));
        let write = write.unwrap();
        let mut stored = names.refused(write.clone(), &renamed, minute(0));
        for day in 1..3 {
            let at = day * 24 * 60;
            assert_eq!(
                stored.compare(&renamed, &terms("", at)).1,
                None,
                "only the daily sync retries"
            );
            let (names, again) = stored.compare(&renamed, &daily(at));
            assert_eq!(again, Some(write.clone()), "day {day}");
            stored = names.refused(write.clone(), &renamed, minute(at));
        }
        let done = stored.clone().after(&write, minute(9000));
        assert_eq!(done.compare(&read("Beta", "Beta"), &terms("", 9001)).0.deferred, None);
        let renamed_again = read(further, "Gamma");
        let (names, newer) = stored.compare(&renamed_again, &daily(9000));
        assert_eq!(title(newer.clone()), Some("Gamma".into()), "the later rename counts");
        assert_eq!(
            names
                .after(&newer.unwrap(), minute(9000))
                .compare(&read("Gamma", "Gamma"), &daily(9001))
                .1,
            None
        );
    }
}

#[test]
fn deferred_rename_is_made_once_a_member() {
    let observer = NameTerms { team: TeamName::CannotBeChanged, ..daily(0) };
    let (names, write) = plain().compare(&read("Alpha", "Beta"), &observer);
    assert_eq!(write, None);
    let (names, write) = names.compare(&read("Alpha", "Beta"), &daily(24 * 60));
    assert_eq!(title(write.clone()), Some("Beta".into()));
    let names = names.after(&write.unwrap(), minute(24 * 60));
    assert_eq!(names.compare(&read("Beta", "Beta"), &daily(48 * 60)).1, None);
}

#[test]
fn team_rename_is_repeated_or_recognized() {
    let (names, write) = plain().compare(&read("Alpha", "GRP_Beta"), &terms("GRP_", 0));
    let stored = names.intend(&write.unwrap(), minute(0));
    let again = stored.compare(&read("Alpha", "GRP_Beta"), &terms("GRP_", 1)).1;
    assert_eq!(title(again), Some("Beta".into()));
    for shown in ["GRP_Beta", "Alpha"] {
        let (names, write) = stored.compare(&read("Beta", shown), &terms("GRP_", 1));
        assert_eq!(
            (&names.group, write),
            (&GroupName::Baseline("GRP_Beta".into()), None),
            "a replica shows {shown}"
        );
    }
}

#[test]
fn only_acknowledged_renames_of_the_team_count_as_lost() {
    let old = read("Alpha", "Beta");
    let (names, write) = plain().compare(&old, &terms("", 0));
    let write = write.unwrap();
    let (mut open, mut acknowledged) = (names.clone(), names);
    for run in 1..6 {
        open = open.intend(&write, minute(run)).compare(&old, &terms("", run)).0;
        assert_eq!((open.lost, open.lost_for_good()), (0, None), "no call may have been made");
        assert_eq!(title(open.compare(&old, &terms("", run)).1), Some("Beta".into()));
        acknowledged = acknowledged.after(&write, minute(run)).compare(&old, &terms("", run)).0;
    }
    assert_eq!(acknowledged.lost_for_good(), Some(Side::Team));
    assert_eq!(acknowledged.compare(&old, &terms("", 7)).1, None, "only the daily run repeats it");
}

#[test]
fn short_name_in_its_decoration_is_found() {
    let names = NameState::at_creation("G".into(), "G", "GRP_G".into());
    assert_eq!(names.bare("GRP_Beta", &Decoration::default()), "Beta");
    let names = NameState::at_creation("G".into(), "G", "G (GRP)".into());
    assert_eq!(names.bare("Beta (GRP)", &Decoration::default()), "Beta");
}

#[test]
fn names_survive_storage() {
    let (names, write) = decorated().compare(&read("Beta", "GRP_Alpha"), &terms("GRP_", 0));
    let write = write.unwrap();
    for names in [names.clone().intend(&write, minute(0)), names.after(&write, minute(0))] {
        let text = serde_json::to_string(&names).unwrap();
        assert_eq!(serde_json::from_str::<NameState>(&text).unwrap(), names);
    }
}

#[test]
fn last_word_names_an_existing_group() {
    let names = NameState::without_baseline();
    let both = read("Sales", "GRP_Selling");
    let (next, write) = names.compare(&both, &terms("GRP_", 0));
    assert_eq!(
        title(write.clone()),
        Some("Selling".into()),
        "the group has the last word, and the team gets the bare form"
    );
    let after = next.intend(&write.clone().unwrap(), minute(0)).after(&write.unwrap(), minute(0));
    assert_eq!(after.compare(&read("Selling", "GRP_Selling"), &terms("GRP_", 1)).1, None);
    let team = NameTerms { last_word: Side::Team, ..terms("GRP_", 0) };
    assert_eq!(names.compare(&both, &team).1, to_group("Sales"));
    let microsoft = NameTerms { direction: Direction::Microsoft, ..team };
    assert_eq!(
        title(names.compare(&both, &microsoft).1),
        Some("Selling".into()),
        "only its names are synced"
    );
    assert_eq!(
        names.compare(&read("Sales", "GRP_Sales"), &terms("GRP_", 0)).1,
        None,
        "they are equal"
    );

    let observer = NameTerms { team: TeamName::CannotBeChanged, ..terms("", 0) };
    for ((state, write), reason) in [
        (names.compare(&both, &observer), "the team cannot be renamed"),
        ((names.follow(&both, &Decoration::default(), minute(0)), None), "names are not synced"),
    ] {
        assert_eq!(write, None, "{reason}");
        assert_eq!(state.compare(&both, &terms("", 1)).1, None, "{reason}: both stay");
        assert_eq!(
            state.compare(&read("Buyers", "GRP_Selling"), &terms("", 1)).1,
            to_group("Buyers"),
            "{reason}"
        );
    }
}
