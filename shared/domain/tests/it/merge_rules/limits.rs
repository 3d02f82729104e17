//! In which order, and within which limits.

use super::*;

#[test]
fn additions_come_first_then_promotions_demotions_and_removals() {
    let case = link()
        .with(agreed(Member, Member), Absent, Member)
        .with(agreed(Owner, Owner), Member, Owner)
        .with(agreed(Member, Member), Owner, Member)
        .with(agreed(Absent, Absent), Member, Absent)
        .with(agreed(Member, Member), Member, Absent);
    let expected =
        ["group: add as member 4", "group: promote 3", "group: demote 2", "team: remove 5", "group: remove 1"];
    let mut steps = case.steps();
    steps[3..].sort_by(|a, b| b.cmp(a));
    assert_eq!(steps, expected);
}

#[test]
fn at_the_owner_limit_all_demotions_but_the_last_come_first() {
    let case = link().owner_limit(3).people(2, &agreed(Owner, Owner), Member, Owner).people(
        2,
        &agreed(Member, Member),
        Owner,
        Member,
    );
    assert_eq!(case.steps(), ["group: demote 1", "group: demote 2", "group: promote 3", "group: promote 4"]);
    let all_change = link().alone().owner_limit(2).people(2, &agreed(Owner, Owner), Member, Owner).people(
        2,
        &agreed(Member, Member),
        Owner,
        Member,
    );
    assert_eq!(all_change.steps(), ["group: demote 0", "group: promote 2", "group: demote 1", "group: promote 3"]);
}

#[test]
fn the_last_owner_and_the_last_moderator_stay() {
    for side in Side::BOTH {
        for to in [Member, Absent] {
            let mut read = both(Owner);
            read[side.other()] = to;
            let plan = link().alone().with(agreed(Owner, Owner), read.team, read.group).look();
            assert_eq!(plan.shown(), NONE, "{side} {to}");
            let owed = &plan.memory(0).owed;
            let mark = owed.presence.as_ref().or(owed.role.as_ref()).unwrap();
            assert_eq!((mark.side, &mark.by), (side, &rule(Refusal::LastOwner)));
        }
    }
}

#[test]
fn an_owner_who_is_left_out_counts_as_one() {
    let mut case = link().with(agreed(Owner, Owner), Member, Owner);
    case.people[0].2 = AWAY;
    assert_eq!(case.steps(), ["group: demote 1"]);
}

#[test]
fn a_hundred_owners_are_the_most_and_whoever_comes_then_is_a_member_with_the_role_owed() {
    let full = link().people(OWNER_LIMIT - 1, &agreed(Owner, Owner), Owner, Owner);
    let case = full.with(agreed(Absent, Absent), Owner, Absent);
    assert_eq!(case.steps(), ["group: add as member 100"]);
    let next = case.after(|_| Outcome::Done);
    let stored = &next.people[100].0;
    assert_eq!(stored.agreed, Sides { team: Owner, group: Member });
    assert_eq!(stored.owed.role.as_ref().unwrap().by, rule(Refusal::OwnerLimit));
    assert!(next.look().is_empty() && next.look().untouched());
    let mut room = next;
    room.people[1] = (agreed(Member, Member), both(Member), HERE);
    assert_eq!(room.steps(), ["group: promote 100"]);
}

#[test]
fn whoever_the_service_would_not_have_as_an_owner_is_owed_the_role() {
    let case = link().with(agreed(Absent, Absent), Owner, Absent);
    let mut next = case.after(|_| Outcome::WithoutRole(rule(Refusal::OwnerLimit)));
    next.people[1].1.group = Member;
    assert_eq!(next.people[1].0.agreed, Sides { team: Owner, group: Member });
    assert_eq!(next.steps(), ["group: promote 1"]);
}

#[test]
fn an_addition_without_room_that_is_on_no_record_still_owes_the_role() {
    let case = link().owner_limit(1).with(agreed(Absent, Absent), Owner, Absent);
    let mut next = case.after(|_| Outcome::Unknown);
    next.people[1].1.group = Member;
    let plan = next.look();
    assert_eq!(plan.shown(), NONE);
    assert_eq!(plan.memory(1).agreed, Sides { team: Owner, group: Member });
    assert_eq!(plan.memory(1).owed.role.as_ref().unwrap().by, rule(Refusal::OwnerLimit));
}

#[test]
fn whoever_could_not_be_added_is_not_taken_for_a_member() {
    let case =
        link().owner_limit(2).with(agreed(Owner, Owner), Member, Owner).with(agreed(Absent, Absent), Owner, Absent);
    assert_eq!(case.steps(), ["group: add as member 2", "group: demote 1", "group: promote 2"]);
    let next = case.after(|i| if i == 0 { Outcome::Refused(service()) } else { Outcome::Done });
    assert_eq!(next.steps(), NONE, "the moderator stays one");
}
