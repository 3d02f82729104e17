//! The brake: what stops suspiciously many removals.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Held;

/// Most removals in 24 hours that a link of `people` people makes without asking.
pub fn limit_for_link(people: usize) -> usize {
    (people / 5).max(5)
}

/// Most removals in 24 hours that a tenant with `memberships` memberships over all its links makes without asking.
pub fn limit_for_tenant(memberships: usize) -> usize {
    (memberships / 50).max(50)
}

/// Why a plan is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldFor {
    /// More than [`limit_for_link`] within 24 hours.
    LinkLimit,
    /// Everybody on one side would go.
    Everybody,
    /// More than [`limit_for_tenant`] within 24 hours.
    TenantLimit,
    /// An earlier plan waits, and while it does the link removes nobody.
    AlreadyHolding,
    /// The officer lost a role: what it reads proves nothing.
    OfficerLimited,
}

/// Whether a plan of the link waits for an administrator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// None waits.
    #[default]
    Nothing,
    /// One waits.
    Plan,
}

/// Whether removals would leave a side empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Everybody,
    Some,
}

impl From<bool> for Extent {
    fn from(everybody: bool) -> Self {
        if everybody { Self::Everybody } else { Self::Some }
    }
}

/// A link's brake at the moment of a look.
#[derive(Clone, Debug, Default)]
pub struct Brake {
    /// Removals made in the last 24 hours, those that an administrator applied left out.
    pub removed: usize,
    /// How many people the link has.
    pub people: usize,
    /// Whether a plan waits.
    pub holding: Holding,
    /// What an administrator applied.
    pub approved: BTreeSet<Held>,
    /// What an administrator discarded.
    pub discarded: BTreeSet<Held>,
}

impl Brake {
    pub(super) fn is_approved(&self, held: &Held) -> bool {
        self.approved.contains(held)
    }

    pub(super) fn is_discarded(&self, held: &Held) -> bool {
        self.discarded.contains(held)
    }

    pub(super) fn holds(&self, removals: usize, extent: Extent) -> Option<HeldFor> {
        if removals == 0 {
            None
        } else if self.holding == Holding::Plan {
            Some(HeldFor::AlreadyHolding)
        } else if extent == Extent::Everybody {
            Some(HeldFor::Everybody)
        } else if self.removed + removals > limit_for_link(self.people) {
            Some(HeldFor::LinkLimit)
        } else {
            None
        }
    }
}
