//! A tenant's items leave the table: as a copy for the customer, or for another deployment.
//!
//! A move has four steps. [`retire`] stops the tenant. [`export()`] writes its items. [`import()`]
//! stores them in the other table, where the tenant starts at once. [`erase`] deletes them from
//! the first table. The services see nothing of it: teams, groups and folders stay linked.
//!
//! # Guarantees
//! * A tenant that is retired writes nothing more, so an export that follows is complete.
//! * An import changes no item that exists, and can be repeated. Its last item starts the tenant.
//! * Only a retired tenant can be erased.

mod erase;
mod export;
mod import;

pub use erase::erase;
pub use export::{Export, ExportOf, export};
pub use import::{Import, import};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codes::Decision;
use crate::decision::Decider;
use crate::tenant::{self, Tenant};
use domain::ids::{OrgId, TenantId};
use store::keys;
use store::secrets::SecretsError;
use store::table::{
    Condition, Item, Key, Store, StoreError, Write, from_item, milliseconds, to_item,
};

/// Time after a retirement in which a function that began before may still write. A function runs
/// for at most one minute.
pub const DRAINED_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// Error of a transfer. Each can be repeated once its cause is removed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The table has no such tenant, or its offboarding has begun.
    #[error("no tenant {0} is connected here")]
    Unknown(TenantId),
    /// The organization is another one than the tenant's.
    #[error("tenant {tenant} belongs to organization {org}")]
    OtherOrganization {
        /// The tenant.
        tenant: TenantId,
        /// Its organization.
        org: OrgId,
    },
    /// The tenant is not retired.
    #[error("tenant {0} is not retired: its items are in use")]
    InUse(TenantId),
    /// Functions that began before the retirement may still write.
    #[error("tenant {tenant} was retired a moment ago: wait until {until}")]
    Draining {
        /// The tenant.
        tenant: TenantId,
        /// The end of the wait.
        until: Timestamp,
    },
    /// The table has another item under the key of an imported one. Nothing starts.
    #[error("line {line}: the table has another item {pk} / {sk}")]
    Conflict {
        /// Number of the line, from 1.
        line: usize,
        /// Partition key of the item.
        pk: String,
        /// Sort key of the item.
        sk: String,
    },
    /// A line of the import is no item.
    #[error("line {line} is no exported item: {why}")]
    NoItem {
        /// Number of the line, from 1.
        line: usize,
        /// The reason.
        why: String,
    },
    /// The import ends before its last item, which starts the tenant.
    #[error("the import is cut off after line {0}: it has no end")]
    CutOff(usize),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The table's error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The error of the secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

/// A tenant that was stopped here, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Retired {
    tenant: Tenant,
    #[serde(with = "milliseconds")]
    at: Timestamp,
}

/// A tenant in the table, in use or retired.
enum Found {
    InUse(Tenant),
    Retired(Retired),
}

impl Found {
    async fn load(store: &dyn Store, id: TenantId) -> Result<Self, TransferError> {
        if let Some(item) = store.get(&keys::tenant(id)).await? {
            return Ok(Self::InUse(from_item(item)?));
        }
        match store.get(&keys::retired(id)).await? {
            Some(item) => Ok(Self::Retired(from_item(item)?)),
            None => Err(TransferError::Unknown(id)),
        }
    }
}

/// Returns the items that make a tenant run: itself, and its entry in the list of all.
fn starting_items(tenant: &Tenant) -> Result<[Item; 2], StoreError> {
    let id = tenant.tenant;
    Ok([to_item(&keys::tenant(id), tenant)?, tenant::listed_item(id)?])
}

/// Checks that a tenant, in use or retired, is this organization's.
///
/// # Errors
/// `Unknown` if there is no such tenant, `OtherOrganization` if it is not this organization's.
pub async fn check(store: &dyn Store, id: TenantId, org: OrgId) -> Result<(), TransferError> {
    let (Found::InUse(tenant) | Found::Retired(Retired { tenant, .. })) =
        Found::load(store, id).await?;
    if tenant.org == org {
        Ok(())
    } else {
        Err(TransferError::OtherOrganization { tenant: id, org: tenant.org })
    }
}

/// Stops a tenant without touching anything outside. Returns the moment from which on its items
/// are at rest. A tenant that is retired already stays so.
///
/// # Errors
/// `Unknown` if there is no such tenant, `OtherOrganization` if it is not this organization's.
pub async fn retire(
    store: &dyn Store,
    id: TenantId,
    org: OrgId,
    by: Decider<'_>,
) -> Result<Timestamp, TransferError> {
    check(store, id, org).await?;
    let retired = match Found::load(store, id).await? {
        Found::Retired(retired) => retired,
        Found::InUse(tenant) => {
            let retired = Retired { tenant, at: by.now };
            let mut writes = vec![
                // One transaction: between two writes the tenant would be neither in use nor
                // retired.
                Write::Put(to_item(&keys::retired(id), &retired)?, Condition::Absent),
                Write::Delete(keys::tenant(id), Condition::Holds(vec![])),
                Write::Delete(keys::listed(id), Condition::Any),
            ];
            writes.extend(by.of_tenant(id, Decision::TenantRetired)?);
            store.write(writes).await?;
            retired
        }
    };
    Ok(retired.at + DRAINED_AFTER)
}

/// Starts a retired tenant again, here. A tenant that runs stays so.
///
/// # Errors
/// `Unknown` if there is no such tenant.
pub async fn resume(store: &dyn Store, id: TenantId, by: Decider<'_>) -> Result<(), TransferError> {
    let Found::Retired(retired) = Found::load(store, id).await? else { return Ok(()) };
    let mut writes = vec![Write::Delete(keys::retired(id), Condition::Holds(vec![]))];
    let starting = starting_items(&retired.tenant)?;
    writes.extend(starting.map(|item| Write::Put(item, Condition::Absent)));
    writes.extend(by.of_tenant(id, Decision::TenantResumed)?);
    Ok(store.write(writes).await?)
}

/// Returns the keys of a tenant's claims on its organization and its directory.
fn claims(tenant: &Tenant) -> [Key; 2] {
    [keys::org(tenant.org), keys::directory(tenant.directory)]
}
