//! Written values that no reading has shown yet, and writes without a known answer.
//!
//! An acknowledged write is no reading. Its value counts until the end of the side's window. If the
//! old value is read after that, the write was lost: it is due again, and no one is said to have
//! done anything.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Deferred, DeferredBy, LAG_WINDOW, LagEntry, PersonState, PlanStep, Retry, later};
use crate::membership::{Aspect, Role, Side, Sides};

/// Number of lost writes after which only the daily full sync writes again.
pub const TRIES: u32 = 3;

/// Time for which an unconfirmed value of the team counts against readings.
// Webex reads its own writes at once. The window covers a cache in between.
const TEAM_WINDOW: SignedDuration = SignedDuration::from_mins(2);

/// Time after which a failure of one person is reported.
pub(super) const REPORTED_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// Most minutes between two writes without a known answer.
const LONGEST_PAUSE: i64 = 60;

/// A written value that no reading has shown yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unconfirmed {
    /// Presence or ownership.
    pub value: bool,
    /// Time of the answer.
    pub at: Timestamp,
    /// Number of writes, with this one, since a reading or a person last confirmed the value.
    pub tries: u32,
}

impl Unconfirmed {
    /// Returns `true` while the value counts against every reading.
    pub(super) fn is_active(&self, side: Side, now: Timestamp) -> bool {
        now.duration_since(self.at) < window(side)
    }
}

fn window(side: Side) -> SignedDuration {
    match side {
        Side::Team => TEAM_WINDOW,
        Side::Group => LAG_WINDOW,
    }
}

/// A write without a known answer: a timeout, or an error of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// Side of the write.
    pub side: Side,
    /// Aspect that differed.
    pub aspect: Aspect,
    /// Role that was to be written.
    pub to: Role,
    /// Time of the first write.
    pub since: Timestamp,
    /// Number of writes.
    pub tries: u32,
    /// Time of the next write.
    pub next: Timestamp,
}

impl Unanswered {
    /// Returns the state after another write without an answer. The pause doubles up to an hour,
    /// and starts from the beginning with another target.
    pub(super) fn after(before: Option<Self>, step: &PlanStep, now: Timestamp) -> Self {
        let same = before.filter(|one| one.is_of(step.side, step.aspect, step.target));
        let (since, tries) = same.map_or((now, 1), |one| (one.since, one.tries.saturating_add(1)));
        let minutes = 1_i64.checked_shl(tries - 1).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        let next = later(now, SignedDuration::from_mins(minutes));
        Self { side: step.side, aspect: step.aspect, to: step.target, since, tries, next }
    }

    /// Returns `true` if this is the write to make.
    pub(super) fn is_of(&self, side: Side, aspect: Aspect, to: Role) -> bool {
        (self.side, self.aspect, self.to) == (side, aspect, to)
    }
}

/// Failure of one person that an admin should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum PersonFailure {
    /// The service refused a write.
    Refused {
        /// Side of the write.
        side: Side,
        /// Message of the service.
        said: String,
    },
    /// The service acknowledged a write several times, and never made it.
    WriteLost {
        /// Side of the write.
        side: Side,
    },
    /// The service has given no clear answer to a write for half an hour.
    NoAnswer {
        /// Side of the write.
        side: Side,
    },
    /// A listing has lacked the person for half an hour, and a question about them denies it or has
    /// no answer.
    NotListed {
        /// Side of the listing.
        side: Side,
    },
}

impl PersonFailure {
    /// Returns the service's message, of any length.
    pub fn said_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Refused { said, .. } => Some(said),
            Self::WriteLost { .. } | Self::NoAnswer { .. } | Self::NotListed { .. } => None,
        }
    }
}

impl PersonState {
    /// Returns the failure that keeps this person out of sync, once it is to be reported.
    pub fn failure(&self, now: Timestamp) -> Option<PersonFailure> {
        let is_long = |since: Timestamp| now.duration_since(since) >= REPORTED_AFTER;
        let deferred = Aspect::BOTH.into_iter().filter_map(|aspect| self.deferred[aspect].as_ref());
        let deferred = deferred.filter_map(Deferred::failure);
        // A further try ends the failure only once a reading shows it.
        let retried = Side::BOTH.into_iter().filter(|&side| {
            let written = Aspect::BOTH.map(|aspect| self.unconfirmed[side][aspect]);
            written.iter().flatten().any(|one| one.tries > TRIES)
        });
        let retried = retried.map(|side| PersonFailure::WriteLost { side });
        let unanswered = self.unanswered.filter(|one| is_long(one.since));
        let unanswered = unanswered.map(|one| PersonFailure::NoAnswer { side: one.side });
        let unlisted = Side::BOTH.into_iter().filter(|&side| {
            let absences = Aspect::BOTH.map(|aspect| self.absences[side][aspect]);
            absences.iter().flatten().any(|absence| absence.is_unproven() && is_long(absence.since))
        });
        let unlisted = unlisted.map(|side| PersonFailure::NotListed { side });
        // What a service said explains more than a missing answer.
        deferred.chain(retried).chain(unanswered).chain(unlisted).next()
    }

    /// Returns the time when the last lag window of this state ends, if that is still to come.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let lag = [self.lag.presence, self.lag.ownership].into_iter().flatten().map(|lag| lag.at);
        let open = lag.chain(self.intents.iter().map(|intent| intent.at)).max();
        open.map(super::after_lag_window).filter(|due| *due > now)
    }

    /// Returns the next time when a question, a written value or an open write of this state is
    /// due.
    pub fn check_at(&self, now: Timestamp) -> Option<Timestamp> {
        let of_side = |side: Side| {
            Aspect::BOTH.into_iter().flat_map(move |aspect| {
                let written = self.unconfirmed[side][aspect].map(|one| later(one.at, window(side)));
                let absence = self.absences[side][aspect].map(|absence| absence.next());
                written.into_iter().chain(absence)
            })
        };
        let sides = Side::BOTH.into_iter().flat_map(of_side);
        sides.chain(self.unanswered.map(|one| one.next)).filter(|at| *at > now).min()
    }

    /// Compares unconfirmed values with a reading in which absences are judged. `unclear` are
    /// absences that are not believed.
    pub(super) fn settle_unconfirmed(
        &mut self,
        row: Sides<Role>,
        is_unclear: impl Fn(Side, Aspect) -> bool,
        now: Timestamp,
    ) {
        for side in Side::BOTH {
            for aspect in Aspect::BOTH {
                let open = self.unconfirmed[side][aspect];
                let Some(one) = open.filter(|_| !is_unclear(side, aspect)) else { continue };
                // A missing row of a person who counts as present says nothing of the role.
                let has_role = aspect == Aspect::Presence || row[side].is_present();
                if !has_role {
                    continue;
                }
                if row[side].says(aspect) == one.value {
                    self.unconfirmed[side][aspect] = None;
                    if side == Side::Group {
                        // It may have been a person's act of just now: replicas lag from
                        // here.
                        self.lag[aspect] = Some(LagEntry { value: one.value, at: now });
                    }
                } else if !one.is_active(side, now) {
                    self.lose(side, aspect, one, row[side], now);
                }
            }
        }
    }

    /// The write was lost: the baseline becomes what is read, and the write is due again.
    fn lose(&mut self, side: Side, aspect: Aspect, one: Unconfirmed, read: Role, now: Timestamp) {
        self.unconfirmed[side][aspect] = None;
        if aspect == Aspect::Presence {
            self.baseline[side] = read;
            // Without the person, the role that was written with them is lost as well.
            if one.value {
                self.unconfirmed[side].ownership = None;
            }
            // What defers presence defers the role with it.
            self.put_off(side, Aspect::Ownership, DeferredBy::Lost { tries: 0 }, now);
        } else {
            self.baseline[side] = self.baseline[side].with(aspect, read);
        }
        if side == Side::Group {
            // The entry was about a write that never happened.
            self.lag[aspect] = None;
        }
        self.put_off(side, aspect, DeferredBy::Lost { tries: one.tries }, now);
    }

    /// Returns the role of the team as read, with the values that count against the reading.
    pub(super) fn team_with_unconfirmed(&self, read: Role) -> Role {
        let written = self.unconfirmed.team;
        let present = written.presence.map_or(read.is_present(), |one| one.value);
        let owner = written.ownership.map_or(read == Role::Owner, |one| one.value);
        Role::of(present, owner)
    }
}

impl Deferred {
    /// Returns `true` if a run plans the write again.
    pub(super) fn is_due(&self, retry: Retry) -> bool {
        match self.by {
            DeferredBy::Rule { .. } => true,
            DeferredBy::Lost { .. } if !self.is_lost_for_good() => true,
            DeferredBy::Lost { .. } | DeferredBy::Service { .. } => match retry {
                Retry::OwnRules => false,
                Retry::TriedBefore(moment) => self.tried.is_none_or(|tried| tried < moment),
                Retry::Everything => true,
            },
        }
    }

    /// Returns the failure that only the daily full sync tries to end.
    fn failure(&self) -> Option<PersonFailure> {
        let side = self.side;
        match &self.by {
            DeferredBy::Service { said } => {
                Some(PersonFailure::Refused { side, said: said.clone() })
            }
            DeferredBy::Lost { .. } if self.is_lost_for_good() => {
                Some(PersonFailure::WriteLost { side })
            }
            DeferredBy::Lost { .. } | DeferredBy::Rule { .. } => None,
        }
    }

    fn is_lost_for_good(&self) -> bool {
        matches!(self.by, DeferredBy::Lost { tries } if tries >= TRIES)
    }
}
