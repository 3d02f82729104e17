//! The brake: what stops suspiciously many removals.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Held;

/// Most removals in 24 hours that are made without asking: so many people, or so large a share, whichever is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeLimit {
    /// How many people.
    pub people: usize,
    /// How many of a hundred people.
    pub percent: usize,
}

impl BrakeLimit {
    /// Of one link, where nobody chose another.
    pub const OF_A_LINK: Self = Self { people: 5, percent: 20 };

    /// Of a tenant over all its links, where nobody chose another.
    pub const OF_A_TENANT: Self = Self { people: 50, percent: 2 };

    /// Most removals among `people` people. None where both numbers are 0.
    pub fn of(self, people: usize) -> usize {
        self.people.max(people.saturating_mul(self.percent) / 100)
    }
}

impl Default for BrakeLimit {
    fn default() -> Self {
        Self::OF_A_LINK
    }
}

/// Why a plan is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldFor {
    /// More than the link's [`BrakeLimit`] within 24 hours.
    LinkLimit,
    /// Everybody on one side would go.
    Everybody,
    /// More than the tenant's [`BrakeLimit`] within 24 hours.
    TenantLimit,
    /// An earlier plan waits, and while it does the link removes nobody.
    AlreadyHolding,
    /// The officer lost a role: what it reads proves nothing.
    OfficerLimited,
    /// The preview after which the link went live did not show all of it.
    NotShown,
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
    /// From how many removals on a plan is held.
    pub limit: BrakeLimit,
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
    /// Where this is the first look after a preview: the removals that it showed.
    pub shown: Option<BTreeSet<Held>>,
}

impl Brake {
    pub(super) fn is_approved(&self, held: &Held) -> bool {
        self.approved.contains(held)
    }

    pub(super) fn is_discarded(&self, held: &Held) -> bool {
        self.discarded.contains(held)
    }

    pub(super) fn holds(&self, removals: &[Held], extent: Extent) -> Option<HeldFor> {
        let was_shown = |held: &Held| self.shown.as_ref().is_none_or(|shown| shown.contains(held));
        if removals.is_empty() {
            None
        } else if self.holding == Holding::Plan {
            Some(HeldFor::AlreadyHolding)
        } else if !removals.iter().all(was_shown) {
            Some(HeldFor::NotShown)
        } else if extent == Extent::Everybody {
            Some(HeldFor::Everybody)
        } else if self.removed + removals.len() > self.limit.of(self.people) {
            Some(HeldFor::LinkLimit)
        } else {
            None
        }
    }
}
