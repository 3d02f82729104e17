//! Properties of the merge for all readings and all states.

use super::*;

fn any_role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::None), Just(Member), Just(Owner)]
}

fn sides() -> impl Strategy<Value = Sides<Role>> {
    (any_role(), any_role()).prop_map(|(team, group)| Sides { team, group })
}

fn lag() -> impl Strategy<Value = Option<LagEntry>> {
    proptest::option::of(
        (any::<bool>(), -20_i64..0).prop_map(|(value, at)| LagEntry { value, at: minute(at) }),
    )
}

fn deferral() -> impl Strategy<Value = Option<Deferred>> {
    let by = prop_oneof![
        Just(service()),
        Just(rule(RuleRefusal::LastOwner)),
        Just(rule(RuleRefusal::OwnerLimit))
    ];
    let side = prop_oneof![Just(Side::Team), Just(Side::Group)];
    proptest::option::of((side, by).prop_map(|(side, by)| Deferred {
        side,
        by,
        since: minute(-60),
        tried: None,
    }))
}

fn intent() -> impl Strategy<Value = WriteIntent> {
    let side = prop_oneof![Just(Side::Team), Just(Side::Group)];
    let aspect = prop_oneof![Just(Aspect::Presence), Just(Aspect::Ownership)];
    (side, aspect, any_role(), sides(), -20_i64..0).prop_map(|(side, aspect, to, read, at)| {
        WriteIntent { side, aspect, to, read, at: minute(at) }
    })
}

prop_compose! {
    fn state()(
        baseline in sides(),
        been_equal in any::<bool>(),
        before in any_role(),
        lag in (lag(), lag()),
        deferred in (deferral(), deferral()),
        intents in proptest::collection::vec(intent(), 0..2),
    ) -> PersonState {
        PersonState {
            baseline,
            been_equal: been_equal || baseline.are_equal() && baseline.team.is_present(),
            before,
            lag: PerAspect { presence: lag.0, ownership: lag.1 },
            intents,
            deferred: PerAspect { presence: deferred.0, ownership: deferred.1 },
            ..PersonState::default()
        }
    }
}

prop_compose! {
    fn any_case()(
        people in proptest::collection::vec((state(), sides()), 1..6),
        direction in prop_oneof![Just(Direction::Both), Just(Direction::Microsoft)],
        last_word in prop_oneof![Just(Side::Team), Just(Side::Group)],
        group_owners in 1_usize..5,
        retry in prop_oneof![Just(Retry::OwnRules), Just(Retry::Everything)],
    ) -> Case {
        let terms = Terms { direction, last_word, now: minute(0), retry };
        let people = people.into_iter().map(|(stored, read)| (stored, read, ELIGIBLE)).collect();
        Case { people, terms, limits: None, guard: None }.owner_limit(group_owners)
    }
}

proptest! {
    #[test]
    fn without_baseline_no_one_is_removed(mut case in any_case()) {
        for person in &mut case.people {
            person.0 = PersonState::default();
        }
        prop_assert!(case.plan().steps.iter().all(|step| step.to.is_present()));
    }

    #[test]
    fn second_run_does_nothing(case in any_case()) {
        let mut next = case.after(|_| StepOutcome::Done);
        next.terms.retry = Retry::OwnRules;
        prop_assert_eq!(next.steps(), Vec::<String>::new());
        // The second run confirms what the first one wrote.
        let confirmed = next.after(|_| StepOutcome::Done);
        prop_assert_eq!(confirmed.steps(), Vec::<String>::new());
        prop_assert!(confirmed.plan().is_clean());
    }

    #[test]
    fn only_rule_deferrals_are_planned_again(
        case in any_case(), refused in any::<[bool; 12]>(),
    ) {
        let outcome = |i: usize| {
            if refused[i % 12] { StepOutcome::Refused(service()) } else { StepOutcome::Done }
        };
        let mut next = case.after(outcome);
        next.terms.retry = Retry::OwnRules;
        for step in next.plan().steps {
            // A refused step can leave the room that the rule missed.
            let deferred = next.people[number(step.person)].0.deferred[step.aspect].as_ref();
            let by = deferred.map(|deferred| &deferred.by);
            let is_rule = matches!(by, Some(DeferredBy::Rule { .. }));
            prop_assert!(is_rule, "{:?} is deferred by {:?}", step, by);
        }
    }

    #[test]
    fn every_step_keeps_the_owner_limits(case in any_case()) {
        let (_, limits) = case.draft();
        let mut owners = limits.owners;
        for step in case.plan().steps {
            let is_owner = step.read[step.side] == Owner;
            let is_removal = step.aspect == Aspect::Presence && step.to == Role::None;
            let is_demotion = step.aspect == Aspect::Ownership && step.to == Member;
            if is_owner && is_removal || is_demotion {
                owners[step.side] -= 1;
                prop_assert!(owners[step.side] >= 1);
            } else if step.to == Owner {
                owners[step.side] += 1;
                prop_assert!(step.side == Side::Team || owners.group <= limits.group_owners);
            }
        }
    }

    #[test]
    fn state_survives_storage(
        mut state in state(), shown in sides(), to in proptest::option::of(any_role()),
    ) {
        state.role_override = to.map(|to| Override { to: both(to), shown, at: minute(0) });
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<PersonState>(&text).unwrap(), state);
    }
}

#[test]
fn lag_window_is_15_minutes() {
    assert_eq!(LAG_WINDOW, SignedDuration::from_mins(15));
}

prop_compose! {
    /// Many people without history before them, so that portions of any size cut somewhere.
    fn large_case()(
        people in proptest::collection::vec((state(), sides()), 1..40),
        group_owners in 1_usize..8,
    ) -> Case {
        let people = people.into_iter().map(|(stored, read)| (stored, read, ELIGIBLE)).collect();
        Case { people, ..link() }.owner_limit(group_owners)
    }
}

fn most() -> impl Strategy<Value = Work> {
    (0_usize..12, 0_usize..20).prop_map(|(webex_calls, binds)| Work { webex_calls, binds })
}

proptest! {
    #[test]
    fn portion_is_the_beginning_of_each_side(case in large_case(), most in most()) {
        let (whole, cut) = (case.plan(), case.plan().portion(most));
        for side in Side::BOTH {
            let of = |steps: &[PlanStep]| -> Vec<PlanStep> {
                steps.iter().filter(|step| step.side == side).copied().collect()
            };
            prop_assert_eq!([of(&cut.steps), of(&cut.later)].concat(), of(&whole.steps));
        }
        prop_assert_eq!(cut.steps.is_empty(), whole.steps.is_empty());
    }

    #[test]
    fn portion_keeps_the_owner_limits(case in large_case(), most in most()) {
        let (_, limits) = case.draft();
        let mut owners = limits.owners;
        for step in case.plan().portion(most).steps {
            if step.read[step.side] == Owner && step.to != Owner {
                owners[step.side] -= 1;
                prop_assert!(owners[step.side] > 0, "{:?} takes the last owner", step);
            } else if step.to == Owner && step.read[step.side] != Owner {
                owners[step.side] += 1;
                let fits = owners.group <= limits.group_owners.max(limits.owners.group);
                prop_assert!(fits, "{:?} has no room", step);
            }
        }
    }

    #[test]
    fn portions_over_runs_end_as_one_run_does(case in large_case(), most in most()) {
        // With an owner who stays, and room for all, no limit depends on the order.
        let mut case = case.owner_limit(OWNER_LIMIT);
        case.people.push((baseline(Owner, Owner), both(Owner), ELIGIBLE));
        let roles = |case: &Case| -> Vec<Sides<Role>> {
            case.people.iter().map(|(_, read, _)| *read).collect()
        };
        let at_once = case.after(|_| StepOutcome::Done);
        let mut next = case.clone();
        for _ in 0..=2 * case.people.len() {
            let cut = next.plan().portion(most);
            next = next.after_plan(cut, |_| StepOutcome::Done);
        }
        prop_assert!(next.plan().is_empty(), "{:?}", next.steps());
        prop_assert_eq!(roles(&next), roles(&at_once));
    }

    #[test]
    fn portions_end_within_the_owner_limits(case in large_case(), most in most()) {
        let mut next = case.clone();
        for _ in 0..=4 * case.people.len() {
            let cut = next.plan().portion(most);
            next = next.after_plan(cut, |_| StepOutcome::Done);
        }
        prop_assert!(next.plan().is_empty(), "{:?}", next.steps());
    }
}
