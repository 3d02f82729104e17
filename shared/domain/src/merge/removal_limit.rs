//! Removal limit: holds back unusually many removals until an admin approves them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{PersonRemoval, PersonState, Terms};
use crate::membership::{Person, Role, Side, Sides};

/// Maximum number of removals in 24 hours without approval: a number of people or a share,
/// whichever is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalLimit {
    /// Number of people.
    pub people: usize,
    /// Share of all people, in percent.
    pub percent: usize,
}

impl RemovalLimit {
    /// Default for one link.
    pub const PER_LINK: Self = Self { people: 5, percent: 20 };

    /// Default for all links of a tenant together.
    pub const PER_TENANT: Self = Self { people: 50, percent: 2 };

    /// Returns the maximum among `people` people. It is 0 if both numbers are 0.
    pub fn of(self, people: usize) -> usize {
        // By the share alone, a small team could lose no one without an admin.
        self.people.max(people.saturating_mul(self.percent) / 100)
    }
}

impl Default for RemovalLimit {
    fn default() -> Self {
        Self::PER_LINK
    }
}

/// Reason why removals wait for approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalReason {
    /// More than the link's [`RemovalLimit`] in 24 hours.
    LinkLimit,
    /// All people on one side would go.
    Everyone,
    /// More than the tenant's [`RemovalLimit`] in 24 hours.
    TenantLimit,
    /// Earlier removals of this link still wait.
    AlreadyPending,
    /// The service account lost a role, so its readings prove no absence.
    ServiceAccountLimited,
    /// The preview before the first live sync did not show all of them.
    NotPreviewed,
}

/// Approval state of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApprovalState {
    /// No removals wait.
    #[default]
    Clear,
    /// Removals wait for an admin.
    Pending,
}

/// Extent of the removals on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Everyone,
    Some,
}

/// Removal limit of a link at the time of a sync run, with what counts against it.
#[derive(Clone, Debug, Default)]
pub struct RemovalGuard {
    /// Limit of the link.
    pub limit: RemovalLimit,
    /// Removals of the last 24 hours, without those an admin approved.
    pub removed: usize,
    /// Number of people of the link.
    pub people: usize,
    /// Approval state of the link.
    pub approval: ApprovalState,
    /// Removals that wait for a decision.
    pub pending: BTreeSet<PersonRemoval>,
    /// Removals that an admin approved.
    pub approved: BTreeSet<PersonRemoval>,
    /// Removals that an admin rejected.
    pub discarded: BTreeSet<PersonRemoval>,
    /// Removals that the preview showed. `None` unless this is the first live sync after a preview.
    pub shown: Option<BTreeSet<PersonRemoval>>,
}

/// People whom a reading lacks, and whose removal from the other side would follow.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    removals: Vec<PersonRemoval>,
    present: Sides<usize>,
}

impl Missing {
    /// Counts one person.
    pub fn count(&mut self, person: Person, state: &PersonState, read: Sides<Role>, terms: &Terms) {
        for side in Side::BOTH {
            self.present[side] += usize::from(read[side].is_present());
            let other = side.other();
            let is_missing = terms.direction.syncs_from(other)
                && read[side].is_present()
                && state.is_missing(other, read, terms.now);
            self.removals.extend(is_missing.then_some(PersonRemoval { person, side }));
        }
    }

    /// Returns the removals that would follow.
    pub fn removals(&self) -> impl Iterator<Item = PersonRemoval> {
        self.removals.iter().copied()
    }

    /// Returns `true` if so many are missing that their removals would wait for approval.
    pub fn are_too_many(&self, guard: &RemovalGuard) -> bool {
        let is_decided = |one: &PersonRemoval| guard.is_approved(one) || guard.is_discarded(one);
        let open: Vec<_> = self.removals.iter().copied().filter(|one| !is_decided(one)).collect();
        let going = |side: Side| self.removals.iter().filter(|one| one.side == side).count();
        let is_everyone = |side: Side| {
            // Decided ones leave as well, so they count here: the side would be empty.
            open.iter().any(|one| one.side == side) && going(side) == self.present[side]
        };
        let is_everyone = Side::BOTH.into_iter().any(is_everyone);
        let extent = if is_everyone { Extent::Everyone } else { Extent::Some };
        guard.holds(&open, extent).is_some()
    }
}

impl RemovalGuard {
    pub(super) fn is_approved(&self, held: &PersonRemoval) -> bool {
        self.approved.contains(held)
    }

    pub(super) fn is_discarded(&self, held: &PersonRemoval) -> bool {
        self.discarded.contains(held)
    }

    pub(super) fn holds(
        &self,
        removals: &[PersonRemoval],
        extent: Extent,
    ) -> Option<ApprovalReason> {
        let was_shown =
            |held: &PersonRemoval| self.shown.as_ref().is_none_or(|shown| shown.contains(held));
        if removals.is_empty() {
            None
        // A plan waits as a whole: nothing may go beside removals that wait.
        } else if self.approval == ApprovalState::Pending {
            Some(ApprovalReason::AlreadyPending)
        } else if !removals.iter().all(was_shown) {
            Some(ApprovalReason::NotPreviewed)
        } else if extent == Extent::Everyone {
            Some(ApprovalReason::Everyone)
        } else if self.removed + removals.len() > self.limit.of(self.people) {
            Some(ApprovalReason::LinkLimit)
        } else {
            None
        }
    }
}
