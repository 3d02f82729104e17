//! What is stored of one person of a link, and how it changes with what a look did.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{RECENT, Step, after_recent};
use crate::membership::{Side, Sides, Standing, Truth};

/// Something for each of the two truth values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerTruth<T> {
    /// For presence.
    pub presence: T,
    /// For the role.
    pub role: T,
}

impl<T> std::ops::Index<Truth> for PerTruth<T> {
    type Output = T;
    fn index(&self, truth: Truth) -> &T {
        match truth {
            Truth::Presence => &self.presence,
            Truth::Role => &self.role,
        }
    }
}

impl<T> std::ops::IndexMut<Truth> for PerTruth<T> {
    fn index_mut(&mut self, truth: Truth) -> &mut T {
        match truth {
            Truth::Presence => &mut self.presence,
            Truth::Role => &mut self.role,
        }
    }
}

/// What is known of one person of a link. The default is a person of whom nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the person was last known to be, per side.
    pub agreed: Sides<Standing>,
    /// Whether the person has ever been equal on both sides: until then additions go both ways, whatever the direction.
    pub been_equal: bool,
    /// The group's last reading, overlaid.
    pub before: Standing,
    /// Values on the Microsoft side that stand for [`RECENT`].
    #[serde(default)]
    pub recent: PerTruth<Option<Recent>>,
    /// Writes that were about to be made when this was stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<Intent>,
    /// Writes that were refused and are still due.
    #[serde(default)]
    pub owed: PerTruth<Option<Owed>>,
    /// What an administrator decided that the person should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<Instruction>,
}

/// What an administrator decided that somebody should be on both sides. It stands while each side is as it was shown to him, or as he wants it,
/// and for a day at most: somebody who acts meanwhile, or comes back much later, is not overruled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// What the person should be, on both sides.
    pub to: Standing,
    /// What the person was shown to be.
    pub shown: Sides<Standing>,
    /// When it was given.
    pub at: Timestamp,
}

impl Instruction {
    /// For how long it stands.
    pub const STANDS: SignedDuration = SignedDuration::from_hours(24);

    /// The side that is to be changed next, if it stands and is not carried out.
    pub(super) fn next_side(&self, seen: Sides<Standing>, now: Timestamp) -> Option<Side> {
        let is_between = |side: Side, truth: Truth| {
            [self.shown[side], self.to].iter().any(|one| one.says(truth) == seen[side].says(truth))
        };
        let stands = now.duration_since(self.at) < Self::STANDS
            && Side::BOTH.iter().all(|&side| Truth::BOTH.iter().all(|&truth| is_between(side, truth)));
        // The group first: what is half carried out when it ends is carried on from there, whatever the direction.
        [Side::Group, Side::Team].into_iter().find(|&side| stands && seen[side] != self.to)
    }
}

/// A value of the Microsoft side that stands whatever a reading shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The value.
    pub value: bool,
    /// When it was written or first read.
    pub at: Timestamp,
}

impl Recent {
    /// Whether it still stands.
    pub fn stands(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < RECENT
    }
}

/// A write that was about to be made, and the reading that it followed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Where.
    pub side: Side,
    /// Which truth.
    pub truth: Truth,
    /// What it was to become there.
    pub to: Standing,
    /// What both sides were read to be.
    pub read: Sides<Standing>,
    /// When it was stored.
    pub at: Timestamp,
}

/// A write that was refused and is still due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The side that it is owed to.
    pub side: Side,
    /// Who refused it.
    pub by: OwedTo,
    /// Since when.
    pub since: Timestamp,
}

/// Who refused a write, which decides when it is planned again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum OwedTo {
    /// A rule of ours: planned again by each look, since the reason can go at any time.
    Rule {
        /// Which.
        refusal: Refusal,
    },
    /// The service: planned again by the daily look.
    Service {
        /// What it said.
        said: String,
    },
}

/// A rule that stops a write before it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The group's last owner, the team's last moderator.
    LastOwner,
    /// The group has as many owners as it may have.
    OwnerLimit,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so now, by this step or already.
    Done,
    /// The person was added, but the service would have no further owner.
    WithoutRole(OwedTo),
    /// The service refused it.
    Refused(OwedTo),
    /// The call may or may not have taken effect: the next reading decides.
    Unknown,
    /// No call was made.
    NotTried,
}

/// Whether a memory has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// It differs from what is stored.
    Yes,
    /// It is as it is stored.
    No,
}

impl Memory {
    /// Of somebody whom we just made an owner of the group, and who is not meant to be in the team.
    pub fn of_an_owner_of_the_group(now: Timestamp) -> Self {
        let written = Some(Recent { value: true, at: now });
        Self {
            agreed: Sides { team: Standing::Absent, group: Standing::Owner },
            before: Standing::Owner,
            recent: PerTruth { presence: written, role: written },
            ..Self::default()
        }
    }

    /// Of somebody who was on both sides, in different roles, before they were linked: who is an owner on one of them becomes one on the other, and nobody loses a role by it.
    pub fn of_a_member_of_both() -> Self {
        let agreed = Sides { team: Standing::Member, group: Standing::Member };
        Self { agreed, been_equal: true, before: Standing::Member, ..Self::default() }
    }

    /// Takes `seen` for agreed, in one truth.
    pub(super) fn agree(&mut self, truth: Truth, seen: Sides<Standing>) {
        for side in Side::BOTH {
            self.agreed[side] = self.agreed[side].with(truth, seen[side]);
        }
        self.owed[truth] = None;
        self.been_equal |= seen.are_equal() && seen.team.is_present();
    }

    /// Whether an instruction stands of which something was done, or may have been.
    pub fn has_begun_instruction(&self, now: Timestamp) -> bool {
        let is_begun = |one: Instruction| self.agreed != one.shown || !self.intents.is_empty();
        self.instruction.is_some_and(|one| now.duration_since(one.at) < Instruction::STANDS && is_begun(one))
    }

    /// An instruction is carried out, or does not stand any more: the half of it that was carried out is a change like anybody's.
    pub(super) fn end_instruction(&mut self, instruction: &Instruction, seen: Sides<Standing>) {
        for side in Side::BOTH {
            for truth in Truth::BOTH {
                if seen[side].says(truth) == instruction.to.says(truth) {
                    self.agreed[side] = self.agreed[side].with(truth, instruction.shown[side]);
                }
            }
        }
        self.instruction = None;
    }

    /// What is known once the step is through, at `now`, after its call has answered.
    pub fn after(mut self, step: &Step, outcome: &Outcome, now: Timestamp) -> Self {
        if *outcome == Outcome::Unknown {
            return self;
        }
        self.intents.retain(|intent| intent.side != step.side || !step.truths().contains(&intent.truth));
        match outcome {
            Outcome::Done if step.to == step.wanted => {
                let now_there = Sides::each(|side| if side == step.side { step.wanted } else { step.read[side] });
                self.agree(Truth::Presence, now_there);
                if now_there.team.says(Truth::Role) == now_there.group.says(Truth::Role) {
                    self.agree(Truth::Role, now_there);
                } else {
                    // Put back as it was while the other side's role changed: that is a change still.
                    self.agreed[step.side] = step.wanted;
                }
                self.instruction = self
                    .instruction
                    .filter(|instruction| Side::BOTH.iter().any(|&side| now_there[side] != instruction.to));
                self.wrote(step, step.wanted, now);
            }
            Outcome::Done => self = self.added_without_role(step, OwedTo::Rule { refusal: Refusal::OwnerLimit }, now),
            Outcome::WithoutRole(by) => self = self.added_without_role(step, by.clone(), now),
            Outcome::Refused(by) => self.refuse(step.side, step.truth, step.read, by.clone(), now),
            Outcome::Unknown | Outcome::NotTried => {}
        }
        self
    }

    /// A write is owed: both sides are agreed as they were read, and the mark remembers that they should not stay so. What was to become of both
    /// sides, and is refused on the first, is not owed: the other side does not have it, either.
    pub(super) fn refuse(&mut self, side: Side, truth: Truth, read: Sides<Standing>, by: OwedTo, now: Timestamp) {
        if let Some(instruction) = self.instruction.filter(|instruction| instruction.to != read[side.other()]) {
            // A rule that is in the way of an instruction that is begun can be so for an old reading only.
            if !matches!(by, OwedTo::Rule { .. }) || !self.has_begun_instruction(now) {
                self.end_instruction(&instruction, read);
            }
            return;
        }
        (self.agreed, self.instruction) = (read, None);
        if truth == Truth::Role {
            self.owed.presence = None;
        }
        let since = self.owed[truth].as_ref().filter(|owed| owed.side == side).map_or(now, |owed| owed.since);
        self.owed[truth] = Some(Owed { side, by, since });
    }

    fn added_without_role(mut self, step: &Step, by: OwedTo, now: Timestamp) -> Self {
        self.agreed[step.side.other()] = step.wanted;
        self.agreed[step.side] = Standing::Member;
        self.owed = PerTruth { presence: None, role: Some(Owed { side: step.side, by, since: now }) };
        self.wrote(step, Standing::Member, now);
        self
    }

    fn wrote(&mut self, step: &Step, standing: Standing, now: Timestamp) {
        if step.side == Side::Group {
            for &truth in step.truths() {
                self.recent[truth] = Some(Recent { value: standing.says(truth), at: now });
                self.before = self.before.with(truth, standing);
            }
        }
        if step.shows_presence() {
            self.recent.presence = Some(Recent { value: true, at: now });
        }
    }

    /// When a look is due because of what is open here: the end of the last of recent and intents.
    pub fn due(&self) -> Option<Timestamp> {
        let recent = [self.recent.presence, self.recent.role].into_iter().flatten().map(|recent| recent.at);
        recent.chain(self.intents.iter().map(|intent| intent.at)).max().map(after_recent)
    }
}
