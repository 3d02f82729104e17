//! Keys of the items in the table.

use clients::http::Api;
use domain::ids::{DirectoryId, GroupId, OrgId, TeamId, TenantId};

use crate::table::Key;

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

/// The previews that changed last.
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

/// The tenant.
pub fn tenant(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "TENANT")
}

/// The settings of the tenant.
pub fn settings(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "SETTINGS")
}

/// The directory's rules for groups.
pub fn directory_rules(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "DIRECTORY")
}

/// The backoff of one API.
pub fn gate(tenant: TenantId, api: Api) -> Key {
    Key::new(partition(tenant), format!("GATE#{api}"))
}

/// The suspension of the tenant.
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
