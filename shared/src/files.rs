//! What a directory granted our app for files: kept with the tenant, so that whoever has the tenant at hand knows it.
//!
//! # Guarantees
//! Nothing here concerns people and names: where the grant is lost, the tenant goes on without folders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ObjectId, TenantId};
use crate::settings::{Folders, OfficerStanding, Settings};
use crate::standstill::Why;
use crate::store::{Change, Condition, Store, StoreError, to_value};
use crate::tenant::{Tenant, keys};

/// The directory consented to our app for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesConsent {
    /// When its proof was seen.
    pub since: Timestamp,
    /// The administrator of the directory who consented.
    pub by: ObjectId,
    /// The name that he signed in with.
    pub by_name: String,
    /// Why it is of no use any more, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

/// Microsoft no longer accepts our app for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Why.
    pub why: Why,
    /// Since when.
    pub since: Timestamp,
    /// What Microsoft said, with its request id.
    pub said: String,
}

impl Tenant {
    /// Whether the spaces of its teams get folders: that is chosen, the officer stands where it can link them, and the directory's consent is in force.
    pub fn has_folders(&self, settings: &Settings) -> bool {
        let Settings { folders, standing, .. } = settings;
        let is_wanted = *folders == Folders::EachSpace && *standing == OfficerStanding::Inside;
        is_wanted && self.files.as_ref().is_some_and(|consent| consent.lost.is_none())
    }
}

/// Keeps what the directory of a tenant granted.
///
/// # Errors
/// `ConditionFailed` where there is no such tenant any more.
pub async fn keep(store: &dyn Store, tenant: TenantId, consent: &FilesConsent) -> Result<(), StoreError> {
    let change = Change::Set("files", to_value(consent)?);
    store.update(&keys::tenant(tenant), vec![change], Condition::Holds(vec![])).await.map(drop)
}
