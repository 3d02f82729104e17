//! What holds for all readings and all memories.

use super::*;

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![Just(Absent), Just(Member), Just(Owner)]
}

fn sides() -> impl Strategy<Value = Sides<Standing>> {
    (standing(), standing()).prop_map(|(team, group)| Sides { team, group })
}

fn recent() -> impl Strategy<Value = Option<Recent>> {
    proptest::option::of((any::<bool>(), -20_i64..0).prop_map(|(value, at)| Recent { value, at: minute(at) }))
}

fn owed_to() -> impl Strategy<Value = Option<Owed>> {
    let by = prop_oneof![Just(service()), Just(rule(Refusal::LastOwner)), Just(rule(Refusal::OwnerLimit))];
    let side = prop_oneof![Just(Side::Team), Just(Side::Group)];
    proptest::option::of((side, by).prop_map(|(side, by)| Owed { side, by, since: minute(-60) }))
}

fn intent() -> impl Strategy<Value = Intent> {
    let side = prop_oneof![Just(Side::Team), Just(Side::Group)];
    let truth = prop_oneof![Just(Truth::Presence), Just(Truth::Role)];
    (side, truth, standing(), sides(), -20_i64..0).prop_map(|(side, truth, to, read, at)| Intent {
        side,
        truth,
        to,
        read,
        at: minute(at),
    })
}

prop_compose! {
    fn memory()(
        agreed in sides(), been_equal in any::<bool>(), before in standing(), recent in (recent(), recent()),
        owed in (owed_to(), owed_to()), intents in proptest::collection::vec(intent(), 0..2),
    ) -> Memory {
        Memory {
            agreed,
            been_equal: been_equal || agreed.are_equal() && agreed.team.is_present(),
            before,
            recent: PerTruth { presence: recent.0, role: recent.1 },
            intents,
            owed: PerTruth { presence: owed.0, role: owed.1 },
            instruction: None,
        }
    }
}

prop_compose! {
    fn any_case()(
        people in proptest::collection::vec((memory(), sides()), 1..6),
        direction in prop_oneof![Just(Direction::Both), Just(Direction::Microsoft)],
        last_word in prop_oneof![Just(Side::Team), Just(Side::Group)],
        group_owners in 1_usize..5,
        retry in prop_oneof![Just(Retry::OwnRules), Just(Retry::Everything)],
    ) -> Case {
        let terms = Terms { direction, last_word, now: minute(0), retry };
        let people = people.into_iter().map(|(stored, read)| (stored, read, HERE)).collect();
        Case { people, terms, limits: None, brake: None }.owner_limit(group_owners)
    }
}

proptest! {
    #[test]
    fn with_nothing_agreed_nobody_is_removed(mut case in any_case()) {
        for person in &mut case.people {
            person.0 = Memory::default();
        }
        prop_assert!(case.look().steps.iter().all(|step| step.to.is_present()));
    }

    #[test]
    fn a_second_look_at_the_same_readings_does_nothing(case in any_case()) {
        let mut next = case.after(|_| Outcome::Done);
        next.terms.retry = Retry::OwnRules;
        prop_assert_eq!(next.steps(), Vec::<String>::new());
        prop_assert!(next.look().untouched());
    }

    #[test]
    fn after_a_refusal_only_what_a_rule_stopped_is_planned_again(case in any_case(), refused in any::<[bool; 12]>()) {
        let outcome = |i: usize| if refused[i % 12] { Outcome::Refused(service()) } else { Outcome::Done };
        let mut next = case.after(outcome);
        next.terms.retry = Retry::OwnRules;
        for step in next.look().steps {
            // What was refused can have left the room that the rule missed.
            let by = next.people[number(step.person)].0.owed[step.truth].as_ref().map(|owed| &owed.by);
            prop_assert!(matches!(by, Some(OwedTo::Rule { .. })), "{:?} is owed by {:?}", step, by);
        }
    }

    #[test]
    fn no_step_leaves_a_side_without_owners_or_with_too_many(case in any_case()) {
        let (_, limits) = case.draft();
        let mut owners = limits.owners;
        for step in case.look().steps {
            let was = step.read[step.side] == Owner && step.truth == Truth::Presence && step.to == Absent
                || step.truth == Truth::Role && step.to == Member;
            if was {
                owners[step.side] -= 1;
                prop_assert!(owners[step.side] >= 1);
            } else if step.to == Owner {
                owners[step.side] += 1;
                prop_assert!(step.side == Side::Team || owners.group <= limits.group_owners);
            }
        }
    }

    #[test]
    fn a_memory_is_read_back_as_it_was_stored(mut memory in memory(), shown in sides(), to in proptest::option::of(standing())) {
        memory.instruction = to.map(|to| Instruction { to, shown, at: minute(0) });
        let text = serde_json::to_string(&memory).unwrap();
        prop_assert_eq!(serde_json::from_str::<Memory>(&text).unwrap(), memory);
    }
}

#[test]
fn recent_lasts_fifteen_minutes() {
    assert_eq!(RECENT, SignedDuration::from_mins(15));
}
