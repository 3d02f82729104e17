//! A directory's consent to the app registration for files. It is part of the tenant's row.
//!
//! # Guarantees
//! People and names do not depend on it: without the consent, the tenant syncs without folders.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codes::Decision;
use crate::codes::SuspensionReason;
use crate::decision::Decider;
use crate::notify::{self, AlertKey, AlertMessage};
use crate::tenant::Tenant;
use crate::tenant::settings::{Folders, ServiceAccountMode, Settings};
use domain::ids::{ObjectId, TenantId};
use store::keys;
use store::table::{Change, Condition, Store, StoreError, Test, Write, to_value};

/// The page that restores the consent.
const PAGE: &str = "/folders";

/// A directory's consent to the app registration for files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesConsent {
    /// The first moment at which it was seen in force.
    pub since: Timestamp,
    /// The directory administrator who consented.
    pub by: ObjectId,
    /// That administrator's sign-in name.
    pub by_name: String,
    /// The loss of the consent, if it is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
}

/// The loss of a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The reason.
    pub why: SuspensionReason,
    /// The beginning.
    pub since: Timestamp,
    /// Microsoft's answer, with its request id.
    pub said: String,
}

impl Tenant {
    /// Returns `true` if the spaces of its teams get folders.
    ///
    /// The settings ask for them, the service account can link them, and the consent is in force.
    pub fn has_folders(&self, settings: &Settings) -> bool {
        settings.folders == Folders::EachSpace
            && settings.service_account_mode == ServiceAccountMode::Member
            && self.files.as_ref().is_some_and(|consent| consent.lost.is_none())
    }
}

/// Stores a consent, in place of one that was given or lost before.
///
/// # Errors
/// `ConditionFailed` if there is no such tenant.
pub async fn save(
    store: &dyn Store,
    tenant: TenantId,
    consent: &FilesConsent,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    let change = vec![Change::Set("files", to_value(consent)?)];
    let saved = Write::Update(keys::tenant(tenant), change, Condition::Holds(vec![]));
    let mut writes = vec![saved, notify::withdraw(tenant, AlertKey::FilesConsentLost)];
    let decision = Decision::FilesConsented { by: consent.by, by_name: consent.by_name.clone() };
    writes.extend(by.of_tenant(tenant, decision)?);
    store.write(writes).await
}

/// Records that a consent is lost or in force again, and raises or withdraws the alert.
///
/// Nothing changes if the consent was given again after `seen`.
pub(crate) async fn update(
    store: &dyn Store,
    tenant: TenantId,
    seen: &FilesConsent,
    now: &FilesConsent,
) -> Result<(), StoreError> {
    tracing::warn!(
        event = "files_consent_changed", %tenant, lost = ?now.lost,
        "the consent to files changed"
    );
    metrics::counter!("FilesConsentsLost").increment(u64::from(now.lost.is_some()));
    let change = vec![Change::Set("files", to_value(now)?)];
    // An admin may consent again while a cycle still finds the old one lost.
    let unchanged = Condition::Holds(vec![Test::Equals("files", to_value(seen)?)]);
    let mut writes = vec![Write::Update(keys::tenant(tenant), change, unchanged)];
    let key = AlertKey::FilesConsentLost;
    match now.lost {
        None => writes.push(notify::withdraw(tenant, key)),
        Some(Lost { since, .. }) => {
            // An alert that exists is not sent again.
            if notify::load(store, tenant, key).await?.is_none() {
                let message = AlertMessage::FilesConsentLost;
                writes.push(notify::raise(tenant, key, message, PAGE.into(), since)?);
            }
        }
    }
    match store.write(writes).await {
        Err(StoreError::ConditionFailed) => Ok(()),
        written => written,
    }
}
