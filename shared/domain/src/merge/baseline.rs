//! Stored state of one person of a link, and how a sync run changes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::absence::Absence;
use super::unconfirmed::{Unanswered, Unconfirmed};
use super::{LAG_WINDOW, Override, PlanStep};
use crate::membership::{Aspect, Role, Side, Sides};

/// One value for each aspect of a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerAspect<T> {
    /// Value for presence.
    pub presence: T,
    /// Value for ownership.
    pub ownership: T,
}

impl<T> std::ops::Index<Aspect> for PerAspect<T> {
    type Output = T;
    fn index(&self, aspect: Aspect) -> &T {
        match aspect {
            Aspect::Presence => &self.presence,
            Aspect::Ownership => &self.ownership,
        }
    }
}

impl<T> std::ops::IndexMut<Aspect> for PerAspect<T> {
    fn index_mut(&mut self, aspect: Aspect) -> &mut T {
        match aspect {
            Aspect::Presence => &mut self.presence,
            Aspect::Ownership => &mut self.ownership,
        }
    }
}

/// Stored state of one person of a link. The default is a person without a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    /// Last confirmed role on each side.
    pub baseline: Sides<Role>,
    /// `true` once the person was equal on both sides. Until then additions go both ways, whatever
    /// the direction.
    pub been_equal: bool,
    /// Last reading of the group, with the lag overlay.
    pub before: Role,
    /// Values of the group that count for [`LAG_WINDOW`].
    #[serde(default)]
    pub lag: PerAspect<Option<LagEntry>>,
    /// Writes that were about to be made when this was stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<WriteIntent>,
    /// Differences that were refused or lost, and are still due.
    #[serde(default)]
    pub deferred: PerAspect<Option<Deferred>>,
    /// Written values that no reading has shown yet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unconfirmed: Sides<PerAspect<Option<Unconfirmed>>>,
    /// Rows that are missing against the baseline, and not believed to be gone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub absences: Sides<PerAspect<Option<Absence>>>,
    /// Write without a known answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
    /// Role that an admin decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_override: Option<Override>,
}

/// Value of the group that counts whatever a reading shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagEntry {
    /// Presence or ownership.
    pub value: bool,
    /// Time of the write, or of the first reading.
    pub at: Timestamp,
}

impl LagEntry {
    /// Returns `true` during the lag window.
    pub fn is_active(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < LAG_WINDOW
    }
}

/// A write that was about to be made, and the reading it is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteIntent {
    /// Side of the write.
    pub side: Side,
    /// Aspect that is written.
    pub aspect: Aspect,
    /// Role after the write.
    pub to: Role,
    /// Roles that both sides showed.
    pub read: Sides<Role>,
    /// Time of storing.
    pub at: Timestamp,
}

/// A difference that is due but was refused or lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Side that lacks the change.
    pub side: Side,
    /// Source of the refusal.
    pub by: DeferredBy,
    /// Time of the first refusal or loss.
    pub since: Timestamp,
    /// Time of the service's last refusal.
    #[serde(default)]
    pub tried: Option<Timestamp>,
}

/// Source of a deferral. It decides when the write is planned again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum DeferredBy {
    /// Our own rule. Every sync run plans it again, since the reason can go away at any time.
    Rule {
        /// Rule that applied.
        refusal: RuleRefusal,
    },
    /// The service. Only the daily full sync plans it again.
    Service {
        /// Message of the service.
        said: String,
    },
    /// The service acknowledged the write, and readings show the old value. Planned again at once
    /// until [`TRIES`](super::TRIES) were lost. After that, only by the daily full sync.
    Lost {
        /// Number of lost writes.
        tries: u32,
    },
}

impl DeferredBy {
    /// Returns the time of a call that was refused now. Our own rule makes none.
    fn tried_at(&self, now: Timestamp) -> Option<Timestamp> {
        (!matches!(self, Self::Rule { .. })).then_some(now)
    }
}

/// Rule that stops a write before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleRefusal {
    /// The group's last owner or the team's last moderator would go.
    LastOwner,
    /// The group has the maximum number of owners.
    OwnerLimit,
}

/// Outcome of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The side has the role now, by this step or already before it.
    Done,
    /// The person was added, but the service accepts no further owner.
    WithoutOwnership(DeferredBy),
    /// The service refused the step.
    Refused(DeferredBy),
    /// The call may have taken effect. The next reading decides.
    Unknown,
    /// No call was made.
    NotTried,
}

/// Marks a state that differs from the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dirty {
    /// The state must be stored.
    Yes,
    /// The state is stored as it is.
    No,
}

impl PersonState {
    /// State of a person that we just made an owner of the group, and who should not join the team.
    pub fn of_an_owner_of_the_group(now: Timestamp) -> Self {
        let written = Some(LagEntry { value: true, at: now });
        Self {
            baseline: Sides { team: Role::None, group: Role::Owner },
            before: Role::Owner,
            lag: PerAspect { presence: written, ownership: written },
            ..Self::default()
        }
    }

    /// State of a person who was on both sides before the link. An owner on one side becomes owner
    /// on the other; no one loses a role.
    pub fn of_a_member_of_both() -> Self {
        let baseline = Sides { team: Role::Member, group: Role::Member };
        Self { baseline, been_equal: true, before: Role::Member, ..Self::default() }
    }

    /// Makes `seen` the baseline of one aspect.
    pub(super) fn set_baseline(&mut self, aspect: Aspect, seen: Sides<Role>) {
        for side in Side::BOTH {
            self.baseline[side] = self.baseline[side].with(aspect, seen[side]);
        }
        self.deferred[aspect] = None;
        self.been_equal |= seen.are_equal() && seen.team.is_present();
    }

    /// Returns `true` if the state says nothing but what a reading shows.
    pub(super) fn has_no_history(&self) -> bool {
        let seen = Self { before: self.before, lag: self.lag, ..Self::default() };
        *self == seen
    }

    /// Returns `true` for a person who left both sides, if nothing is open.
    pub fn is_over(&self) -> bool {
        *self == Self { been_equal: self.been_equal, ..Self::default() }
    }

    /// Returns `true` if a valid override is partly done, or may be.
    pub fn has_begun_override(&self, now: Timestamp) -> bool {
        let is_begun = |one: Override| self.baseline != one.shown || !self.intents.is_empty();
        self.role_override.is_some_and(|one| one.is_valid(now) && is_begun(one))
    }

    /// Ends an override. If both sides should have become equal, the half that was done counts as
    /// a change by a person. If not, it stays on its side.
    pub(super) fn end_override(&mut self, role_override: &Override, seen: Sides<Role>) {
        let Override { to, shown, .. } = role_override;
        let before = if to.are_equal() { shown } else { &seen };
        for side in Side::BOTH {
            for aspect in Aspect::BOTH {
                if seen[side].says(aspect) == to[side].says(aspect) {
                    self.baseline[side] = self.baseline[side].with(aspect, before[side]);
                }
            }
        }
        self.role_override = None;
    }

    /// Returns the state after `step`, at `now`, once its call has answered.
    pub fn after(mut self, step: &PlanStep, outcome: &StepOutcome, now: Timestamp) -> Self {
        // The write may have worked. Only a reading can tell.
        if *outcome == StepOutcome::Unknown {
            self.unanswered = Some(Unanswered::after(self.unanswered, step, now));
            return self;
        }
        // Any answer ends the doubt about earlier writes without one.
        if *outcome != StepOutcome::NotTried {
            self.unanswered = None;
        }
        let tries = 1 + self.lost_tries(step);
        self.intents
            .retain(|intent| intent.side != step.side || !step.aspects().contains(&intent.aspect));
        match outcome {
            // The whole target was written, not a part of it.
            StepOutcome::Done if step.to == step.target => {
                let now_there =
                    Sides::each(
                        |side| {
                            if side == step.side { step.target } else { step.read[side] }
                        },
                    );
                // The step wrote the whole role, so presence is settled with it.
                self.set_baseline(Aspect::Presence, now_there);
                if now_there.team.says(Aspect::Ownership) == now_there.group.says(Aspect::Ownership)
                {
                    self.set_baseline(Aspect::Ownership, now_there);
                } else {
                    // The person is back in their old role while the other side's role changed:
                    // that change remains due.
                    self.baseline[step.side] = step.target;
                }
                self.role_override = self.role_override.filter(|role_override| {
                    Side::BOTH.iter().any(|&side| now_there[side] != role_override.to[side])
                });
                self.wrote(step, step.target, tries, now);
            }
            StepOutcome::Done => {
                let by = DeferredBy::Rule { refusal: RuleRefusal::OwnerLimit };
                // A new owner beyond the limit becomes a member.
                self = self.added_without_ownership(step, by, tries, now)
            }
            StepOutcome::WithoutOwnership(by) => {
                self = self.added_without_ownership(step, by.clone(), tries, now)
            }
            StepOutcome::Refused(by) => {
                self.defer(step.side, step.aspect, step.read, by.clone(), now)
            }
            // The intent stays, and the next reading settles it.
            StepOutcome::Unknown | StepOutcome::NotTried => {}
        }
        self
    }

    /// Defers a write: the readings become the baseline, and the deferral remembers that the sides
    /// should not stay so.
    ///
    /// An override that is refused is deferred only if the other side has the same role already:
    /// otherwise nothing is due.
    pub(super) fn defer(
        &mut self,
        side: Side,
        aspect: Aspect,
        read: Sides<Role>,
        by: DeferredBy,
        now: Timestamp,
    ) {
        // An override to different roles leaves no difference that a later run could find.
        let is_due = |one: &Override| one.to[side] == read[side.other()];
        if let Some(role_override) = self.role_override.filter(|one| !is_due(one)) {
            // A rule can only stop a half-done override because of an old reading, so the override
            // goes on.
            if !matches!(by, DeferredBy::Rule { .. }) || !self.has_begun_override(now) {
                self.end_override(&role_override, read);
            }
            return;
        }
        // What was refused is no change to be found again, only deferred.
        (self.baseline, self.role_override) = (read, None);
        if aspect == Aspect::Ownership {
            // The person is there if only their role was refused.
            self.deferred.presence = None;
        }
        if aspect == Aspect::Presence {
            // If a person adds them by hand, the role is still due.
            self.put_off(side, Aspect::Ownership, by.clone(), now);
        }
        self.put_off(side, aspect, by, now);
    }

    /// Stores a deferral. One of the same side keeps its start.
    pub(super) fn put_off(&mut self, side: Side, aspect: Aspect, by: DeferredBy, now: Timestamp) {
        let since = self.deferred[aspect]
            .as_ref()
            // The wait goes on if the same side refuses again.
            .filter(|deferred| deferred.side == side)
            .map_or(now, |deferred| deferred.since);
        self.deferred[aspect] = Some(Deferred { side, since, tried: by.tried_at(now), by });
    }

    /// Number of earlier writes like this one that were lost.
    fn lost_tries(&self, step: &PlanStep) -> u32 {
        let deferred = self.deferred[step.aspect].as_ref();
        match deferred.filter(|deferred| deferred.side == step.side).map(|deferred| &deferred.by) {
            Some(DeferredBy::Lost { tries }) => *tries,
            _ => 0,
        }
    }

    fn added_without_ownership(
        mut self,
        step: &PlanStep,
        by: DeferredBy,
        tries: u32,
        now: Timestamp,
    ) -> Self {
        self.baseline[step.side.other()] = step.target;
        self.baseline[step.side] = Role::Member;
        self.deferred = PerAspect {
            presence: None,
            ownership: Some(Deferred { side: step.side, since: now, tried: by.tried_at(now), by }),
        };
        self.wrote(step, Role::Member, tries, now);
        self
    }

    fn wrote(&mut self, step: &PlanStep, role: Role, tries: u32, now: Timestamp) {
        let written = |aspect| Some(Unconfirmed { value: role.says(aspect), at: now, tries });
        let unconfirmed = &mut self.unconfirmed[step.side];
        if step.aspect == Aspect::Presence {
            *unconfirmed = PerAspect { presence: written(Aspect::Presence), ownership: None };
        }
        if step.aspect == Aspect::Ownership || role == Role::Owner {
            unconfirmed.ownership = written(Aspect::Ownership);
        }
        if step.side == Side::Group {
            for &aspect in step.aspects() {
                self.lag[aspect] = Some(LagEntry { value: role.says(aspect), at: now });
                // Otherwise the next reading of our own value would count as a person's act.
                self.before = self.before.with(aspect, role);
            }
        }
        // A demotion leaves a member behind, who can look absent to a late reading.
        if step.shows_presence() {
            self.lag.presence = Some(LagEntry { value: true, at: now });
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
