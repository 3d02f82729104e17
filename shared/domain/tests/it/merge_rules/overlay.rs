//! Tests of eligibility, the lag overlay and intents.

use super::*;

#[test]
fn excluded_people_keep_their_baseline() {
    for was in ALL {
        for team in ALL {
            for group in ALL {
                let mut case = link().with(baseline(was, was), team, group);
                case.people[1].2 = EXCLUDED;
                assert!(case.plan().is_empty() && case.plan().is_clean());
            }
        }
    }
}

#[test]
fn mass_exclusion_changes_nothing() {
    let mut case = link()
        .people(3_000, &baseline(Member, Member), Role::None, Member)
        .limit_removals(RemovalGuard::default());
    for person in &mut case.people[1..] {
        person.2 = EXCLUDED;
    }
    let plan = case.plan();
    assert!(plan.is_empty() && plan.held.is_none() && plan.is_clean());
    assert!((1..=3_000).all(|n| plan.state(n).baseline == both(Member)));
}

#[test]
fn returned_person_is_merged_after_15_minutes() {
    let mut case = link().with(baseline(Member, Member), Role::None, Member);
    case.people[1].2 = Eligibility::Eligible { returned: Some(minute(0)) };
    assert!(case.clone().at(minute(14)).plan().is_empty());
    assert_eq!(case.at(minute(15)).steps(), ["group: remove 1"]);
}

#[test]
fn unproven_removal_is_dropped() {
    let case = link().with(baseline(Member, Member), Role::None, Member);
    let (mut draft, limits) = case.draft();
    draft.exclude(person(1));
    let plan = draft.order(&limits, minute(0));
    assert!(plan.is_empty());
    assert_eq!(plan.state(1).baseline, both(Member));
}

#[test]
fn our_write_counts_for_15_minutes_from_its_confirmation() {
    let mut case = link()
        .with(baseline(Role::None, Role::None), Member, Role::None)
        .after(|_| StepOutcome::Done);
    for (at, group) in [(1, Member), (2, Role::None), (15, Role::None)] {
        case.people[1].1.group = group;
        let next = case.clone().at(minute(at));
        assert_eq!(next.steps(), NONE, "minute {at}");
        assert_eq!(next.plan().state(1).lag.presence.unwrap().at, minute(1), "never renewed");
        case = next.after(|_| StepOutcome::Done);
    }
    assert_eq!(case.at(minute(16)).steps(), ["team: remove 1"], "then a reading counts again");
}

#[test]
fn first_reading_counts_for_15_minutes() {
    // Removals are pending, so nothing is written.
    let guard = RemovalGuard { approval: ApprovalState::Pending, ..RemovalGuard::default() };
    let case = link().with(baseline(Member, Member), Member, Role::None).limit_removals(guard);
    let mut next = case.after(|_| StepOutcome::Done);
    assert_eq!(next.people[1].0.lag.presence, Some(LagEntry { value: false, at: minute(0) }));
    next.people[1].1.group = Member;
    let stale = next.clone().at(minute(10)).plan();
    assert_eq!(
        held(&stale),
        Some((ApprovalReason::AlreadyPending, 1)),
        "a stale replica does not add them again"
    );
    assert_eq!(stale.state(1).lag.presence.unwrap().at, minute(0));
    next.people[1].1.group = Role::None;
    let later = next.after(|_| StepOutcome::Done).at(minute(15));
    assert_eq!(later.plan().state(1).lag.presence, None, "the same value starts no new window");
}

#[test]
fn written_role_also_proves_presence() {
    // The service can end the membership with the role until it is added again, and replicas
    // differ.
    for (was, is) in [(Owner, Member), (Member, Owner)] {
        let case = link().with(baseline(was, was), is, was);
        for outcome in [StepOutcome::Done, StepOutcome::Unknown] {
            let mut next = case.after(|_| outcome.clone()).at(minute(5));
            next.people[1].1.group = Role::None;
            assert!(
                !next.steps().contains(&"team: remove 1".to_owned()),
                "{was} to {is}, {outcome:?}"
            );
        }
        let mut done = case.after(|_| StepOutcome::Done).at(minute(14));
        done.people[1].1.group = was;
        assert_eq!(done.steps(), NONE, "a replica with the former role");
    }
}

#[test]
fn next_sync_is_due_when_the_last_entry_ends() {
    let mut state = baseline(Member, Member);
    assert_eq!(state.due(minute(0)), None);
    state.lag.presence = Some(LagEntry { value: true, at: minute(3) });
    state.lag.ownership = Some(LagEntry { value: true, at: minute(1) });
    assert_eq!(state.due(minute(0)), Some(minute(18)));
    let seen = believed(&state, both(Member), minute(18));
    assert_eq!(seen.state.due(minute(0)), None);
}

fn intended(side: Side, to: Role, read: Sides<Role>) -> PersonState {
    let intent = WriteIntent { side, aspect: Aspect::Presence, to, read, at: minute(0) };
    PersonState {
        intents: vec![intent, WriteIntent { aspect: Aspect::Ownership, ..intent }],
        ..baseline(Role::None, Role::None)
    }
}

#[test]
fn reading_confirms_our_own_write() {
    for side in Side::BOTH {
        let mut read = both(Role::None);
        read[side.other()] = Owner;
        let seen = believed(&intended(side, Owner, read), both(Owner), minute(1));
        assert_eq!(seen.state.baseline, both(Owner));
        assert!(seen.state.intents.is_empty() && seen.state.been_equal);
        let entry = (side == Side::Group).then_some(LagEntry { value: true, at: minute(0) });
        assert_eq!(
            (seen.state.lag.presence, seen.state.lag.ownership),
            (entry, entry),
            "from the time of storing"
        );
    }
}

#[test]
fn confirmed_intent_uses_the_old_reading() {
    // We added the person to the group and crashed. In the meantime they left the team.
    let stored = intended(Side::Group, Member, Sides { team: Member, group: Role::None });
    let case = link().with(stored, Role::None, Member).at(minute(1));
    assert_eq!(case.steps(), ["group: remove 1"]);
}

#[test]
fn group_intent_waits_and_team_intent_ends() {
    let read = Sides { team: Member, group: Role::None };
    let stored = intended(Side::Group, Owner, read);
    assert_eq!(believed(&stored, read, minute(14)).state.intents.len(), 2);
    assert!(believed(&stored, read, minute(15)).state.intents.is_empty());
    let stored = intended(Side::Team, Owner, Sides { team: Role::None, group: Owner });
    assert!(
        believed(&stored, Sides { team: Role::None, group: Owner }, minute(1))
            .state
            .intents
            .is_empty()
    );
}

#[test]
fn intents_are_stored_before_the_first_write() {
    let mut plan = link().with(baseline(Role::None, Role::None), Owner, Role::None).plan();
    let stored: BTreeMap<Person, PersonState> =
        plan.intend(minute(0)).map(|(who, state)| (who, state.clone())).collect();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), [person(1)], "only people with a write");
    let intents: Vec<_> =
        stored[&person(1)].intents.iter().map(|i| (i.side, i.aspect, i.to)).collect();
    assert_eq!(
        intents,
        [(Side::Group, Aspect::Presence, Owner), (Side::Group, Aspect::Ownership, Owner)]
    );
}

#[test]
fn untried_step_changes_nothing() {
    let case = link().with(baseline(Role::None, Role::None), Member, Role::None);
    let next = case.after(|_| StepOutcome::NotTried);
    assert_eq!(next.people[1].0.intents, []);
    assert_eq!(next.steps(), case.steps());
}
