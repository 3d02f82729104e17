//! Tests of the removal limit and pending approvals.

use super::*;

/// Returns a link of `n` people and one more owner, with `gone` of them missing in the group.
fn vanished(n: usize, gone: usize) -> Case {
    let member = baseline(Member, Member);
    link().people(n - gone, &member, Member, Member).people(gone, &member, Member, Role::None)
}

#[test]
fn removals_over_the_limit_all_wait() {
    let within = vanished(20, 5).limit_removals(RemovalGuard::default()).plan();
    assert_eq!((within.steps.len(), held(&within)), (5, None));
    let beyond = vanished(20, 6).limit_removals(RemovalGuard::default()).plan();
    assert_eq!((beyond.texts(), held(&beyond)), (vec![], Some((ApprovalReason::LinkLimit, 6))));
    let with_earlier = vanished(20, 2)
        .limit_removals(RemovalGuard { removed: 4, ..RemovalGuard::default() })
        .plan();
    assert_eq!(held(&with_earlier), Some((ApprovalReason::LinkLimit, 2)));
}

#[test]
fn limit_is_the_larger_of_number_and_share() {
    assert_eq!(
        [1, 25, 29, 30, 100].map(|people| RemovalLimit::PER_LINK.of(people)),
        [5, 5, 5, 6, 20]
    );
    assert_eq!(
        [0, 2_500, 2_550, 100_000].map(|people| RemovalLimit::PER_TENANT.of(people)),
        [50, 50, 51, 2_000]
    );
    assert_eq!(RemovalLimit { people: 3, percent: usize::MAX }.of(usize::MAX), usize::MAX / 100);
}

#[test]
fn configured_limit_applies() {
    let limited = |people, percent, gone| {
        let limit = RemovalLimit { people, percent };
        held(
            &vanished(19, gone)
                .limit_removals(RemovalGuard { limit, ..RemovalGuard::default() })
                .plan(),
        )
    };
    assert_eq!((limited(7, 0, 7), limited(7, 0, 8)), (None, Some((ApprovalReason::LinkLimit, 8))));
    assert_eq!(
        (limited(0, 50, 10), limited(0, 50, 11)),
        (None, Some((ApprovalReason::LinkLimit, 11)))
    );
    assert_eq!(
        limited(0, 0, 1),
        Some((ApprovalReason::LinkLimit, 1)),
        "no one is removed without approval"
    );
}

proptest! {
    #[test]
    fn limit_allows_all_removals_or_none(
        people in 2usize..60, share in 1usize..100, number: u8, percent in 0usize..=100,
    ) {
        let gone = (people * share / 100).max(1);
        let limit = RemovalLimit { people: usize::from(number % 60), percent };
        let guard = RemovalGuard { limit, ..RemovalGuard::default() };
        let plan = vanished(people, gone).limit_removals(guard).plan();
        // The link has one more person, an owner, who stays.
        let is_within = gone <= limit.of(people + 1);
        prop_assert_eq!(plan.steps.len(), if is_within { gone } else { 0 });
        prop_assert_eq!(held(&plan).is_none(), is_within);
    }
}

#[test]
fn pending_removal_keeps_the_baseline() {
    let case = vanished(20, 6).limit_removals(RemovalGuard::default());
    assert_eq!(case.plan().state(20).baseline, both(Member));
    assert_eq!(
        held(&case.after(|_| StepOutcome::Done).at(minute(24 * 60)).plan()),
        Some((ApprovalReason::LinkLimit, 6))
    );
}

#[test]
fn removing_everyone_always_waits() {
    let member = baseline(Member, Member);
    let case = link()
        .without_owner()
        .people(3, &member, Member, Role::None)
        .limit_removals(RemovalGuard::default());
    assert_eq!(held(&case.plan()), Some((ApprovalReason::Everyone, 3)));
    // The same if an admin approved all but one.
    let approved = [0, 1].map(|n| PersonRemoval { person: person(n), side: Side::Team }).into();
    let plan = case.limit_removals(RemovalGuard { approved, ..RemovalGuard::default() }).plan();
    assert_eq!(
        (plan.texts(), held(&plan)),
        (
            vec!["team: remove 0".into(), "team: remove 1".into()],
            Some((ApprovalReason::Everyone, 1))
        )
    );
}

#[test]
fn removal_missing_from_the_preview_waits() {
    let shown = |people: &[usize]| -> Option<BTreeSet<PersonRemoval>> {
        Some(
            people.iter().map(|n| PersonRemoval { person: person(*n), side: Side::Team }).collect(),
        )
    };
    let after = |shown| {
        vanished(20, 2).limit_removals(RemovalGuard { shown, ..RemovalGuard::default() }).plan()
    };
    for all in [shown(&[19, 20]), shown(&[18, 19, 20]), None] {
        assert_eq!((after(all.clone()).steps.len(), held(&after(all))), (2, None));
    }
    assert_eq!(held(&after(shown(&[19]))), Some((ApprovalReason::NotPreviewed, 2)));
    assert_eq!(held(&after(shown(&[]))), Some((ApprovalReason::NotPreviewed, 2)));
}

#[test]
fn pending_removals_do_not_stop_additions() {
    let case = vanished(20, 1)
        .with(baseline(Role::None, Role::None), Member, Role::None)
        .with(baseline(Member, Member), Owner, Member)
        .limit_removals(RemovalGuard {
            approval: ApprovalState::Pending,
            ..RemovalGuard::default()
        });
    let plan = case.plan();
    assert_eq!(plan.texts(), ["group: add as member 21", "group: promote 22"]);
    assert_eq!(held(&plan), Some((ApprovalReason::AlreadyPending, 1)));
}

#[test]
fn approved_removals_do_not_count() {
    let approved: BTreeSet<PersonRemoval> =
        (15..21).map(|n| PersonRemoval { person: person(n), side: Side::Team }).collect();
    let case = vanished(20, 6).limit_removals(RemovalGuard {
        approval: ApprovalState::Pending,
        approved: approved.clone(),
        ..RemovalGuard::default()
    });
    assert_eq!((case.plan().steps.len(), held(&case.plan())), (6, None));
    // More are missing than were approved. Only the approved ones go.
    let more = vanished(20, 8)
        .limit_removals(RemovalGuard {
            approval: ApprovalState::Pending,
            approved,
            ..RemovalGuard::default()
        })
        .plan();
    assert_eq!((more.steps.len(), held(&more)), (6, Some((ApprovalReason::AlreadyPending, 2))));
}

#[test]
fn rejected_removal_restores_the_person() {
    let stored = baseline(Owner, Owner);
    let discarded: BTreeSet<PersonRemoval> =
        [PersonRemoval { person: person(1), side: Side::Team }].into();
    let case = link().with(stored, Owner, Role::None).limit_removals(RemovalGuard {
        approval: ApprovalState::Pending,
        discarded,
        ..RemovalGuard::default()
    });
    assert_eq!(case.steps(), ["group: add as owner 1"]);
    let next = case.after(|_| StepOutcome::Done);
    assert_eq!(next.people[1].0.baseline, both(Owner));
    assert_eq!(next.steps(), NONE);
}

#[test]
fn role_change_follows_the_restored_person() {
    let discarded: BTreeSet<PersonRemoval> =
        [PersonRemoval { person: person(1), side: Side::Team }].into();
    let guard = RemovalGuard { discarded, ..RemovalGuard::default() };
    let case = link().with(baseline(Owner, Owner), Member, Role::None).limit_removals(guard);
    assert_eq!(case.steps(), ["group: add as owner 1"]);
    assert_eq!(case.after(|_| StepOutcome::Done).steps(), ["group: demote 1"]);
}

#[test]
fn rejected_deferred_removal_restores_the_role() {
    let mut stored = baseline(Role::None, Owner);
    stored.deferred.presence = deferred(Side::Group, rule(RuleRefusal::LastOwner));
    let discarded: BTreeSet<PersonRemoval> =
        [PersonRemoval { person: person(1), side: Side::Group }].into();
    let case = link()
        .with(stored, Role::None, Owner)
        .limit_removals(RemovalGuard { discarded, ..RemovalGuard::default() });
    assert_eq!(case.steps(), ["team: add as owner 1"]);
    assert_eq!(case.after(|_| StepOutcome::Done).people[1].0.baseline, both(Owner));
}

#[test]
fn tenant_limit_holds_the_links_removals() {
    let case = vanished(20, 2).with(baseline(Role::None, Role::None), Member, Role::None);
    let (mut draft, limits) = case.draft();
    draft.hold(ApprovalReason::TenantLimit, &RemovalGuard::default());
    let plan = draft.order(&limits, minute(0));
    assert_eq!(
        (plan.texts(), held(&plan)),
        (vec!["group: add as member 21".into()], Some((ApprovalReason::TenantLimit, 2)))
    );
}
