//! Differences: compares each side with its baseline.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::removal_limit::{ApprovalReason, Extent, RemovalGuard};
use super::{Certainty, Direction, Dirty, LAG_WINDOW, LagEntry, OverlaidReading, PersonState};
use crate::membership::{Aspect, Eligibility, Person, Role, Side, Sides};

/// One person of a sync run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The person.
    pub person: Person,
    /// Stored state.
    pub stored: PersonState,
    /// Current reading, from [`apply_overlay`](super::apply_overlay).
    pub seen: OverlaidReading,
    /// Eligibility of the person.
    pub eligibility: Eligibility,
}

/// Rules of the merge for one sync run.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Side whose changes are synced.
    pub direction: Direction,
    /// Side that wins if both changed differently.
    pub last_word: Side,
    /// Time of the sync run.
    pub now: Timestamp,
    /// Selection of the deferred writes that this run plans again.
    pub retry: Retry,
}

/// Selection of deferred writes to plan again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Only those that our own rules stopped.
    OwnRules,
    /// Also those that the service last refused before this moment. Used once a day, and when an
    /// admin asks: each of the runs that answer together takes others of them.
    TriedBefore(Timestamp),
    /// All of them.
    Everything,
}

/// A change that one side should get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Person to change.
    pub person: Person,
    /// Side that should change.
    pub side: Side,
    /// Role that the person should get there.
    pub to: Role,
    /// Aspect that differed. A change of presence sets the role too.
    pub aspect: Aspect,
    /// Roles that both sides showed.
    pub read: Sides<Role>,
}

impl Subject {
    /// Returns `true` if a person is compared at `now`. A person who came back is not, for 15
    /// minutes.
    pub fn is_compared(eligibility: Eligibility, now: Timestamp) -> bool {
        match eligibility {
            Eligibility::Eligible { returned } => {
                // Late readings can lack someone who was excluded until a moment ago.
                returned.is_none_or(|at| now.duration_since(at) >= LAG_WINDOW)
            }
            Eligibility::Excluded { .. } => false,
        }
    }
}

impl Difference {
    fn removal(&self) -> Option<PersonRemoval> {
        (!self.to.is_present()).then_some(PersonRemoval { person: self.person, side: self.side })
    }
}

/// Removal of one person from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonRemoval {
    /// Person to remove.
    pub person: Person,
    /// Side to remove them from.
    pub side: Side,
}

/// Differences of one sync run, before removal limits, proofs and limits on owners.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    pub(super) target: BTreeMap<Person, Difference>,
    pub(super) states: BTreeMap<Person, (PersonState, Dirty)>,
    pub(super) held: Option<(ApprovalReason, Vec<PersonRemoval>)>,
    present: Sides<usize>,
    /// People of whom only listings say that they are gone.
    unproven: BTreeSet<Person>,
    /// People of whom an absence is not believed.
    unclear: BTreeSet<Person>,
}

impl Draft {
    /// Compares all eligible people.
    pub fn of(subjects: impl IntoIterator<Item = Subject>, terms: &Terms) -> Self {
        let mut draft = Self::default();
        for subject in subjects {
            let OverlaidReading { roles, mut state, certainty } = subject.seen;
            if Subject::is_compared(subject.eligibility, terms.now) {
                for side in Side::BOTH {
                    // The removal limit is a share of those who are there now.
                    draft.present[side] += usize::from(roles[side].is_present());
                }
                let target = match certainty {
                    Certainty::Certain => compare(subject.person, &mut state, roles, terms),
                    // Listings alone change no state.
                    Certainty::ListingsOnly => {
                        draft.unproven.insert(subject.person);
                        compare(subject.person, &mut state.clone(), roles, terms)
                    }
                    Certainty::Unclear => {
                        draft.unclear.insert(subject.person);
                        None
                    }
                };
                draft.target.extend(target.map(|target| (subject.person, target)));
            }
            let dirty = if state == subject.stored { Dirty::No } else { Dirty::Yes };
            draft.states.insert(subject.person, (state, dirty));
        }
        draft
    }

    /// Returns the planned removals.
    pub fn removals(&self) -> impl Iterator<Item = PersonRemoval> {
        self.target.values().filter_map(Difference::removal)
    }

    /// Holds back all removals if they exceed the link's limit, or while others wait. Approved ones
    /// stay planned. People whose removal an admin rejected return to the side where they are
    /// missing.
    pub fn limit_removals(&mut self, guard: &RemovalGuard) {
        let unapproved: Vec<PersonRemoval> =
            self.removals().filter(|held| !guard.is_approved(held)).collect();
        for held in unapproved.iter().filter(|held| guard.is_discarded(held)) {
            self.restore(held);
        }
        let waiting: Vec<PersonRemoval> =
            unapproved.into_iter().filter(|held| !guard.is_discarded(held)).collect();
        // A side that empties at once is nearly always a mistake.
        let is_everyone = Side::BOTH.into_iter().any(|side| {
            let going = self.removals().filter(|held| held.side == side).count();
            waiting.iter().any(|held| held.side == side) && going == self.present[side]
        });
        let extent = if is_everyone { Extent::Everyone } else { Extent::Some };
        if let Some(why) = guard.holds(&waiting, extent) {
            self.hold(why, guard);
        }
        // An unclear reading must not make a pending approval look smaller.
        self.keep_pending(guard);
        // What is not held needs proof. Only an addition does without.
        let unproven = std::mem::take(&mut self.unproven);
        let is_addition =
            |target: &Difference| target.aspect == Aspect::Presence && target.to.is_present();
        self.target.retain(|person, target| !unproven.contains(person) || is_addition(target));
    }

    /// Removals that wait do so until their absence is clear.
    fn keep_pending(&mut self, guard: &RemovalGuard) {
        let waiting = guard.pending.iter().filter(|held| self.unclear.contains(&held.person));
        let waiting: Vec<PersonRemoval> = waiting.copied().collect();
        if !waiting.is_empty() {
            let held = self.held.get_or_insert((ApprovalReason::AlreadyPending, vec![]));
            held.1.extend(waiting);
        }
    }

    /// Holds back all removals that no admin approved, for a reason outside of this link.
    pub fn hold(&mut self, why: ApprovalReason, guard: &RemovalGuard) {
        let waits = |target: &Difference| target.removal().filter(|held| !guard.is_approved(held));
        let held: Vec<PersonRemoval> = self.target.values().filter_map(waits).collect();
        if !held.is_empty() {
            // Held removals leave the plan: they run only after an admin's decision.
            self.target.retain(|_, target| waits(target).is_none());
            self.held = Some((why, held));
        }
    }

    /// Drops the person's difference, because proving their removal showed that they are excluded.
    /// Their baseline stays.
    pub fn exclude(&mut self, person: Person) {
        self.target.remove(&person);
    }

    /// Plans to add the person back to the side where they are missing.
    fn restore(&mut self, held: &PersonRemoval) {
        let (Some((state, _)), Some(target)) =
            (self.states.get(&held.person), self.target.get_mut(&held.person))
        else {
            return;
        };
        target.side = held.side.other();
        target.to = match state.baseline[target.side] {
            // An earlier refusal made the reading the baseline, so only the other side still knows
            // the role.
            Role::None => target.read[held.side],
            was => was,
        };
    }
}

/// Compares one person. Returns the difference, and updates the baseline where both sides agree.
fn compare(
    person: Person,
    state: &mut PersonState,
    seen: Sides<Role>,
    terms: &Terms,
) -> Option<Difference> {
    let difference = find_difference(person, state, seen, terms);
    // Another target, or none, ends the pause of a write without an answer.
    state.unanswered = state.unanswered.filter(|open| {
        difference.is_some_and(|target| open.is_of(target.side, target.aspect, target.to))
    });
    difference.filter(|_| state.unanswered.is_none_or(|open| open.next <= terms.now))
}

fn find_difference(
    person: Person,
    state: &mut PersonState,
    seen: Sides<Role>,
    terms: &Terms,
) -> Option<Difference> {
    let overridden = next_override(state, seen, terms.now);
    let baseline = state.baseline;
    // Before the override: what a person just did must count for the lag window in any case.
    observe(state, baseline, seen.group, terms.now);
    state.before = seen.group;
    if let Some((side, to)) = overridden {
        let aspect = if to.is_present() == seen[side].is_present() {
            Aspect::Ownership
        } else {
            Aspect::Presence
        };
        return Some(Difference { person, side, to, aspect, read: seen });
    }
    let target = |source: Side, aspect| Difference {
        person,
        side: source.other(),
        to: seen[source],
        aspect,
        read: seen,
    };

    let presence = Sides::each(|side| baseline[side].is_present() != seen[side].is_present());
    if let Some(source) = source(state, presence, seen, Aspect::Presence, terms) {
        // People whom both sides never shared are united, also in one-way mode.
        let is_first_addition = !state.been_equal && seen[source].is_present();
        if terms.direction.syncs_from(source) || is_first_addition {
            return Some(target(source, Aspect::Presence));
        }
        state.set_baseline(Aspect::Presence, seen);
        state.set_baseline(Aspect::Ownership, seen);
        return None;
    }
    if !seen.team.is_present() || !seen.group.is_present() {
        if presence.team || presence.group {
            state.set_baseline(Aspect::Presence, seen);
        }
        // No one is left to whom a role could be due.
        if seen.are_equal() {
            state.deferred.ownership = None;
        }
        return None;
    }
    let source = compare_ownership(state, presence, seen, terms)?;
    Some(target(source, Aspect::Ownership))
}

/// Returns the side that a valid override changes next, and the role; ends one that is done.
fn next_override(
    state: &mut PersonState,
    seen: Sides<Role>,
    now: Timestamp,
) -> Option<(Side, Role)> {
    let role_override = state.role_override?;
    let next = role_override.next_side(seen, now);
    if next.is_none() {
        state.end_override(&role_override, seen);
    }
    next.map(|side| (side, role_override.to[side]))
}

/// Compares the ownership of a person who is on both sides. Returns the side to follow.
fn compare_ownership(
    state: &mut PersonState,
    presence: Sides<bool>,
    seen: Sides<Role>,
    terms: &Terms,
) -> Option<Side> {
    let baseline = state.baseline;
    // A person who was added came with a role. That side's role changed, even if it equals the
    // role before.
    // One who was added by hand while we could not did not: the deferral says which role is due.
    let is_deferred =
        |side: Side| state.deferred.ownership.as_ref().is_some_and(|one| one.side == side);
    let role = Sides::each(|side| {
        presence[side] && !is_deferred(side)
            || baseline[side].says(Aspect::Ownership) != seen[side].says(Aspect::Ownership)
    });
    let source = source(state, role, seen, Aspect::Ownership, terms);
    let is_of_first_addition = !state.been_equal && state.deferred.ownership.is_some();
    let synced =
        source.filter(|source| terms.direction.syncs_from(*source) || is_of_first_addition);
    if synced.is_some() {
        // The presence stays a change until ownership is synced: if the run dies in between, the
        // next one must find the addition again.
        return synced;
    }
    if presence.team || presence.group {
        state.set_baseline(Aspect::Presence, seen);
    }
    if role.team || role.group || source.is_some() {
        state.set_baseline(Aspect::Ownership, seen);
    }
    None
}

/// Returns the side that the other should follow, if they differ and there is a reason.
fn source(
    state: &PersonState,
    changed: Sides<bool>,
    seen: Sides<Role>,
    aspect: Aspect,
    terms: &Terms,
) -> Option<Side> {
    // Equal sides need no write, whichever of them changed.
    if seen.team.says(aspect) == seen.group.says(aspect) {
        return None;
    }
    match (changed.team, changed.group) {
        (true, false) => Some(Side::Team),
        (false, true) => Some(Side::Group),
        // Both changed, and differently: the settings name the side that wins.
        (true, true) => Some(if terms.direction == Direction::Microsoft {
            Side::Group
        } else {
            terms.last_word
        }),
        // Without news, only a write that was put off is still due.
        (false, false) => state.deferred[aspect]
            .as_ref()
            .filter(|deferred| deferred.is_due(terms.retry))
            .map(|deferred| deferred.side.other()),
    }
}

/// Starts the lag window of a value that the group shows for the first time.
fn observe(state: &mut PersonState, baseline: Sides<Role>, group: Role, now: Timestamp) {
    for aspect in Aspect::BOTH {
        let value = group.says(aspect);
        let is_first = state.before.says(aspect) != value
            && state.lag[aspect].is_none_or(|lag| lag.value != value);
        // A value that we wrote has its entry already, with the time of the write.
        if value != baseline.group.says(aspect) && is_first {
            state.lag[aspect] = Some(LagEntry { value, at: now });
        }
    }
}
