//! A Webex organization that signed up, before and after it has a tenant.
//!
//! # Guarantees
//! One transaction creates a [`Tenant`] with its service account, its directory, and the items that
//! keep both from another tenant. No reader sees half of a tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codes::Decision;
use crate::decision::Decider;
use crate::tenant::Tenant;
use crate::tenant::settings::{ServiceAccountMode, Settings};
use clients::webex::Region;
use domain::ids::{DirectoryId, OrgId, PersonId, TenantId};
use store::keys;
use store::table::{
    Change, Condition, Store, StoreError, Test, Write, from_item, to_item, to_value,
};

/// An organization whose administrator has signed in once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// The organization.
    pub org: OrgId,
    /// The id of its present or future tenant.
    pub tenant: TenantId,
    /// The generation of its sessions; those of earlier ones have ended.
    #[serde(default)]
    pub generation: u64,
    /// The service account, once it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
    /// The directory, once it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// The tenant with the last offboarding report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offboarded: Option<TenantId>,
}

impl Organization {
    /// Returns `true` if the organization connected an account, now or before it disconnected.
    pub fn has_connected(&self) -> bool {
        self.service_account.is_some() || self.offboarded.is_some()
    }
}

/// The service account in Webex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// The account.
    pub person: PersonId,
    /// The region in the ids of the organization's people, as in this account's.
    pub region: Region,
    /// The account's name.
    pub name: String,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// The mode that was chosen at the connection.
    pub service_account_mode: ServiceAccountMode,
    /// The moment of the connection.
    pub since: Timestamp,
}

/// A connected directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The directory's id.
    pub id: DirectoryId,
    /// The directory's name.
    pub name: String,
    /// The moment of the connection.
    pub since: Timestamp,
}

/// The claim of a tenant on a directory.
#[derive(Serialize, Deserialize)]
struct Joined {
    tenant: TenantId,
}

/// The outcome of joining a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The tenant exists.
    Joined,
    /// The directory belongs to another organization.
    Elsewhere,
    /// The organization has changed: it has a directory, or no service account.
    Changed,
}

/// Returns a new tenant id that is hard to guess.
pub fn new_tenant() -> TenantId {
    TenantId(Uuid::now_v7())
}

/// Loads an organization that signed up.
pub async fn load(store: &dyn Store, org: OrgId) -> Result<Option<Organization>, StoreError> {
    store.get(&keys::org(org)).await?.map(from_item).transpose()
}

/// Loads an organization, and signs it up if it is new.
pub async fn sign_up(store: &dyn Store, org: OrgId) -> Result<Organization, StoreError> {
    if let Some(known) = load(store, org).await? {
        return Ok(known);
    }
    let new = Organization {
        org,
        tenant: new_tenant(),
        generation: 0,
        service_account: None,
        directory: None,
        offboarded: None,
    };
    match store.write(vec![Write::Put(to_item(&keys::org(org), &new)?, Condition::Absent)]).await {
        Ok(()) => Ok(new),
        Err(StoreError::ConditionFailed) => {
            // Two admins signed in at once, and the other's row counts.
            load(store, org).await?.ok_or(StoreError::ConditionFailed)
        }
        Err(error) => Err(error),
    }
}

/// Ends all sessions of the organization's administrators.
pub async fn end_sessions(
    store: &dyn Store,
    organization: &Organization,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    // Without this, the update would create an organization that never signed up.
    let known = Condition::Holds(vec![]);
    let ended = vec![Change::Add("generation", 1)];
    let mut writes = vec![Write::Update(keys::org(organization.org), ended, known)];
    writes.extend(by.of_tenant(organization.tenant, Decision::SessionsEnded)?);
    store.write(writes).await
}

/// Sets the service account of the organization and of its tenant.
///
/// # Errors
/// `ConditionFailed` if the organization has changed.
pub async fn set_service_account(
    store: &dyn Store,
    seen: &Organization,
    service_account: &ServiceAccount,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    // An organization that disconnected meanwhile can have another tenant.
    let mut holds = vec![Test::Equals("tenant", to_value(&seen.tenant)?)];
    holds.push(match &seen.directory {
        Some(directory) => Test::Equals("directory", to_value(directory)?),
        // Another admin may have joined a directory since: then its tenant needs the account, too.
        None => Test::Missing("directory"),
    });
    let change = Change::Set("service_account", to_value(service_account)?);
    let mut writes =
        vec![Write::Update(keys::org(seen.org), vec![change], Condition::Holds(holds))];
    let before = seen.service_account.as_ref().map(|before| before.person);
    let decision = Decision::ServiceAccountConnected {
        account: service_account.person,
        name: service_account.name.clone(),
        replaced: before.filter(|before| *before != service_account.person),
    };
    writes.extend(by.of_tenant(seen.tenant, decision)?);
    if seen.directory.is_some() {
        let changes = vec![
            Change::Set("service_account", to_value(&service_account.person)?),
            Change::Set("region", to_value(&service_account.region)?),
        ];
        // Only a tenant that is there: the end of one deletes it, and this must not bring it back.
        writes.push(Write::Update(keys::tenant(seen.tenant), changes, Condition::Holds(vec![])));
    }
    store.write(writes).await
}

/// Removes the service account of an organization without a directory.
pub async fn remove_service_account(
    store: &dyn Store,
    seen: &Organization,
    by: Decider<'_>,
) -> Result<(), StoreError> {
    // With a directory there is a tenant, whose syncs need the account.
    let half = vec![Test::Equals("tenant", to_value(&seen.tenant)?), Test::Missing("directory")];
    let change = vec![Change::Remove("service_account")];
    let mut writes = vec![Write::Update(keys::org(seen.org), change, Condition::Holds(half))];
    writes.extend(by.of_tenant(seen.tenant, Decision::ServiceAccountRemoved)?);
    store.write(writes).await
}

/// Joins a directory to the organization, which creates its tenant, switched off.
///
/// Earlier settings stay.
pub async fn join(
    store: &dyn Store,
    seen: &Organization,
    directory: &Directory,
    by: Decider<'_>,
) -> Result<Join, StoreError> {
    let Some(service_account) = &seen.service_account else { return Ok(Join::Changed) };
    let id = seen.tenant;
    let tenant = Tenant {
        tenant: id,
        org: seen.org,
        directory: directory.id,
        service_account: service_account.person,
        region: service_account.region.clone(),
        files: None,
    };
    let unchanged = vec![
        Test::Equals("tenant", to_value(&id)?),
        Test::Equals("service_account", to_value(service_account)?),
        Test::Missing("directory"),
    ];
    let joined = vec![Change::Set("directory", to_value(directory)?)];
    let mut writes = vec![
        Write::Put(
            to_item(&keys::directory(directory.id), &Joined { tenant: id })?,
            Condition::Absent,
        ),
        Write::Update(keys::org(seen.org), joined, Condition::Holds(unchanged)),
        // A tenant of an earlier connection must not be overwritten with an empty one.
        Write::Put(to_item(&keys::tenant(id), &tenant)?, Condition::Absent),
        crate::tenant::listing(id)?,
    ];
    let decision =
        Decision::DirectoryJoined { directory: directory.id, name: directory.name.clone() };
    writes.extend(by.of_tenant(id, decision)?);
    if store.get(&keys::settings(id)).await?.is_none() {
        let settings = Settings {
            service_account_mode: service_account.service_account_mode,
            ..Settings::default()
        };
        writes.push(Write::Put(to_item(&keys::settings(id), &settings)?, Condition::Absent));
    }
    match store.write(writes).await {
        Ok(()) => Ok(Join::Joined),
        Err(StoreError::ConditionFailed) => {
            let there: Option<Joined> =
                store.get(&keys::directory(directory.id)).await?.map(from_item).transpose()?;
            Ok(match there {
                // An earlier try whose answer was lost.
                Some(Joined { tenant }) if tenant == id => Join::Joined,
                Some(_) => Join::Elsewhere,
                None => Join::Changed,
            })
        }
        Err(error) => Err(error),
    }
}

/// Returns the tenant that a directory is joined to.
pub async fn tenant_of(
    store: &dyn Store,
    directory: DirectoryId,
) -> Result<Option<TenantId>, StoreError> {
    let joined: Option<Joined> =
        store.get(&keys::directory(directory)).await?.map(from_item).transpose()?;
    Ok(joined.map(|joined| joined.tenant))
}

/// Parts of a transaction: releases account and directory of a tenant that ends.
///
/// `next` is the id of the organization's next tenant.
pub(crate) fn offboarding_writes(
    tenant: &Tenant,
    next: TenantId,
) -> Result<Vec<Write>, StoreError> {
    // The page can be older than a new connection, which must not be released.
    let is_its = || -> Result<_, StoreError> {
        Ok(Condition::Holds(vec![Test::Equals("tenant", to_value(&tenant.tenant)?)]))
    };
    let parted = vec![
        Change::Remove("service_account"),
        Change::Remove("directory"),
        Change::Set("offboarded", to_value(&tenant.tenant)?),
        // Links that are kept belong to the old id. Purged ones must not meet a new tenant.
        Change::Set("tenant", to_value(&next)?),
    ];
    Ok(vec![
        Write::Update(keys::org(tenant.org), parted, is_its()?),
        Write::Delete(keys::directory(tenant.directory), is_its()?),
    ])
}

/// Gives an unconnected organization a new tenant id, so that the old tenant can be purged.
///
/// # Errors
/// `ConditionFailed` if it is connecting again.
pub(crate) async fn replace_tenant(
    store: &dyn Store,
    org: OrgId,
    from: TenantId,
) -> Result<(), StoreError> {
    let idle = vec![
        Test::Equals("tenant", to_value(&from)?),
        Test::Missing("service_account"),
        Test::Missing("directory"),
    ];
    let change = vec![Change::Set("tenant", to_value(&new_tenant())?)];
    store.update(&keys::org(org), change, Condition::Holds(idle)).await.map(drop)
}
