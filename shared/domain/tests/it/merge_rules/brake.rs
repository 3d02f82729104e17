//! Removals that wait.

use super::*;

/// A link of `n` people and one more owner, of whom `gone` vanished from the group.
fn vanished(n: usize, gone: usize) -> Case {
    let member = agreed(Member, Member);
    link().people(n - gone, &member, Member, Member).people(gone, &member, Member, Absent)
}

#[test]
fn more_removals_than_the_limit_are_held_whole() {
    let within = vanished(20, 5).brake(Brake::default()).look();
    assert_eq!((within.steps.len(), held(&within)), (5, None));
    let beyond = vanished(20, 6).brake(Brake::default()).look();
    assert_eq!((beyond.shown(), held(&beyond)), (vec![], Some((HeldFor::LinkLimit, 6))));
    let with_earlier = vanished(20, 2).brake(Brake { removed: 4, ..Brake::default() }).look();
    assert_eq!(held(&with_earlier), Some((HeldFor::LinkLimit, 2)));
}

#[test]
fn a_limit_is_a_number_of_people_or_a_share_of_them_whichever_is_more() {
    assert_eq!([1, 25, 29, 30, 100].map(|people| BrakeLimit::OF_A_LINK.of(people)), [5, 5, 5, 6, 20]);
    assert_eq!([0, 2_500, 2_550, 100_000].map(|people| BrakeLimit::OF_A_TENANT.of(people)), [50, 50, 51, 2_000]);
    assert_eq!(BrakeLimit { people: 3, percent: usize::MAX }.of(usize::MAX), usize::MAX / 100);
}

#[test]
fn the_limit_is_the_one_that_was_chosen() {
    let limited = |people, percent, gone| {
        let limit = BrakeLimit { people, percent };
        held(&vanished(19, gone).brake(Brake { limit, ..Brake::default() }).look())
    };
    assert_eq!((limited(7, 0, 7), limited(7, 0, 8)), (None, Some((HeldFor::LinkLimit, 8))));
    assert_eq!((limited(0, 50, 10), limited(0, 50, 11)), (None, Some((HeldFor::LinkLimit, 11))));
    assert_eq!(limited(0, 0, 1), Some((HeldFor::LinkLimit, 1)), "nobody goes without being asked");
}

proptest! {
    #[test]
    fn within_the_limit_all_go_and_beyond_it_nobody(people in 2usize..60, share in 1usize..100, most: u8, percent in 0usize..=100) {
        let gone = (people * share / 100).max(1);
        let limit = BrakeLimit { people: usize::from(most % 60), percent };
        let plan = vanished(people, gone).brake(Brake { limit, ..Brake::default() }).look();
        // The link has one more, an owner, who stays.
        let is_within = gone <= limit.of(people + 1);
        prop_assert_eq!(plan.steps.len(), if is_within { gone } else { 0 });
        prop_assert_eq!(held(&plan).is_none(), is_within);
    }
}

#[test]
fn a_held_removal_leaves_what_was_agreed_and_is_wanted_again() {
    let case = vanished(20, 6).brake(Brake::default());
    assert_eq!(case.look().memory(20).agreed, both(Member));
    assert_eq!(held(&case.after(|_| Outcome::Done).at(minute(24 * 60)).look()), Some((HeldFor::LinkLimit, 6)));
}

#[test]
fn everybody_is_held_however_few_they_are() {
    let member = agreed(Member, Member);
    let case = link().alone().people(3, &member, Member, Absent).brake(Brake::default());
    assert_eq!(held(&case.look()), Some((HeldFor::Everybody, 3)));
    // Also where an administrator approved all but one.
    let approved = [0, 1].map(|n| Held { person: person(n), side: Side::Team }).into();
    let plan = case.brake(Brake { approved, ..Brake::default() }).look();
    assert_eq!(
        (plan.shown(), held(&plan)),
        (vec!["team: remove 0".into(), "team: remove 1".into()], Some((HeldFor::Everybody, 1)))
    );
}

#[test]
fn after_a_preview_a_removal_that_it_did_not_show_holds_all_of_them() {
    let shown = |people: &[usize]| -> Option<BTreeSet<Held>> {
        Some(people.iter().map(|n| Held { person: person(*n), side: Side::Team }).collect())
    };
    let after = |shown| vanished(20, 2).brake(Brake { shown, ..Brake::default() }).look();
    for all in [shown(&[19, 20]), shown(&[18, 19, 20]), None] {
        assert_eq!((after(all.clone()).steps.len(), held(&after(all))), (2, None));
    }
    assert_eq!(held(&after(shown(&[19]))), Some((HeldFor::NotShown, 2)));
    assert_eq!(held(&after(shown(&[]))), Some((HeldFor::NotShown, 2)));
}

#[test]
fn while_a_plan_is_held_nobody_is_removed_and_additions_and_promotions_go_on() {
    let case = vanished(20, 1)
        .with(agreed(Absent, Absent), Member, Absent)
        .with(agreed(Member, Member), Owner, Member)
        .brake(Brake { holding: Holding::Plan, ..Brake::default() });
    let plan = case.look();
    assert_eq!(plan.shown(), ["group: add as member 21", "group: promote 22"]);
    assert_eq!(held(&plan), Some((HeldFor::AlreadyHolding, 1)));
}

#[test]
fn what_an_administrator_approved_goes_on_and_does_not_count() {
    let approved: BTreeSet<Held> = (15..21).map(|n| Held { person: person(n), side: Side::Team }).collect();
    let case = vanished(20, 6).brake(Brake { holding: Holding::Plan, approved: approved.clone(), ..Brake::default() });
    assert_eq!((case.look().steps.len(), held(&case.look())), (6, None));
    // More are missing than were approved: exactly those go, the rest waits.
    let more = vanished(20, 8).brake(Brake { holding: Holding::Plan, approved, ..Brake::default() }).look();
    assert_eq!((more.steps.len(), held(&more)), (6, Some((HeldFor::AlreadyHolding, 2))));
}

#[test]
fn what_an_administrator_discarded_is_put_back_where_it_vanished() {
    let stored = agreed(Owner, Owner);
    let discarded: BTreeSet<Held> = [Held { person: person(1), side: Side::Team }].into();
    let case =
        link().with(stored, Owner, Absent).brake(Brake { holding: Holding::Plan, discarded, ..Brake::default() });
    assert_eq!(case.steps(), ["group: add as owner 1"]);
    let next = case.after(|_| Outcome::Done);
    assert_eq!(next.people[1].0.agreed, both(Owner));
    assert_eq!(next.steps(), NONE);
}

#[test]
fn a_role_that_changed_while_somebody_was_missing_is_carried_once_he_is_back() {
    let discarded: BTreeSet<Held> = [Held { person: person(1), side: Side::Team }].into();
    let brake = Brake { discarded, ..Brake::default() };
    let case = link().with(agreed(Owner, Owner), Member, Absent).brake(brake);
    assert_eq!(case.steps(), ["group: add as owner 1"]);
    assert_eq!(case.after(|_| Outcome::Done).steps(), ["group: demote 1"]);
}

#[test]
fn whose_removal_was_owed_is_put_back_with_the_role_that_the_other_side_knows() {
    let mut stored = agreed(Absent, Owner);
    stored.owed.presence = owed(Side::Group, rule(Refusal::LastOwner));
    let discarded: BTreeSet<Held> = [Held { person: person(1), side: Side::Group }].into();
    let case = link().with(stored, Absent, Owner).brake(Brake { discarded, ..Brake::default() });
    assert_eq!(case.steps(), ["team: add as owner 1"]);
    assert_eq!(case.after(|_| Outcome::Done).people[1].0.agreed, both(Owner));
}

#[test]
fn a_reason_outside_of_the_link_holds_its_removals_too() {
    let case = vanished(20, 2).with(agreed(Absent, Absent), Member, Absent);
    let (mut draft, limits) = case.draft();
    draft.hold(HeldFor::TenantLimit, &Brake::default());
    let plan = draft.order(&limits, minute(0));
    assert_eq!((plan.shown(), held(&plan)), (vec!["group: add as member 21".into()], Some((HeldFor::TenantLimit, 2))));
}
