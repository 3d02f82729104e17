//! How many people can take part, and for which reasons the others do not: counted while a pass over all of them fills the index.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object_of;
use crate::graph::{User, UserKind};
use crate::ids::{ObjectId, TenantId};
use crate::store::{Store, StoreError, from_item};
use crate::tenant::keys;
use crate::webex::{ScimState, ScimUser};

/// How many of an organization's people can take part. Counted while a pass over all of them fills the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Those of whom all of it holds.
    pub ready: usize,
}

impl Census {
    /// Counts one account. `directory` is as in [`PersonIndex::observe`].
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
        self.ready += usize::from(is_matched && has_signed_in);
    }
}

/// A census with its date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
