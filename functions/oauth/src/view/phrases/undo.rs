//! Undoing an activity, in words.

use std::collections::BTreeSet;

use domain::membership::{Person, Role, Side, Sides};
use engine::link::{OverrideProposal, ProposedRoles, UndoScope};

use crate::view::phrases::activity::role_line;
use crate::view::phrases::count_of_people;

/// The team has no group.
pub(crate) const NO_GROUP: &str = "The team no longer has a linked group: nothing can be undone.";

/// Preview mode is on.
pub(crate) const PREVIEW: &str = "Preview mode is on: nothing can be undone until it is off.";

/// The name of a scope in a form.
pub(crate) fn name(scope: UndoScope) -> &'static str {
    match scope {
        UndoScope::ChangedSide => "changed-side",
        UndoScope::BothSides => "both-sides",
    }
}

/// The consequence of a scope.
pub(crate) fn hint(scope: UndoScope) -> &'static str {
    match scope {
        UndoScope::ChangedSide => {
            "This undoes the change where it was made. The other side stays as it is, so the two \
             sides differ for these people until someone changes them."
        }
        UndoScope::BothSides => {
            "This adds the people on both sides, also where someone removed them. No one loses \
             anything."
        }
    }
}

/// A kind of change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Add,
    Remove,
    ChangeRole,
}

impl Effect {
    const ALL: [Self; 3] = [Self::Remove, Self::Add, Self::ChangeRole];

    fn of(roles: &ProposedRoles, side: Side) -> Option<Self> {
        match (roles.is[side], roles.to[side]) {
            (is, to) if is == to => None,
            (Role::None, _) => Some(Self::Add),
            (_, Role::None) => Some(Self::Remove),
            _ => Some(Self::ChangeRole),
        }
    }

    fn words(self, count: usize, place: &str) -> String {
        let people = count_of_people(count);
        match self {
            Self::Add => format!("add {people} to {place}"),
            Self::Remove => format!("remove {people} from {place}"),
            Self::ChangeRole => format!("change the role of {people} in {place}"),
        }
    }
}

/// Returns `true` if someone is removed.
pub(crate) fn removes(proposal: &OverrideProposal) -> bool {
    let removes = |roles: &ProposedRoles| {
        Side::BOTH.iter().any(|side| Effect::of(roles, *side) == Some(Effect::Remove))
    };
    proposal.people.values().any(removes)
}

/// The act, with the number of people and their places.
pub(crate) fn act(proposal: &OverrideProposal) -> String {
    let acts = Effect::ALL.into_iter().flat_map(|effect| {
        let there: Sides<BTreeSet<Person>> = Sides::each(|side| {
            let has = |roles: &ProposedRoles| Effect::of(roles, side) == Some(effect);
            let people = proposal.people.iter().filter(|(_, roles)| has(roles));
            people.map(|(person, _)| *person).collect()
        });
        // The same people on both sides are counted once.
        let places = if there.are_equal() {
            vec![(there.team.len(), "the team and the group")]
        } else {
            vec![(there.team.len(), "the team"), (there.group.len(), "the group")]
        };
        let places = places.into_iter().filter(|(count, _)| *count > 0);
        places.map(move |(count, place)| effect.words(count, place))
    });
    let acts = acts.collect::<Vec<_>>().join(", ");
    let mut letters = acts.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The changes of one person.
pub(crate) fn lines(roles: &ProposedRoles, name: &str) -> Vec<String> {
    let changed = Side::BOTH.into_iter().filter(|side| roles.is[*side] != roles.to[*side]);
    changed.map(|side| role_line(side, roles.is[side], roles.to[side], name)).collect()
}
