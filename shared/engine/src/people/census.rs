//! How many people can take part, and for which reasons the others do not: counted while a pass over all of them fills the index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object_of;
use clients::graph::{User, UserKind};
use clients::webex::{ScimState, ScimUser};
use domain::ids::{ObjectId, TenantId};
use domain::membership::LeftOut;
use store::keys;
use store::table::{Store, StoreError, from_item};

/// How many of an organization's people can take part. Counted while a pass over all of them fills the index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Census {
    /// People: no devices, no bots.
    pub people: usize,
    /// Those of them with an externalId.
    pub with_external_id: usize,
    /// Those whose externalId is a user of the directory, no guest.
    pub matched: usize,
    /// Those who are active and have signed in.
    pub signed_in: usize,
    /// Those who take part.
    pub ready: usize,
    /// How many of the others are left out for which reason. Each of them counts once, for the first that is in the way.
    pub left_out: BTreeMap<LeftOut, usize>,
}

impl Census {
    /// Counts what one account says of itself. `directory` is as in [`PersonIndex::observe`](super::PersonIndex::observe).
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

    /// Counts whether a person takes part, or why not.
    pub fn sort(&mut self, reason: Option<LeftOut>) {
        match reason {
            None => self.ready += 1,
            Some(LeftOut::NotAPerson) => {}
            Some(reason) => *self.left_out.entry(reason).or_default() += 1,
        }
    }

    /// Counts a person anew that was counted before.
    pub fn sort_again(&mut self, before: Option<LeftOut>, after: Option<LeftOut>) {
        match before {
            None => self.ready = self.ready.saturating_sub(1),
            Some(before) => {
                if let Some(count) = self.left_out.get_mut(&before) {
                    *count = count.saturating_sub(1);
                }
            }
        }
        self.sort(after);
    }

    /// How many are left out for this reason.
    pub fn of(&self, reason: LeftOut) -> usize {
        self.left_out.get(&reason).copied().unwrap_or_default()
    }
}

/// A census with its date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusOf {
    /// When the pass ended.
    pub at: Timestamp,
    /// What it counted.
    pub census: Census,
}

/// The last census that was counted to the end: one read, whatever the organization's size.
pub async fn census(store: &dyn Store, tenant: TenantId) -> Result<Option<CensusOf>, StoreError> {
    store.get(&keys::census(tenant)).await?.map(from_item).transpose()
}
