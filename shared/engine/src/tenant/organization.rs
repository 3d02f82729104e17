//! A Webex organization that signed up. It has this record before it has a tenant, and after: half connected is no tenant.
//!
//! # Guarantees
//! A [`Tenant`] comes to be in one transaction, with the officer's account, the directory, and the two items that keep either from belonging to somebody else. Whatever
//! lists or looks at tenants never meets half of one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::tenant::Tenant;
use crate::tenant::settings::{OfficerStanding, Settings};
use clients::webex::Region;
use domain::ids::{DirectoryId, OrgId, PersonId, TenantId};
use store::keys;
use store::table::{Change, Condition, Store, StoreError, Test, Write, from_item, to_item, to_value};

/// An organization whose administrator has signed in once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Which.
    pub org: OrgId,
    /// The id that its tenant has, or is going to have.
    pub tenant: TenantId,
    /// Sessions of an earlier generation are over.
    #[serde(default)]
    pub generation: u64,
    /// The account that acts in Webex, once it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<Officer>,
    /// The directory, once it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
    /// Whose leaving left the last receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<TenantId>,
}

/// The account that acts in Webex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Officer {
    /// Who.
    pub person: PersonId,
    /// The region in the ids of the organization's people, as seen in this account's.
    pub region: Region,
    /// What it is called.
    pub name: String,
    /// The scopes that it granted.
    pub scopes: Vec<String>,
    /// Where it was asked to stand when it was connected.
    pub standing: OfficerStanding,
    /// When it was connected.
    pub since: Timestamp,
}

/// The directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// Which.
    pub id: DirectoryId,
    /// What it calls itself.
    pub name: String,
    /// When it was connected.
    pub since: Timestamp,
}

/// What keeps a directory with one organization.
#[derive(Serialize, Deserialize)]
struct Joined {
    tenant: TenantId,
}

/// What became of joining a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// There is a tenant now.
    Joined,
    /// The directory belongs to another organization.
    Elsewhere,
    /// The organization is not as it was: it has a directory, or no account in Webex any more.
    Changed,
}

/// A tenant's id, of which nobody knows beforehand what it will be.
pub fn new_tenant() -> TenantId {
    TenantId(Uuid::now_v7())
}

/// The organization, if it ever signed up.
pub async fn load(store: &dyn Store, org: OrgId) -> Result<Option<Organization>, StoreError> {
    store.get(&keys::org(org)).await?.map(from_item).transpose()
}

/// The organization, which signs up if it never did.
pub async fn sign_up(store: &dyn Store, org: OrgId) -> Result<Organization, StoreError> {
    if let Some(known) = load(store, org).await? {
        return Ok(known);
    }
    let new = Organization { org, tenant: new_tenant(), generation: 0, officer: None, directory: None, left: None };
    match store.write(vec![Write::Put(to_item(&keys::org(org), &new)?, Condition::Absent)]).await {
        Ok(()) => Ok(new),
        Err(StoreError::ConditionFailed) => load(store, org).await?.ok_or(StoreError::ConditionFailed),
        Err(error) => Err(error),
    }
}

/// Ends all sessions of the organization's administrators.
pub async fn end_sessions(store: &dyn Store, org: OrgId) -> Result<(), StoreError> {
    let known = Condition::Holds(vec![]);
    store.update(&keys::org(org), vec![Change::Add("generation", 1)], known).await.map(drop)
}

/// Sets the account that acts in Webex, also of the tenant if there is one.
///
/// # Errors
/// `ConditionFailed` where the organization is not as it was.
pub async fn set_officer(store: &dyn Store, seen: &Organization, officer: &Officer) -> Result<(), StoreError> {
    let mut holds = vec![Test::Equals("tenant", to_value(&seen.tenant)?)];
    holds.push(match &seen.directory {
        Some(directory) => Test::Equals("directory", to_value(directory)?),
        None => Test::Missing("directory"),
    });
    let change = Change::Set("officer", to_value(officer)?);
    let mut writes = vec![Write::Update(keys::org(seen.org), vec![change], Condition::Holds(holds))];
    if seen.directory.is_some() {
        let changes =
            vec![Change::Set("officer", to_value(&officer.person)?), Change::Set("region", to_value(&officer.region)?)];
        writes.push(Write::Update(keys::tenant(seen.tenant), changes, Condition::Holds(vec![])));
    }
    store.write(writes).await
}

/// Takes the account away from an organization that has no directory yet.
pub async fn remove_officer(store: &dyn Store, seen: &Organization) -> Result<(), StoreError> {
    let half = vec![Test::Equals("tenant", to_value(&seen.tenant)?), Test::Missing("directory")];
    store.update(&keys::org(seen.org), vec![Change::Remove("officer")], Condition::Holds(half)).await.map(drop)
}

/// Joins a directory to the organization: from now on there is a tenant, switched off. Settings that are there from before are kept.
pub async fn join(store: &dyn Store, seen: &Organization, directory: &Directory) -> Result<Join, StoreError> {
    let Some(officer) = &seen.officer else { return Ok(Join::Changed) };
    let id = seen.tenant;
    let tenant = Tenant {
        tenant: id,
        org: seen.org,
        directory: directory.id,
        officer: officer.person,
        region: officer.region.clone(),
        files: None,
    };
    let unchanged = vec![
        Test::Equals("tenant", to_value(&id)?),
        Test::Equals("officer", to_value(officer)?),
        Test::Missing("directory"),
    ];
    let joined = vec![Change::Set("directory", to_value(directory)?)];
    let mut writes = vec![
        Write::Put(to_item(&keys::directory(directory.id), &Joined { tenant: id })?, Condition::Absent),
        Write::Update(keys::org(seen.org), joined, Condition::Holds(unchanged)),
        Write::Put(to_item(&keys::tenant(id), &tenant)?, Condition::Absent),
        crate::tenant::listing(id)?,
    ];
    if store.get(&keys::settings(id)).await?.is_none() {
        let settings = Settings { standing: officer.standing, ..Settings::default() };
        writes.push(Write::Put(to_item(&keys::settings(id), &settings)?, Condition::Absent));
    }
    match store.write(writes).await {
        Ok(()) => Ok(Join::Joined),
        Err(StoreError::ConditionFailed) => {
            let there: Option<Joined> = store.get(&keys::directory(directory.id)).await?.map(from_item).transpose()?;
            Ok(match there {
                // A first try whose answer was lost.
                Some(Joined { tenant }) if tenant == id => Join::Joined,
                Some(_) => Join::Elsewhere,
                None => Join::Changed,
            })
        }
        Err(error) => Err(error),
    }
}

/// Part of the transaction that ends a tenant: neither account nor directory belong to it any more. `next` is the id of the tenant that the organization may have after it.
pub(crate) fn partings(tenant: &Tenant, next: TenantId) -> Result<Vec<Write>, StoreError> {
    let is_its =
        || -> Result<_, StoreError> { Ok(Condition::Holds(vec![Test::Equals("tenant", to_value(&tenant.tenant)?)])) };
    let parted = vec![
        Change::Remove("officer"),
        Change::Remove("directory"),
        Change::Set("left", to_value(&tenant.tenant)?),
        Change::Set("tenant", to_value(&next)?),
    ];
    Ok(vec![
        Write::Update(keys::org(tenant.org), parted, is_its()?),
        Write::Delete(keys::directory(tenant.directory), is_its()?),
    ])
}

/// Gives an organization that has connected nothing since the id of another tenant, so that what is kept of the old one can be forgotten.
///
/// # Errors
/// `ConditionFailed` where it is connecting again.
pub(crate) async fn move_on(store: &dyn Store, org: OrgId, from: TenantId) -> Result<(), StoreError> {
    let idle = vec![Test::Equals("tenant", to_value(&from)?), Test::Missing("officer"), Test::Missing("directory")];
    let change = vec![Change::Set("tenant", to_value(&new_tenant())?)];
    store.update(&keys::org(org), change, Condition::Holds(idle)).await.map(drop)
}
