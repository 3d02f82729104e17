//! A tenant as it is stored: who it is, what its administrators chose, what is known of its directory, and its gates.

pub mod files_consent;
pub mod organization;
pub mod settings;
pub mod suspension;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::quota::{Bucket, Quota};
use crate::tenant::files_consent::FilesConsent;
pub use crate::tenant::settings::{
    BrakeLimits, Folders, GroupDeleted, NameCarriage, NewTeams, OfficerStanding, Running, Settings, SettingsVersion,
    TeamDeleted, Told,
};
use crate::tenant::suspension::Standstill;
use clients::graph::GroupCreation;
use clients::http::Api;
use clients::webex::Region;
use domain::ids::{DirectoryId, OrgId, PersonId, TenantId};
use domain::merge::Decoration;
use store::keys;
use store::table::{Change, Condition, Item, Key, Store, StoreError, Write, from_item, milliseconds, moment, to_item};

/// One customer: a Webex organization joined to one Entra directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Our own id of it.
    pub tenant: TenantId,
    /// The Webex organization.
    pub org: OrgId,
    /// The Entra directory.
    pub directory: DirectoryId,
    /// The account whose tokens the tenant gave us.
    pub officer: PersonId,
    /// The region in the ids of the organization's people, as seen in the officer's.
    pub region: Region,
    /// What the directory granted our app for files, once it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConsent>,
}

/// What is known of the directory's rules for groups. Read again when it is a day old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRules {
    /// When it was read.
    #[serde(with = "milliseconds")]
    pub read_at: Timestamp,
    /// Whether users may create groups.
    pub creation: GroupCreation,
    /// The naming policy.
    pub naming: Decoration,
}

impl DirectoryRules {
    /// Whether they are too old to go by.
    pub fn are_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.read_at) > SignedDuration::from_hours(24)
    }
}

/// Until when a tenant makes no call to an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The first moment at which a call may be made.
    #[serde(with = "milliseconds")]
    pub closed_until: Timestamp,
}

/// An entry of the list of all tenants: nothing but its key.
#[derive(Serialize)]
struct Listed {}

/// Part of a transaction that lists a tenant among all.
pub(crate) fn listing(tenant: TenantId) -> Result<Write, StoreError> {
    Ok(Write::Put(to_item(&keys::listed(tenant), &Listed {})?, Condition::Any))
}

/// Stores a tenant and its settings, and lists it.
pub async fn put(store: &dyn Store, tenant: &Tenant, settings: &Settings) -> Result<(), StoreError> {
    use store::table::Write::Put;
    store
        .write(vec![
            Put(to_item(&keys::tenant(tenant.tenant), tenant)?, Condition::Any),
            Put(to_item(&keys::settings(tenant.tenant), settings)?, Condition::Any),
            listing(tenant.tenant)?,
        ])
        .await
}

/// A tenant with all that decides whether something may be done for it.
#[derive(Clone, Debug)]
pub struct AtHand {
    /// Who it is.
    pub tenant: Tenant,
    /// What its administrators chose.
    pub settings: Settings,
    /// What is known of its directory's rules.
    pub rules: Option<DirectoryRules>,
    /// When its gates are open, if one is shut.
    pub shut_until: Option<Timestamp>,
    /// Why it stands still, if it does.
    pub standstill: Option<Standstill>,
    /// What its officer's account has called lately.
    pub webex_calls: Option<Bucket>,
    /// What was written in its directory lately.
    pub graph_writes: Option<Bucket>,
    /// What was written in all directories lately.
    pub all_graph_writes: Option<Bucket>,
}

/// Reads a tenant, and items of `others` besides, in one request; `None` where there is no such tenant.
pub async fn at_hand(
    store: &dyn Store,
    tenant: TenantId,
    others: &[Key],
    now: Timestamp,
) -> Result<Option<(AtHand, Vec<Item>)>, StoreError> {
    let [webex, graph, standstill] = keys::gates(tenant);
    let own = [
        keys::tenant(tenant),
        keys::settings(tenant),
        keys::directory_rules(tenant),
        webex,
        graph,
        standstill,
        Quota::Webex(tenant).key(),
        Quota::GraphWrites(tenant).key(),
        Quota::AllGraphWrites.key(),
    ];
    let mut items = store.get_many(&[&own, others].concat()).await?;
    let mut take =
        |key: &Key| items.iter().position(|item| Key::of(item).as_ref() == Some(key)).map(|at| items.swap_remove(at));
    let Some(tenant) = take(&own[0]).map(from_item).transpose()? else { return Ok(None) };
    let (settings, rules) = (take(&own[1]).map(from_item).transpose()?, take(&own[2]).map(from_item).transpose()?);
    let webex_calls = take(&own[6]).map(from_item).transpose()?;
    let graph_writes = take(&own[7]).map(from_item).transpose()?;
    let all_graph_writes = take(&own[8]).map(from_item).transpose()?;
    let gates: Vec<Item> = own[3..6].iter().filter_map(&mut take).collect();
    let standstill = gates.iter().find(|gate| Key::of(gate).as_ref() == Some(&own[5])).cloned();
    let at_hand = AtHand {
        tenant,
        settings: settings.unwrap_or_default(),
        rules,
        standstill: standstill.map(from_item).transpose()?,
        shut_until: latest(gates, now)?,
        webex_calls,
        graph_writes,
        all_graph_writes,
    };
    Ok(Some((at_hand, items)))
}

/// Until when one of the two services does not want to be called for a tenant.
pub async fn gates_shut_until(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let [webex, graph, _] = keys::gates(tenant);
    latest(store.get_many(&[webex, graph]).await?, now)
}

/// Shuts a tenant's gate for one API. A gate that is shut for longer stays so.
pub async fn shut_gate(store: &dyn Store, tenant: TenantId, api: Api, until: Timestamp) -> Result<(), StoreError> {
    use store::table::Test::Below;
    metrics::counter!("GatesShut").increment(1);
    let key = keys::gate(tenant, api);
    let set = || vec![Change::Set("closed_until", moment(until))];
    let longer = Condition::Holds(vec![Below("closed_until", until.as_millisecond())]);
    match store.update(&key, set(), longer).await {
        Err(StoreError::ConditionFailed) => match store.update(&key, set(), Condition::Absent).await {
            Err(StoreError::ConditionFailed) => Ok(()),
            other => other.map(drop),
        },
        other => other.map(drop),
    }
}

/// When the last of these gates opens, if one is shut.
fn latest(gates: Vec<Item>, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let mut latest = None;
    for gate in gates {
        latest = latest.max(Some(from_item::<Gate>(gate)?.closed_until));
    }
    Ok(latest.filter(|until| *until > now))
}
