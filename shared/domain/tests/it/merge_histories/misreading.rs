//! The rule, read in ways that looked right. Each tampers with what passes between the real functions, or is a branch of the history that drives them.

use domain::membership::{Sides, Standing, Truth};
use domain::merge::{
    Brake, Direction, Held, Holding, Memory, Outcome, PerTruth, Plan, Recent, Seen, Subject, Terms, Touched, see,
};
use jiff::Timestamp;

const TRUTHS: [Truth; 2] = [Truth::Presence, Truth::Role];

/// How the rule is misread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misreading {
    /// What is listed as an owner only is absent.
    OwnersAreMembersAnyway,
    /// Every look that sees a value apart from the agreed one lets it stand for another fifteen minutes.
    RecentRenewedByEachLook,
    /// A value that is still apart from the agreed one is recent again as soon as its fifteen minutes are over.
    RecentRenewedAtItsEnd,
    /// A recent value ends when a reading has shown it.
    RecentEndsWhenShown,
    /// Only presence is recent.
    RolesNeverRecent,
    /// Readings are taken as they come.
    NothingRecent,
    /// Intents are settled by the reading without what is recent.
    SettledByRawReading,
    /// An intent settles the other side as it is now, not as it was read.
    IntentForgetsItsReading,
    /// Nothing is stored before the first write.
    IntentsNotStored,
    /// What is refused is agreed, and nobody remembers that it is owed.
    RefusedIsAccepted,
    /// What is refused stays a change.
    RefusedStaysPending,
    /// The daily look does not ask the service again.
    ServiceNeverAskedAgain,
    /// A hint from Microsoft gives one look.
    NoLookAfterRecent,
    /// The message of a look that died is deleted if somebody else looked after it.
    WantedForgottenByTheDead,
    /// What the direction does not carry is not agreed either.
    UncarriedNotAgreed,
    /// One agreed value for both sides.
    OneAgreedForBoth,
    /// The brake holds what is beyond its limit, and lets the rest go.
    HeldBeyondTheLimit,
    /// While a plan is held, the next removal is judged by the limit alone.
    HoldingForgotten,
    /// Promotions first, also at the owner limit.
    PromotionsFirst,
    /// Who is back is merged at once.
    ReturnedMergedAtOnce,
    /// Who is back is merged at once, but not removed for fifteen minutes.
    ReturnedOnlyNotRemoved,
    /// A new Webex account with the same externalId is the same person.
    SamePersonAfterRehire,
    /// A demotion in the group is not followed by binding the member.
    DemotedWithoutBinding,
    /// Who stops taking part is forgotten.
    LeftOutForgotten,
    /// Nobody is left out.
    EverybodyTakesPart,
    /// Nobody is asked for before he is removed.
    RemovedWithoutProof,
}

impl Misreading {
    /// [`see`], misread.
    pub(super) fn see(self, stored: &Memory, read: Sides<Standing>, now: Timestamp) -> Seen {
        let mut memory = stored.clone();
        match self {
            Self::RecentEndsWhenShown => {
                for truth in TRUTHS {
                    memory.recent[truth] = memory.recent[truth].filter(|r| r.value != read.group.says(truth));
                }
            }
            Self::RolesNeverRecent => memory.recent.role = None,
            Self::NothingRecent => memory.recent = PerTruth::default(),
            Self::RecentRenewedAtItsEnd => memory.before = memory.agreed.group,
            Self::IntentForgetsItsReading => memory.intents.iter_mut().for_each(|intent| intent.read = read),
            Self::SettledByRawReading => {
                let recent = std::mem::take(&mut memory.recent);
                memory = see(&memory, read, now).memory;
                for truth in TRUTHS {
                    memory.recent[truth] = memory.recent[truth].or(recent[truth]);
                }
            }
            _ => {}
        }
        see(&memory, read, now)
    }

    pub(super) fn tamper_with_plan(self, plan: &mut Plan, subjects: &[Subject], terms: &Terms) {
        match self {
            Self::PromotionsFirst => plan.steps.sort_by_key(|step| match (step.truth, step.to) {
                (Truth::Presence, Standing::Absent) => 3,
                (Truth::Presence, _) => 0,
                (Truth::Role, Standing::Owner) => 1,
                (Truth::Role, _) => 2,
            }),
            Self::RecentRenewedByEachLook => {
                for_each(plan, subjects, |memory, subject| {
                    let group = subject.seen.standing.group;
                    for truth in TRUTHS {
                        if group.says(truth) != subject.seen.memory.agreed.group.says(truth) {
                            memory.recent[truth] = Some(Recent { value: group.says(truth), at: terms.now });
                        }
                    }
                });
            }
            Self::UncarriedNotAgreed if terms.direction == Direction::Microsoft => {
                let stepped: Vec<_> = plan.steps.iter().map(|step| step.person).collect();
                for_each(plan, subjects, |memory, subject| {
                    let seen = subject.seen.standing;
                    if !stepped.contains(&subject.person) && !seen.are_equal() {
                        memory.agreed = subject.seen.memory.agreed;
                    }
                });
            }
            Self::RefusedStaysPending => for_each(plan, subjects, |memory, subject| {
                if memory.owed != subject.seen.memory.owed && memory.owed != PerTruth::default() {
                    memory.agreed = subject.seen.memory.agreed;
                }
            }),
            _ => {}
        }
    }

    pub(super) fn tamper_with_brake(self, mut brake: Brake, removals: &[Held]) -> Brake {
        if self == Self::HeldBeyondTheLimit {
            let room = 5_usize.saturating_sub(brake.removed);
            brake.approved.extend(removals.iter().take(room));
            brake.removed = 5;
            brake.holding = Holding::Nothing;
        }
        brake
    }

    pub(super) fn tamper_with_outcome(self, memory: &mut Memory, before: &Memory, outcome: &Outcome) {
        if self == Self::RefusedStaysPending && matches!(outcome, Outcome::Refused(_)) {
            memory.agreed = before.agreed;
        }
    }

    pub(super) fn tamper_with_record(self, memory: &mut Memory) {
        match self {
            Self::RefusedIsAccepted | Self::RefusedStaysPending => memory.owed = PerTruth::default(),
            Self::OneAgreedForBoth => memory.agreed.group = memory.agreed.team,
            _ => {}
        }
    }
}

fn for_each(plan: &mut Plan, subjects: &[Subject], tamper: impl Fn(&mut Memory, &Subject)) {
    for subject in subjects {
        if let Some((memory, touched)) = plan.memories.get_mut(&subject.person) {
            tamper(memory, subject);
            *touched = Touched::Yes;
        }
    }
}
