//! What a directory granted our app for files: kept with the tenant, so that whoever has the tenant at hand knows it.
//!
//! # Guarantees
//! Nothing here concerns people and names: where the grant is lost, the tenant goes on without folders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::notify::{self, Matter};
use crate::tenant::Tenant;
use crate::tenant::settings::{Folders, OfficerStanding, Settings};
use crate::tenant::suspension::Why;
use domain::ids::{ObjectId, TenantId};
use store::keys;
use store::table::{Change, Condition, Store, StoreError, Test, Write, to_value};

/// The directory consented to our app for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesConsent {
    /// Since when it is in force, as far as was seen.
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

/// Keeps what the directory of a tenant granted; what was granted or lost before is over.
///
/// # Errors
/// `ConditionFailed` where there is no such tenant any more.
pub async fn keep(store: &dyn Store, tenant: TenantId, consent: &FilesConsent) -> Result<(), StoreError> {
    let change = Change::Set("files", to_value(consent)?);
    let kept = Write::Update(keys::tenant(tenant), vec![change], Condition::Holds(vec![]));
    store.write(vec![kept, notify::withdraw(tenant, Matter::FilesConsentLost)]).await
}

/// What an administrator is told.
const LOST: &str = "Microsoft 365 no longer lets the integration work with files: spaces get no folders until an administrator of the directory authorizes it again. People and names go on.";

/// Where that is done.
const PAGE: &str = "/folders";

/// What was granted is of no use any more, or is again: an administrator is told of a loss, once. Where somebody has consented anew since `seen`, nothing changes.
pub(crate) async fn turn(
    store: &dyn Store,
    tenant: TenantId,
    seen: &FilesConsent,
    now: &FilesConsent,
) -> Result<(), StoreError> {
    tracing::warn!(%tenant, lost = ?now.lost, "the consent to files turned");
    metrics::counter!("FilesConsentsLost").increment(u64::from(now.lost.is_some()));
    let change = Change::Set("files", to_value(now)?);
    let is_as_seen = Condition::Holds(vec![Test::Equals("files", to_value(seen)?)]);
    let mut writes = vec![Write::Update(keys::tenant(tenant), vec![change], is_as_seen)];
    match now.lost {
        None => writes.push(notify::withdraw(tenant, Matter::FilesConsentLost)),
        Some(Lost { since, .. }) => {
            if notify::load(store, tenant, Matter::FilesConsentLost).await?.is_none() {
                writes.push(notify::raise(tenant, Matter::FilesConsentLost, LOST.into(), PAGE.into(), since)?);
            }
        }
    }
    match store.write(writes).await {
        Err(StoreError::ConditionFailed) => Ok(()),
        written => written,
    }
}
