//! A tenant as it is stored: who it is, what its administrators chose, what is known of its directory, and its gates.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::graph::GroupCreation;
use crate::http::Api;
use crate::ids::{DirectoryId, GroupId, OrgId, PersonId, TeamId, TenantId};
use crate::merge::Decoration;
pub use crate::settings::{
    BrakeLimits, GroupDeleted, NameCarriage, NewTeams, OfficerStanding, Running, Settings, TeamDeleted, Told,
};
use crate::store::{Change, Condition, Key, Store, StoreError, from_item, milliseconds, moment, to_item};
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
    use super::{Api, DirectoryId, GroupId, Key, TeamId, TenantId};

    /// The partition of a tenant's own items.
    fn partition(tenant: TenantId) -> String {
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

    /// All people of a link, what is held and what was done.
    pub fn team_partition(tenant: TenantId, team: TeamId) -> String {
        format!("TENANT#{tenant}#TEAM#{team}")
    }
}

/// An entry of the list of all tenants: nothing but its key.
#[derive(Serialize)]
struct Listed {}

/// Stores a tenant and its settings, and lists it.
pub async fn put(store: &dyn Store, tenant: &Tenant, settings: &Settings) -> Result<(), StoreError> {
    use crate::store::Write::Put;
    store
        .write(vec![
            Put(to_item(&keys::tenant(tenant.tenant), tenant)?, Condition::Any),
            Put(to_item(&keys::settings(tenant.tenant), settings)?, Condition::Any),
            Put(to_item(&keys::listed(tenant.tenant), &Listed {})?, Condition::Any),
        ])
        .await
}

/// Shuts a tenant's gate for one API. A gate that is shut for longer stays so.
pub async fn shut_gate(store: &dyn Store, tenant: TenantId, api: Api, until: Timestamp) -> Result<(), StoreError> {
    use crate::store::Test::Below;
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

/// The moment at which the tenant's gates are open, if one is shut.
pub async fn gates_shut_until(
    store: &dyn Store,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let gates = store.get_many(&[Api::Webex, Api::Graph].map(|api| keys::gate(tenant, api))).await?;
    let mut latest = None;
    for gate in gates {
        latest = latest.max(Some(from_item::<Gate>(gate)?.closed_until));
    }
    Ok(latest.filter(|until| *until > now))
}
