//! Tests of the order of steps, and of the limits on owners.

use super::*;

#[test]
fn additions_come_before_role_changes_and_removals() {
    let case = link()
        .with(baseline(Member, Member), Role::None, Member)
        .with(baseline(Owner, Owner), Member, Owner)
        .with(baseline(Member, Member), Owner, Member)
        .with(baseline(Role::None, Role::None), Member, Role::None)
        .with(baseline(Member, Member), Member, Role::None);
    let expected = [
        "group: add as member 4",
        "group: promote 3",
        "group: demote 2",
        "team: remove 5",
        "group: remove 1",
    ];
    let mut steps = case.steps();
    steps[3..].sort_by(|a, b| b.cmp(a));
    assert_eq!(steps, expected);
}

#[test]
fn demotions_make_room_at_the_owner_limit() {
    let case = link().owner_limit(3).people(2, &baseline(Owner, Owner), Member, Owner).people(
        2,
        &baseline(Member, Member),
        Owner,
        Member,
    );
    assert_eq!(
        case.steps(),
        ["group: demote 1", "group: demote 2", "group: promote 3", "group: promote 4"]
    );
    let all_change = link()
        .without_owner()
        .owner_limit(2)
        .people(2, &baseline(Owner, Owner), Member, Owner)
        .people(2, &baseline(Member, Member), Owner, Member);
    assert_eq!(
        all_change.steps(),
        ["group: demote 0", "group: promote 2", "group: demote 1", "group: promote 3"]
    );
}

#[test]
fn last_owner_and_last_moderator_stay() {
    for side in Side::BOTH {
        for to in [Member, Role::None] {
            let mut read = both(Owner);
            read[side.other()] = to;
            let plan =
                link().without_owner().with(baseline(Owner, Owner), read.team, read.group).plan();
            assert_eq!(plan.texts(), NONE, "{side} {to}");
            let deferred = &plan.state(0).deferred;
            let mark = deferred.presence.as_ref().or(deferred.ownership.as_ref()).unwrap();
            assert_eq!((mark.side, &mark.by), (side, &rule(RuleRefusal::LastOwner)));
        }
    }
}

#[test]
fn excluded_owner_counts() {
    let mut case = link().with(baseline(Owner, Owner), Member, Owner);
    case.people[0].2 = EXCLUDED;
    assert_eq!(case.steps(), ["group: demote 1"]);
}

#[test]
fn owner_beyond_the_limit_is_added_as_member() {
    let full = link().people(OWNER_LIMIT - 1, &baseline(Owner, Owner), Owner, Owner);
    let case = full.with(baseline(Role::None, Role::None), Owner, Role::None);
    assert_eq!(case.steps(), ["group: add as member 100"]);
    let next = case.after(|_| StepOutcome::Done);
    let stored = &next.people[100].0;
    assert_eq!(stored.baseline, Sides { team: Owner, group: Member });
    assert_eq!(stored.deferred.ownership.as_ref().unwrap().by, rule(RuleRefusal::OwnerLimit));
    let next = next.after(|_| StepOutcome::Done);
    assert!(next.plan().is_empty() && next.plan().is_clean(), "confirmed");
    let mut room = next;
    room.people[1] = (baseline(Member, Member), both(Member), ELIGIBLE);
    assert_eq!(room.steps(), ["group: promote 100"]);
}

#[test]
fn refused_ownership_is_deferred() {
    let case = link().with(baseline(Role::None, Role::None), Owner, Role::None);
    let mut next = case.after(|_| StepOutcome::WithoutOwnership(rule(RuleRefusal::OwnerLimit)));
    next.people[1].1.group = Member;
    assert_eq!(next.people[1].0.baseline, Sides { team: Owner, group: Member });
    assert_eq!(next.steps(), ["group: promote 1"]);
}

#[test]
fn unrecorded_addition_without_room_defers_the_role() {
    let case = link().owner_limit(1).with(baseline(Role::None, Role::None), Owner, Role::None);
    let mut next = case.after(|_| StepOutcome::Unknown);
    next.people[1].1.group = Member;
    let plan = next.plan();
    assert_eq!(plan.texts(), NONE);
    assert_eq!(plan.state(1).baseline, Sides { team: Owner, group: Member });
    assert_eq!(
        plan.state(1).deferred.ownership.as_ref().unwrap().by,
        rule(RuleRefusal::OwnerLimit)
    );
}

#[test]
fn failed_addition_is_not_promoted() {
    let case = link().owner_limit(2).with(baseline(Owner, Owner), Member, Owner).with(
        baseline(Role::None, Role::None),
        Owner,
        Role::None,
    );
    assert_eq!(case.steps(), ["group: add as member 2", "group: demote 1", "group: promote 2"]);
    let next =
        case.after(|i| if i == 0 { StepOutcome::Refused(service()) } else { StepOutcome::Done });
    assert_eq!(next.steps(), NONE, "the moderator stays one");
}
