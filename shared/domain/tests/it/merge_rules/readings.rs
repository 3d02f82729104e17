//! Who takes part, what is recent, and what was intended.

use super::*;

#[test]
fn whoever_is_left_out_is_in_no_step_and_keeps_what_was_agreed() {
    for was in ALL {
        for team in ALL {
            for group in ALL {
                let mut case = link().with(agreed(was, was), team, group);
                case.people[1].2 = AWAY;
                assert!(case.look().is_empty() && case.look().untouched());
            }
        }
    }
}

#[test]
fn three_thousand_people_who_stop_taking_part_at_once_stay_where_they_are() {
    let mut case = link().people(3_000, &agreed(Member, Member), Absent, Member).brake(Brake::default());
    for person in &mut case.people[1..] {
        person.2 = AWAY;
    }
    let plan = case.look();
    assert!(plan.is_empty() && plan.held.is_none() && plan.untouched());
    assert!((1..=3_000).all(|n| plan.memory(n).agreed == both(Member)));
}

#[test]
fn whoever_is_back_is_merged_after_fifteen_minutes_with_what_was_agreed() {
    let mut case = link().with(agreed(Member, Member), Absent, Member);
    case.people[1].2 = Participation::TakesPart { returned: Some(minute(0)) };
    assert!(case.clone().at(minute(14)).look().is_empty());
    assert_eq!(case.at(minute(15)).steps(), ["group: remove 1"]);
}

#[test]
fn whose_removal_cannot_be_proven_is_left_as_he_is() {
    let case = link().with(agreed(Member, Member), Absent, Member);
    let (mut draft, limits) = case.draft();
    draft.leave_out(person(1));
    let plan = draft.order(&limits, minute(0));
    assert!(plan.is_empty());
    assert_eq!(plan.memory(1).agreed, both(Member));
}

#[test]
fn a_write_of_ours_stands_for_fifteen_minutes_also_after_a_reading_has_shown_it() {
    let mut case = link().with(agreed(Absent, Absent), Member, Absent).after(|_| Outcome::Done);
    for (at, group) in [(1, Member), (2, Absent), (14, Absent)] {
        case.people[1].1.group = group;
        let next = case.clone().at(minute(at));
        assert_eq!(next.steps(), NONE, "minute {at}");
        assert_eq!(next.look().memory(1).recent.presence.unwrap().at, minute(0), "never renewed");
        case = next.after(|_| Outcome::Done);
    }
    assert_eq!(case.at(minute(15)).steps(), ["team: remove 1"], "then a reading counts again");
}

#[test]
fn a_value_first_read_stands_for_fifteen_minutes_and_does_not_renew_itself() {
    // Held, so that nothing is written.
    let brake = Brake { holding: Holding::Plan, ..Brake::default() };
    let case = link().with(agreed(Member, Member), Member, Absent).brake(brake);
    let mut next = case.after(|_| Outcome::Done);
    assert_eq!(next.people[1].0.recent.presence, Some(Recent { value: false, at: minute(0) }));
    next.people[1].1.group = Member;
    let stale = next.clone().at(minute(10)).look();
    assert_eq!(held(&stale), Some((HeldFor::AlreadyHolding, 1)), "a stale replica does not bring him back");
    assert_eq!(stale.memory(1).recent.presence.unwrap().at, minute(0));
    next.people[1].1.group = Absent;
    let later = next.after(|_| Outcome::Done).at(minute(15));
    assert_eq!(later.look().memory(1).recent.presence, None, "the same value is not read first again");
}

#[test]
fn a_role_that_we_wrote_in_the_group_stands_and_so_does_the_presence_of_who_has_it() {
    // The service can take the membership along with the role until it is bound again, and lists come from different replicas.
    for (was, is) in [(Owner, Member), (Member, Owner)] {
        let case = link().with(agreed(was, was), is, was);
        for outcome in [Outcome::Done, Outcome::Unknown] {
            let mut next = case.after(|_| outcome.clone()).at(minute(5));
            next.people[1].1.group = Absent;
            assert!(!next.steps().contains(&"team: remove 1".to_owned()), "{was} to {is}, {outcome:?}");
        }
        let mut done = case.after(|_| Outcome::Done).at(minute(14));
        done.people[1].1.group = was;
        assert_eq!(done.steps(), NONE, "a replica that shows the role before");
    }
}

#[test]
fn a_look_is_due_when_the_last_of_what_is_open_ends() {
    let mut memory = agreed(Member, Member);
    assert_eq!(memory.due(), None);
    memory.recent.presence = Some(Recent { value: true, at: minute(3) });
    memory.recent.role = Some(Recent { value: true, at: minute(1) });
    assert_eq!(memory.due(), Some(minute(18)));
    let seen = see(&memory, both(Member), minute(18));
    assert_eq!(seen.memory.due(), None);
}

fn intended(side: Side, to: Standing, read: Sides<Standing>) -> Memory {
    let intent = Intent { side, truth: Truth::Presence, to, read, at: minute(0) };
    Memory { intents: vec![intent, Intent { truth: Truth::Role, ..intent }], ..agreed(Absent, Absent) }
}

#[test]
fn a_reading_that_shows_what_was_intended_was_our_own_write() {
    for side in Side::BOTH {
        let mut read = both(Absent);
        read[side.other()] = Owner;
        let seen = see(&intended(side, Owner, read), both(Owner), minute(1));
        assert_eq!(seen.memory.agreed, both(Owner));
        assert!(seen.memory.intents.is_empty() && seen.memory.been_equal);
        let stands = (side == Side::Group).then_some(Recent { value: true, at: minute(0) });
        assert_eq!((seen.memory.recent.presence, seen.memory.recent.role), (stands, stands), "since it was stored");
    }
}

#[test]
fn the_other_side_is_agreed_as_it_was_read_then_not_as_it_is_now() {
    // We added him to the group and died; meanwhile he left the team again.
    let stored = intended(Side::Group, Member, Sides { team: Member, group: Absent });
    let case = link().with(stored, Absent, Member).at(minute(1));
    assert_eq!(case.steps(), ["group: remove 1"]);
}

#[test]
fn an_intent_that_the_group_does_not_show_waits_for_fifteen_minutes_and_the_teams_is_over_at_once() {
    let read = Sides { team: Member, group: Absent };
    let stored = intended(Side::Group, Owner, read);
    assert_eq!(see(&stored, read, minute(14)).memory.intents.len(), 2);
    assert!(see(&stored, read, minute(15)).memory.intents.is_empty());
    let stored = intended(Side::Team, Owner, Sides { team: Absent, group: Owner });
    assert!(see(&stored, Sides { team: Absent, group: Owner }, minute(1)).memory.intents.is_empty());
}

#[test]
fn what_is_stored_before_the_first_write_is_what_the_next_look_needs() {
    let mut plan = link().with(agreed(Absent, Absent), Owner, Absent).look();
    let stored: BTreeMap<Person, Memory> = plan.intend(minute(0)).map(|(who, memory)| (who, memory.clone())).collect();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), [person(1)], "only of whom something is written");
    let intents: Vec<_> = stored[&person(1)].intents.iter().map(|i| (i.side, i.truth, i.to)).collect();
    assert_eq!(intents, [(Side::Group, Truth::Presence, Owner), (Side::Group, Truth::Role, Owner)]);
}

#[test]
fn a_step_that_was_not_tried_leaves_everything_as_it_was() {
    let case = link().with(agreed(Absent, Absent), Member, Absent);
    let next = case.after(|_| Outcome::NotTried);
    assert_eq!(next.people[1].0.intents, []);
    assert_eq!(next.steps(), case.steps());
}
