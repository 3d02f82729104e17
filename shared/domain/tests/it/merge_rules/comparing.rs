//! What changed, and who gets it.

use super::*;

#[test]
fn one_side_changed_and_the_other_gets_it() {
    for side in Side::BOTH {
        let other = side.other();
        let case = |was, is| {
            let mut read = both(was);
            read[side] = is;
            link().with(agreed(was, was), read.team, read.group)
        };
        for (was, is, what) in [
            (Absent, Member, "add as member"),
            (Absent, Owner, "add as owner"),
            (Member, Owner, "promote"),
            (Owner, Member, "demote"),
            (Member, Absent, "remove"),
            (Owner, Absent, "remove"),
        ] {
            assert_eq!(case(was, is).steps(), [format!("{other}: {what} 1")], "{side} from {was} to {is}");
        }
    }
}

#[test]
fn presence_comes_first_and_brings_the_role_along() {
    let plan = link().with(agreed(Absent, Absent), Owner, Absent).look();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!((plan.steps[0].truth, plan.steps[0].to), (Truth::Presence, Owner));
    // The role changed on one side, and presence on the other: presence decides.
    assert_eq!(link().with(agreed(Member, Member), Owner, Absent).steps(), ["team: remove 1"]);
}

#[test]
fn what_changed_on_both_sides_and_is_equal_now_is_agreed() {
    for was in ALL {
        for is in ALL {
            let plan = link().with(agreed(was, was), is, is).look();
            assert_eq!(plan.shown(), NONE);
            assert_eq!(plan.memory(1).agreed, both(is));
        }
    }
}

#[test]
fn what_changed_on_both_sides_and_differently_follows_the_last_word() {
    let mut case = link().with(Memory::default(), Owner, Member);
    assert_eq!(case.steps(), ["team: demote 1"]);
    case.terms.last_word = Side::Team;
    assert_eq!(case.steps(), ["group: promote 1"]);
}

#[test]
fn where_neither_side_changed_nothing_is_done_even_where_they_differ() {
    for team in ALL {
        for group in ALL {
            let plan = link().with(agreed(team, group), team, group).look();
            assert_eq!(plan.shown(), NONE);
            assert!(plan.untouched());
        }
    }
}

#[test]
fn a_side_that_did_not_change_is_no_reason_for_a_write() {
    // They differ, and only the team changed: the group's removal from long ago is not carried now.
    assert_eq!(link().with(agreed(Member, Absent), Owner, Absent).steps(), NONE);
    assert_eq!(link().with(agreed(Owner, Member), Owner, Absent).steps(), ["team: remove 1"]);
}

#[test]
fn whoever_comes_anew_comes_with_a_role() {
    // The group's last owner could not be removed; then somebody adds him to the team again, as a member.
    let mut stored = agreed(Absent, Owner);
    stored.owed.presence = owed(Side::Group, rule(Refusal::LastOwner));
    let case = link().with(stored, Member, Owner);
    assert_eq!(case.steps(), ["group: demote 1"]);
    // The look dies before its first write, or gets no answer: the next one finds the same.
    let next = case.after(|_| Outcome::Unknown).at(minute(20));
    assert_eq!(next.steps(), ["group: demote 1"]);
    let done = case.after(|_| Outcome::Done).look();
    assert_eq!((done.shown(), done.memory(1).agreed), (vec![], both(Member)));
    assert_eq!(done.memory(1).owed, PerTruth::default());
    // The service says no: both roles are agreed as read, and owed.
    let refused = case.after(|_| Outcome::Refused(service())).look();
    assert_eq!(refused.shown(), NONE);
    assert_eq!(refused.memory(1).agreed, Sides { team: Member, group: Owner });
    assert!(refused.memory(1).owed.role.is_some() && refused.memory(1).owed.presence.is_none());
}

#[test]
fn the_direction_microsoft_carries_what_changes_there() {
    let case = |team, group| link().direction(Direction::Microsoft).with(agreed(Member, Member), team, group).steps();
    assert_eq!(case(Member, Owner), ["team: promote 1"]);
    assert_eq!(case(Member, Absent), ["team: remove 1"]);
}

#[test]
fn what_the_direction_does_not_carry_is_agreed_as_read_and_never_undone() {
    for (was, is) in [(Member, Owner), (Owner, Member), (Member, Absent), (Owner, Absent)] {
        let case = link().direction(Direction::Microsoft).with(agreed(was, was), is, was);
        let plan = case.look();
        assert_eq!(plan.shown(), NONE, "{was} to {is}");
        assert_eq!(plan.memory(1).agreed, Sides { team: is, group: was });
        assert_eq!(case.after(|_| Outcome::Done).direction(Direction::Both).steps(), NONE, "carried later");
    }
}

#[test]
fn until_somebody_has_been_equal_additions_go_both_ways_whatever_the_direction() {
    let case = link().direction(Direction::Microsoft).with(Memory::default(), Member, Absent);
    assert_eq!(case.steps(), ["group: add as member 1"]);
    let stored = case.after(|_| Outcome::Done).people[1].0.clone();
    assert!(stored.been_equal);
    // So is the role of such an addition, where there was no room for it.
    let mut full = case.owner_limit(1);
    full.people[1].1.team = Owner;
    assert_eq!(full.steps(), ["group: add as member 1"]);
    assert_eq!(full.after(|_| Outcome::Done).owner_limit(2).steps(), ["group: promote 1"]);
    // From now on only Microsoft's changes are carried.
    let mut gone = link().direction(Direction::Microsoft).with(agreed(Absent, Absent), Member, Absent);
    gone.people[1].0.been_equal = true;
    assert_eq!(gone.steps(), NONE);
}

#[test]
fn whom_the_group_changed_too_follows_it_whatever_the_last_word() {
    let mut case = link().direction(Direction::Microsoft).with(agreed(Absent, Absent), Owner, Member);
    case.terms.last_word = Side::Team;
    assert_eq!(case.steps(), ["team: demote 1"]);
}

#[test]
fn what_a_rule_stopped_is_planned_by_each_look_and_touches_nothing_when_stopped_again() {
    let case = link().alone().with(agreed(Owner, Owner), Absent, Owner);
    let first = case.look();
    assert_eq!(first.shown(), NONE);
    assert_eq!(first.memory(0).agreed, Sides { team: Absent, group: Owner });
    assert_eq!(first.memory(0).owed.presence.as_ref().unwrap().by, rule(Refusal::LastOwner));
    let mut next = case.after(|_| Outcome::Done);
    let again = next.clone().at(minute(60)).look();
    assert_eq!(again.shown(), NONE);
    // Only that the reading is no longer recent can touch it.
    assert!(next.look().untouched());
    // Another owner: the reason is gone.
    next = next.with(agreed(Owner, Owner), Owner, Owner);
    assert_eq!(next.steps(), ["group: remove 0"]);
}

#[test]
fn what_the_service_refused_is_planned_by_the_daily_look() {
    let case = link().with(agreed(Absent, Absent), Member, Absent);
    let refused = case.after(|_| Outcome::Refused(service())).at(minute(60));
    assert_eq!(refused.people[1].0.agreed, Sides { team: Member, group: Absent });
    assert_eq!(refused.steps(), NONE);
    assert_eq!(refused.clone().daily().steps(), ["group: add as member 1"]);
    let again = refused.daily().after(|_| Outcome::Refused(service()));
    assert_eq!(again.people[1].0.owed.presence.as_ref().unwrap().since, minute(0), "since the first refusal");
}

#[test]
fn a_human_change_clears_what_is_owed() {
    let refused = |by| {
        let mut stored = Memory { been_equal: true, ..agreed(Owner, Member) };
        stored.owed.role = owed(Side::Group, by);
        stored
    };
    for by in [service(), rule(Refusal::OwnerLimit)] {
        for (team, group) in [(Member, Member), (Owner, Owner)] {
            let plan = link().with(refused(by.clone()), team, group).look();
            assert_eq!((plan.shown(), plan.memory(1).owed.role.clone()), (vec![], None));
            assert_eq!(plan.memory(1).agreed, both(team));
        }
        let gone = link().with(refused(by.clone()), Absent, Absent).look();
        assert_eq!(gone.memory(1).owed, PerTruth::default());
        // What the direction does not carry is not owed either.
        let case = link().daily().direction(Direction::Microsoft).with(refused(by), Owner, Member).look();
        assert_eq!((case.shown(), case.memory(1).owed.role.clone()), (vec![], None));
    }
}
