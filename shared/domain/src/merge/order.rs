//! In which order, and within which limits: never without an owner, never with too many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::brake::HeldFor;
use super::{Draft, Held, Intent, Memory, OwedTo, Recent, Refusal, Touched, Wanted};
use crate::membership::{Person, Side, Sides, Standing, Truth};

/// How many owners there are and may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Owners on each side as seen, those who are left out included, the officer not.
    pub owners: Sides<usize>,
    /// Most owners of the group.
    pub group_owners: usize,
}

/// One write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who.
    pub person: Person,
    /// Where.
    pub side: Side,
    /// What the person becomes there.
    pub to: Standing,
    /// What the person should be there. Differs from `to` for an addition where there was no room for an owner.
    pub wanted: Standing,
    /// Which truth gave rise to it.
    pub truth: Truth,
    /// What both sides were seen to be.
    pub read: Sides<Standing>,
}

impl Step {
    /// The truths that this step writes.
    pub fn truths(&self) -> &'static [Truth] {
        match self.truth {
            Truth::Presence => &Truth::BOTH,
            Truth::Role => &[Truth::Role],
        }
    }

    /// Whether the person is there, whatever replicas show meanwhile: a role that goes in the group can take the membership along until it is
    /// bound again, and one that comes can be listed before or after the membership.
    pub(super) fn shows_presence(&self) -> bool {
        self.side == Side::Group && self.truth == Truth::Role
    }

    fn from(wanted: Wanted, to: Standing) -> Self {
        Self { person: wanted.person, side: wanted.side, to, wanted: wanted.to, truth: wanted.truth, read: wanted.read }
    }
}

/// What a look is going to do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The writes, in order: additions, promotions, demotions, removals. Whoever is added where there is no room for an owner yet can be promoted
    /// by a later step, which is not to be tried unless the addition was done.
    pub steps: Vec<Step>,
    /// What is known of each person if no step succeeds.
    pub memories: BTreeMap<Person, (Memory, Touched)>,
    /// Removals that wait, and why.
    pub held: Option<(HeldFor, Vec<Held>)>,
}

impl Draft {
    /// Puts the wanted changes in order. What a limit forbids becomes owed.
    pub fn order(self, limits: &Limits, now: Timestamp) -> Plan {
        let mut plan = Plan { steps: Vec::new(), memories: self.memories, held: self.held };
        let mut queues = [Side::Team, Side::Group].map(|side| {
            let most = if side == Side::Group { limits.group_owners } else { usize::MAX };
            Queue::new(self.wanted.values().filter(|wanted| wanted.side == side).copied(), limits.owners[side], most)
        });
        let additions: Vec<Step> = queues.iter_mut().flat_map(Queue::additions).collect();
        let roles: Vec<Step> = queues.iter_mut().flat_map(Queue::roles).collect();
        let removals: Vec<Step> =
            queues.iter_mut().flat_map(|queue| queue.members_going.drain(..)).map(|w| Step::from(w, w.to)).collect();
        let coming: BTreeSet<Person> = additions.iter().map(|step| step.person).collect();
        plan.steps = [additions, roles, removals].concat();
        for (wanted, refusal) in queues.into_iter().flat_map(Queue::refused) {
            // An addition whose role found no room is a step already; its outcome says what is owed.
            if coming.contains(&wanted.person) {
                continue;
            }
            if let Some((memory, touched)) = plan.memories.get_mut(&wanted.person) {
                let before = memory.clone();
                memory.refuse(wanted.side, wanted.truth, wanted.read, OwedTo::Rule { refusal }, now);
                if *memory != before {
                    *touched = Touched::Yes;
                }
            }
        }
        plan
    }
}

impl Plan {
    /// What has to be stored before the first write: for whoever has a step, the memory with its intents.
    pub fn intend(&mut self, now: Timestamp) -> impl Iterator<Item = (Person, &Memory)> {
        let is_addition = |step: &&Step| step.side == Side::Group && step.truth == Truth::Presence;
        // Whoever is promoted right after having been added is there only if that succeeds.
        let coming: BTreeSet<Person> = self.steps.iter().filter(is_addition).map(|step| step.person).collect();
        for step in &self.steps {
            if let Some((memory, touched)) = self.memories.get_mut(&step.person) {
                memory.intents.retain(|intent| intent.side != step.side || !step.truths().contains(&intent.truth));
                memory.intents.extend(step.truths().iter().map(|&truth| Intent {
                    side: step.side,
                    truth,
                    to: step.to,
                    read: step.read,
                    at: now,
                }));
                if step.shows_presence() && !coming.contains(&step.person) {
                    memory.recent.presence = Some(Recent { value: true, at: now });
                }
                *touched = Touched::Yes;
            }
        }
        self.memories
            .iter()
            .filter(move |(_, (memory, _))| memory.intents.iter().any(|intent| intent.at == now))
            .map(|(person, (memory, _))| (*person, memory))
    }

    /// Whether there is anything to write outside.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// One side's changes, with the number of owners that it has as they are taken out.
struct Queue {
    coming: Vec<Wanted>,
    rising: VecDeque<Wanted>,
    falling: VecDeque<Wanted>,
    members_going: Vec<Wanted>,
    owners: usize,
    most: usize,
}

impl Queue {
    fn new(wanted: impl Iterator<Item = Wanted>, owners: usize, most: usize) -> Self {
        let mut queue = Self {
            coming: vec![],
            rising: VecDeque::new(),
            falling: VecDeque::new(),
            members_going: vec![],
            owners,
            most,
        };
        let mut owners_going = vec![];
        for one in wanted {
            match (one.read[one.side], one.to) {
                (Standing::Absent, _) => queue.coming.push(one),
                (Standing::Owner, Standing::Absent) => owners_going.push(one),
                (_, Standing::Absent) => queue.members_going.push(one),
                (_, Standing::Owner) => queue.rising.push_back(one),
                (_, Standing::Member) => queue.falling.push_back(one),
            }
        }
        queue.falling.extend(owners_going);
        queue
    }

    fn additions(&mut self) -> Vec<Step> {
        let mut steps = vec![];
        for wanted in std::mem::take(&mut self.coming) {
            if wanted.to == Standing::Owner && self.owners >= self.most {
                steps.push(Step::from(wanted, Standing::Member));
                // Where demotions make room after all, it is a member by then.
                let mut read = wanted.read;
                read[wanted.side] = Standing::Member;
                self.rising.push_back(Wanted { truth: Truth::Role, read, ..wanted });
            } else {
                self.owners += usize::from(wanted.to == Standing::Owner);
                steps.push(Step::from(wanted, wanted.to));
            }
        }
        steps
    }

    /// Promotions while there is room, then demotions down to the last owner, and again while either makes way for the other.
    fn roles(&mut self) -> Vec<Step> {
        let mut steps = vec![];
        loop {
            let before = steps.len();
            while self.owners < self.most
                && let Some(wanted) = self.rising.pop_front()
            {
                self.owners += 1;
                steps.push(Step::from(wanted, wanted.to));
            }
            while self.owners > 1
                && let Some(wanted) = self.falling.pop_front()
            {
                self.owners -= 1;
                steps.push(Step::from(wanted, wanted.to));
            }
            if steps.len() == before {
                return steps;
            }
        }
    }

    fn refused(self) -> impl Iterator<Item = (Wanted, Refusal)> {
        let rising = self.rising.into_iter().map(|wanted| (wanted, Refusal::OwnerLimit));
        rising.chain(self.falling.into_iter().map(|wanted| (wanted, Refusal::LastOwner)))
    }
}
