//! A tenant as it is stored: its ids, settings, directory rules and backoffs.

pub mod allowed;
pub mod files_consent;
pub mod organization;
pub mod settings;
pub mod suspension;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::quota::{Bucket, Quota};
use crate::stored::{delete_unreadable, readable};
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
    AttributeValue, Change, Condition, Item, Key, Store, StoreError, Write, from_item,
    milliseconds, moment, to_item,
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
    /// Number of refusals since the last success.
    #[serde(default)]
    pub refusals: u32,
}

/// Shortest pause after a refusal. It doubles with every further one.
const SHORTEST_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Longest pause that a service did not ask for.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// Time after a backoff after which its refusals no longer count.
const REFUSALS_COUNT_FOR: SignedDuration = SignedDuration::from_hours(1);

impl Backoff {
    /// Returns the number of refusals before one at `now`.
    fn refusals_before(&self, now: Timestamp) -> u32 {
        if now < self.throttled_until {
            // Calls at the same time are refused together.
            self.refusals.saturating_sub(1)
        } else if now.duration_since(self.throttled_until) > REFUSALS_COUNT_FOR {
            0
        } else {
            self.refusals
        }
    }
}

/// An entry of the list of all tenants, only a key.
#[derive(Serialize)]
struct Listed {}

/// Returns a tenant's entry in the list of all.
pub(crate) fn listed_item(tenant: TenantId) -> Result<Item, StoreError> {
    to_item(&keys::listed(tenant), &Listed {})
}

/// Part of a transaction: lists a tenant among all.
pub(crate) fn listing(tenant: TenantId) -> Result<Write, StoreError> {
    Ok(Write::Put(listed_item(tenant)?, Condition::Any))
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
    /// APIs that throttled the tenant since the last success.
    pub throttled_by: Vec<Api>,
    /// The suspension, if the tenant is suspended.
    pub suspension: Option<Suspension>,
    /// A refusal that suspends the tenant if a later one confirms it.
    pub unconfirmed: Option<Suspension>,
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
    // One request for all: every message of every tenant begins with it.
    let mut items = store.get_many(&[&own, others].concat()).await?;
    let mut take = |key: &Key| {
        items
            .iter()
            .position(|item| Key::of(item).as_ref() == Some(key))
            .map(|at| items.swap_remove(at))
    };
    // Without the tenant, no other item of it means anything.
    let Some(tenant) = take(&own[0]).map(from_item).transpose()? else { return Ok(None) };
    let settings = take(&own[1]).map(from_item).transpose()?;
    let mut rebuilt = Rebuilt::default();
    let rules = rebuilt.read(take(&own[2]));
    let suspension: Option<Suspension> = rebuilt.read(take(&own[5]));
    let backoffs = [&own[3], &own[4]].map(|key| rebuilt.read::<Backoff>(take(key)));
    let throttled_by = throttled_by(&backoffs);
    // A suspension stops syncs like a backoff, so one moment says it all.
    let suspended = suspension.as_ref().map(|suspension| suspension.throttled_until);
    let snapshot = TenantSnapshot {
        tenant,
        settings: settings.unwrap_or_default(),
        rules,
        throttled_until: latest(backoffs, now).max(suspended.filter(|until| *until > now)),
        throttled_by,
        unconfirmed: suspension.clone().filter(|suspension| !suspension.is_confirmed()),
        suspension: suspension.filter(Suspension::is_confirmed),
        webex_calls: rebuilt.read(take(&own[6])),
        graph_writes: rebuilt.read(take(&own[7])),
        all_graph_writes: rebuilt.read(take(&own[8])),
    };
    // Cycles and syncs write them again; left there, they would be skipped for ever.
    delete_unreadable(store, rebuilt.unreadable).await?;
    Ok(Some((snapshot, items)))
}

/// Reads items that cycles and syncs rebuild.
#[derive(Default)]
struct Rebuilt {
    unreadable: Vec<Key>,
}

impl Rebuilt {
    fn read<T: DeserializeOwned>(&mut self, item: Option<Item>) -> Option<T> {
        let item = item?;
        let key = Key::of(&item);
        let record = readable(item);
        if record.is_none() {
            self.unreadable.extend(key);
        }
        record
    }
}

/// Loads the end of the longest backoff of Webex and Graph.
pub async fn load_throttled_until(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let [webex, graph, _] = keys::backoffs(tenant);
    let backoffs = store.get_many(&[webex, graph]).await?;
    Ok(latest(backoffs.into_iter().map(readable), now))
}

/// Begins a backoff after a service throttled the tenant, and returns its end.
///
/// A service can ask for too short a pause each time. So the pause has a minimum, which doubles
/// while refusals follow each other.
pub async fn back_off(
    store: &dyn Store,
    tenant: TenantId,
    api: Api,
    asked: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let before = store.get(&keys::backoff(tenant, api)).await?;
    let before: Option<Backoff> = before.and_then(readable);
    let refusals = before.map_or(0, |before| before.refusals_before(now));
    // A larger shift would overflow, and the longest pause is reached before.
    let pause = LONGEST_PAUSE.min(SHORTEST_PAUSE * (1 << refusals.min(10)));
    // A service can ask for too short a pause each time.
    let until = asked.max(now + pause);
    let refusals = AttributeValue::N((refusals + 1).to_string());
    let changes =
        vec![Change::Set("throttled_until", moment(until)), Change::Set("refusals", refusals)];
    store_backoff(store, tenant, api, until, changes).await?;
    Ok(until)
}

/// Forgets the refusals of an API that has answered again.
pub async fn drop_refusals(
    store: &dyn Store,
    tenant: TenantId,
    api: Api,
) -> Result<(), StoreError> {
    let reset = vec![Change::Set("refusals", AttributeValue::N("0".into()))];
    // An update would create a missing row, without `throttled_until`.
    match store.update(&keys::backoff(tenant, api), reset, Condition::Holds(vec![])).await {
        Err(StoreError::ConditionFailed) => Ok(()),
        other => other.map(drop),
    }
}

/// Begins a backoff for one API that did not refuse yet. A longer one stays.
pub async fn set_backoff(
    store: &dyn Store,
    tenant: TenantId,
    api: Api,
    until: Timestamp,
) -> Result<(), StoreError> {
    let changes = vec![Change::Set("throttled_until", moment(until))];
    store_backoff(store, tenant, api, until, changes).await
}

async fn store_backoff(
    store: &dyn Store,
    tenant: TenantId,
    api: Api,
    until: Timestamp,
    changes: Vec<Change>,
) -> Result<(), StoreError> {
    use store::table::Test::Below;
    metrics::counter!("Backoffs").increment(1);
    tracing::warn!(
        event = "backoff_set", %tenant, %api, %until, "A service throttled the tenant."
    );
    let key = keys::backoff(tenant, api);
    // Calls side by side are refused in any order, and the longest pause counts.
    let longer = Condition::AbsentOr(vec![Below("throttled_until", until.as_millisecond())]);
    match store.update(&key, changes, longer).await {
        Ok(_) | Err(StoreError::ConditionFailed) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns the APIs that refused since the last success, of the backoffs of Webex and Graph.
fn throttled_by(backoffs: &[Option<Backoff>; 2]) -> Vec<Api> {
    let has_refused = |backoff: &Option<Backoff>| backoff.is_some_and(|one| one.refusals > 0);
    let both = [Api::Webex, Api::Graph].into_iter().zip(backoffs);
    both.filter(|(_, backoff)| has_refused(backoff)).map(|(api, _)| api).collect()
}

/// Returns the end of the longest of these backoffs.
fn latest(
    backoffs: impl IntoIterator<Item = Option<Backoff>>,
    now: Timestamp,
) -> Option<Timestamp> {
    // A sync needs both services, so it waits for the slower one.
    let ends = backoffs.into_iter().flatten().map(|backoff| backoff.throttled_until);
    ends.max().filter(|until| *until > now)
}
