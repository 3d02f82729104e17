//! Absences: rows that a reading lacks against the baseline, and when they are believed.
//!
//! A listing can lack rows. So an absence is news that needs proof: a single question, another kind
//! of call than the listing, says the same, and says it again three minutes later. Until then the
//! baseline stays, and nothing is planned for the person.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::overlay::overlaid;
use super::{PerAspect, PersonState, later};
use crate::membership::{Aspect, Role, Side, Sides};

/// Time between the two questions that prove an absence.
pub const PROOF_PAUSE: SignedDuration = SignedDuration::from_mins(3);

/// Time until the next sync after a question that did not prove an absence. It doubles up to an
/// hour.
const UNPROVEN_PAUSE_MINUTES: i64 = 2;

/// A row that is missing against the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// Time of the first reading that lacked the row, in which nothing contradicted it.
    pub since: Timestamp,
    /// Evidence for or against it.
    pub evidence: Evidence,
}

/// Evidence for or against an absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Evidence {
    /// Only listings, since too many people are missing to ask about each.
    Listing,
    /// A single question said the same.
    Question,
    /// A single question denied it, or had no answer.
    Unproven {
        /// Number of questions.
        tries: u32,
        /// Time of the last one that was due.
        at: Timestamp,
    },
}

/// Knowledge of a run about a row that is missing, beyond the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// No question was asked.
    #[default]
    NotAsked,
    /// A question had this answer.
    Answered(Role),
    /// A question had this answer, about a removal that an admin decided on: it needs no second
    /// one.
    AnsweredForDecided(Role),
    /// A question had no answer.
    NoAnswer,
    /// Too many people are missing to ask about each.
    TooMany,
}

/// Certainty of a reading about one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Every difference from the baseline is believed.
    #[default]
    Certain,
    /// Two listings say that the person is gone, and no question was asked. A removal that follows
    /// can only wait for approval.
    ListingsOnly,
    /// An absence is not believed. Nothing is planned for the person.
    Unclear,
}

impl Absence {
    /// Returns absences of all rows that a question proved just long enough before `now`, for a
    /// run that stores nothing.
    pub fn everywhere_before(now: Timestamp) -> Sides<PerAspect<Option<Self>>> {
        let since = now.checked_sub(PROOF_PAUSE).unwrap_or(Timestamp::MIN);
        let absence = Some(Self { since, evidence: Evidence::Question });
        Sides::each(|_| PerAspect { presence: absence, ownership: absence })
    }

    /// Returns the time of the next question.
    pub(super) fn next(&self) -> Timestamp {
        match self.evidence {
            Evidence::Listing | Evidence::Question => later(self.since, PROOF_PAUSE),
            Evidence::Unproven { tries, at } => {
                let minutes = UNPROVEN_PAUSE_MINUTES.checked_shl(tries - 1).unwrap_or(60).min(60);
                later(at, SignedDuration::from_mins(minutes))
            }
        }
    }

    pub(super) fn is_unproven(&self) -> bool {
        matches!(self.evidence, Evidence::Unproven { .. })
    }

    /// Returns the absence after a question that did not prove it.
    fn unproven(before: Option<Self>, now: Timestamp) -> Self {
        match before {
            Some(Self { since, evidence: Evidence::Unproven { tries, at } }) => {
                // Two runs in one pause count as one try.
                let is_due = before.is_some_and(|before| before.next() <= now);
                let (tries, at) = if is_due { (tries.saturating_add(1), now) } else { (tries, at) };
                Self { since, evidence: Evidence::Unproven { tries, at } }
            }
            _ => Self { since: now, evidence: Evidence::Unproven { tries: 1, at: now } },
        }
    }

    /// Returns the absence after a reading that agrees with earlier ones.
    fn supported(before: Option<Self>, evidence: Evidence, now: Timestamp) -> Self {
        let agrees = |before: &Self| match before.evidence {
            Evidence::Unproven { .. } => false,
            Evidence::Question => true,
            Evidence::Listing => evidence == Evidence::Listing,
        };
        before.filter(agrees).unwrap_or(Self { since: now, evidence })
    }
}

impl PersonState {
    /// Returns the roles that the last reading showed, also where an absence is not believed yet.
    pub fn last_read(&self) -> Sides<Role> {
        Sides::each(|side| {
            let is_missing = |aspect: &Aspect| self.absences[side][*aspect].is_some();
            let missing = Aspect::BOTH.into_iter().filter(is_missing);
            missing.fold(self.baseline[side], |role, aspect| role.with(aspect, Role::None))
        })
    }

    /// Returns the time since which readings of a side lack a row.
    pub fn absent_since(&self, side: Side) -> Option<Timestamp> {
        let PerAspect { presence, ownership } = self.absences[side];
        presence.or(ownership).map(|absence| absence.since)
    }
}

/// Aspects of a person that a row of one side lacks, and that need proof.
pub(super) fn doubts(
    state: &PersonState,
    side: Side,
    read: Sides<Role>,
    now: Timestamp,
) -> PerAspect<bool> {
    let seen = match side {
        Side::Team => read.team,
        Side::Group => overlaid(state, read).group,
    };
    let row = read[side];
    let is_in_doubt = |aspect: Aspect| {
        let open = state.unconfirmed[side][aspect];
        let is_active = open.is_some_and(|one| one.value && one.is_active(side, now));
        let is_news = state.baseline[side].says(aspect) && !seen.says(aspect) && !is_active;
        // What we removed is gone only under the same proof; what we added is lost only so.
        let is_ours = open.is_some_and(|one| !one.value || !one.is_active(side, now));
        // A row proves that someone is there. Only its absence needs a question.
        is_news || is_ours && !row.says(aspect)
    };
    let presence = is_in_doubt(Aspect::Presence);
    let ownership = (row.is_present() || presence) && is_in_doubt(Aspect::Ownership);
    PerAspect { presence, ownership }
}

/// Judges the absences of one side. Returns the row that counts, and the certainty of each aspect.
pub(super) fn judge(
    state: &mut PersonState,
    side: Side,
    read: Sides<Role>,
    proof: Proof,
    now: Timestamp,
) -> (Role, PerAspect<Certainty>) {
    let in_doubt = doubts(state, side, read, now);
    let mut row = read[side];
    let mut certainty = PerAspect::default();
    for aspect in Aspect::BOTH {
        let before = state.absences[side][aspect];
        // The row is back, so the doubt was a short listing.
        if !in_doubt[aspect] {
            state.absences[side][aspect] = None;
            continue;
        }
        let is_old = |absence: &Absence| now.duration_since(absence.since) >= PROOF_PAUSE;
        let (absence, how) = match proof {
            // No question means no news: earlier evidence stays as it is.
            Proof::NotAsked => (before, Certainty::Unclear),
            Proof::NoAnswer => (Some(Absence::unproven(before, now)), Certainty::Unclear),
            Proof::Answered(role) | Proof::AnsweredForDecided(role) if role.says(aspect) => {
                // The question contradicts the listing: the person stays, and is asked about again.
                row = row.with(aspect, role);
                (Some(Absence::unproven(before, now)), Certainty::Certain)
            }
            // An admin decided, so one answer is enough, and no second question is due.
            Proof::AnsweredForDecided(_) => (before, Certainty::Certain),
            Proof::Answered(_) => {
                let absence = Absence::supported(before, Evidence::Question, now);
                let how = if is_old(&absence) { Certainty::Certain } else { Certainty::Unclear };
                (Some(absence), how)
            }
            Proof::TooMany => {
                let absence = Absence::supported(before, Evidence::Listing, now);
                let how =
                    if is_old(&absence) { Certainty::ListingsOnly } else { Certainty::Unclear };
                (Some(absence), how)
            }
        };
        state.absences[side][aspect] = absence;
        certainty[aspect] = how;
        // Until it is clear, all goes on as if the person were still there.
        if how == Certainty::Unclear {
            row = row.with(aspect, state.baseline[side]);
        }
        // Who is believed to be gone has no role to ask about.
        if !row.is_present() && in_doubt.presence {
            state.absences[side].ownership = None;
            state.unconfirmed[side].ownership = None;
            break;
        }
    }
    (row, certainty)
}

impl PersonState {
    /// Returns the aspects of one side that a run should ask about: missing against the baseline,
    /// and not asked about just now.
    pub fn questions(&self, side: Side, read: Sides<Role>, now: Timestamp) -> PerAspect<bool> {
        let state = self.begun(read, now);
        let mut questions = doubts(&state, side, read, now);
        for aspect in Aspect::BOTH {
            let is_waiting = state.absences[side][aspect].is_some_and(|absence| {
                // A second question sooner could meet the same replica, or the same short listing.
                absence.evidence == Evidence::Question && absence.next() > now
            });
            questions[aspect] &= !is_waiting;
        }
        questions
    }

    /// Returns `true` if the last question about a side did not prove an absence.
    pub fn was_denied(&self, side: Side) -> bool {
        let absences = Aspect::BOTH.map(|aspect| self.absences[side][aspect]);
        absences.iter().flatten().any(Absence::is_unproven)
    }

    /// Returns `true` if a reading lacks the person on a side where the baseline has them. A value
    /// that only we wrote is none: if it is gone, our write was lost, and no removal follows.
    pub fn is_missing(&self, side: Side, read: Sides<Role>, now: Timestamp) -> bool {
        let state = self.begun(read, now);
        doubts(&state, side, read, now).presence
            && state.baseline[side].is_present()
            && state.unconfirmed[side].presence.is_none()
    }
}
