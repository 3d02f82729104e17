//! What an administrator decides about somebody by name.

use super::*;

fn instructed(shown: Sides<Standing>, to: Standing) -> Memory {
    Memory { instruction: Some(Instruction { to, shown, at: minute(0) }), ..agreed(shown.team, shown.group) }
}

fn all(mut of: impl FnMut(Sides<Standing>, Standing)) {
    for team in ALL {
        for group in ALL {
            ALL.into_iter().for_each(|to| of(Sides { team, group }, to));
        }
    }
}

#[test]
fn it_is_so_on_both_sides_after_two_looks_whatever_the_direction() {
    for direction in [Direction::Both, Direction::Microsoft] {
        all(|shown, to| {
            let mut case = link().with(instructed(shown, to), shown.team, shown.group).direction(direction);
            for _ in 0..2 {
                case = case.after(|_| Outcome::Done);
            }
            let last = case.after(|_| Outcome::Done);
            assert_eq!(last.people[1].1, both(to), "{shown:?}, {direction:?}");
            assert_eq!((last.people[1].0.instruction, last.people[1].0.agreed), (None, both(to)));
            assert_eq!(last.steps(), NONE);
        });
    }
}

#[test]
fn whoever_somebody_changes_meanwhile_is_left_to_that_person() {
    all(|shown, to| {
        for side in Side::BOTH {
            let is_other = |is: &Standing| {
                let neither = |truth: &Truth| [shown[side], to].iter().all(|one| one.says(*truth) != is.says(*truth));
                Truth::BOTH.iter().any(neither)
            };
            for is in ALL.into_iter().filter(is_other) {
                let mut read = shown;
                read[side] = is;
                let case = |memory| link().with(memory, read.team, read.group);
                let plan = case(instructed(shown, to)).look();
                assert_eq!(plan.shown(), case(agreed(shown.team, shown.group)).steps(), "{shown:?} to {to}");
                assert_eq!(plan.memory(1).instruction, None);
            }
        }
    });
}

#[test]
fn after_a_day_it_does_not_stand_any_more() {
    let case = link().with(instructed(both(Member), Absent), Member, Member);
    assert_eq!(case.clone().at(minute(24 * 60 - 1)).steps(), ["group: remove 1"]);
    assert_eq!(case.at(minute(24 * 60)).steps(), NONE);
}

#[test]
fn whoever_is_left_out_is_not_touched_by_it() {
    let mut case = link().with(instructed(both(Member), Absent), Member, Member);
    case.people[1].2 = AWAY;
    assert_eq!(case.steps(), NONE);
}

#[test]
fn the_last_owner_stays_and_no_more_is_wanted() {
    let case = link().alone().with(instructed(both(Owner), Member), Owner, Owner).after(|_| Outcome::Done);
    assert_eq!(case.people[0], (agreed(Owner, Owner), both(Owner), HERE));
}

#[test]
fn what_is_begun_goes_on_also_where_an_old_reading_shows_a_last_owner() {
    let intent = |truth| Intent { side: Side::Group, truth, to: Absent, read: both(Owner), at: minute(-1) };
    let intents = vec![intent(Truth::Presence), intent(Truth::Role)];
    let begun = Memory { intents, ..instructed(both(Owner), Absent) };
    let case = link().alone().with(begun, Owner, Owner).after(|_| Outcome::Done);
    assert!(case.people[0].0.instruction.is_some());
}

#[test]
fn what_the_service_refuses_is_owed_if_the_other_side_has_it() {
    let shown = Sides { team: Member, group: Absent };
    let case = link().with(instructed(shown, Member), Member, Absent).after(|_| Outcome::Refused(service()));
    assert_eq!(case.people[1].0.instruction, None);
    assert_eq!(case.steps(), NONE);
    assert_eq!(case.daily().steps(), ["group: add as member 1"]);
    let case = link().with(instructed(both(Absent), Member), Absent, Absent).after(|_| Outcome::Refused(service()));
    assert_eq!(case.people[1].0, agreed(Absent, Absent));
}
