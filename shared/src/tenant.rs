//! A tenant as it is stored: who it is, what its administrators chose, what is known of its directory, and its gates.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::budget::{Bucket, Quota};
use crate::files::FilesConsent;
use crate::graph::GroupCreation;
use crate::http::Api;
use crate::ids::{DirectoryId, GroupId, OrgId, PersonId, TeamId, TenantId};
use crate::merge::Decoration;
pub use crate::settings::{
    BrakeLimits, Folders, GroupDeleted, NameCarriage, NewTeams, OfficerStanding, Running, Settings, SettingsVersion,
    TeamDeleted, Told,
};
use crate::standstill::Standstill;
use crate::store::{Change, Condition, Item, Key, Store, StoreError, Write, from_item, milliseconds, moment, to_item};
use crate::webex::Region;

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

/// Keys of the tenant's own items.
pub mod keys {
    use super::{Api, DirectoryId, GroupId, Key, OrgId, TeamId, TenantId};

    /// An organization that signed up; there is one tenant for it at most.
    pub fn org(org: OrgId) -> Key {
        Key::new(format!("ORG#{org}"), "-")
    }

    /// From a directory to its tenant: there is one at most.
    pub fn directory(directory: DirectoryId) -> Key {
        Key::new(format!("DIRECTORY#{directory}"), "-")
    }

    /// What is left to do, and was done, when a tenant leaves.
    pub fn leaving(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "LEAVING")
    }

    /// [`crate::preview::Changes`].
    pub fn previews(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "PREVIEWS")
    }

    /// How many people are ready.
    pub fn census(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "CENSUS")
    }

    /// The partition of a tenant's own items.
    pub fn partition(tenant: TenantId) -> String {
        format!("TENANT#{tenant}")
    }

    /// [`super::Tenant`].
    pub fn tenant(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "TENANT")
    }

    /// [`super::Settings`].
    pub fn settings(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "SETTINGS")
    }

    /// [`super::DirectoryRules`].
    pub fn directory_rules(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "DIRECTORY")
    }

    /// [`super::Gate`].
    pub fn gate(tenant: TenantId, api: Api) -> Key {
        Key::new(partition(tenant), format!("GATE#{api}"))
    }

    /// [`crate::standstill::Standstill`].
    pub fn standstill(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "STANDSTILL")
    }

    /// Everything that can be shut: of each the attribute `closed_until` says until when.
    pub fn gates(tenant: TenantId) -> [Key; 3] {
        [gate(tenant, Api::Webex), gate(tenant, Api::Graph), standstill(tenant)]
    }

    /// A cursor of the tenant's rounds.
    pub fn cursor(tenant: TenantId, name: &str) -> Key {
        Key::new(partition(tenant), format!("CURSOR#{name}"))
    }

    /// The tenant's brake.
    pub fn brake(tenant: TenantId) -> Key {
        Key::new(partition(tenant), "BRAKE")
    }

    /// The tenant in the list of all tenants.
    pub fn listed(tenant: TenantId) -> Key {
        Key::new("TENANTS", tenant.to_string())
    }

    /// From a group to its team.
    pub fn group(directory: DirectoryId, group: GroupId) -> Key {
        Key::new(format!("GROUP#{directory}#{group}"), "-")
    }

    /// What is known of spaces.
    pub fn room_partition(tenant: TenantId) -> String {
        format!("TENANT#{tenant}#ROOM")
    }

    /// All people of a link, what is held and what was done.
    pub fn team_partition(tenant: TenantId, team: TeamId) -> String {
        format!("TENANT#{tenant}#TEAM#{team}")
    }
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
    use crate::store::Write::Put;
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
    use crate::store::Test::Below;
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
