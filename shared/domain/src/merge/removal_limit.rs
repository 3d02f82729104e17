//! Removal limit: holds back unusually many removals until an admin approves them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::PersonRemoval;

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
    /// Removals that an admin approved.
    pub approved: BTreeSet<PersonRemoval>,
    /// Removals that an admin rejected.
    pub discarded: BTreeSet<PersonRemoval>,
    /// Removals that the preview showed. `None` unless this is the first live sync after a preview.
    pub shown: Option<BTreeSet<PersonRemoval>>,
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
