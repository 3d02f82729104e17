//! Counts of eligible and excluded people, taken while a scan of everyone fills the index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object_of;
use crate::stored::readable;
use clients::graph::{User, UserKind};
use clients::webex::{ScimState, ScimUser};
use domain::ids::{ObjectId, TenantId};
use domain::membership::ExclusionReason;
use store::keys;
use store::table::{Store, StoreError};

/// Counts of an organization's people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PeopleCounts {
    /// People, without devices and bots.
    pub people: usize,
    /// People with an externalId.
    pub with_external_id: usize,
    /// People whose externalId is a user of the directory, not a guest.
    pub matched: usize,
    /// Active people who have signed in.
    pub signed_in: usize,
    /// Eligible people.
    pub eligible: usize,
    /// Excluded people by reason, each counted once, for the first reason that applies.
    pub excluded: BTreeMap<ExclusionReason, usize>,
}

impl PeopleCounts {
    /// Counts what one account says of itself. `directory` is as in
    /// [`PersonIndex::observe`](super::PersonIndex::observe).
    pub fn count(&mut self, account: &ScimUser, directory: &BTreeMap<ObjectId, Option<User>>) {
        let state = account.state();
        if state == ScimState::NotAPerson {
            return;
        }
        let user = object_of(account).and_then(|object| directory.get(&object)?.as_ref());
        let is_matched = user.is_some_and(|user| user.kind == UserKind::Member);
        let has_signed_in = state == ScimState::SignedIn;
        self.people += 1;
        self.with_external_id += usize::from(account.external_id.is_some());
        self.matched += usize::from(is_matched);
        self.signed_in += usize::from(has_signed_in);
    }

    /// Counts a person as eligible, or as excluded for this reason.
    pub fn add_person(&mut self, reason: Option<ExclusionReason>) {
        match reason {
            None => self.eligible += 1,
            // Devices and bots are not among the people, so they belong to no part of them.
            Some(ExclusionReason::NotAPerson) => {}
            Some(reason) => *self.excluded.entry(reason).or_default() += 1,
        }
    }

    /// Moves a counted person from one reason to another.
    pub fn replace_person(
        &mut self,
        before: Option<ExclusionReason>,
        after: Option<ExclusionReason>,
    ) {
        match before {
            // An account can change between its page and this one: a count must not go below zero.
            None => self.eligible = self.eligible.saturating_sub(1),
            Some(before) => {
                if let Some(count) = self.excluded.get_mut(&before) {
                    *count = count.saturating_sub(1);
                }
            }
        }
        self.add_person(after);
    }

    /// Returns the number of people who are excluded for this reason.
    pub fn of(&self, reason: ExclusionReason) -> usize {
        self.excluded.get(&reason).copied().unwrap_or_default()
    }
}

/// Counts with their date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPeopleCounts {
    /// End of the scan.
    pub at: Timestamp,
    /// Its counts.
    pub people_counts: PeopleCounts,
}

/// Returns the counts of the last complete scan.
///
/// # Errors
/// The table's.
pub async fn people_counts(
    store: &dyn Store,
    tenant: TenantId,
) -> Result<Option<StoredPeopleCounts>, StoreError> {
    Ok(store.get(&keys::people_counts(tenant)).await?.and_then(readable))
}
