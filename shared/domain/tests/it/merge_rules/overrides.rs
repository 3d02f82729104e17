//! Tests of overrides by an admin.

use super::*;

fn overridden(shown: Sides<Role>, to: Role) -> PersonState {
    overridden_with(shown, both(to))
}

fn overridden_with(shown: Sides<Role>, to: Sides<Role>) -> PersonState {
    PersonState {
        role_override: Some(Override { to, shown, at: minute(0) }),
        ..baseline(shown.team, shown.group)
    }
}

fn all(mut of: impl FnMut(Sides<Role>, Role)) {
    for team in ALL {
        for group in ALL {
            ALL.into_iter().for_each(|to| of(Sides { team, group }, to));
        }
    }
}

#[test]
fn override_applies_to_both_sides_in_two_runs() {
    for direction in [Direction::Both, Direction::Microsoft] {
        all(|shown, to| {
            let mut case =
                link().with(overridden(shown, to), shown.team, shown.group).direction(direction);
            for _ in 0..2 {
                case = case.after(|_| StepOutcome::Done);
            }
            let last = case.after(|_| StepOutcome::Done);
            assert_eq!(last.people[1].1, both(to), "{shown:?}, {direction:?}");
            assert_eq!(
                (last.people[1].0.role_override, last.people[1].0.baseline),
                (None, both(to))
            );
            assert_eq!(last.steps(), NONE);
        });
    }
}

/// Every override that leaves one side as it is.
fn all_of_one_side(mut of: impl FnMut(Sides<Role>, Sides<Role>)) {
    all(|shown, role| {
        for side in Side::BOTH {
            let mut to = shown;
            to[side] = role;
            of(shown, to);
        }
    });
}

#[test]
fn override_of_one_side_leaves_the_other_as_it_is() {
    for direction in [Direction::Both, Direction::Microsoft] {
        all_of_one_side(|shown, to| {
            let state = overridden_with(shown, to);
            let case = link().with(state, shown.team, shown.group).direction(direction);
            let done = case.after(|_| StepOutcome::Done).after(|_| StepOutcome::Done);
            let (state, roles, _) = &done.people[1];
            assert_eq!((*roles, state.baseline, state.role_override), (to, to, None), "{shown:?}");
            assert_eq!(done.steps(), NONE, "{shown:?} to {to:?}");
        });
    }
}

#[test]
fn crash_in_an_override_of_one_side_never_spreads_it() {
    all_of_one_side(|shown, to| {
        let state = overridden_with(shown, to);
        let case = link().with(state, shown.team, shown.group);
        for is_written in [false, true] {
            let mut after = case.after(|_| StepOutcome::NotTried);
            if is_written {
                after.people[1].1 = to;
            }
            let after = after.at(minute(1)).after(|_| StepOutcome::Done);
            let done = after.at(minute(20)).after(|_| StepOutcome::Done);
            assert_eq!(done.people[1].1, to, "{shown:?}, written: {is_written}");
            assert_eq!(done.people[1].0.baseline, to, "{shown:?}, written: {is_written}");
            assert_eq!(done.steps(), NONE, "{shown:?} to {to:?}, written: {is_written}");
        }
    });
}

#[test]
fn override_of_one_side_that_is_refused_changes_nothing() {
    all_of_one_side(|shown, to| {
        if shown == to || to.are_equal() {
            return;
        }
        let case = link().with(overridden_with(shown, to), shown.team, shown.group);
        let refused = case.after(|_| StepOutcome::Refused(service()));
        assert_eq!(refused.people[1].0.role_override, None, "{shown:?} to {to:?}");
        assert_eq!(refused.daily().steps(), NONE, "{shown:?} to {to:?}");
    });
}

#[test]
fn override_removes_only_from_the_sides_that_it_names() {
    let removes = |shown, to, now| {
        let decided = Override { shown, to, at: minute(0) };
        Side::BOTH.map(|side| decided.removes_from(side, now))
    };
    let from_group = Sides { team: Member, group: Role::None };
    assert_eq!(removes(both(Member), from_group, minute(1)), [false, true]);
    assert_eq!(removes(both(Member), both(Role::None), minute(1)), [true, true]);
    assert_eq!(removes(from_group, both(Role::None), minute(1)), [true, false]);
    assert_eq!(removes(both(Member), both(Role::None), minute(24 * 60)), [false, false]);
}

#[test]
fn later_change_ends_the_override() {
    all(|shown, to| {
        for side in Side::BOTH {
            let is_other = |is: &Role| {
                let neither = |aspect: &Aspect| {
                    [shown[side], to].iter().all(|one| one.says(*aspect) != is.says(*aspect))
                };
                Aspect::BOTH.iter().any(neither)
            };
            for is in ALL.into_iter().filter(is_other) {
                let mut read = shown;
                read[side] = is;
                let case = |state| link().with(state, read.team, read.group);
                let plan = case(overridden(shown, to)).plan();
                assert_eq!(
                    plan.texts(),
                    case(baseline(shown.team, shown.group)).steps(),
                    "{shown:?} to {to}"
                );
                assert_eq!(plan.state(1).role_override, None);
            }
        }
    });
}

#[test]
fn override_expires_after_a_day() {
    let case = link().with(overridden(both(Member), Role::None), Member, Member);
    assert_eq!(case.clone().at(minute(24 * 60 - 1)).steps(), ["group: remove 1"]);
    assert_eq!(case.at(minute(24 * 60)).steps(), NONE);
}

#[test]
fn override_skips_excluded_people() {
    let mut case = link().with(overridden(both(Member), Role::None), Member, Member);
    case.people[1].2 = EXCLUDED;
    assert_eq!(case.steps(), NONE);
}

#[test]
fn override_never_demotes_the_last_owner() {
    let case = link()
        .without_owner()
        .with(overridden(both(Owner), Member), Owner, Owner)
        .after(|_| StepOutcome::Done);
    assert_eq!(case.people[0], (baseline(Owner, Owner), both(Owner), ELIGIBLE));
}

#[test]
fn begun_override_survives_an_old_reading() {
    let intent = |aspect| WriteIntent {
        side: Side::Group,
        aspect,
        to: Role::None,
        read: both(Owner),
        at: minute(-1),
    };
    let intents = vec![intent(Aspect::Presence), intent(Aspect::Ownership)];
    let begun = PersonState { intents, ..overridden(both(Owner), Role::None) };
    let case = link().without_owner().with(begun, Owner, Owner).after(|_| StepOutcome::Done);
    assert!(case.people[0].0.role_override.is_some());
}

#[test]
fn refused_override_is_deferred_if_half_done() {
    let shown = Sides { team: Member, group: Role::None };
    let case = link()
        .with(overridden(shown, Member), Member, Role::None)
        .after(|_| StepOutcome::Refused(service()));
    assert_eq!(case.people[1].0.role_override, None);
    assert_eq!(case.steps(), NONE);
    assert_eq!(case.daily().steps(), ["group: add as member 1"]);
    let case = link()
        .with(overridden(both(Role::None), Member), Role::None, Role::None)
        .after(|_| StepOutcome::Refused(service()));
    assert_eq!(case.people[1].0, baseline(Role::None, Role::None));
}
