//! Offboarding: the steps that undo a tenant's connection, and the receipt of them.
//!
//! [`begin`] ends the tenant in one transaction: from then on nothing is written for it, and its
//! organization can connect again. [`advance`] does the rest. The request calls it once, and the
//! tenant's cycles call it until the stage is [`OffboardingStage::Done`]. Every step can be
//! interrupted and repeated.
//!
//! # Guarantees
//! * The service account's tokens are deleted after the last call that needs them.
//! * Groups are deleted only if an admin chose so. More than
//!   [`GROUP_DELETION_LIMIT`](crate::safety::removal_counter::GROUP_DELETION_LIMIT) of them need
//!   an admin's confirmation of their number.

mod advance;
mod error;
mod groups;
mod purge;
mod receipt;
mod release;
mod teams;
mod webhooks;

pub use advance::{OffboardingDeps, advance};
pub use error::OffboardingError;
pub(crate) use purge::{Purged, purge_page, simple_partitions};
pub use receipt::{OffboardingFailure, Receipt};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use crate::activity::{Actor, MicrosoftIdentity};
use crate::codes::Decision;
pub use crate::codes::{Groups, Links};
use crate::credentials::registration::Registration;
use crate::decision::Decider;
use crate::notify::{self, AlertKey};
use crate::tenant::Tenant;
use crate::tenant::organization;
use domain::ids::{ObjectId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Cursor, EXPIRES_AT, Store, StoreError, Write, from_item, to_item,
};
use store::versioned::{self, Version};

/// Time for which links are kept, unless the admin wants them purged.
pub const LINKS_RETENTION: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Time for which the receipt can be read after that.
const RECEIPT_RETENTION: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Passes, a minute apart, in which the writes of one page are made again.
const REPEATS: usize = 10;

/// An admin's choices when they disconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffboardingChoice {
    /// Choice for the groups.
    pub groups: Groups,
    /// Choice for the links.
    pub links: Links,
}

/// Stage of an offboarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "lowercase")]
pub enum OffboardingStage {
    /// Webhooks and the subscription are being deleted.
    Hooks,
    /// The service account is leaving the teams.
    Teams,
    /// The service account's tokens are being deleted.
    Secret,
    /// The groups to delete are being counted.
    Counting,
    /// The deletion of the groups needs an admin's approval.
    PendingApproval {
        /// Number of groups.
        groups: usize,
    },
    /// The groups are being deleted.
    Groups,
    /// The links are kept.
    Retaining {
        /// End of the retention.
        until: Timestamp,
    },
    /// Links, people and everything else are being deleted.
    Purging,
    /// Nothing is left to do.
    Done,
}

/// A tenant that is being offboarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offboarding {
    /// The tenant as it was.
    pub tenant: Tenant,
    /// Time at which an admin disconnected it.
    pub at: Timestamp,
    /// The user who released the directory, if no admin of the organization disconnected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<ObjectId>,
    /// Choice for the groups.
    pub groups: Groups,
    /// Choice for the links.
    pub links: Links,
    /// The stage.
    pub stage: OffboardingStage,
    /// The completed work.
    pub receipt: Receipt,
    #[serde(default)]
    cursor: Option<Cursor>,
    #[serde(default)]
    counted: usize,
    /// Writes of this page that were made again because no reading showed them.
    #[serde(default)]
    repeats: usize,
    version: u64,
}

impl Offboarding {
    fn new(tenant: &Tenant, choice: OffboardingChoice, now: Timestamp) -> Self {
        let mut consents = vec![Registration::Groups];
        consents.extend(tenant.files.as_ref().map(|_| Registration::Files));
        Self {
            tenant: Tenant { files: None, ..tenant.clone() },
            at: now,
            released_by: None,
            groups: choice.groups,
            links: choice.links,
            stage: OffboardingStage::Hooks,
            receipt: Receipt { consents, ..Receipt::default() },
            cursor: None,
            counted: 0,
            repeats: 0,
            version: 1,
        }
    }

    /// Returns `true` if a write that no reading shows is made again in the next pass. Beyond the
    /// limit the receipt names it, and the rest goes on.
    fn can_repeat(&mut self) -> bool {
        self.repeats += 1;
        self.repeats <= REPEATS
    }

    /// Returns the stage that follows the groups.
    fn after_groups(&self, now: Timestamp) -> OffboardingStage {
        match self.links {
            Links::Keep => {
                // Approval can take longer than the retention.
                OffboardingStage::Retaining { until: (self.at + LINKS_RETENTION).max(now) }
            }
            Links::Purge => OffboardingStage::Purging,
        }
    }
}

/// Ends a tenant. Nothing is written for it from here on: queued messages find no tenant.
///
/// # Errors
/// `ConditionFailed` if the tenant is no longer connected.
pub async fn begin(
    store: &dyn Store,
    tenant: &Tenant,
    choice: OffboardingChoice,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    store.write(ending(store, &Offboarding::new(tenant, choice, by.now), by).await?).await
}

/// Releases a directory from an organization that another one's admin wants it for: ends that
/// tenant, keeps its groups, and says so to its admins.
///
/// The caller has proof that `user` administers the directory. Each of the two records names only
/// its own side: the released organization learns the user, and nothing of the other organization.
///
/// # Errors
/// `ConditionFailed` if the tenant is no longer connected.
pub async fn release(
    store: &dyn Store,
    tenant: &Tenant,
    user: &MicrosoftIdentity,
    to: TenantId,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    let choice = OffboardingChoice { groups: Groups::Keep, links: Links::Keep };
    let offboarding = Offboarding::new(tenant, choice, by.now);
    let offboarding = Offboarding { released_by: Some(user.user), ..offboarding };
    let released = Actor::Directory(user.clone());
    let mut writes = ending(store, &offboarding, Decider { actor: &released, now: by.now }).await?;
    let decision = Decision::DirectoryReleased { directory: tenant.directory };
    writes.extend(by.of_tenant(to, decision)?);
    store.write(writes).await
}

/// Returns the writes that end a tenant.
async fn ending(
    store: &dyn Store,
    offboarding: &Offboarding,
    by: Decider<'_>,
) -> Result<Vec<Write>, StoreError> {
    let tenant = &offboarding.tenant;
    let (id, groups, links) = (tenant.tenant, offboarding.groups, offboarding.links);
    let next = match links {
        Links::Keep => id,
        Links::Purge => organization::new_tenant(),
    };
    let mut writes = organization::offboarding_writes(tenant, next)?;
    writes.extend(by.of_tenant(id, Decision::Disconnected { groups, links })?);
    // Of two requests at the same time, only one ends the tenant.
    writes.push(Write::Delete(keys::tenant(id), Condition::Holds(vec![])));
    writes.push(notify::withdraw(id, AlertKey::FilesConsentLost));
    writes.push(Write::Put(to_item(&keys::offboarding(id), &offboarding)?, Condition::Any));
    // Without stored settings, a condition would fail the whole transaction.
    if store.get(&keys::settings(id)).await?.is_some() {
        let off = Change::Set("switched_on_at", AttributeValue::Null(true));
        let changes = vec![off, Change::Add("version", 1)];
        writes.push(Write::Update(keys::settings(id), changes, Condition::Any));
    }
    Ok(writes)
}

/// Returns the offboarding of a tenant, if there was one.
///
/// # Errors
/// The table's.
pub async fn load(store: &dyn Store, tenant: TenantId) -> Result<Option<Offboarding>, StoreError> {
    store.get(&keys::offboarding(tenant)).await?.map(from_item).transpose()
}

/// Stops the offboarding of an organization that connects again under the same tenant.
///
/// Remaining steps are not done. The links keep their end of retention, in case the organization
/// does not finish.
///
/// # Errors
/// `Busy` while the old tokens, or the links, are being deleted.
pub async fn stop(store: &dyn Store, tenant: TenantId) -> Result<(), StoreError> {
    let Some(mut offboarding) = load(store, tenant).await? else {
        return Ok(());
    };
    match offboarding.stage {
        OffboardingStage::Retaining { .. } | OffboardingStage::Done => Ok(()),
        // The new connection's tokens and links have the same place, and would be deleted with the
        // old.
        OffboardingStage::Secret | OffboardingStage::Purging => {
            Err(StoreError::Busy("the offboarding is about to end".into()))
        }
        OffboardingStage::Hooks
        | OffboardingStage::Teams
        | OffboardingStage::Counting
        | OffboardingStage::PendingApproval { .. }
        | OffboardingStage::Groups => {
            let until = offboarding.at + LINKS_RETENTION;
            offboarding.stage = OffboardingStage::Retaining { until };
            offboarding.receipt.record_failure(OffboardingFailure::ConnectedAgain);
            save(store, &mut offboarding).await
        }
    }
}

/// An admin's decision about groups that need approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupsDecision {
    /// Delete them.
    Delete {
        /// Number of groups that the admin was shown.
        groups: usize,
    },
    /// Keep them.
    Keep,
}

/// Applies an admin's decision about groups that need approval.
///
/// # Errors
/// `ConditionFailed` if no approval is pending, or the number of groups is another.
pub async fn decide(
    store: &dyn Store,
    tenant: TenantId,
    decision: GroupsDecision,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    let Some(mut offboarding) = load(store, tenant).await? else {
        return Err(StoreError::ConditionFailed);
    };
    let OffboardingStage::PendingApproval { groups } = offboarding.stage else {
        return Err(StoreError::ConditionFailed);
    };
    match decision {
        GroupsDecision::Delete { groups: shown } if groups == shown => {
            offboarding.stage = OffboardingStage::Groups;
        }
        // The number has changed since it was shown, so the decision was about something else.
        GroupsDecision::Delete { .. } => return Err(StoreError::ConditionFailed),
        GroupsDecision::Keep => {
            offboarding.groups = Groups::Keep;
            offboarding.stage = offboarding.after_groups(by.now);
        }
    }
    let decision = Decision::GroupDeletionDecided { groups: offboarding.groups };
    save_with(store, &mut offboarding, by.of_tenant(tenant, decision)?).await
}

/// Stores an offboarding over the version that was read.
async fn save(store: &dyn Store, offboarding: &mut Offboarding) -> Result<(), StoreError> {
    save_with(store, offboarding, vec![]).await
}

async fn save_with(
    store: &dyn Store,
    offboarding: &mut Offboarding,
    mut writes: Vec<Write>,
) -> Result<(), StoreError> {
    let key = keys::offboarding(offboarding.tenant.tenant);
    let read = Version::Number(offboarding.version);
    let mut write = versioned::put(&key, offboarding, read)?;
    if let Write::Put(item, _) = &mut write
        // Until then it must not expire: its cycles would never end.
        && offboarding.stage == OffboardingStage::Done
    {
        let end = (offboarding.at + LINKS_RETENTION + RECEIPT_RETENTION).as_second();
        item.insert(EXPIRES_AT.into(), AttributeValue::N(end.to_string()));
    }
    writes.push(write);
    store.write(writes).await?;
    offboarding.version = read.next();
    Ok(())
}
