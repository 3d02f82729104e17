//! A tenant as it is stored: its ids, settings, directory rules and backoffs.

pub mod files_consent;
pub mod organization;
pub mod settings;
pub mod suspension;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::quota::{Bucket, Quota};
use crate::tenant::files_consent::FilesConsent;
pub use crate::tenant::settings::{
    AlertRecipient, Folders, GroupDeleted, NameSync, NewTeams, RemovalLimits, Running,
    ServiceAccountMode, Settings, SettingsVersion, TeamDeleted,
};
use crate::tenant::suspension::Suspension;
use clients::graph::GroupCreation;
use clients::http::Api;
use clients::webex::Region;
use domain::ids::{DirectoryId, OrgId, PersonId, TenantId};
use domain::merge::Decoration;
use store::keys;
use store::table::{
    Change, Condition, Item, Key, Store, StoreError, Write, from_item, milliseconds, moment,
    to_item,
};

/// One customer: a Webex organization joined to one Entra directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Our id of the tenant.
    pub tenant: TenantId,
    /// The Webex organization.
    pub org: OrgId,
    /// The Entra directory.
    pub directory: DirectoryId,
    /// The service account, whose tokens the tenant gave us.
    pub service_account: PersonId,
    /// The region in the ids of the organization's people, as in the service account's.
    pub region: Region,
    /// The directory's consent to the app registration for files, if given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConsent>,
}

/// The directory's rules for groups. They are read again after a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRules {
    /// The moment of the reading.
    #[serde(with = "milliseconds")]
    pub read_at: Timestamp,
    /// The right of users to create groups.
    pub creation: GroupCreation,
    /// The naming policy.
    pub naming: Decoration,
}

impl DirectoryRules {
    /// Returns `true` if the rules have to be read again.
    pub fn are_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) > SignedDuration::from_hours(24)
    }
}

/// A tenant's pause in calls to one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The first moment of the next call.
    #[serde(with = "milliseconds")]
    pub throttled_until: Timestamp,
}

/// An entry of the list of all tenants, only a key.
#[derive(Serialize)]
struct Listed {}

/// Part of a transaction: lists a tenant among all.
pub(crate) fn listing(tenant: TenantId) -> Result<Write, StoreError> {
    Ok(Write::Put(to_item(&keys::listed(tenant), &Listed {})?, Condition::Any))
}

/// Stores a tenant and its settings, and lists it.
pub async fn put(
    store: &dyn Store,
    tenant: &Tenant,
    settings: &Settings,
) -> Result<(), StoreError> {
    use store::table::Write::Put;
    store
        .write(vec![
            Put(to_item(&keys::tenant(tenant.tenant), tenant)?, Condition::Any),
            Put(to_item(&keys::settings(tenant.tenant), settings)?, Condition::Any),
            listing(tenant.tenant)?,
        ])
        .await
}

/// A tenant with everything that decides about work for it.
#[derive(Clone, Debug)]
pub struct TenantSnapshot {
    /// The tenant.
    pub tenant: Tenant,
    /// The settings.
    pub settings: Settings,
    /// The directory's rules, if they were read.
    pub rules: Option<DirectoryRules>,
    /// The end of the longest backoff, if there is one.
    pub throttled_until: Option<Timestamp>,
    /// The suspension, if the tenant is suspended.
    pub suspension: Option<Suspension>,
    /// The rate of its service account's calls.
    pub webex_calls: Option<Bucket>,
    /// The rate of writes in its directory.
    pub graph_writes: Option<Bucket>,
    /// The rate of writes in all directories.
    pub all_graph_writes: Option<Bucket>,
}

/// Loads a tenant, and the items of `others`, in one request; `None` if there is no such tenant.
pub async fn load_snapshot(
    store: &dyn Store,
    tenant: TenantId,
    others: &[Key],
    now: Timestamp,
) -> Result<Option<(TenantSnapshot, Vec<Item>)>, StoreError> {
    let [webex, graph, suspension] = keys::backoffs(tenant);
    let own = [
        keys::tenant(tenant),
        keys::settings(tenant),
        keys::directory_rules(tenant),
        webex,
        graph,
        suspension,
        Quota::Webex(tenant).key(),
        Quota::GraphWrites(tenant).key(),
        Quota::AllGraphWrites.key(),
    ];
    let mut items = store.get_many(&[&own, others].concat()).await?;
    let mut take = |key: &Key| {
        items
            .iter()
            .position(|item| Key::of(item).as_ref() == Some(key))
            .map(|at| items.swap_remove(at))
    };
    let Some(tenant) = take(&own[0]).map(from_item).transpose()? else { return Ok(None) };
    let (settings, rules) =
        (take(&own[1]).map(from_item).transpose()?, take(&own[2]).map(from_item).transpose()?);
    let webex_calls = take(&own[6]).map(from_item).transpose()?;
    let graph_writes = take(&own[7]).map(from_item).transpose()?;
    let all_graph_writes = take(&own[8]).map(from_item).transpose()?;
    let backoffs: Vec<Item> = own[3..6].iter().filter_map(&mut take).collect();
    let suspension =
        backoffs.iter().find(|backoff| Key::of(backoff).as_ref() == Some(&own[5])).cloned();
    let snapshot = TenantSnapshot {
        tenant,
        settings: settings.unwrap_or_default(),
        rules,
        suspension: suspension.map(from_item).transpose()?,
        throttled_until: latest(backoffs, now)?,
        webex_calls,
        graph_writes,
        all_graph_writes,
    };
    Ok(Some((snapshot, items)))
}

/// Loads the end of the longest backoff of Webex and Graph.
pub async fn load_throttled_until(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let [webex, graph, _] = keys::backoffs(tenant);
    latest(store.get_many(&[webex, graph]).await?, now)
}

/// Begins a backoff for one API. A longer one stays.
pub async fn set_backoff(
    store: &dyn Store,
    tenant: TenantId,
    api: Api,
    until: Timestamp,
) -> Result<(), StoreError> {
    use store::table::Test::Below;
    metrics::counter!("Backoffs").increment(1);
    tracing::warn!(
        event = "backoff_set", %tenant, %api, %until, "A service throttled the tenant."
    );
    let key = keys::backoff(tenant, api);
    let set = || vec![Change::Set("throttled_until", moment(until))];
    let longer = Condition::Holds(vec![Below("throttled_until", until.as_millisecond())]);
    match store.update(&key, set(), longer).await {
        Err(StoreError::ConditionFailed) => {
            match store.update(&key, set(), Condition::Absent).await {
                Err(StoreError::ConditionFailed) => Ok(()),
                other => other.map(drop),
            }
        }
        other => other.map(drop),
    }
}

/// Returns the end of the longest of these backoffs.
fn latest(backoffs: Vec<Item>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let mut latest = None;
    for backoff in backoffs {
        latest = latest.max(Some(from_item::<Backoff>(backoff)?.throttled_until));
    }
    Ok(latest.filter(|until| *until > now))
}
