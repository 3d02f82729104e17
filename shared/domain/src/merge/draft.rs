//! What is wanted: each side against what it was last known to be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::brake::{Brake, HeldFor};
use super::{Direction, Memory, OwedTo, RECENT, Recent, Seen, Touched};
use crate::membership::{Participation, Person, Side, Sides, Standing, Truth};

/// One person of a look.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Who.
    pub person: Person,
    /// What is stored.
    pub stored: Memory,
    /// What is seen now, from [`see`](super::see).
    pub seen: Seen,
    /// Whether the person can be on both sides.
    pub participation: Participation,
}

/// By which rules a look merges.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Whose changes are carried.
    pub direction: Direction,
    /// Who has the last word where both sides changed, and differently.
    pub last_word: Side,
    /// The moment of the look.
    pub now: Timestamp,
    /// Whether what a service refused is tried again: once a day.
    pub retry: Retry,
}

/// Whether writes that a service refused are planned again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// An ordinary look: only what a rule of ours stopped.
    OwnRules,
    /// The daily look: everything that is owed.
    Everything,
}

/// A change that one side should see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who.
    pub person: Person,
    /// Where.
    pub side: Side,
    /// What the person should become there.
    pub to: Standing,
    /// Which truth gave rise to it; presence brings the role along.
    pub truth: Truth,
    /// What both sides were seen to be.
    pub read: Sides<Standing>,
}

impl Wanted {
    fn removal(&self) -> Option<Held> {
        (!self.to.is_present()).then_some(Held { person: self.person, side: self.side })
    }
}

/// A removal that waits for an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Held {
    /// Who would be removed.
    pub person: Person,
    /// From where.
    pub side: Side,
}

/// What a look wants before brake, proof and limits had their say.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub(super) wanted: BTreeMap<Person, Wanted>,
    pub(super) memories: BTreeMap<Person, (Memory, Touched)>,
    pub(super) held: Option<(HeldFor, Vec<Held>)>,
    present: Sides<usize>,
}

impl Draft {
    /// Compares everybody who takes part.
    pub fn of(subjects: impl IntoIterator<Item = Subject>, terms: &Terms) -> Self {
        let mut draft = Self::default();
        for subject in subjects {
            let takes_part = match subject.participation {
                Participation::TakesPart { returned } => {
                    returned.is_none_or(|at| terms.now.duration_since(at) >= RECENT)
                }
                Participation::LeftOut { .. } => false,
            };
            let mut memory = subject.seen.memory;
            if takes_part {
                for side in Side::BOTH {
                    draft.present[side] += usize::from(subject.seen.standing[side].is_present());
                }
                let wanted = compare(subject.person, &mut memory, subject.seen.standing, terms);
                draft.wanted.extend(wanted.map(|wanted| (subject.person, wanted)));
            }
            let touched = if memory == subject.stored { Touched::No } else { Touched::Yes };
            draft.memories.insert(subject.person, (memory, touched));
        }
        draft
    }

    /// Who would be removed, and where.
    pub fn removals(&self) -> impl Iterator<Item = Held> {
        self.wanted.values().filter_map(Wanted::removal)
    }

    /// Holds all removals where they would pass the limit of the link, or while a plan is held; those an administrator approved go on, and whoever
    /// he put back returns where he vanished.
    pub fn brake(&mut self, brake: &Brake) {
        let under_brake: Vec<Held> = self.removals().filter(|held| !brake.is_approved(held)).collect();
        for held in under_brake.iter().filter(|held| brake.is_discarded(held)) {
            self.put_back(held);
        }
        let waiting: Vec<Held> = under_brake.into_iter().filter(|held| !brake.is_discarded(held)).collect();
        let everybody = Side::BOTH.into_iter().any(|side| {
            let going = self.removals().filter(|held| held.side == side).count();
            waiting.iter().any(|held| held.side == side) && going == self.present[side]
        });
        if let Some(why) = brake.holds(&waiting, everybody.into()) {
            self.hold(why, brake);
        }
    }

    /// Holds all removals that nobody approved, because of something outside of this link.
    pub fn hold(&mut self, why: HeldFor, brake: &Brake) {
        let waits = |wanted: &Wanted| wanted.removal().filter(|held| !brake.is_approved(held));
        let held: Vec<Held> = self.wanted.values().filter_map(waits).collect();
        if !held.is_empty() {
            self.wanted.retain(|_, wanted| waits(wanted).is_none());
            self.held = Some((why, held));
        }
    }

    /// The person turned out not to take part when a removal had to be proven: nothing is done, and what was agreed stays.
    pub fn leave_out(&mut self, person: Person) {
        self.wanted.remove(&person);
    }

    /// Gives the person back to the side where it vanished.
    fn put_back(&mut self, held: &Held) {
        let (Some((memory, _)), Some(wanted)) = (self.memories.get(&held.person), self.wanted.get_mut(&held.person))
        else {
            return;
        };
        wanted.side = held.side.other();
        wanted.to = match memory.agreed[wanted.side] {
            // Its removal was refused once, and then agreed as it was read: only the other side still knows the role.
            Standing::Absent => wanted.read[held.side],
            was => was,
        };
    }
}

/// What one person's readings want, and what they let us agree on.
fn compare(person: Person, memory: &mut Memory, seen: Sides<Standing>, terms: &Terms) -> Option<Wanted> {
    let instruction = memory.instruction;
    let instructed = instruction.and_then(|one| Some((one.next_side(seen, terms.now)?, one.to)));
    if let (Some(instruction), None) = (instruction, instructed) {
        memory.end_instruction(&instruction, seen);
    }
    let agreed = memory.agreed;
    observe(memory, agreed, seen.group, terms.now);
    memory.before = seen.group;
    if let Some((side, to)) = instructed {
        let truth = if to.is_present() == seen[side].is_present() { Truth::Role } else { Truth::Presence };
        return Some(Wanted { person, side, to, truth, read: seen });
    }
    let wanted = |source: Side, truth| Wanted { person, side: source.other(), to: seen[source], truth, read: seen };

    let presence = Sides::each(|side| agreed[side].is_present() != seen[side].is_present());
    if let Some(source) = source(memory, presence, seen, Truth::Presence, terms) {
        let is_first_addition = !memory.been_equal && seen[source].is_present();
        if terms.direction.carries_from(source) || is_first_addition {
            return Some(wanted(source, Truth::Presence));
        }
        memory.agree(Truth::Presence, seen);
        memory.agree(Truth::Role, seen);
        return None;
    }
    if !seen.team.is_present() || !seen.group.is_present() {
        if presence.team || presence.group {
            memory.agree(Truth::Presence, seen);
        }
        if seen.are_equal() {
            memory.owed.role = None;
        }
        return None;
    }
    // Whoever came anew came with a role: that side's role is a change, even where the role before was the same.
    let role = Sides::each(|side| presence[side] || agreed[side].says(Truth::Role) != seen[side].says(Truth::Role));
    let source = source(memory, role, seen, Truth::Role, terms);
    let is_of_first_addition = !memory.been_equal && memory.owed.role.is_some();
    if let Some(source) = source.filter(|source| terms.direction.carries_from(*source) || is_of_first_addition) {
        // The presence stays a change until the role is carried: a look that dies in between must find again that somebody came anew.
        return Some(wanted(source, Truth::Role));
    }
    if presence.team || presence.group {
        memory.agree(Truth::Presence, seen);
    }
    if role.team || role.group || source.is_some() {
        memory.agree(Truth::Role, seen);
    }
    None
}

/// The side whose value the other should get, if they differ and there is a reason.
fn source(memory: &Memory, changed: Sides<bool>, seen: Sides<Standing>, truth: Truth, terms: &Terms) -> Option<Side> {
    if seen.team.says(truth) == seen.group.says(truth) {
        return None;
    }
    match (changed.team, changed.group) {
        (true, false) => Some(Side::Team),
        (false, true) => Some(Side::Group),
        (true, true) => Some(if terms.direction == Direction::Microsoft { Side::Group } else { terms.last_word }),
        (false, false) => {
            memory.owed[truth].as_ref().filter(|owed| owed.is_due(terms.retry)).map(|owed| owed.side.other())
        }
    }
}

/// A value that the group's reading shows for the first time stands from now on.
fn observe(memory: &mut Memory, agreed: Sides<Standing>, group: Standing, now: Timestamp) {
    for truth in Truth::BOTH {
        let value = group.says(truth);
        let is_first =
            memory.before.says(truth) != value && memory.recent[truth].is_none_or(|recent| recent.value != value);
        if value != agreed.group.says(truth) && is_first {
            memory.recent[truth] = Some(Recent { value, at: now });
        }
    }
}

impl super::Owed {
    fn is_due(&self, retry: Retry) -> bool {
        matches!(self.by, OwedTo::Rule { .. }) || retry == Retry::Everything
    }
}
