//! Order of the writes within the limits on owners: never none, never too many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::removal_limit::ApprovalReason;
use super::{
    DeferredBy, Difference, Dirty, Draft, LagEntry, PersonRemoval, PersonState, RuleRefusal,
    WriteIntent,
};
use crate::membership::{Aspect, Person, Role, Side, Sides};

/// Current owners on each side, and the maximum.
#[derive(Clone, Copy, Debug)]
pub struct OwnerLimits {
    /// Owners on each side as read, with excluded people, without the service account.
    pub owners: Sides<usize>,
    /// Maximum number of owners of the group.
    pub group_owners: usize,
}

/// One planned write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Person to change.
    pub person: Person,
    /// Side to change.
    pub side: Side,
    /// Role after this step.
    pub to: Role,
    /// Role the person should end up with. It differs from `to` when an owner is added as a member
    /// for lack of room.
    pub target: Role,
    /// Aspect that differed.
    pub aspect: Aspect,
    /// Roles that both sides showed.
    pub read: Sides<Role>,
}

impl PlanStep {
    /// Returns the aspects that this step writes.
    pub fn aspects(&self) -> &'static [Aspect] {
        match self.aspect {
            Aspect::Presence => &Aspect::BOTH,
            Aspect::Ownership => &[Aspect::Ownership],
        }
    }

    /// Returns the calls that the step takes, with the proof of a removal.
    fn work(&self) -> Work {
        let is_removal = self.to == Role::None;
        let relations = if is_removal || self.aspect == Aspect::Ownership {
            // An owner has two relations, and each of these calls pays for three binds.
            3 + 3 * usize::from(self.read.group == Role::Owner)
        } else {
            1 + usize::from(self.to == Role::Owner)
        };
        match self.side {
            Side::Team => Work { webex_calls: 1, binds: 0 },
            Side::Group => Work { webex_calls: 2 * usize::from(is_removal), binds: relations },
        }
    }

    /// Returns `true` if the step proves presence, whatever replicas show.
    ///
    /// Removing an owner in the group can take the membership along until it is added again, and a
    /// new owner can be listed before or after the membership.
    pub(super) fn shows_presence(&self) -> bool {
        self.side == Side::Group && self.aspect == Aspect::Ownership
    }

    fn from(target: Difference, to: Role) -> Self {
        Self {
            person: target.person,
            side: target.side,
            to,
            target: target.to,
            aspect: target.aspect,
            read: target.read,
        }
    }
}

/// Calls of steps, as the services' quotas count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Calls of Webex.
    pub webex_calls: usize,
    /// Writes of Graph. Any other write is worth three binds.
    pub binds: usize,
}

/// Work that one run can finish before its deadline, without filling the rate limiters of its
/// tenant for other teams.
pub const PORTION: Work = Work { webex_calls: 60, binds: 600 };

impl Work {
    /// Subtracts `other`, or returns `None` if it does not fit.
    fn without(self, other: Self) -> Option<Self> {
        let webex_calls = self.webex_calls.checked_sub(other.webex_calls)?;
        let binds = self.binds.checked_sub(other.binds)?;
        Some(Self { webex_calls, binds })
    }
}

/// Writes of one sync run, with the states to store.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Writes in order: additions, promotions, demotions, removals. A person added as a member for
    /// lack of room can be promoted later, which requires that the addition was done.
    pub steps: Vec<PlanStep>,
    /// Writes that are left to the next runs.
    pub later: Vec<PlanStep>,
    /// State of each person if no step succeeds.
    pub states: BTreeMap<Person, (PersonState, Dirty)>,
    /// Removals that wait for approval, with the reason.
    pub held: Option<(ApprovalReason, Vec<PersonRemoval>)>,
}

impl Draft {
    /// Orders the differences. What a limit forbids is deferred.
    pub fn order(self, limits: &OwnerLimits, now: Timestamp) -> Plan {
        let mut plan = Plan { states: self.states, held: self.held, ..Plan::default() };
        let mut queues = [Side::Team, Side::Group].map(|side| {
            // Webex documents no maximum of moderators.
            let most = if side == Side::Group { limits.group_owners } else { usize::MAX };
            StepQueue::new(
                self.target.values().filter(|target| target.side == side).copied(),
                limits.owners[side],
                most,
            )
        });
        let additions: Vec<PlanStep> = queues.iter_mut().flat_map(StepQueue::additions).collect();
        let roles: Vec<PlanStep> = queues.iter_mut().flat_map(StepQueue::roles).collect();
        let removals: Vec<PlanStep> = queues
            .iter_mut()
            .flat_map(|queue| queue.members_going.drain(..))
            .map(|w| PlanStep::from(w, w.to))
            .collect();
        let coming: BTreeSet<Person> = additions.iter().map(|step| step.person).collect();
        // Removals come last: a run that dies has added people rather than removed them.
        plan.steps = [additions, roles, removals].concat();
        for (target, refusal) in queues.into_iter().flat_map(StepQueue::refused) {
            // The addition is a step already, and its outcome defers the ownership.
            if coming.contains(&target.person) {
                continue;
            }
            if let Some((state, dirty)) = plan.states.get_mut(&target.person) {
                let before = state.clone();
                state.defer(
                    target.side,
                    target.aspect,
                    target.read,
                    DeferredBy::Rule { refusal },
                    now,
                );
                if *state != before {
                    *dirty = Dirty::Yes;
                }
            }
        }
        plan
    }
}

impl Plan {
    /// Leaves to the next runs what exceeds this much work. The steps of each side keep their
    /// order, and at least one stays.
    pub fn portion(mut self, most: Work) -> Self {
        let (mut left, mut full) = (most, Sides::<bool>::default());
        for step in std::mem::take(&mut self.steps) {
            let rest = left.without(step.work()).filter(|_| !full[step.side]);
            match rest {
                Some(rest) => left = rest,
                // A step larger than the portion would otherwise wait for ever.
                None if self.steps.is_empty() => left = Work { webex_calls: 0, binds: 0 },
                None => {
                    // A later, smaller step must not overtake: a promotion needs its addition.
                    full[step.side] = true;
                    self.later.push(step);
                    continue;
                }
            }
            self.steps.push(step);
        }
        let coming: BTreeSet<Person> = self.steps.iter().map(|step| step.person).collect();
        for step in self.later.iter().filter(|step| !coming.contains(&step.person)) {
            // Nothing is known of them that the next reading does not show again.
            if let Some((state, dirty)) = self.states.get_mut(&step.person)
                && state.has_no_history()
            {
                *dirty = Dirty::No;
            }
        }
        self
    }

    /// Returns the removals of this run.
    pub fn removals(&self) -> impl Iterator<Item = PersonRemoval> {
        let removals = self.steps.iter().filter(|step| step.to == Role::None);
        removals.map(|step| PersonRemoval { person: step.person, side: step.side })
    }

    /// Drops the person's steps, because no proof allows their removal. Their baseline stays.
    pub fn exclude(&mut self, person: Person) {
        // A demotion before the removal would change the person, too.
        self.steps.retain(|step| step.person != person);
    }

    /// Adds the intents of all steps, and returns the states to store before the first write.
    pub fn intend(&mut self, now: Timestamp) -> impl Iterator<Item = (Person, &PersonState)> {
        let is_addition =
            |step: &&PlanStep| step.side == Side::Group && step.aspect == Aspect::Presence;
        // A person who is added and then promoted is present only if the addition succeeds.
        let coming: BTreeSet<Person> =
            self.steps.iter().filter(is_addition).map(|step| step.person).collect();
        for step in &self.steps {
            if let Some((state, dirty)) = self.states.get_mut(&step.person) {
                // A new intent for the same value replaces the old: its reading is newer.
                state.intents.retain(|intent| {
                    intent.side != step.side || !step.aspects().contains(&intent.aspect)
                });
                state.intents.extend(step.aspects().iter().map(|&aspect| WriteIntent {
                    side: step.side,
                    aspect,
                    to: step.to,
                    read: step.read,
                    at: now,
                }));
                if step.shows_presence() && !coming.contains(&step.person) {
                    state.lag.presence = Some(LagEntry { value: true, at: now });
                }
                *dirty = Dirty::Yes;
            }
        }
        self.states
            .iter()
            .filter(move |(_, (state, _))| state.intents.iter().any(|intent| intent.at == now))
            .map(|(person, (state, _))| (*person, state))
    }

    /// Returns `true` if this run writes nothing outside.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Differences of one side, with the number of owners as they are taken out.
struct StepQueue {
    coming: Vec<Difference>,
    rising: VecDeque<Difference>,
    falling: VecDeque<Difference>,
    members_going: Vec<Difference>,
    owners: usize,
    most: usize,
}

impl StepQueue {
    fn new(target: impl Iterator<Item = Difference>, owners: usize, most: usize) -> Self {
        let mut queue = Self {
            coming: vec![],
            rising: VecDeque::new(),
            falling: VecDeque::new(),
            members_going: vec![],
            owners,
            most,
        };
        let mut owners_going = vec![];
        for one in target {
            match (one.read[one.side], one.to) {
                (Role::None, _) => queue.coming.push(one),
                (Role::Owner, Role::None) => owners_going.push(one),
                (_, Role::None) => queue.members_going.push(one),
                (_, Role::Owner) => queue.rising.push_back(one),
                (_, Role::Member) => queue.falling.push_back(one),
            }
        }
        // Demotions come first: a removed owner takes more calls, and either makes room.
        queue.falling.extend(owners_going);
        queue
    }

    /// Owners first: a new group needs one, whatever portion of its people comes first.
    fn additions(&mut self) -> Vec<PlanStep> {
        let mut steps = vec![];
        let mut coming = std::mem::take(&mut self.coming);
        // The sort is stable, so members keep the order of their ids in every run.
        coming.sort_by_key(|target| target.to != Role::Owner);
        for target in coming {
            if target.to == Role::Owner && self.owners >= self.most {
                steps.push(PlanStep::from(target, Role::Member));
                // If a demotion makes room, the person is a member by then.
                let mut read = target.read;
                read[target.side] = Role::Member;
                self.rising.push_back(Difference { aspect: Aspect::Ownership, read, ..target });
            } else {
                self.owners += usize::from(target.to == Role::Owner);
                steps.push(PlanStep::from(target, target.to));
            }
        }
        steps
    }

    /// Promotes while there is room, then demotes down to the last owner, and repeats while one
    /// makes room for the other.
    fn roles(&mut self) -> Vec<PlanStep> {
        let mut steps = vec![];
        loop {
            let before = steps.len();
            while self.owners < self.most
                && let Some(target) = self.rising.pop_front()
            {
                self.owners += 1;
                steps.push(PlanStep::from(target, target.to));
            }
            // The last owner stays, even if several are to be demoted.
            while self.owners > 1
                && let Some(target) = self.falling.pop_front()
            {
                self.owners -= 1;
                steps.push(PlanStep::from(target, target.to));
            }
            // Neither loop found room, so another round finds none either.
            if steps.len() == before {
                return steps;
            }
        }
    }

    fn refused(self) -> impl Iterator<Item = (Difference, RuleRefusal)> {
        let rising = self.rising.into_iter().map(|target| (target, RuleRefusal::OwnerLimit));
        rising.chain(self.falling.into_iter().map(|target| (target, RuleRefusal::LastOwner)))
    }
}
