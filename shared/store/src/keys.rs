//! Keys of the items in the table.

use clients::http::Api;
use domain::ids::{DirectoryId, GroupId, OrgId, TeamId, TenantId};

use crate::table::Key;

/// Maximum length in bytes of a text that people typed, as part of a sort key of at most 1,024.
// The rest is for the id that follows, because typed texts repeat.
const LONGEST_TYPED: usize = 900;

/// Returns a text that people typed as part of a sort key: in lowercase, and cut.
pub fn typed(text: &str) -> String {
    // Cut after this, since some letters are longer in lowercase, as `İ` is.
    let mut lowercase = text.to_lowercase();
    // A cut inside a letter would panic.
    lowercase.truncate(lowercase.floor_char_boundary(LONGEST_TYPED));
    lowercase
}

/// Organization that signed up. It has at most one tenant.
pub fn org(org: OrgId) -> Key {
    // Not below a tenant: an organization signs up before it has one.
    Key::new(format!("ORG#{org}"), "-")
}

/// Tenant of a directory. There is at most one.
pub fn directory(directory: DirectoryId) -> Key {
    Key::new(format!("DIRECTORY#{directory}"), "-")
}

/// Progress and report of an offboarding.
pub fn offboarding(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "OFFBOARDING")
}

/// Previews that changed last.
pub fn previews(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "PREVIEWS")
}

/// Counts of eligible and excluded people.
pub fn people_counts(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "PEOPLE_COUNTS")
}

/// Partition of a tenant's items.
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

/// Rules of the directory for groups.
pub fn directory_rules(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "DIRECTORY")
}

/// The backoff of one API.
pub fn backoff(tenant: TenantId, api: Api) -> Key {
    Key::new(partition(tenant), format!("BACKOFF#{api}"))
}

/// The suspension of the tenant.
pub fn suspension(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "SUSPENSION")
}

/// Backoffs and suspension of a tenant. The attribute `throttled_until` says how long each lasts.
pub fn backoffs(tenant: TenantId) -> [Key; 3] {
    [backoff(tenant, Api::Webex), backoff(tenant, Api::Graph), suspension(tenant)]
}

/// Cursor of a reconciliation cycle.
pub fn cursor(tenant: TenantId, name: &str) -> Key {
    Key::new(partition(tenant), format!("CURSOR#{name}"))
}

/// Beginning of the sort keys of removals by hour. It begins as the removal counter's own.
const REMOVALS_OF_HOUR: &str = "REMOVALS#";

/// Removal counter of the tenant.
pub fn removal_counter(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "REMOVALS")
}

/// Removals of the tenant that were first planned in one hour, counted since the epoch.
pub fn removals_of_hour(tenant: TenantId, hour: i64) -> Key {
    // Padded, so that the sort keys, which are texts, have the order of the hours.
    Key::new(partition(tenant), format!("{REMOVALS_OF_HOUR}{hour:010}"))
}

/// Returns the hour in such a sort key.
pub fn removal_hour(sort_key: &str) -> Option<i64> {
    sort_key.strip_prefix(REMOVALS_OF_HOUR)?.parse().ok()
}

/// Record of a tenant that was stopped, so that its items can be moved or erased.
pub fn retired(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "RETIRED")
}

/// Partition of the record of a tenant's decisions.
pub fn record_partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#RECORD")
}

/// Entry of the record of a tenant's decisions.
pub fn record(tenant: TenantId, entry: impl std::fmt::Display) -> Key {
    Key::new(record_partition(tenant), entry.to_string())
}

/// Partition of the list of all tenants.
pub const TENANTS: &str = "TENANTS";

/// Tenant in the list of all tenants.
pub fn listed(tenant: TenantId) -> Key {
    Key::new(TENANTS, tenant.to_string())
}

/// Team of a group.
pub fn group(directory: DirectoryId, group: GroupId) -> Key {
    // By directory and not by tenant, so that the claim holds against other tenants, too.
    Key::new(format!("GROUP#{directory}#{group}"), "-")
}

/// Partition of the spaces of a tenant.
pub fn room_partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#ROOM")
}

/// Partition of a tenant's messages that wait.
pub fn waiting_partition(tenant: TenantId) -> String {
    format!("TENANT#{tenant}#WAITING")
}

/// Moments at which the waiting messages are worked off next.
pub fn waiting(tenant: TenantId) -> Key {
    Key::new(partition(tenant), "WAITING")
}

/// Partition of a link's people, pending approvals and activity.
pub fn team_partition(tenant: TenantId, team: TeamId) -> String {
    format!("TENANT#{tenant}#TEAM#{team}")
}

/// The index partition of a tenant's links and folders, by the time of their next sync.
pub fn due_partition(tenant: TenantId) -> String {
    format!("DUE#{tenant}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_text_fits_into_a_sort_key() {
        for letter in ["x", "船", "🚢", "İ"] {
            let key = typed(&letter.repeat(2_000));
            assert!((897..=900).contains(&key.len()), "{letter}: {}", key.len());
            assert!(typed(&letter.repeat(100)).len() >= 100, "a short text stays whole");
        }
        assert_eq!(typed("Pier"), "pier");
    }
}
