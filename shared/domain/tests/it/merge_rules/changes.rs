//! Tests of changes and the side that gets them.

use super::*;

#[test]
fn change_on_one_side_goes_to_the_other() {
    for side in Side::BOTH {
        let other = side.other();
        let case = |was, is| {
            let mut read = both(was);
            read[side] = is;
            link().with(baseline(was, was), read.team, read.group)
        };
        for (was, is, what) in [
            (Role::None, Member, "add as member"),
            (Role::None, Owner, "add as owner"),
            (Member, Owner, "promote"),
            (Owner, Member, "demote"),
            (Member, Role::None, "remove"),
            (Owner, Role::None, "remove"),
        ] {
            assert_eq!(
                case(was, is).steps(),
                [format!("{other}: {what} 1")],
                "{side} from {was} to {is}"
            );
        }
    }
}

#[test]
fn presence_includes_the_role() {
    let plan = link().with(baseline(Role::None, Role::None), Owner, Role::None).plan();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!((plan.steps[0].aspect, plan.steps[0].to), (Aspect::Presence, Owner));
    // The role changed on one side, and presence on the other. Presence decides.
    assert_eq!(
        link().with(baseline(Member, Member), Owner, Role::None).steps(),
        ["team: remove 1"]
    );
}

#[test]
fn equal_changes_become_the_baseline() {
    for was in ALL {
        for is in ALL {
            let plan = link().with(baseline(was, was), is, is).plan();
            assert_eq!(plan.texts(), NONE);
            assert_eq!(plan.state(1).baseline, both(is));
        }
    }
}

#[test]
fn conflicting_changes_follow_the_last_word() {
    let mut case = link().with(PersonState::default(), Owner, Member);
    assert_eq!(case.steps(), ["team: demote 1"]);
    case.terms.last_word = Side::Team;
    assert_eq!(case.steps(), ["group: promote 1"]);
}

#[test]
fn unchanged_difference_stays() {
    for team in ALL {
        for group in ALL {
            let plan = link().with(baseline(team, group), team, group).plan();
            assert_eq!(plan.texts(), NONE);
            assert!(plan.is_clean());
        }
    }
}

#[test]
fn unchanged_side_causes_no_write() {
    // Only the team changed, so the group's old removal is not synced now.
    assert_eq!(link().with(baseline(Member, Role::None), Owner, Role::None).steps(), NONE);
    assert_eq!(link().with(baseline(Owner, Member), Owner, Role::None).steps(), ["team: remove 1"]);
}

#[test]
fn added_person_gets_the_role_too() {
    // The group's last owner could not be removed. Then a person adds them to the team again, as a
    // member.
    let mut stored = baseline(Role::None, Owner);
    stored.deferred.presence = deferred(Side::Group, rule(RuleRefusal::LastOwner));
    let case = link().with(stored, Member, Owner);
    assert_eq!(case.steps(), ["group: demote 1"]);
    // The run crashes before its first write, or gets no answer. The next one finds the same.
    let next = case.after(|_| StepOutcome::Unknown).at(minute(20));
    assert_eq!(next.steps(), ["group: demote 1"]);
    let done = case.after(|_| StepOutcome::Done).plan();
    assert_eq!((done.texts(), done.state(1).baseline), (vec![], both(Member)));
    assert_eq!(done.state(1).deferred, PerAspect::default());
    // The service refuses. Both roles become the baseline, and the write is deferred.
    let refused = case.after(|_| StepOutcome::Refused(service())).plan();
    assert_eq!(refused.texts(), NONE);
    assert_eq!(refused.state(1).baseline, Sides { team: Member, group: Owner });
    assert!(
        refused.state(1).deferred.ownership.is_some()
            && refused.state(1).deferred.presence.is_none()
    );
}

#[test]
fn direction_microsoft_syncs_group_changes() {
    let case = |team, group| {
        link().direction(Direction::Microsoft).with(baseline(Member, Member), team, group).steps()
    };
    assert_eq!(case(Member, Owner), ["team: promote 1"]);
    assert_eq!(case(Member, Role::None), ["team: remove 1"]);
}

#[test]
fn unsynced_change_becomes_the_baseline() {
    for (was, is) in [(Member, Owner), (Owner, Member), (Member, Role::None), (Owner, Role::None)] {
        let case = link().direction(Direction::Microsoft).with(baseline(was, was), is, was);
        let plan = case.plan();
        assert_eq!(plan.texts(), NONE, "{was} to {is}");
        assert_eq!(plan.state(1).baseline, Sides { team: is, group: was });
        assert_eq!(
            case.after(|_| StepOutcome::Done).direction(Direction::Both).steps(),
            NONE,
            "not synced later"
        );
    }
}

#[test]
fn first_additions_ignore_the_direction() {
    let case =
        link().direction(Direction::Microsoft).with(PersonState::default(), Member, Role::None);
    assert_eq!(case.steps(), ["group: add as member 1"]);
    let stored = case.after(|_| StepOutcome::Done).people[1].0.clone();
    assert!(stored.been_equal);
    // The same holds for the role of an addition without room.
    let mut full = case.owner_limit(1);
    full.people[1].1.team = Owner;
    assert_eq!(full.steps(), ["group: add as member 1"]);
    assert_eq!(full.after(|_| StepOutcome::Done).owner_limit(2).steps(), ["group: promote 1"]);
    // From now on only changes in Microsoft 365 are synced.
    let mut gone = link().direction(Direction::Microsoft).with(
        baseline(Role::None, Role::None),
        Member,
        Role::None,
    );
    gone.people[1].0.been_equal = true;
    assert_eq!(gone.steps(), NONE);
}

#[test]
fn direction_microsoft_overrides_the_last_word() {
    let mut case = link().direction(Direction::Microsoft).with(
        baseline(Role::None, Role::None),
        Owner,
        Member,
    );
    case.terms.last_word = Side::Team;
    assert_eq!(case.steps(), ["team: demote 1"]);
}

#[test]
fn rule_deferral_is_planned_by_every_run() {
    let case = link().without_owner().with(baseline(Owner, Owner), Role::None, Owner);
    let first = case.plan();
    assert_eq!(first.texts(), NONE);
    assert_eq!(first.state(0).baseline, Sides { team: Role::None, group: Owner });
    assert_eq!(first.state(0).deferred.presence.as_ref().unwrap().by, rule(RuleRefusal::LastOwner));
    let mut next = case.after(|_| StepOutcome::Done);
    let again = next.clone().at(minute(60)).plan();
    assert_eq!(again.texts(), NONE);
    // Only the end of the lag window can change it.
    assert!(next.plan().is_clean());
    // With another owner, the reason is gone.
    next = next.with(baseline(Owner, Owner), Owner, Owner);
    assert_eq!(next.steps(), ["group: remove 0"]);
}

#[test]
fn service_deferral_is_planned_by_the_daily_sync() {
    let case = link().with(baseline(Role::None, Role::None), Member, Role::None);
    let refused = case.after(|_| StepOutcome::Refused(service())).at(minute(60));
    assert_eq!(refused.people[1].0.baseline, Sides { team: Member, group: Role::None });
    assert_eq!(refused.steps(), NONE);
    assert_eq!(refused.clone().daily().steps(), ["group: add as member 1"]);
    let again = refused.daily().after(|_| StepOutcome::Refused(service()));
    assert_eq!(
        again.people[1].0.deferred.presence.as_ref().unwrap().since,
        minute(0),
        "since the first refusal"
    );
}

#[test]
fn later_change_clears_the_deferral() {
    let refused = |by| {
        let mut stored = PersonState { been_equal: true, ..baseline(Owner, Member) };
        stored.deferred.ownership = deferred(Side::Group, by);
        stored
    };
    for by in [service(), rule(RuleRefusal::OwnerLimit)] {
        for (team, group) in [(Member, Member), (Owner, Owner)] {
            let plan = link().with(refused(by.clone()), team, group).plan();
            assert_eq!((plan.texts(), plan.state(1).deferred.ownership.clone()), (vec![], None));
            assert_eq!(plan.state(1).baseline, both(team));
        }
        let gone = link().with(refused(by.clone()), Role::None, Role::None).plan();
        assert_eq!(gone.state(1).deferred, PerAspect::default());
        // A change against the direction is not deferred either.
        let case =
            link().daily().direction(Direction::Microsoft).with(refused(by), Owner, Member).plan();
        assert_eq!((case.texts(), case.state(1).deferred.ownership.clone()), (vec![], None));
    }
}
