//! Tests of unconfirmed and lost writes, writes without an answer, and absences.

use domain::merge::{PROOF_PAUSE, PersonFailure, TRIES};

use super::*;

/// Returns a person who joined the team, with a write to the group that had this outcome.
fn joined(outcome: StepOutcome) -> Case {
    let case = link().with(baseline(Role::None, Role::None), Owner, Role::None);
    let mut next = case.after(|_| outcome.clone());
    next.people[1].1.group = Role::None;
    next
}

fn stored(case: &Case) -> &PersonState {
    &case.people[1].0
}

/// Returns the case after a run at `n` minutes that changes no reading.
fn unchanged(case: &Case, n: i64, outcome: StepOutcome) -> Case {
    let read = case.people[1].1;
    let mut next = case.clone().at(minute(n)).after(|_| outcome.clone());
    next.people[1].1 = read;
    next
}

#[test]
fn lost_write_is_made_again_three_times_and_then_daily() {
    let mut case = joined(StepOutcome::Done);
    assert_eq!(case.clone().at(minute(14)).steps(), NONE, "it counts until the end of the window");
    for tries in 1..TRIES {
        let at = i64::from(tries) * 15;
        assert_eq!(case.clone().at(minute(at)).steps(), ["group: add as owner 1"], "try {tries}");
        case = unchanged(&case, at, StepOutcome::Done);
    }
    let at = i64::from(TRIES) * 15;
    assert_eq!(case.clone().at(minute(at)).steps(), NONE);
    case = unchanged(&case, at, StepOutcome::Done);
    let by = |case: &Case| stored(case).deferred.presence.as_ref().unwrap().by.clone();
    assert_eq!(by(&case), DeferredBy::Lost { tries: TRIES });
    let failure = Some(PersonFailure::WriteLost { side: Side::Group });
    assert_eq!(stored(&case).failure(minute(at)), failure);
    assert_eq!(case.daily().steps(), ["group: add as owner 1"]);
}

#[test]
fn lost_write_is_no_act_of_a_person() {
    for (team, group) in [(Member, Role::None), (Role::None, Member)] {
        let case = link().with(baseline(Role::None, Role::None), team, group);
        let mut next = case.after(|_| StepOutcome::Done);
        next.people[1].1 = Sides { team, group };
        for n in [3, 16, 40] {
            let texts = next.clone().at(minute(n)).steps();
            assert!(!texts.iter().any(|text| text.contains("remove")), "{texts:?}");
        }
    }
}

#[test]
fn reading_confirms_but_the_overlay_does_not() {
    let case = joined(StepOutcome::Done);
    let after = unchanged(&case, 5, StepOutcome::Done);
    assert!(stored(&after).unconfirmed.group.presence.is_some(), "the overlay shows it");
    let mut shown = after;
    shown.people[1].1.group = Owner;
    let shown = shown.at(minute(6)).after(|_| StepOutcome::Done);
    assert_eq!(stored(&shown).unconfirmed, Sides::default());
    assert_eq!(stored(&shown).lag.presence, Some(LagEntry { value: true, at: minute(6) }));
}

#[test]
fn lost_presence_defers_the_role_with_it() {
    let mut case = joined(StepOutcome::Done);
    case = unchanged(&case, 15, StepOutcome::Refused(service()));
    // A person adds them by hand, as a member.
    case.people[1].1.group = Member;
    assert_eq!(case.at(minute(16)).daily().steps(), ["group: promote 1"]);
}

#[test]
fn write_without_an_answer_comes_again_at_growing_intervals() {
    let mut case = link().with(baseline(Role::None, Role::None), Role::None, Member);
    let mut written = vec![];
    for n in 0..200 {
        if !case.clone().at(minute(n)).steps().is_empty() {
            written.push(n);
            case = unchanged(&case, n, StepOutcome::Unknown);
        }
    }
    assert_eq!(written, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
    let failure = Some(PersonFailure::NoAnswer { side: Side::Team });
    assert_eq!(
        (stored(&case).failure(minute(29)), stored(&case).failure(minute(30))),
        (None, failure)
    );
}

fn judged(state: &PersonState, read: Sides<Role>, answer: Role, n: i64) -> OverlaidReading {
    let proofs = Sides { team: Proof::NotAsked, group: Proof::Answered(answer) };
    apply_overlay(state, read, proofs, minute(n))
}

#[test]
fn absence_is_believed_at_the_second_answer() {
    let read = Sides { team: Owner, group: Role::None };
    let state = baseline(Owner, Owner);
    assert!(state.questions(Side::Group, read, minute(0)).presence);
    let first = judged(&state, read, Role::None, 0);
    assert_eq!((first.roles, first.certainty), (both(Owner), Certainty::Unclear));
    assert!(!first.state.questions(Side::Group, read, minute(2)).presence, "not asked again yet");
    assert_eq!(first.state.check_at(minute(0)), Some(minute(0) + PROOF_PAUSE));
    let early = judged(&first.state, read, Role::None, 2);
    assert_eq!(early.certainty, Certainty::Unclear);
    let second = judged(&early.state, read, Role::None, 3);
    assert_eq!((second.roles, second.certainty), (read, Certainty::Certain));
}

#[test]
fn shown_row_ends_what_was_known_of_its_absence() {
    let read = Sides { team: Owner, group: Role::None };
    let first = judged(&baseline(Owner, Owner), read, Role::None, 0);
    let shown = judged(&first.state, both(Owner), Role::None, 1);
    let again = judged(&shown.state, read, Role::None, 4);
    assert_eq!((again.roles, again.certainty), (both(Owner), Certainty::Unclear));
}

#[test]
fn denied_absence_is_read_again_at_growing_intervals_and_reported() {
    let read = Sides { team: Owner, group: Member };
    let mut state = baseline(Owner, Owner);
    let mut asked = vec![];
    for n in 0..140 {
        if state.check_at(minute(n - 1)).is_none_or(|at| at <= minute(n)) {
            asked.push(n);
            let seen = judged(&state, read, Owner, n);
            assert_eq!((seen.roles, seen.certainty), (both(Owner), Certainty::Certain));
            assert_eq!(seen.state.lag, PerAspect::default(), "no lag window from a denied absence");
            state = seen.state;
        }
    }
    assert_eq!(asked, [0, 2, 6, 14, 30, 62, 122]);
    assert_eq!(state.failure(minute(29)), None);
    assert_eq!(state.failure(minute(30)), Some(PersonFailure::NotListed { side: Side::Group }));
}

#[test]
fn unanswered_question_plans_nothing() {
    let read = Sides { team: Role::None, group: Member };
    let proofs = Sides { team: Proof::NoAnswer, group: Proof::NotAsked };
    let mut state = baseline(Member, Member);
    for n in 0..10 {
        let seen = apply_overlay(&state, read, proofs, minute(n));
        assert_eq!((seen.roles, seen.certainty), (both(Member), Certainty::Unclear));
        state = seen.state;
    }
}
