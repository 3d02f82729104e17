//! Misreadings of the rule that look right. Each changes a value between the real functions, or a
//! branch of the history.

use domain::membership::{Aspect, Role, Side, Sides};
use domain::merge::{
    ApprovalState, Certainty, DeferredBy, Direction, Dirty, LAG_WINDOW, LagEntry, OverlaidReading,
    PerAspect, PersonRemoval, PersonState, Plan, Proof, RemovalGuard, StepOutcome, Subject, TRIES,
    Terms, apply_overlay,
};
use jiff::Timestamp;

const ASPECTS: [Aspect; 2] = [Aspect::Presence, Aspect::Ownership];

/// Misreading of the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misreading {
    /// A person listed only as an owner is absent.
    OwnersWithoutMembershipAbsent,
    /// Each sync run that sees a value different from the baseline extends it by 15 minutes.
    LagRenewedByEachRun,
    /// A lag entry ends when a reading shows its value.
    LagEndsWhenShown,
    /// Only presence has lag entries.
    LagWithoutRoles,
    /// Readings count without lag overlay.
    NoLagOverlay,
    /// Readings without lag overlay settle intents.
    SettledByRawReading,
    /// An intent settles the other side by the new reading, not by its stored one.
    IntentUsesNewReading,
    /// No intent is stored before the first write.
    IntentsNotStored,
    /// A refused write becomes the baseline without a deferral.
    RefusedNotDeferred,
    /// A refused write stays a change.
    RefusedStaysChanged,
    /// The daily sync does not retry what the service refused.
    ServiceNeverRetried,
    /// A hint from Microsoft causes one sync run only.
    NoRunAfterLagWindow,
    /// The message of a crashed run is deleted if another run follows it.
    RequestLostByCrash,
    /// A change against the direction does not become the baseline.
    UnsyncedNotInBaseline,
    /// Both sides share one baseline.
    OneBaselineForBoth,
    /// The removal limit holds only the removals beyond it.
    OnlyExcessHeld,
    /// While removals are pending, the limit alone decides on the next one.
    PendingIgnored,
    /// Promotions come first, even at the owner limit.
    PromotionsFirst,
    /// A returned person is merged at once.
    ReturnedMergedAtOnce,
    /// A returned person is merged at once, but not removed for 15 minutes.
    ReturnedOnlyNotRemoved,
    /// A new Webex account with the same externalId is the same person.
    SamePersonAfterRehire,
    /// A demotion in the group is not followed by adding the member again.
    DemotedWithoutBinding,
    /// The state of an excluded person is dropped.
    BaselineDroppedOnExclusion,
    /// No one is excluded.
    AllEligible,
    /// No removal is proven by reading the person.
    RemovedWithoutProof,
    /// A listing that lacks a row is believed.
    ListingBelieved,
    /// One question proves an absence.
    AskedOnce,
    /// A listing that lacks an owner is believed.
    RolesBelieved,
    /// An absence that a question denied starts a lag window.
    DenialStartsLag,
    /// A person is compared while an absence is not believed.
    UnclearPlanned,
    /// The lag overlay confirms our write.
    OverlayConfirms,
    /// A listing alone confirms our removal.
    GoneByListing,
    /// The answer to a write confirms it.
    AnswerConfirms,
    /// After the last try, a lost write is taken for an act of a person.
    LostIsAct,
    /// After the last try, what is read is the baseline, without a deferral.
    LostIsBaseline,
    /// A lost write does not count the tries before it.
    TriesDropped,
    /// A row that is shown again does not end what was known of its absence.
    AbsenceNotEnded,
    /// Many missing people are believed to be gone without a question.
    ManyBelieved,
    /// A question without an answer proves an absence.
    NoAnswerIsAbsence,
}

impl Misreading {
    /// Returns the misread result of [`apply_overlay`].
    pub(super) fn apply_overlay(
        self,
        stored: &PersonState,
        read: Sides<Role>,
        mut proofs: Sides<Proof>,
        now: Timestamp,
    ) -> OverlaidReading {
        let mut state = stored.clone();
        self.tamper_with_unconfirmed(&mut state, read, now);
        for side in Side::BOTH {
            proofs[side] = self.proof(proofs[side], read[side]);
        }
        match self {
            Self::LagEndsWhenShown => {
                for aspect in ASPECTS {
                    state.lag[aspect] =
                        state.lag[aspect].filter(|r| r.value != read.group.says(aspect));
                }
            }
            Self::LagWithoutRoles => state.lag.ownership = None,
            Self::NoLagOverlay => state.lag = PerAspect::default(),
            Self::IntentUsesNewReading => {
                state.intents.iter_mut().for_each(|intent| intent.read = read)
            }
            Self::SettledByRawReading => {
                let lag = std::mem::take(&mut state.lag);
                state = apply_overlay(&state, read, proofs, now).state;
                for aspect in ASPECTS {
                    state.lag[aspect] = state.lag[aspect].or(lag[aspect]);
                }
            }
            _ => {}
        }
        let mut seen = apply_overlay(&state, read, proofs, now);
        self.tamper_with_reading(&mut seen, stored, proofs, now);
        seen
    }

    fn proof(self, proof: Proof, read: Role) -> Proof {
        match (self, proof) {
            (Self::ListingBelieved, _) => Proof::AnsweredForDecided(read),
            (Self::RolesBelieved, Proof::Answered(_)) if read.is_present() => {
                Proof::AnsweredForDecided(read)
            }
            (Self::AskedOnce, Proof::Answered(role)) => Proof::AnsweredForDecided(role),
            (Self::NoAnswerIsAbsence, Proof::NoAnswer) => Proof::Answered(read),
            _ => proof,
        }
    }

    fn tamper_with_unconfirmed(self, state: &mut PersonState, read: Sides<Role>, now: Timestamp) {
        for (side, aspect) in every_value() {
            let Some(one) = state.unconfirmed[side][aspect] else { continue };
            let overlaid = state.lag[aspect].map(|lag| lag.value);
            let is_over = now.duration_since(one.at) >= LAG_WINDOW;
            let is_confirmed = match self {
                Self::OverlayConfirms => side == Side::Group && overlaid == Some(one.value),
                Self::GoneByListing => !one.value && !read[side].says(aspect),
                Self::LostIsAct => is_over && one.tries >= TRIES,
                _ => false,
            };
            state.unconfirmed[side][aspect] = Some(one).filter(|_| !is_confirmed);
        }
    }

    fn tamper_with_reading(
        self,
        seen: &mut OverlaidReading,
        stored: &PersonState,
        proofs: Sides<Proof>,
        now: Timestamp,
    ) {
        let state = &mut seen.state;
        match self {
            Self::UnclearPlanned => seen.certainty = Certainty::Certain,
            Self::ManyBelieved if seen.certainty == Certainty::ListingsOnly => {
                seen.certainty = Certainty::Certain;
            }
            Self::AbsenceNotEnded => {
                for (side, aspect) in every_value() {
                    let absence = &mut state.absences[side][aspect];
                    *absence = absence.or(stored.absences[side][aspect]);
                }
            }
            Self::DenialStartsLag => {
                for aspect in ASPECTS {
                    let absence = state.absences.group[aspect];
                    let is_there =
                        matches!(proofs.group, Proof::Answered(role) if role.says(aspect));
                    if is_there && absence.is_some() {
                        state.lag[aspect] = Some(LagEntry { value: false, at: now });
                    }
                }
            }
            Self::LostIsBaseline => {
                for aspect in ASPECTS {
                    let by = state.deferred[aspect].as_ref().map(|deferred| &deferred.by);
                    if matches!(by, Some(DeferredBy::Lost { tries }) if *tries >= TRIES) {
                        state.deferred[aspect] = None;
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn tamper_with_plan(self, plan: &mut Plan, subjects: &[Subject], terms: &Terms) {
        match self {
            Self::PromotionsFirst => plan.steps.sort_by_key(|step| match (step.aspect, step.to) {
                (Aspect::Presence, Role::None) => 3,
                (Aspect::Presence, _) => 0,
                (Aspect::Ownership, Role::Owner) => 1,
                (Aspect::Ownership, _) => 2,
            }),
            Self::LagRenewedByEachRun => {
                for_each(plan, subjects, |state, subject| {
                    let group = subject.seen.roles.group;
                    for aspect in ASPECTS {
                        if group.says(aspect) != subject.seen.state.baseline.group.says(aspect) {
                            state.lag[aspect] =
                                Some(LagEntry { value: group.says(aspect), at: terms.now });
                        }
                    }
                });
            }
            Self::UnsyncedNotInBaseline if terms.direction == Direction::Microsoft => {
                let stepped: Vec<_> = plan.steps.iter().map(|step| step.person).collect();
                for_each(plan, subjects, |state, subject| {
                    let seen = subject.seen.roles;
                    if !stepped.contains(&subject.person) && !seen.are_equal() {
                        state.baseline = subject.seen.state.baseline;
                    }
                });
            }
            Self::RefusedStaysChanged => for_each(plan, subjects, |state, subject| {
                if state.deferred != subject.seen.state.deferred
                    && state.deferred != PerAspect::default()
                {
                    state.baseline = subject.seen.state.baseline;
                }
            }),
            _ => {}
        }
    }

    pub(super) fn tamper_with_limit(
        self,
        mut guard: RemovalGuard,
        removals: &[PersonRemoval],
    ) -> RemovalGuard {
        if self == Self::OnlyExcessHeld {
            let room = 5_usize.saturating_sub(guard.removed);
            guard.approved.extend(removals.iter().take(room));
            guard.removed = 5;
            guard.approval = ApprovalState::Clear;
        }
        guard
    }

    pub(super) fn tamper_with_outcome(
        self,
        state: &mut PersonState,
        before: &PersonState,
        outcome: &StepOutcome,
    ) {
        for (side, aspect) in every_value() {
            let unconfirmed = &mut state.unconfirmed[side][aspect];
            match (self, unconfirmed) {
                (Self::AnswerConfirms, unconfirmed) => *unconfirmed = None,
                (Self::TriesDropped, Some(one)) => one.tries = 1,
                _ => {}
            }
        }
        if self == Self::RefusedStaysChanged && matches!(outcome, StepOutcome::Refused(_)) {
            state.baseline = before.baseline;
        }
    }

    pub(super) fn tamper_with_record(self, state: &mut PersonState) {
        match self {
            Self::RefusedNotDeferred | Self::RefusedStaysChanged => {
                state.deferred = PerAspect::default()
            }
            Self::OneBaselineForBoth => state.baseline.group = state.baseline.team,
            _ => {}
        }
    }
}

fn every_value() -> impl Iterator<Item = (Side, Aspect)> {
    Side::BOTH.into_iter().flat_map(|side| ASPECTS.map(|aspect| (side, aspect)))
}

fn for_each(plan: &mut Plan, subjects: &[Subject], tamper: impl Fn(&mut PersonState, &Subject)) {
    for subject in subjects {
        if let Some((state, dirty)) = plan.states.get_mut(&subject.person) {
            tamper(state, subject);
            *dirty = Dirty::Yes;
        }
    }
}
